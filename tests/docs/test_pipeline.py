"""The example of a pipeline is one that would run: tests, a build, staging, a smoke request, then a canary."""

import re
import tomllib
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY, source_template
from tests.docs.documents import DOCS, marked, sections

PAGE = sections((DOCS / "operation.md").read_text())["A pipeline"]
TEXT = (DOCS / "pipeline.yaml").read_text()
JOBS: dict[str, Any] = yaml_parse(TEXT)["jobs"]
STAGES = ["staging", "prod"]
INSTALLS = re.compile(r"\b(pip|npm|npx|curl|wget|make|apt-get|setup-\w+)\b")

every_job = pytest.mark.parametrize("job", JOBS)
every_stage = pytest.mark.parametrize("stage", STAGES)


def runs(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def actions(job: str) -> list[str]:
    return [step["uses"] for step in JOBS[job]["steps"] if "uses" in step]


def inputs(job: str, action: str) -> Any:
    [given] = [step["with"] for step in JOBS[job]["steps"] if step.get("uses", "").startswith(f"{action}@")]
    return given


def place(job: str, part: str) -> int:
    """Return the place of the one step that runs or uses something."""
    [found] = [
        number for number, step in enumerate(JOBS[job]["steps"]) if part in step.get("run", "") + step.get("uses", "")
    ]
    return found


def test_each_job_waits_for_the_one_before_it() -> None:
    assert {name: job.get("needs") for name, job in JOBS.items()} == {
        "test": None,
        "build": "test",
        "staging": "build",
        "staging-check": "staging",
        "prod": "staging-check",
        "prod-check": "prod",
    }


def test_tests_stand_before_everything_else() -> None:
    assert runs("test")[0] == "make test"


def test_nothing_is_built_or_deployed_for_a_pull_request() -> None:
    assert JOBS["build"]["if"] == "github.ref == 'refs/heads/main'"


@every_stage
def test_a_stage_is_deployed_and_then_looked_at(stage: str) -> None:
    stack = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[stage]["global"]["parameters"]["stack_name"]
    check = JOBS[f"{stage}-check"]

    assert any(line.startswith(f"sam deploy --config-env {stage} ") for line in runs(stage))
    assert check["env"]["STACK"] == stack
    assert any(f"operate {look} $STACK" in line for line in runs(f"{stage}-check") for look in ("send", "health"))


# what is deployed, and who may


@every_job
def test_every_action_is_pinned_by_its_commit_and_says_its_version(job: str) -> None:
    assert actions(job)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions(job))
    assert all(f"{action}  # v" in TEXT for action in actions(job))


def test_an_action_has_one_commit_everywhere() -> None:
    named = {action for job in JOBS for action in actions(job)}

    assert len({action.split("@")[0] for action in named}) == len(named)


def test_the_build_is_made_without_the_development_tools() -> None:
    assert runs("build")[0] == "sam build"
    assert not any("make" in line or ".venv" in line or "pip" in line for line in runs("build"))
    assert not any("sam build" in line for job in JOBS.keys() - {"build"} for line in runs(job))


@every_stage
def test_a_stage_gets_the_build_whose_provenance_was_attested_and_verifies_it_first(stage: str) -> None:
    attested = inputs("build", "actions/attest-build-provenance")["subject-path"]
    uploaded = inputs("build", "actions/upload-artifact")

    assert uploaded["path"] == attested == "built.tar.gz"
    assert inputs(stage, "actions/download-artifact")["name"] == uploaded["name"]
    [verified] = [line for line in runs(stage) if "gh attestation verify" in line]
    assert verified.startswith(f'gh attestation verify {attested} --repo "$GITHUB_REPOSITORY" && tar --extract')
    assert place(stage, "gh attestation verify") < place(stage, "configure-aws-credentials")


@every_stage
def test_a_job_with_the_deployment_role_installs_nothing(stage: str) -> None:
    assert inputs(stage, "aws-actions/configure-aws-credentials")["role-to-assume"] == "${{ vars.DEPLOYMENT_ROLE_ARN }}"
    assert [step for step in [*runs(stage), *actions(stage)] if INSTALLS.search(step)] == []


def test_a_role_that_deploys_trusts_an_environment_that_no_other_job_has() -> None:
    environments = {name: job.get("environment") for name, job in JOBS.items()}

    assert environments == {
        "test": None,
        "build": None,
        "staging": "staging",
        "staging-check": "staging-check",
        "prod": "prod",
        "prod-check": "prod-check",
    }


@every_stage
def test_the_tools_are_installed_before_there_are_credentials(stage: str) -> None:
    check = f"{stage}-check"

    assert inputs(check, "aws-actions/configure-aws-credentials")["role-to-assume"] == "${{ vars.OPERATOR_ROLE_ARN }}"
    assert place(check, "make operate") < place(check, "configure-aws-credentials")


def test_a_job_may_ask_for_a_role_only_if_it_has_one_or_attests() -> None:
    may = {name for name, job in JOBS.items() if "id-token" in job.get("permissions", {})}

    assert may == JOBS.keys() - {"test"}
    assert yaml_parse(TEXT)["permissions"] == {"contents": "read"}


def test_prod_is_a_canary_that_the_named_alarms_take_back() -> None:
    prod = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]
    preference = source_template()["Globals"]["Function"]["DeploymentPreference"]

    assert "CanaryDeployments=true" in prod["parameter_overrides"]
    assert preference["Enabled"] == {"Ref": "CanaryDeployments"}
    assert preference["Type"] == "Canary10Percent5Minutes"
    assert {alarm["Ref"] for alarm in preference["Alarms"]} <= set(marked(PAGE))
