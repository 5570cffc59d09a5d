"""A failure is one line with what to do, and quotes nobody: not AWS, not a request, not a bug's own words."""

import errno
import re
from pathlib import Path

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from click.testing import CliRunner

from operate.commands import operate
from operate.stack import Account
from operate.terminal.failures import WrongCall, denied_action, explain
from tests.aws.account import refusing, unreachable
from tests.operate.stage import NAME, Stage
from tests.tables import table


def refusal(code: str, message: str = "joe.doe@example.com may not", operation: str = "DescribeStacks") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("failure", "line", "code"),
    [
        (
            refusal("ExpiredToken"),
            "AWS does not accept your credentials (ExpiredToken): sign in (aws sso login), or use --profile.",
            3,
        ),
        (
            refusal("Throttling"),
            "AWS failed at DescribeStacks (Throttling): try again; if it fails again, see the console.",
            3,
        ),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="https://joe.doe@example.com"),
            "AWS cannot be reached (EndpointConnectionError): check --region, --endpoint-url and the network.",
            3,
        ),
        (
            botocore.exceptions.NoRegionError(),
            "No AWS region is set: name it with --region, as in --region eu-west-1.",
            2,
        ),
        (
            botocore.exceptions.SSLError(endpoint_url="https://joe.doe@example.com", error=OSError("joe.doe")),
            "AWS has a certificate that is not trusted here (SSLError): check AWS_CA_BUNDLE and --endpoint-url.",
            3,
        ),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(failure: ClientError | BotoCoreError, line: str, code: int) -> None:
    explained = explain(failure)

    assert (explained.message, explained.exit_code) == (line, code)


NO = "joe.doe is not authorized to perform:"


@pytest.mark.parametrize(
    ("code", "message", "operation", "action"),
    [
        ("AccessDenied", f"User: {NO} cloudformation:DescribeStacks on x", "Other", "cloudformation:DescribeStacks"),
        ("AccessDenied", f"{NO} sqs:receivemessage on x", "ReceiveMessage", "sqs:ReceiveMessage"),
        ("AccessDenied", f"{NO} sqs:sendmessage on x", "SendMessageBatch", "sqs:SendMessage"),
        ("KMS.AccessDeniedException", f"{NO} kms:GenerateDataKey on x", "SendMessage", "kms:GenerateDataKey"),
        ("AccessDeniedException", "Access to KMS is not allowed", "GetSecretValue", "kms:Decrypt"),
        ("AuthorizationError", "joe.doe may not", "DescribeStacks", "DescribeStacks"),
        ("Throttling", f"{NO} sqs:SendMessage", "SendMessage", None),
    ],
)
def test_a_missing_permission_is_told_by_its_action(
    code: str, message: str, operation: str, action: str | None
) -> None:
    assert denied_action(refusal(code, message, operation)) == action
    assert denied_action(botocore.exceptions.NoRegionError()) is None


def test_a_command_ends_with_that_line_and_exit_code_3(stage: Stage) -> None:
    with unreachable(stage.located.client("sqs"), "ReceiveMessage"):
        listed = stage.run("parked", "list", NAME)

    assert (listed.exit_code, listed.output) == (
        3,
        "Error: AWS cannot be reached (EndpointConnectionError): check --region, --endpoint-url and the network.\n",
    )


def test_without_credentials_the_line_says_how_to_sign_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    asked = CliRunner().invoke(operate, ["--region", "eu-west-1", "health", NAME])
    profiled = CliRunner().invoke(operate, ["--profile", "nobody", "health", NAME])

    assert asked.output.startswith("Error: There are no AWS credentials here: sign in")
    assert profiled.output == (
        "Error: There is no such AWS profile: `aws configure list-profiles` shows those there are.\n"
    )


def test_a_command_looks_in_the_region_of_aws_region(monkeypatch: pytest.MonkeyPatch) -> None:
    def stack(account: Account, _name: str) -> None:
        raise WrongCall(account.client("cloudformation").meta.region_name)

    monkeypatch.setattr(Account, "stack", stack)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    assert CliRunner().invoke(operate, ["outputs", NAME]).output == "Error: eu-central-1\n"
    assert CliRunner().invoke(operate, ["--region", "eu-west-2", "outputs", NAME]).output == "Error: eu-west-2\n"


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("--region", "eu_west", "There is no such AWS region: correct --region, AWS_REGION or your profile."),
        (
            "--endpoint-url",
            "localhost:4566",
            "Invalid value for --endpoint-url: it must begin with http:// or https://",
        ),
    ],
)
def test_a_region_or_an_endpoint_that_cannot_be_is_a_wrong_call(option: str, value: str, line: str) -> None:
    asked = CliRunner().invoke(operate, ["--region", "eu-west-1", option, value, "health", NAME])

    assert (asked.exit_code, asked.output.splitlines()[-1]) == (2, f"Error: {line}")


