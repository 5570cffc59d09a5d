"""`make deploy`: parameters, preview and refusals before anything is built; the commands of SAM are replaced."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from installer.__main__ import installer
from installer.account import Account, DeployedStack, Finding, refusal
from installer.parameters import Target, assignments, problems, target
from sandbox.template import source_template

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
DECLARED = source_template()["Parameters"]
SOURCES = "empty, or names of A to Z, a to z, 0 to 9 and ._/-, separated by commas, without blanks"
DEFAULTS = {name: str(one["Default"]) for name, one in DECLARED.items()}


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


@pytest.mark.parametrize(
    ("options", "variable", "next_command"),
    [
        ([], "eu-central-1", "check personal-link"),
        (["--region", "eu-central-1"], "us-east-1", "--region eu-central-1 check personal-link"),
    ],
)
def test_the_region_is_that_of_the_option_or_of_aws_region(
    sam: list[Any], options: list[str], variable: str, next_command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", variable)

    result = run(*options)

    assert result.output.startswith("Create stack personal-link, account 123456789012, region eu-central-1.\n")
    assert sam[1][sam[1].index("--region") + 1] == "eu-central-1"
    assert result.output.endswith(f'make operate ARGS="{next_command}"\n')


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
        ("CREATE_COMPLETE", None),
        ("UPDATE_COMPLETE", None),
        ("UPDATE_ROLLBACK_COMPLETE", None),
    ],
)
def test_a_stack_is_refused_in_a_failed_state_alone_with_the_command_that_helps(
    status: str, problem: str | None
) -> None:
    expected = problem and f"The stack s is {status}: {problem}"

    assert refusal("s", DeployedStack(status, {}), " --region eu-west-1") == expected


@pytest.mark.parametrize(
    ("unreserved", "parameters", "text"),
    [
        (1000, {}, None),
        (
            1000,
            {"HttpAccessLogs": "true"},
            "HttpAccessLogs=true: API Gateway has no CloudWatch role; deploy docs/api-gateway-logging.yaml first.",
        ),
        (1000, {"CredentialsSecretArn": "cg"}, "CredentialsSecretArn=cg: it is not in this account and region."),
        (1000, {"KmsKeyArn": KEY}, f"KmsKeyArn={KEY}: it is not in this account and region."),
        (150, {"DirectConcurrency": "50"}, None),
        (150, {"DirectConcurrency": "51"}, "DirectConcurrency=51: 100 of the account's 150 must stay unreserved."),
    ],
)
def test_what_the_account_lacks_is_named(
    unreserved: int, parameters: dict[str, str], text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: unreserved)

    assert findings(**parameters) == ([Finding(text)] if text else [])


def test_what_the_stack_has_reserved_already_is_not_reserved_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: 500)

    assert findings({"DirectConcurrency": "500"}, DirectConcurrency="900") == []
    assert findings({"DirectConcurrency": "500"}, DirectConcurrency="901") == [
        Finding("DirectConcurrency=901: 100 of the account's 1000 must stay unreserved.")
    ]


def test_a_worker_concurrency_of_the_whole_account_limit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "unreserved", lambda _: 10)
    text = "MaximumConcurrency=10: the account runs 10 functions at once; HTTP callers may get 503."

    assert findings(MaximumConcurrency="9") == []
    assert findings(MaximumConcurrency="10") == [Finding(text, refused=False)]


# Parameters


def test_the_stack_name_and_parameters_are_read_from_the_environment_in_samconfig() -> None:
    assert target("default") == Target("personal-link", {})
    assert target("staging") == Target(
        "personal-link-staging",
        {"EventDetailType": "Personal Link Requested (staging)", "LogLevel": "DEBUG", "LogRetentionDays": "7"},
    )


def test_quotes_in_samconfig_are_read_as_sam_reads_them(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        '[default.global.parameters]\nstack_name = "s"\n[default.deploy.parameters]\n'
        """parameter_overrides = ['KnownHeadings="Email,First Name"', "LogLevel=DEBUG"]\n"""
    )

    assert target("default", config).parameters == {"KnownHeadings": "Email,First Name", "LogLevel": "DEBUG"}


def test_an_unknown_environment_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(click.ClickException, match=r"no environment production; it has default, staging, prod[.]"):
        target("production")


def test_a_parameter_value_may_contain_an_equals_sign_and_may_not_be_missing() -> None:
    assert assignments(["DefaultConfiguration=a=b"]) == {"DefaultConfiguration": "a=b"}
    with pytest.raises(click.ClickException, match=r"'LogLevel' is not a parameter: write Name=value, as in LogLevel"):
        assignments(["LogLevel"])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LogLevl", "INFO", "There is no parameter LogLevl: did you mean LogLevel?"),
        ("Colour", "red", "There is no parameter Colour: docs/parameters.md lists them."),
        ("MaximumConcurrency", "1", "MaximumConcurrency is '1': it must be a whole number from 2 to 1000."),
        ("MaximumConcurrency", "ten", "MaximumConcurrency is 'ten': it must be a whole number from 2 to 1000."),
        ("AlarmEmail", "nobody", "AlarmEmail is 'nobody': it must be empty, or an e-mail address."),
        ("KnownHeadings", "x" * 257, f"KnownHeadings is '{'x' * 257}': it must be at most 256 characters long."),
        ("EventSources", "a,b c", f"EventSources is 'a,b c': it must be {SOURCES}."),
        ("EventSources", "a,,b", f"EventSources is 'a,,b': it must be {SOURCES}."),
        ("EventDetailType", "", "EventDetailType is '': it must be 1 to 128 characters each, separated by commas."),
    ],
)
def test_a_parameter_that_cloudformation_would_refuse_is_a_problem(name: str, value: str, problem: str) -> None:
    assert problems({name: value}, DECLARED) == [problem]


def test_the_defaults_and_every_environment_of_samconfig_pass_the_parameter_check() -> None:
    for parameters in (DEFAULTS, *(target(name).parameters for name in ("staging", "prod"))):
        assert problems(parameters, DECLARED) == []


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
    assert [
        name for name, one in DECLARED.items() if "AllowedPattern" in one and "ConstraintDescription" not in one
    ] == []
