"""The example of a pipeline is one that would run: tests, staging, a smoke request, then a canary."""

import re
import tomllib
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY, source_template
from tests.docs.documents import DOCS, marked, rows, sections

PAGE = (DOCS / "pipeline.md").read_text()
JOBS: dict[str, Any] = yaml_parse((DOCS / "pipeline.yaml").read_text())["jobs"]


def runs(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_each_job_waits_for_the_one_before_it() -> None:
    assert {name: job.get("needs") for name, job in JOBS.items()} == {
        "test": None,
        "staging": "test",
        "prod": "staging",
    }
    assert [row[0].strip("`") for row in rows(PAGE)] == list(JOBS)


def test_tests_stand_before_everything_else() -> None:
    assert runs("test")[0] == "make test"


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_a_stage_is_deployed_and_then_looked_at(stage: str) -> None:
    stack = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[stage]["global"]["parameters"]["stack_name"]
    lines = runs(stage)
    deployed = next(number for number, line in enumerate(lines) if f"sam deploy --config-env {stage} " in line)

    assert JOBS[stage]["env"]["STACK"] == stack
    assert JOBS[stage]["environment"] == stage
    assert any(f"operate {look} $STACK" in line for line in lines[deployed:] for look in ("send", "health"))


@pytest.mark.parametrize("job", JOBS)
def test_every_action_is_named_by_its_version(job: str) -> None:
    actions = [step["uses"] for step in JOBS[job]["steps"] if "uses" in step]

    assert actions
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in actions)


def test_both_stages_get_the_build_that_was_tested() -> None:
    [made] = [
        step["with"] for step in JOBS["test"]["steps"] if step.get("uses", "").startswith("actions/upload-artifact")
    ]

    for stage in ("staging", "prod"):
        [got] = [step["with"] for step in JOBS[stage]["steps"] if "download-artifact" in step.get("uses", "")]
        assert (got["name"], got["path"]) == (made["name"], made["path"])
        assert not any("sam build" in line for line in runs(stage))


def test_prod_is_a_canary_that_the_named_alarms_take_back() -> None:
    prod = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]
    preference = source_template()["Globals"]["Function"]["DeploymentPreference"]

    assert "CanaryDeployments=true" in prod["parameter_overrides"]
    assert preference["Enabled"] == {"Ref": "CanaryDeployments"}
    assert preference["Type"] == "Canary10Percent5Minutes"
    assert [alarm["Ref"] for alarm in preference["Alarms"]] == re.findall(
        r"^- `(\w+)`:", sections(PAGE)["The canary"], re.MULTILINE
    )


def test_the_role_is_the_variable_that_the_page_names() -> None:
    roles = {
        step["with"]["role-to-assume"]
        for job in JOBS.values()
        for step in job["steps"]
        if "configure-aws-credentials" in step.get("uses", "")
    }

    assert roles == {"${{ vars.DEPLOYMENT_ROLE_ARN }}"}
    assert "DEPLOYMENT_ROLE_ARN" in marked(PAGE)
