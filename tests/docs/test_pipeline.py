"""The example of a pipeline: pinned, built once and attested, and no deployment role where tools are installed."""

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
INSTALLS = re.compile(r"\b(pip|npm|npx|curl|wget|make|apt-get|setup-\w+)\b")

every_stage = pytest.mark.parametrize("stage", ["staging", "prod"])


def steps(job: str) -> list[str]:
    """Return what each step runs or uses."""
    return [step.get("run", "") + step.get("uses", "") for step in JOBS[job]["steps"]]


def place(job: str, part: str) -> int:
    [found] = [number for number, step in enumerate(steps(job)) if part in step]
    return found


def role(job: str) -> Any:
    return JOBS[job]["steps"][place(job, "configure-aws-credentials")]["with"]["role-to-assume"]


def test_each_job_waits_for_the_one_before_it() -> None:
    chain = ["test", "build", "staging", "staging-check", "prod", "prod-check"]

    assert {name: job.get("needs") for name, job in JOBS.items()} == dict(zip(chain, [None, *chain], strict=False))
    assert JOBS["build"]["if"] == "github.ref == 'refs/heads/main'"  # nothing is built for a pull request


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    actions = {step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step}

    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)
    assert all(f"{action}  # v" in TEXT for action in actions)
    assert len({action.split("@")[0] for action in actions}) == len(actions)  # one commit each


def test_the_build_is_made_once_and_without_the_development_tools() -> None:
    assert [job for job in JOBS if any("sam build" in step for step in steps(job))] == ["build"]
    assert [step for step in steps("build") if re.search(r"\b(make|pip)\b|\.venv", step)] == []


@every_stage
def test_a_stage_verifies_the_attested_build_before_it_has_credentials_and_installs_nothing(stage: str) -> None:
    verified = place(stage, "gh attestation verify built.tar.gz --repo")

    assert place("build", "actions/attest-build-provenance") > place("build", "tar --create --gzip --file built.tar.gz")
    assert verified < place(stage, "configure-aws-credentials") < place(stage, f"sam deploy --config-env {stage} ")
    assert [step for step in steps(stage) if INSTALLS.search(step)] == []


@every_stage
def test_a_role_trusts_an_environment_that_no_other_job_has(stage: str) -> None:
    assert JOBS[stage]["environment"] == stage
    assert JOBS[f"{stage}-check"]["environment"] == f"{stage}-check"
    assert role(stage) == "${{ vars.DEPLOYMENT_ROLE_ARN }}"
    assert role(f"{stage}-check") == "${{ vars.OPERATOR_ROLE_ARN }}"
    assert place(f"{stage}-check", "make operate") < place(f"{stage}-check", "configure-aws-credentials")


def test_a_job_may_ask_for_a_role_only_if_it_has_one_or_attests() -> None:
    may = {name for name, job in JOBS.items() if "id-token" in job.get("permissions", {})}

    assert may == JOBS.keys() - {"test"}
    assert yaml_parse(TEXT)["permissions"] == {"contents": "read"}


def test_prod_is_a_canary_that_the_named_alarms_take_back() -> None:
    prod = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]
    preference = source_template()["Globals"]["Function"]["DeploymentPreference"]

    assert "CanaryDeployments=true" in prod["parameter_overrides"]
    assert preference["Enabled"] == {"Ref": "CanaryDeployments"}
    alarms = re.findall(r"'Ref': '(\w+)'", str(preference["Alarms"]))  # one of them under a condition
    assert set(alarms) - {"AWS::NoValue"} <= set(marked(PAGE))
