# `make` lists what there is. Everything runs in .venv, the scanners in .scan, what `make bench` compares in .bench, the oldest AWS SDK
# in .oldest, each made from its lock; only `make deploy`, `operate`, `package BUCKET=` and `verify-aws` touch an AWS account.
.DEFAULT_GOAL := help
.PHONY: help demo local screenshot recording mapping build deploy package verify-aws operate wheel unit test test-all lint types template scan fuzz mutants soak model bench format sbom lock clean
SHELL := /bin/sh
BIN := .venv/bin
TOOLS := .venv/made-from-the-lock
SCANNERS := .scan/made-from-the-lock
COMPARED := .bench/made-from-the-lock
OLDEST := .oldest/made-from-the-lock
LOCK := uv pip compile --universal --python-version 3.13 --generate-hashes --no-header --quiet --upgrade
# Four at a time, on two cores too: the tests of deployed stacks wait for half of the time.
PYTEST := $(BIN)/pytest --quiet --numprocesses 4 --dist loadfile --no-loadscope-reorder
CORE := tests/domain tests/triggers tests/customergauge tests/aws tests/handlers $(filter-out %/test_fault_metrics.py,$(wildcard tests/test_*.py))
PORT :=
CONSOLE_PORT :=
REQUESTS :=
SEED :=
ONLY :=
ARGS := --help
EVENT :=
BUCKET :=
DIR :=

# nothing else reads the user's AWS configuration
ifeq ($(filter deploy operate package verify-aws,$(MAKECMDGOALS)),)
unexport AWS_PROFILE AWS_DEFAULT_PROFILE
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
endif

help:  ## this list
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nStart with: make demo\n'

##@ Try

demo: $(TOOLS)  ## see it work: the real template on an AWS emulator, against a CustomerGauge sandbox
	@$(BIN)/python -m sandbox.demo

local: $(TOOLS)  ## the same, left up, with a console page to watch it; PORT=4566 fixes the emulator's port, CONSOLE_PORT=8080 the page's
	@trap : INT; $(BIN)/python -m sandbox.local $(if $(PORT),--port $(PORT)) $(if $(CONSOLE_PORT),--console-port $(CONSOLE_PORT)) \
	  || [ $$? = 130 ]

mapping: $(TOOLS)  ## the event mappings checked; EVENT=events/sqs_event_survey_due.json shows what an event becomes
	@$(BIN)/python -m sandbox.mapping $${EVENT:+"$$EVENT"}

##@ Operate
build: $(TOOLS)  ## the functions and layers, as `sam build` makes them, with the Python of .venv
	@$(BIN)/python -m installer build

deploy: ARGS :=
deploy: $(TOOLS)  ## into your AWS account, after a look at price, parameters and account; ARGS="DefaultConfiguration=contact", ARGS=--help
	@$(BIN)/python -m installer deploy $(ARGS)

package: ARGS :=
package: $(TOOLS)  ## one template for any account, BUCKET=my-releases uploads it, DIR=release writes a folder
	@$(BIN)/python -m installer package $(if $(BUCKET),--bucket $(BUCKET)) $(if $(DIR),--directory $(DIR)) $(ARGS)

verify-aws: ARGS :=
verify-aws: $(TOOLS)  ## a throw-away copy in your AWS account, checked for what only AWS can answer; ONLY=triggers, ARGS=--help
	@$(BIN)/python -m verify $(if $(ONLY),--only "$(ONLY)") $(ARGS)

operate: $(TOOLS)  ## a deployed stack's health, parked requests and redrive; ARGS="health personal-link"
	@bin/operate $(ARGS)

wheel: $(TOOLS)  ## dist/*.whl: bin/operate as a program of its own, for pipx
	@rm -rf dist && $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . \
	  && rm -rf build *.egg-info && echo "pipx install $$(ls dist/*.whl)"

##@ Develop
unit: $(TOOLS)  ## the core's tests, without a deployment; under a minute
	@$(PYTEST) -m "not (full or slow)" $(CORE)

test: lint types $(TOOLS)  ## style, types and tests, those of the deployed stack too; needs only .venv, about five minutes
	@$(PYTEST) --cov --cov-report= -m "not (full or slow)"