@pytest.mark.parametrize(
    ("refused_with", "exit_code", "line"),
    [
        (
            "ValidationError",
            2,
            "There is no stack personal-link in eu-west-1: check its name, --region and --profile.",
        ),
        ("AccessDenied", 3, "not allowed: DescribeStacks (docs/policies has all that is needed)"),
    ],
    ids=["not there", "not allowed"],
)
def test_a_stack_that_is_not_there_is_told_apart_from_one_that_may_not_be_looked_at(
    stage: Stage, refused_with: str, exit_code: int, line: str
) -> None:
    cloudformation = stage.located.client("cloudformation")
    cloudformation.meta.events.unregister("before-call", stage.located.answer)  # one that says no instead
    with refusing(cloudformation, "DescribeStacks", refused_with):
        asked = stage.run("health", NAME)

    assert (asked.exit_code, asked.output) == (exit_code, f"Error: {line}\n")


def test_a_stack_of_something_else_is_told(stage: Stage) -> None:
    stage.located.answers["DescribeStacks"]["Stacks"][0]["Outputs"] = [{"OutputKey": "Url", "OutputValue": "x"}]

    stage.located.answers["ListStackResources"]["StackResourceSummaries"] = []

    assert stage.run("check", NAME).output == (
        "Error: The stack personal-link has no resource QueueWorkerFunction, it has nothing: "
        "is it a Personal Link connector?\n"
    )
    assert stage.run("parked", "list", NAME).output == (
        "Error: The stack personal-link has no output ParkedQueueUrl, it has Url: is it a Personal Link connector?\n"
    )


def test_a_function_of_another_version_is_told(stage: Stage) -> None:
    stage.located.answers["GetFunctionConfiguration"] = {"Environment": {"Variables": {}}}

    assert stage.run("check", NAME).output == (
        "Error: The function's environment is not what this version expects: use the one that was deployed.\n"
    )


def test_a_missing_file_of_certificates_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "authority.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(gone))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")

    asked = CliRunner().invoke(
        operate, ["--region", "eu-west-1", "--endpoint-url", "https://127.0.0.1:1", "health", NAME]
    )

    assert (asked.exit_code, asked.output) == (
        2,
        f"Error: AWS_CA_BUNDLE names a file that is not there: {gone}. Correct or unset it.\n",
    )


@table(
    "failure, line",
    ("a bug", KeyError("joe.doe@example.com"), "Error: Unexpected KeyError in fail (test_failures.py:N): a bug.\n"),
    ("a reader that has gone", BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),  # as after `| head`
)
def test_a_bug_is_told_by_its_type_and_place_alone_and_a_reader_that_has_gone_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, failure: Exception, line: str
) -> None:
    def fail() -> None:
        raise failure

    monkeypatch.setattr("operate.parked.list_command.now", fail)

    listed = stage.run("parked", "list", NAME)

    assert listed.exit_code == 1
    assert re.sub(":[0-9]+", ":N", listed.output) == line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("health", ""), "STACK is empty: name the stack, as in personal-link."),
        (("--endpoint-url", "", "health", NAME), "Invalid value for --endpoint-url: it must begin with http:// or h"),
        (("--region", "", "health", NAME), "Invalid value for --region: it is empty"),
        (("--profile", "", "health", NAME), "Invalid value for --profile: it is empty"),
        (("tail", NAME, "--since", "x"), "Invalid value for '--since': give a number and s, m, h or d, as in 30m, 2h"),
    ],
)
def test_an_empty_or_malformed_value_is_a_wrong_call(stage: Stage, arguments: tuple[str, ...], line: str) -> None:
    told = stage.run(*arguments)

    assert told.exit_code == 2
    assert told.output.splitlines()[-1].startswith(f"Error: {line}")


@pytest.mark.parametrize("content", [b"[default\nregion", b"[default]\nregion = \xff"])
def test_a_configuration_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))

    told = CliRunner().invoke(operate, ["health", NAME])

    assert (told.exit_code, told.output) == (
        2,
        f"Error: Your AWS configuration cannot be read: {file}. Correct it.\n",
    )
