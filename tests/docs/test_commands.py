"""Every command that a page gives is one that runs: make, sam, aws, the operator's own."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import click
import pytest
from botocore import xform_name
from botocore.session import Session

from operate.commands import operate
from sandbox.template import REPOSITORY
from tests.docs.documents import DOCS, PAGES, commands

Command = list[str]
OF_THE_CLI = {
    ("cloudformation", "deploy"): {"--capabilities", "--parameter-overrides", "--stack-name", "--template-file"},
    ("s3", "cp"): {"--metadata"},
}  # no call
OF_ANY_CALL = {"--cli-binary-format", "--query", "--output", "--region", "--profile", "--endpoint-url"}


@cache
def every_command() -> list[Command]:
    """Return the commands of all pages and of the example of a pipeline."""
    pipeline = re.findall(r"^ +(?:- run: )?((?:\.venv/bin/|make |sam ).+?)(?:  #.*)?$", _pipeline(), re.MULTILINE)
    texts = [*(page.read_text() for page in PAGES), "```sh\n" + "\n".join(pipeline) + "\n```"]
    return [command for text in texts for command in commands(text)]


def _pipeline() -> str:
    return (DOCS / "pipeline.yaml").read_text()


def those_of(*program: str) -> Iterator[Command]:
    for command in every_command():
        if [command[0].removeprefix(".venv/bin/"), *command[1 : len(program)]] == list(program):
            yield command[len(program) :]


def option_names(command: Command) -> set[str]:
    return {word.split("=")[0] for word in command if word.startswith("--")}


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))

    named = {command[0] for command in those_of("make")}
    assert {"test", "demo", "operate"} <= named <= targets


def test_every_deployment_is_one_of_samconfig() -> None:
    stages = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())

    named = {line[line.index("--config-env") + 1] for line in those_of("sam", "deploy") if "--config-env" in line}
    assert {"staging", "prod"} <= named <= stages.keys()


@pytest.mark.parametrize("command", list(those_of("aws")), ids=" ".join)
def test_every_call_of_aws_exists_with_its_options(command: Command) -> None:
    service, operation, *rest = command
    if (service, operation) in OF_THE_CLI:
        assert option_names(rest) <= OF_THE_CLI[service, operation]
        return
    model = Session().get_service_model(service)
    names = {xform_name(name).replace("_", "-"): name for name in model.operation_names}
    assert operation in names

    shape: Any = model.operation_model(names[operation]).input_shape
    options = {f"--{xform_name(member).replace('_', '-')}" for member in (shape.members if shape else ())}
    assert option_names(rest) <= options | OF_ANY_CALL


def test_every_file_that_a_command_reads_exists() -> None:
    words = [word for command in every_command() for word in command if "events/" in word]
    read = [word.removeprefix("file://").removeprefix("EVENT=") for word in words]

    assert len(read) >= 4
    assert [path for path in read if not (REPOSITORY / path.split()[-1]).exists()] == []


# operate


def leaf_of(words: Command) -> tuple[click.Command, Command]:
    """Return the command that words lead to, and what is left of them: its arguments."""
    command: click.Command = operate
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


def operators() -> Iterator[Command]:
    yield from those_of("python", "-m", "operate")
    for command in those_of("make", "operate"):
        if command and command[0] != "ARGS=--help":
            yield command[0].removeprefix("ARGS=").split()


@pytest.mark.parametrize("words", list(operators()), ids=" ".join)
def test_every_command_of_the_operator_takes_the_arguments_it_is_given(
    words: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    command, arguments = leaf_of(words)
    assert not isinstance(command, click.Group)

    if arguments:  # else it is but named
        known = [word.replace("smoke.json", "events/sqs_request.json") for word in arguments]
        command.make_context(command.name, known)  # raises a UsageError


@pytest.mark.parametrize(
    "wrong", [["parked", "redrive", "s", "--code", "bad_luck"], ["health"], ["send", "s", "none.json"]]
)
def test_a_command_that_would_not_run_would_be_noticed(wrong: Command) -> None:
    command, arguments = leaf_of(wrong)

    with pytest.raises(click.UsageError):
        command.make_context(command.name, arguments)
