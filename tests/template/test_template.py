"""What must be true of the stack, read off the template and its translation to CloudFormation."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from personal_link.errors import SettingsError
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
    "HttpAccessLogs": "true",
    "EventBusName": "default",
    "EventDetailType": "Personal Link Requested",
    "EchoRecord": "true",
    "MaximumConcurrency": 5,
    "RetryWindowHours": 24,
    "LedgerDays": 21,
    "RequestsRetentionDays": 4,
    "ParkedRetentionDays": 14,
    "ResultsRetentionDays": 4,
    "KmsKeyArn": "",
    "LogLevel": "INFO",
    "LogRetentionDays": 30,
}
OUTPUTS = {
    "PersonalLinkUrl",
    "ApiKeyId",
    "RequestsQueueUrl",
    "RequestsQueueArn",
    "ParkedQueueUrl",
    "ResultsQueueUrl",
    "CredentialsSecretArn",
    "EventBusName",
}
CONSTRAINTS = {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue", "MinLength", "MaxLength"}


@cache
def source() -> Mapping[str, Any]:
    return source_template()


@cache
def translated() -> Mapping[str, Any]:
    return translated_template()


def of_type(kind: str) -> dict[str, Any]:
    """The translated resources of a type, their properties by logical id."""
    resources = translated()["Resources"]
    found = {name: item.get("Properties", {}) for name, item in resources.items() if item["Type"] == kind}
    assert found, f"no {kind} in the template"
    return found


def environment_of(function: str) -> set[str]:
    return set(of_type("AWS::Lambda::Function")[function]["Environment"]["Variables"])


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
    assert len(SOURCE.read_text().splitlines()) <= 530


OPTIONAL = {"AUTH_BASE_URL", "IMPORTS_BASE_URL", "DEFAULT_CONFIGURATION"}


def test_the_template_gives_http_api_the_variables_that_its_settings_read_and_no_other() -> None:
    with pytest.raises(SettingsError) as missing:
        load_settings({})

    assert environment_of("HttpApiFunction") - OPTIONAL == named_in(missing.value)


def test_the_template_gives_queue_worker_the_variables_that_its_settings_read_and_no_other() -> None:
    with pytest.raises(SettingsError) as missing:
        load_queue_settings({})

    assert environment_of("QueueWorkerFunction") - OPTIONAL == named_in(missing.value)


@pytest.mark.parametrize("function", ["HttpApiFunction", "QueueWorkerFunction"])
def test_the_template_passes_on_what_is_optional(function: str) -> None:
    assert environment_of(function) >= OPTIONAL


@pytest.mark.parametrize("method", ["put", "post"])
def test_the_api_asks_for_a_signature_or_for_a_key(method: str) -> None:
    [api] = of_type("AWS::ApiGateway::RestApi").values()

    assert api["Body"]["paths"]["/personal-link"][method]["security"] == [
        {"Fn::If": ["CallersHaveAKey", {"key": []}, {"signature": []}]}
    ]
    assert api["Body"]["components"]["securitySchemes"] == {
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "awsSigv4",
        },
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }


def test_the_api_has_no_other_way_in() -> None:
    [api] = of_type("AWS::ApiGateway::RestApi").values()

    assert {path: set(item) for path, item in api["Body"]["paths"].items()} == {"/personal-link": {"put", "post"}}
    assert len(of_type("AWS::ApiGateway::Stage")) == 1


def test_the_worker_answers_with_a_partial_batch_response_and_has_a_ceiling() -> None:
    [mapping] = of_type("AWS::Lambda::EventSourceMapping").values()

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}


def test_a_message_stays_hidden_six_times_as_long_as_the_worker_may_run() -> None:
    worker = of_type("AWS::Lambda::Function")["QueueWorkerFunction"]

    assert of_type("AWS::SQS::Queue")["RequestsQueue"]["VisibilityTimeout"] >= 6 * worker["Timeout"]


def days_allowed(parameter: str) -> list[int]:
    days: list[int] = source()["Parameters"][parameter]["AllowedValues"]
    return days


@pytest.mark.parametrize("queue", ["Requests", "Parked", "Results"])
def test_a_queue_keeps_its_messages_for_the_days_of_its_parameter(queue: str) -> None:
    kept = of_type("AWS::SQS::Queue")[f"{queue}Queue"]["MessageRetentionPeriod"]

    assert kept == {"Fn::FindInMap": ["Days", {"Ref": f"{queue}RetentionDays"}, "InSeconds"]}


def test_the_table_of_days_is_right() -> None:
    seconds = {int(day): row["InSeconds"] for day, row in source()["Mappings"]["Days"].items()}

    assert set(seconds) == set(range(1, 15))
    assert {length / day for day, length in seconds.items()} == {86_400}


def test_the_parked_queue_outlives_the_requests_queue() -> None:
    assert max(days_allowed("RequestsRetentionDays")) < min(days_allowed("ParkedRetentionDays"))


def test_the_longest_retry_window_ends_before_the_requests_queue_forgets() -> None:
    longest_hours = source()["Parameters"]["RetryWindowHours"]["MaxValue"]

    assert longest_hours < 24 * min(days_allowed("RequestsRetentionDays"))


def test_the_ledger_remembers_longer_than_a_request_can_wait_and_then_be_parked() -> None:
    parameters = source()["Parameters"]
    longest_wait = parameters["RetryWindowHours"]["MaxValue"] / 24

    assert parameters["LedgerDays"]["MinValue"] > longest_wait + max(days_allowed("ParkedRetentionDays"))


def test_the_rule_retries_and_then_keeps_what_it_could_not_deliver() -> None:
    [rule] = of_type("AWS::Events::Rule").values()
    [target] = rule["Targets"]

    assert target["Arn"] == {"Fn::GetAtt": ["RequestsQueue", "Arn"]}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ParkedQueue", "Arn"]}}


def test_the_ledger_is_paid_by_use_and_forgets() -> None:
    [table] = of_type("AWS::DynamoDB::Table").values()

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("queue", ["RequestsQueue", "ParkedQueue", "ResultsQueue"])
def test_every_queue_refuses_plain_http(queue: str) -> None:
    [policy] = [
        item["PolicyDocument"]
        for item in of_type("AWS::SQS::QueuePolicy").values()
        if item["Queues"] == [{"Ref": queue}]
    ]

    assert {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    } in policy["Statement"]


def allowed() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for role, properties in of_type("AWS::IAM::Role").items():
        for policy in properties["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement["Fn::If"][1] if "Fn::If" in statement else statement


def test_each_function_has_a_role_of_its_own_and_no_managed_policy() -> None:
    roles = of_type("AWS::IAM::Role")
    used = [function["Role"]["Fn::GetAtt"][0] for function in of_type("AWS::Lambda::Function").values()]

    assert sorted(used) == sorted(roles) == ["HttpApiRole", "QueueWorkerRole"]
    assert all("ManagedPolicyArns" not in role for role in roles.values())


def test_no_role_has_a_star() -> None:
    for role, statement in allowed():
        assert "*" not in str(statement["Action"]), role
        assert "*" not in str(statement["Resource"]), role


@pytest.mark.parametrize("function", ["HttpApiFunction", "QueueWorkerFunction"])
def test_each_function_has_a_log_group_that_forgets(function: str) -> None:
    group = of_type("AWS::Lambda::Function")[function]["LoggingConfig"]["LogGroup"]["Ref"]

    assert of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_no_secret_is_in_the_template() -> None:
    secret = of_type("AWS::SecretsManager::Secret")["CredentialsSecret"]["SecretString"]

    assert secret == '{"client_id": "", "client_secret": ""}'


def test_the_given_secret_is_the_one_that_the_functions_read() -> None:
    conditions = translated()["Conditions"]
    variable = of_type("AWS::Lambda::Function")["HttpApiFunction"]["Environment"]["Variables"]["CREDENTIALS_SECRET_ARN"]

    assert conditions["StackMakesCredentialsSecret"] == {"Fn::Equals": [{"Ref": "CredentialsSecretArn"}, ""]}
    assert variable == {
        "Fn::If": [
            "StackMakesCredentialsSecret",
            {"Fn::GetAtt": ["CredentialsSecret", "Id"]},
            {"Ref": "CredentialsSecretArn"},
        ]
    }


@pytest.mark.parametrize("name", ["AuthBaseUrl", "ImportsBaseUrl"])
@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("", True),
        ("https://proxy.example.com", True),
        ("http://127.0.0.1:8099", True),
        ("http://localhost:8099", True),
        ("http://proxy.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("https://user@example.com", False),
        ("ftp://example.com", False),
    ],
)
def test_another_host_of_the_vendor_is_https_or_on_loopback(name: str, url: str, fits: bool) -> None:  # noqa: FBT001
    pattern = source()["Parameters"][name]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, url)) is fits


def test_what_the_layers_ship_is_locked_with_hashes() -> None:
    locked = (REPOSITORY / "layers" / "dependencies" / "requirements.txt").read_text()
    shipped = re.findall(r"^([a-z0-9-]+)==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", locked, re.MULTILINE)

    assert shipped == ["aws-lambda-powertools", "jmespath", "typing-extensions", "urllib3"]
