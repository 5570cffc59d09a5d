"""`make deploy`: the preview and the refusals before anything is built; the commands of SAM are replaced."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from installer.__main__ import installer
from installer.account import Account, DeployedStack, Finding, refusal
from sandbox.template import source_template

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
DEFAULTS = {name: str(one["Default"]) for name, one in source_template()["Parameters"].items()}


@pytest.fixture(autouse=True)
def account(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # moto has none of these three; tests/deployments asks the emulator
    monkeypatch.setattr(Account, "unreserved", lambda _: 1000)
    monkeypatch.setattr(Account, "has_log_role", lambda _: False)
    monkeypatch.setattr(Account, "stack", lambda _, __: None)
    with mock_aws():
        yield


@pytest.fixture
def sam(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr("installer.deploy.run", lambda *arguments: calls.append(arguments))
    return calls


def run(*arguments: str, answer: str = "y\n") -> Result:
    return CliRunner().invoke(installer, ["deploy", *arguments], input=answer)


def findings(before: dict[str, str] | None = None, /, **parameters: str) -> list[Finding]:
    return list(Account(boto3.Session()).findings({**DEFAULTS, **parameters}, before or {}))


def test_a_first_deployment_shows_account_parameters_price_and_permissions_and_asks_to_confirm(sam: list[Any]) -> None:
    result = run("DefaultConfiguration=contact", answer="n\n")

    assert [" ".join(line.split()) for line in result.output.splitlines()] == [
        "Create stack personal-link, account 123456789012, region eu-west-1.",
        "parameter value meaning",
        (
            "DefaultConfiguration contact Inbound mapping for requests that name none. "
            "Empty means that every request must name one."
        ),
        "Every other parameter has its default (docs/parameters.md).",
        (
            "It costs about $4.86 a month, $2.40 or more for metrics in use, and $2.42 (queue, in batches) "
            "to $7.36 (HTTP) per million requests: docs/benchmarks."
        ),
        "Permissions that you need: docs/policies/pipeline.json and docs/policies/pipeline-cloudformation.json.",
        "The first SAM deployment in an account and region needs an administrator: it creates SAM's bucket.",
        "Deploy? [y/N]: n",
        "Aborted!",
    ]
    assert sam == []


def test_a_deployment_goes_to_the_region_of_aws_region(sam: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    result = run()

    assert result.output.startswith("Create stack personal-link, account 123456789012, region eu-central-1.\n")
    assert sam[1][sam[1].index("--region") + 1] == "eu-central-1"


def test_a_confirmed_deployment_runs_sam_with_the_parameters_of_samconfig_and_the_command_line(sam: list[Any]) -> None:
    result = run("--config-env", "staging", "LogLevel=INFO", "--tag", "team=cx")

    assert sam == [
        ("build",),
        (
            *("deploy", "--config-env", "staging", "--stack-name", "personal-link-staging", "--no-confirm-changeset"),
            *("--region", "eu-west-1", "--parameter-overrides", 'EventDetailType="Personal Link Requested (staging)"'),
            *('LogLevel="INFO"', 'LogRetentionDays="7"', "--tags", "team=cx"),
        ),
    ]
    assert result.output.endswith(
        "\nDeployed. Next:\n"
        "1. Put the client_id and client_secret of your Connected App into the secret (README, Deploy).\n"
        "2. Deploy again with AlarmEmail=..., else alarms tell nobody.\n"
        '3. Check the connection: make operate ARGS="check personal-link-staging"\n'
    )


@pytest.mark.usefixtures("sam")
def test_the_next_command_has_the_region_that_was_given() -> None:
    result = run("--region", "eu-central-1")

    assert result.output.endswith('make operate ARGS="--region eu-central-1 check personal-link"\n')


def test_an_update_shows_and_keeps_the_deployed_parameters(sam: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "stack", lambda _, __: DeployedStack("CREATE_COMPLETE", {"LogLevel": "DEBUG"}))

    result = run("--yes")

    assert result.output.startswith("Update stack personal-link, account 123456789012, region eu-west-1.\n")
    assert "LogLevel DEBUG" in " ".join(result.output.split())
    assert [call[0] for call in sam] == ["build", "deploy"]
    assert "--parameter-overrides" not in sam[1]


def test_a_wrong_parameter_ends_the_deployment_before_aws_is_called(
    sam: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "number", lambda _: pytest.fail("AWS was asked"))

    result = run("--yes", "LogLevel=LOUD")

    assert result.output == "Error: LogLevel is 'LOUD': it must be one of DEBUG, INFO, WARNING, ERROR.\n"
    assert result.exit_code == 1
    assert sam == []


@pytest.mark.parametrize("command", ["deploy", "package"])
def test_a_wrong_option_ends_with_what_a_user_of_make_can_type(command: str) -> None:
    result = CliRunner().invoke(installer, [command, "--stak", "x"])

    shown = result.output.splitlines()[-1]
    assert re.fullmatch(rf"Error: No such option: --stak.*[.] `make {command} ARGS=--help` lists the options[.]", shown)
    assert "Try" not in result.output
    assert result.exit_code == 2


def test_a_parameter_given_to_make_that_make_does_not_pass_on_is_refused(
    sam: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AlarmEmail", "team@example.com")  # as make does with AlarmEmail=... on its command line

    assert run("--yes").output == 'Error: make does not pass on AlarmEmail: write ARGS="AlarmEmail=..."\n'
    assert sam == []


def test_a_deployment_that_aws_would_refuse_is_refused_without_asking(sam: list[Any]) -> None:
    result = run("EventBusName=orders")

    assert result.output.endswith(
        "! EventBusName=orders: it is not in this account and region.\n"
        "Error: AWS would refuse this deployment: see the lines with a !.\n"
    )
    assert sam == []


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("ROLLBACK_COMPLETE", "run `sam delete --stack-name s --region eu-west-1`, then deploy again."),
        ("DELETE_FAILED", "run `sam delete --stack-name s --region eu-west-1`, then deploy again."),
        (
            "UPDATE_ROLLBACK_FAILED",
            "run `aws cloudformation continue-update-rollback --stack-name s --region eu-west-1`, then deploy again.",
        ),
        ("UPDATE_IN_PROGRESS", "wait until it has ended, then deploy again."),
    ],
)
def test_a_stack_in_a_failed_state_is_refused_with_the_command_that_helps(status: str, problem: str) -> None:
    assert refusal("s", DeployedStack(status, {}), " --region eu-west-1") == f"The stack s is {status}: {problem}"


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_in_a_complete_state_can_be_updated(status: str) -> None:
    assert refusal("s", DeployedStack(status, {})) is None


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"HttpAccessLogs": "true"},
            "HttpAccessLogs=true: API Gateway has no CloudWatch role; deploy docs/api-gateway-logging.yaml first.",
        ),
        ({"CredentialsSecretArn": "cg"}, "CredentialsSecretArn=cg: it is not in this account and region."),
        ({"KmsKeyArn": KEY}, f"KmsKeyArn={KEY}: it is not in this account and region."),
    ],
)
def test_a_resource_that_the_account_lacks_is_named(parameters: dict[str, str], text: str) -> None:
    assert findings(**parameters) == [Finding(text)]


def test_the_default_parameters_need_nothing_that_the_account_lacks() -> None:
    assert findings() == []


def test_a_reservation_that_leaves_less_than_100_executions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: 150)

    assert findings(DirectConcurrency="51") == [
        Finding("DirectConcurrency=51: 100 of the account's 150 must stay unreserved.")
    ]
    assert findings(DirectConcurrency="50") == []


def test_what_the_stack_has_reserved_already_is_not_reserved_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: 500)

    assert findings({"DirectConcurrency": "500"}, DirectConcurrency="500") == []
    assert findings({"DirectConcurrency": "500"}, DirectConcurrency="901") == [
        Finding("DirectConcurrency=901: 100 of the account's 1000 must stay unreserved.")
    ]


def test_a_worker_concurrency_of_the_whole_account_limit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: 10)

    assert findings(MaximumConcurrency="10") == [
        Finding(
            "MaximumConcurrency=10: the account runs 10 functions at once; HTTP callers may get 503.", refused=False
        )
    ]
    assert findings(MaximumConcurrency="9") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", ""], "--stack is empty."),
        (["--region", ""], "--region is empty."),
        (["--stack", "1abc"], "The stack's name is '1abc': it must be a letter, then letters, digits and hyphens"),
        (["--stack", "a b"], "The stack's name is 'a b': it must be a letter"),
        *((["--tag", tag], f"--tag is {tag!r}: write KEY=VALUE") for tag in ("foo", "=x", "AWS:x=y")),
        (
            ["KnownHeadings=Email,First", "Name"],
            "'Name' is not a parameter: write Name=value, as in LogLevel=DEBUG; a value",
        ),
        (["LogLevel=DEBUG", "LogLevel=INFO"], "LogLevel is given twice."),
    ],
)
def test_a_wrong_call_is_refused_before_aws_is_asked(
    arguments: list[str], message: str, sam: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "number", lambda _: pytest.fail("AWS was asked"))

    result = run("--yes", *arguments)

    assert result.output.startswith(f"Error: {message}")
    assert result.exit_code > 0
    assert sam == []


def test_every_pattern_of_the_template_is_said_in_words() -> None:
    declared = source_template()["Parameters"]

    assert [
        name for name, one in declared.items() if "AllowedPattern" in one and "ConstraintDescription" not in one
    ] == []
