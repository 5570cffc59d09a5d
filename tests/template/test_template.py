"""The contract of the template: parameters, outputs, what the functions are told. For the rest see invariants."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from cfnlint.api import ManualArgs, lint

from personal_link.domain.errors import SettingsError
from personal_link.settings import load_queue_settings, load_settings
from sandbox.template import REPOSITORY, SOURCE, source_template, translated_template

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
CONSTRAINTS = {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue", "MinLength", "MaxLength"}


@cache
def source() -> Mapping[str, Any]:
    return source_template()


def environment_of(function: str) -> set[str]:
    return set(translated_template()["Resources"][function]["Properties"]["Environment"]["Variables"])


def named_in(error: SettingsError) -> set[str]:
    return set(re.findall(r"\b[A-Z][A-Z_]{4,}\b", str(error)))


def test_the_parameters_are_those_of_the_contract_with_their_defaults() -> None:
    defaults = {name: parameter["Default"] for name, parameter in source()["Parameters"].items()}

    assert defaults == PARAMETERS


def test_the_outputs_are_those_of_the_contract() -> None:
    assert set(source()["Outputs"]) == OUTPUTS


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_means_and_what_it_takes(name: str) -> None:
    parameter = source()["Parameters"][name]

    assert parameter["Description"]
    assert CONSTRAINTS & parameter.keys()


def test_the_template_has_at_most_1050_lines() -> None:
    assert len(SOURCE.read_text().splitlines()) <= 1050


# "CloudFormation supports YAML 1.1 with a few exceptions": its user guide, "Template formats".
def test_cloudformation_itself_can_read_the_template() -> None:
    events = list(yaml.parse(SOURCE.read_text()))

    assert [event for event in events if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)] == []
    assert {tag for event in events if (tag := getattr(event, "tag", None))} <= {
        *("!Ref", "!GetAtt", "!Sub", "!If", "!Equals", "!Not", "!Or", "!Condition", "!Join", "!Select", "!Split"),
    }


def test_properties_are_in_block_style() -> None:
    tree = yaml.compose(SOURCE.read_text())
    flow = [
        f"line {value.start_mark.line + 1}"
        for node in mappings(tree)
        for key, value in node.value
        if key.value == "Properties" and value.flow_style and value.start_mark.line != value.end_mark.line
    ]

    assert flow == []


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    match node:
        case yaml.MappingNode():
            yield node
            for _key, value in node.value:
                yield from mappings(value)
        case yaml.SequenceNode():
            for value in node.value:
                yield from mappings(value)


# The same code as the transform that runs in AWS; `aws cloudformation package` uploads the folders first.
@pytest.mark.parametrize("canary", ["false", "true"])
def test_after_packaging_the_transform_leaves_nothing_that_cloudformation_does_not_know(canary: str) -> None:
    translated = translated_template(CanaryDeployments=canary)

    assert "Transform" not in translated
    assert "AWS::Serverless" not in str(translated)


def test_what_the_transform_leaves_is_valid_cloudformation() -> None:
    found = lint(json.dumps(translated_template()), config=ManualArgs(regions=["eu-west-1"]))

    assert [str(one) for one in found] == []


OPTIONAL = {"ACCESS_TOKEN_SECRET_ARN", "AUTH_BASE_URL", "IMPORTS_BASE_URL", "DEFAULT_CONFIGURATION", "KNOWN_HEADINGS"}


@pytest.mark.parametrize("function", ["HttpApiFunction", "DirectInvocationFunction"])
def test_the_template_gives_who_serves_callers_the_variables_that_its_settings_read_and_no_other(function: str) -> None:
    with pytest.raises(SettingsError) as missing:
        load_settings({})

    assert environment_of(function) - OPTIONAL == named_in(missing.value)


def test_the_template_gives_queue_worker_the_variables_that_its_settings_read_and_no_other() -> None:
    with pytest.raises(SettingsError) as missing:
        load_queue_settings({})

    assert environment_of("QueueWorkerFunction") - OPTIONAL == named_in(missing.value)


@pytest.mark.parametrize("function", ["HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction"])
def test_the_template_passes_on_what_is_optional(function: str) -> None:
    assert environment_of(function) >= OPTIONAL


def test_what_the_layers_ship_is_locked_with_hashes() -> None:
    locked = (REPOSITORY / "layers" / "dependencies" / "requirements.txt").read_text()
    shipped = re.findall(r"^([a-z0-9-]+)==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", locked, re.MULTILINE)

    assert shipped == ["aws-lambda-powertools", "jmespath", "typing-extensions", "urllib3"]