test-all: test template scan $(COMPARED) $(OLDEST)  ## what CI runs: also the browser, scanners, examples, crash pairs and fuzz
	@$(PYTEST) --hypothesis-profile=thorough -m "slow and not full"

lint: $(TOOLS)  ## style and common mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(TOOLS)  ## mypy, strict, tests and sandbox too
	@$(BIN)/mypy

template: $(TOOLS)  ## the templates as SAM reads them
	@for template in template.yaml bulk/template.yaml; do SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR=.aws-sam/cli \
	  $(BIN)/sam validate --lint --region eu-west-1 --template-file $$template || exit 1; done

scan: $(TOOLS) $(SCANNERS)  ## known weaknesses in the template, also as CloudFormation gets it
	@$(BIN)/python -m sandbox.template && $(BIN)/python -m tests.scan.gate

fuzz: $(TOOLS)  ## a hundred thousand requests of every kind, by every trigger; about an hour
	@$(BIN)/pytest --quiet tests/fuzz --hypothesis-profile=fuzz

mutants: $(TOOLS)  ## change the core spot by spot and see that a test notices; most of an hour
	@$(BIN)/python -m tests.mutation.mutants

soak: $(TOOLS)  ## thousands of requests while everything fails, and what became of each; REQUESTS=5000, SEED=7
	@$(BIN)/python -m sandbox.soak.run $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SEED),--seed $(SEED))
	@$(BIN)/pytest --quiet tests/outage tests/crash tests/verify -m full

model: $(TOOLS)  ## the protocol, checked: every interleaving of three deliveries with three faults; most of an hour, 1.5 GB
	@$(BIN)/pytest --quiet tests/model -m full

bench: $(TOOLS) $(COMPARED)  ## measure speed, goodput and cost, and write docs/benchmarks; ONLY=start,warm measures these alone
	@$(BIN)/python -m benchmarks.run $(if $(ONLY),--only $(ONLY))

recording: $(TOOLS)  ## docs/demo.svg and the run in README.md, from a run of the demo
	@$(BIN)/python -m sandbox.recording

screenshot: $(TOOLS)  ## docs/console.png, taken anew
	@$(BIN)/python -m tests.console.screenshot

.PHONY: docs
docs: $(TOOLS)  ## the tables of the pages, written anew from the template and the code
	@$(BIN)/cog -I . -I layers/personal_link -r README.md docs/*.md

format: $(TOOLS)  ## put the code into shape
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

sbom: $(TOOLS)  ## write a CycloneDX bill of materials of the shipped packages
	@mkdir -p .aws-sam && $(BIN)/cyclonedx-py requirements layers/dependencies/requirements.txt --output-reproducible \
	  --output-file .aws-sam/sbom.cdx.json && echo "The bill of materials is .aws-sam/sbom.cdx.json."

lock:  ## newer versions of every package (needs uv)
	$(LOCK) layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-scan.in -o requirements-scan.txt
	$(LOCK) requirements-bench.in -o requirements-bench.txt
	$(LOCK) requirements-oldest.in -o requirements-oldest.txt

clean:  ## forget everything that was made here
	@rm -rf .venv .scan .bench .oldest .aws-sam dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(TOOLS): requirements-dev.txt
$(SCANNERS): requirements-scan.txt
$(COMPARED): requirements-bench.txt
$(OLDEST): requirements-oldest.txt
$(SCANNERS) $(COMPARED) $(OLDEST): UNCOMPILED := --no-compile  # few of their modules are ever imported
$(TOOLS) $(SCANNERS) $(COMPARED) $(OLDEST):
	@python=$$(sh sandbox/find-python.sh) && echo "First run: installing what $< lists, about a minute ..." \
	  && rm -rf $(@D) && "$$python" -m venv $(@D) && { \
	    $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $(UNCOMPILED) \
	      -r $< > $(@D)/install.log 2>&1 \
	    || { tail -n 5 $(@D)/install.log; echo "error: the tools could not be installed; all of it is in $(@D)/install.log"; exit 1; }; }
	@touch $@
