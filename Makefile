# `make` lists what there is. Everything runs in .venv, made from the lock; nothing here touches an AWS account.
.DEFAULT_GOAL := help
.PHONY: help demo local test lint types template unit fuzz mutants soak format lock clean
SHELL := /bin/sh
BIN := .venv/bin
TOOLS := .venv/made-from-the-lock
LOCK := uv pip compile --universal --python-version 3.13 --generate-hashes --no-header --quiet --upgrade
PORT :=
REQUESTS :=
SEED :=

# nothing here reads the user's AWS configuration
unexport AWS_PROFILE AWS_DEFAULT_PROFILE
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(TOOLS)  ## see it work: the real template on an AWS emulator, against a CustomerGauge sandbox
	@$(BIN)/python -m sandbox.demo

local: $(TOOLS)  ## the same, left up, with lines to paste; PORT=4566 fixes the emulator's port
	@$(BIN)/python -m sandbox.local $(if $(PORT),--port $(PORT))

test: lint types template unit  ## everything that has to pass

lint: $(TOOLS)  ## style and common mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(TOOLS)  ## mypy, strict, tests and sandbox too
	@$(BIN)/mypy

template: $(TOOLS)  ## the template as written, and as CloudFormation gets it
	@SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR=.aws-sam/cli $(BIN)/sam validate --lint --region eu-west-1
	@$(BIN)/python -m sandbox.template && $(BIN)/cfn-lint .aws-sam/translated.json docs/customer-key.yaml

unit: $(TOOLS)  ## the tests, the deployed stack's included
	@$(BIN)/pytest --quiet tests/fuzz tests/outage  # apart, since measuring coverage makes them many times slower
	@$(BIN)/pytest --quiet --cov --cov-report=term --ignore tests/fuzz --ignore tests/outage

fuzz: $(TOOLS)  ## a hundred thousand requests of every kind, by every trigger; some minutes
	@$(BIN)/pytest --quiet tests/fuzz --hypothesis-profile=fuzz

mutants: $(TOOLS)  ## change the core spot by spot and see that a test notices; most of an hour
	@$(BIN)/python -m tests.mutation.mutants

soak: $(TOOLS)  ## thousands of requests while everything fails, and what became of each; REQUESTS=5000, SEED=7
	@$(BIN)/python -m sandbox.soak $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SEED),--seed $(SEED))
	@$(BIN)/pytest --quiet tests/outage tests/crash -m full

format: $(TOOLS)  ## put the code into shape
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock:  ## newer versions of every package (needs uv)
	$(LOCK) layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

clean:  ## forget everything that was made here
	@rm -rf .venv .aws-sam .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(TOOLS): requirements-dev.txt
	@python=$$(sh sandbox/find-python.sh) && echo "First run: installing the tools, about a minute ..." \
	  && rm -rf .venv && "$$python" -m venv .venv && { \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	      -r requirements-dev.txt > .venv/install.log 2>&1 \
	    || { tail -n 5 .venv/install.log; echo "error: the tools could not be installed; all of it is in .venv/install.log"; exit 1; }; }
	@touch $@
