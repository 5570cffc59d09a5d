"""The template: its contract, the variables of the functions, alarms and canaries. See also invariants."""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from cfnlint.api import ManualArgs, lint
from samcli.cli.types import CfnParameterOverridesType

from installer.parameters import problems
from personal_link.domain.errors import SettingsError
from personal_link.settings import load_queue_settings, load_settings
from sandbox import REPOSITORY
from sandbox.template import SOURCE, translated_template
from tests.template.invariants.alarms import OF_A_CANARY, WATCHED
from tests.template.invariants.built import MODES, built_with, source
from tests.template.invariants.test_roles import permissions

PARAMETERS = {
    "CustomerGaugeRegion": "eu",
    "DefaultConfiguration": "",
    "CredentialsSecretArn": "",
    "AuthBaseUrl": "",
    "ImportsBaseUrl": "",
    "HttpAuth": "AWS_IAM",
    "HttpRateLimit": 20,
    "HttpBurstLimit": 40,
    "ApiKeyDailyQuota": 100_000,
    "AllowedIpRanges": "",
    "WebAclArn": "",
    "HttpAccessLogs": "false",
    "EventBusName": "default",
    "EventDetailType": "Personal Link Requested",
    "EventSources": "",
    "MappingsLayerArn": "",
    "SenderArns": "",
    "KnownHeadings": "",
    "EchoRecord": "true",
    "MaximumConcurrency": 5,
    "BatchConcurrency": 10,
    "VendorCallsPerSecond": 0,
    "DirectConcurrency": 0,
    "RetryWindowHours": 24,
    "LedgerDays": 21,
    "ShareAccessToken": "true",
    "KmsKeyArn": "",
    "PermissionsBoundaryArn": "",
    "SnapStart": "Off",
    "AlarmEmail": "",
    "CanaryDeployments": "false",
    "Tracing": "PassThrough",
    "LogLevel": "INFO",
    "LogRetentionDays": 30,
}
OUTPUTS = {
    "PersonalLinkUrl",
    "ApiKeyId",
    "RequestsQueueUrl",
    "RequestsQueueArn",
    "DirectInvocationArn",
    "ParkedQueueArn",
    "ParkedQueueUrl",
    "ResultsQueueUrl",
    "CredentialsSecretArn",
    "EventBusName",
    "BulkImports",
    "DashboardUrl",
}
FUNCTIONS = ("HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction")
CONSTRAINTS = {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue", "MinLength", "MaxLength"}


def test_the_parameters_are_those_of_the_contract_with_their_defaults() -> None:
    defaults = {name: parameter["Default"] for name, parameter in source()["Parameters"].items()}

    assert defaults == PARAMETERS


def test_the_outputs_are_those_of_the_contract() -> None:
    assert set(source()["Outputs"]) == OUTPUTS


def test_every_parameter_has_a_description_and_a_constraint() -> None:
    for parameter in source()["Parameters"].values():
        assert parameter["Description"]
        assert CONSTRAINTS & parameter.keys()


@pytest.mark.parametrize("mode", MODES)
def test_the_parameter_values_of_each_tested_mode_are_allowed(mode: str) -> None:
    assert problems(MODES[mode], source()["Parameters"]) == []


def test_the_template_has_at_most_1060_lines() -> None:
    assert len(SOURCE.read_text().splitlines()) <= 1060


# "CloudFormation supports YAML 1.1 with a few exceptions": its user guide, "Template formats".
def test_the_template_has_no_yaml_aliases_and_only_tags_of_cloudformation() -> None:
    events = list(yaml.parse(SOURCE.read_text()))

    assert [event for event in events if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)] == []
    assert {tag for event in events if (tag := getattr(event, "tag", None))} <= {
        *("!Ref", "!GetAtt", "!Sub", "!If", "!Equals", "!Not", "!Or", "!Condition", "!Join", "!Select", "!Split"),
    }


def test_properties_of_more_than_one_line_are_in_block_style() -> None:
    assert re.findall(r"^ +Properties: \{[^}\n]*$", SOURCE.read_text(), re.MULTILINE) == []


def test_the_transformed_template_is_valid_cloudformation() -> None:
    found = lint(json.dumps(translated_template()), config=ManualArgs(regions=["eu-west-1"]))

    assert [str(one) for one in found] == []


# Variables of the functions


class Environment(dict[str, str]):
    """An empty environment that remembers what was looked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return default


@pytest.mark.parametrize(
    ("function", "load"),
    [
        ("HttpApiFunction", load_settings),
        ("DirectInvocationFunction", load_settings),
        ("QueueWorkerFunction", load_queue_settings),
    ],
)
def test_each_function_gets_exactly_the_variables_that_its_settings_read(
    function: str, load: Callable[[Environment], object]
) -> None:
    environment = Environment()
    with pytest.raises(SettingsError):
        load(environment)

    assert (
        set(translated_template()["Resources"][function]["Properties"]["Environment"]["Variables"]) == environment.asked
    )


@pytest.mark.parametrize(
    ("stage", "detail_types"), [("staging", "Personal Link Requested (staging)"), ("prod", "Personal Link Requested")]
)
def test_each_stage_of_samconfig_listens_to_its_own_detail_types(stage: str, detail_types: str) -> None:
    configured = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[stage]["deploy"]["parameters"]
    parameters = CfnParameterOverridesType().convert(configured["parameter_overrides"], None, None)

    [rule] = built_with(**parameters).of_type("AWS::Events::Rule").values()
    assert (rule["EventBusName"], rule["EventPattern"]) == ("default", {"detail-type": [detail_types]})


# Canaries


def test_a_deployment_without_canary_has_no_codedeploy_resource_and_no_role_for_it() -> None:
    resources = built_with(CanaryDeployments="false").resources

    assert [name for name, one in resources.items() if "CodeDeploy" in one["Type"] or "UpdatePolicy" in one] == []
    assert "DeploymentRole" not in resources


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_canary_shifts_a_tenth_for_five_minutes_and_alarms_of_our_own_errors_roll_it_back(function: str) -> None:
    canary = built_with(CanaryDeployments="true")
    group = canary.of_type("AWS::CodeDeploy::DeploymentGroup")[f"{function}DeploymentGroup"]

    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    moved = canary.resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert moved["DeploymentGroupName"] == f"${{{function}DeploymentGroup}}"
    # None of them counts a bad day of the vendor: Errors are those of the functions themselves.
    alarms = [one["Name"].strip("${}") for one in group["AlarmConfiguration"]["Alarms"]]
    assert [(WATCHED | OF_A_CANARY)[name][1] for name in alarms] == ["Bugs", "Errors", "Errors"]


def test_the_codedeploy_role_may_only_move_the_aliases_and_read_alarms() -> None:
    canary = built_with(CanaryDeployments="true")
    groups = canary.of_type("AWS::CodeDeploy::DeploymentGroup").values()
    of_an_alias = ("GetAlias", "UpdateAlias")

    assert {group["ServiceRoleArn"] for group in groups} == {"${DeploymentRole.Arn}"}
    assert permissions(canary.resources["DeploymentRole"]["Properties"]) == {
        *((f"lambda:{action}", f"${{{one}.Arn}}") for action in of_an_alias for one in FUNCTIONS),
        *((f"lambda:{action}", f"${{{one}.Arn}}:live") for action in of_an_alias for one in FUNCTIONS),
        *(("lambda:GetProvisionedConcurrencyConfig", f"${{{one}.Arn}}:*") for one in FUNCTIONS),  # of a version too
        ("cloudwatch:DescribeAlarms", "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"),
    }
