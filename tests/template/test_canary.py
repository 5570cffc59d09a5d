"""With CanaryDeployments some calls try a new version first, and alarms take it back; else nothing is added."""

from functools import cache
from typing import Any

import pytest

from sandbox.template import source_template, translated_template
from tests.template.invariants.alarms import watched
from tests.template.invariants.built import Built
from tests.template.invariants.roles import permissions

FUNCTIONS = ("HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction")


@cache
def deployed(canary: str) -> Built:
    return Built(translated_template(CanaryDeployments=canary), {"CanaryDeployments": canary}, source_template())


def test_all_at_once_needs_no_codedeploy_and_no_role_for_it() -> None:
    built = deployed("false")

    assert [name for name, one in built.resources.items() if "CodeDeploy" in one["Type"]] == []
    assert "DeploymentRole" not in built.resources
    assert not any("UpdatePolicy" in one for one in built.resources.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_canary_tries_a_tenth_for_five_minutes_and_alarms_take_it_back(function: str) -> None:
    group = deployed("true").of_type("AWS::CodeDeploy::DeploymentGroup")[f"{function}DeploymentGroup"]

    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    alarms: list[Any] = group["AlarmConfiguration"]["Alarms"]
    assert alarms == [{"Name": "${Bugs}"}, {"Name": "${WorkerErrors}"}, {"Name": "${HttpFunctionErrors}"}]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_no_alarm_of_a_canary_counts_a_bad_day_of_the_vendor() -> None:
    alarms = deployed("true").of_type("AWS::CloudWatch::Alarm")

    assert {name: watched(alarms[name])[:2] for name in ("WorkerErrors", "HttpFunctionErrors", "Bugs")} == {
        "WorkerErrors": ("AWS/Lambda", "Errors"),  # the function itself failed
        "HttpFunctionErrors": ("AWS/Lambda", "Errors"),  # not the API's 5xx, nor a direct invocation's errors
        "Bugs": ("PersonalLink", "Bugs"),
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_canary_moves_the_alias_that_is_called(function: str) -> None:
    alias = deployed("true").resources[f"{function}Aliaslive"]

    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == (
        f"${{{function}DeploymentGroup}}"
    )


def test_codedeploy_may_move_the_aliases_and_look_at_alarms_and_nothing_else() -> None:
    built = deployed("true")
    groups = built.of_type("AWS::CodeDeploy::DeploymentGroup")

    assert {group["ServiceRoleArn"] for group in groups.values()} == {"${DeploymentRole.Arn}"}
    assert "CodeDeployServiceRole" not in built.resources  # SAM's own
    assert permissions(built.resources["DeploymentRole"]["Properties"]) == {
        (f"lambda:{action}", f"${{{function}.Arn}}{qualifier}")
        for action, qualifiers in {
            "GetAlias": ("", ":live"),
            "UpdateAlias": ("", ":live"),
            "GetProvisionedConcurrencyConfig": (":*",),  # of an alias or of a version
        }.items()
        for function in FUNCTIONS
        for qualifier in qualifiers
    } | {("cloudwatch:DescribeAlarms", "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*")}
