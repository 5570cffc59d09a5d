"""The contract of the template: parameters, outputs, what the functions are told. For the rest see invariants."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

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
    "RequestsRetentionDays": 8,
    "ParkedRetentionDays": 14,
    "ResultsRetentionDays": 4,
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


def test_the_template_can_be_read_in_one_sitting() -> None:
    assert len(SOURCE.read_text().splitlines()) <= 1032


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
