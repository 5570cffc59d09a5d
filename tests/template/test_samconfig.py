"""Staging and prod, deployed in one account as `samconfig.toml` has them, do not hear the same events."""

import tomllib

import pytest
from samcli.cli.types import CfnParameterOverridesType

from sandbox.template import REPOSITORY, source_template, translated_template
from tests.template.invariants.built import Built

CONFIGURED = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())


def rule(stage: str) -> tuple[str, set[str]]:
    """Return the bus that a stage's rule listens to, and the detail-types."""
    overrides = CONFIGURED[stage]["deploy"]["parameters"]["parameter_overrides"]
    parameters = CfnParameterOverridesType().convert(overrides, None, None)
    built = Built(translated_template(None, **parameters), parameters, source_template())
    [found] = built.of_type("AWS::Events::Rule").values()
    return found["EventBusName"], set(found["EventPattern"]["detail-type"])


@pytest.mark.parametrize(
    ("stage", "detail_types"),
    [("staging", {"Personal Link Requested (staging)"}), ("prod", {"Personal Link Requested"})],
)
def test_each_stage_listens_to_detail_types_of_its_own(stage: str, detail_types: set[str]) -> None:
    assert rule(stage) == ("default", detail_types)
