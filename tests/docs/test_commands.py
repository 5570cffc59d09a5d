"""Every command on a page exists and takes its arguments; deploy lines pass the parameters that they show."""

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from botocore import xform_name
from botocore.session import Session
from samcli.commands.deploy.command import cli as sam_deploy
from samcli.yamlhelper import yaml_parse

from installer.parameters import assignments, problems
from operate.commands import operate
from sandbox import REPOSITORY
from sandbox.template import source_template
from tests.docs.documents import DOCS, PAGES, commands, fenced, marked, name_of

Command = list[str]
OF_THE_CLI = {
    ("cloudformation", "deploy"): {"--capabilities", "--parameter-overrides", "--stack-name", "--template-file"},
    ("cloudformation", "wait"): {"--stack-name"},
    ("s3", "cp"): {"--metadata"},
}  # no call
OF_ANY_CALL = {"--cli-binary-format", "--query", "--output", "--region", "--profile", "--endpoint-url"}


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("__SAM_CLI_APP_DIR", str(tmp_path))  # not the user's


@cache
def every_command() -> list[Command]:
    """Return the commands of all pages and of the example of a pipeline."""
    text = (DOCS / "pipeline.yaml").read_text()
    pipeline = re.findall(r"^ +(?:- run: )?((?:\.venv/bin/|make |sam ).+?)(?:  #.*)?$", text, re.MULTILINE)
    texts = [*(page.read_text() for page in PAGES), "```sh\n" + "\n".join(pipeline) + "\n```"]
    return [command for text in texts for command in commands(text)]


def those_of(*program: str) -> Iterator[Command]:
    for command in every_command():
        if [command[0].removeprefix(".venv/bin/"), *command[1 : len(program)]] == list(program):
            yield command[len(program) :]


def test_every_make_target_that_a_page_uses_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))

    assert {"test", "demo", "operate"} <= {command[0] for command in those_of("make")} <= targets


@pytest.mark.parametrize("command", list(those_of("aws")), ids=" ".join)
def test_every_aws_command_that_a_page_uses_exists_with_its_options(command: Command) -> None:
    service, operation, *rest = command
    given = {word.split("=")[0] for word in rest if word.startswith("--")}
    if (service, operation) in OF_THE_CLI:
        assert given <= OF_THE_CLI[service, operation]
        return
    model = Session().get_service_model(service)
    names = {xform_name(name).replace("_", "-"): name for name in model.operation_names}
    assert operation in names

    shape: Any = model.operation_model(names[operation]).input_shape
    options = {f"--{xform_name(member).replace('_', '-')}" for member in (shape.members if shape else ())}
    assert given <= options | OF_ANY_CALL


def test_every_file_that_a_command_on_a_page_reads_exists() -> None:
    words = [word for command in every_command() for word in command if "events/" in word]
    read = [word.removeprefix("file://").removeprefix("EVENT=").split()[-1] for word in words]

    assert len(read) >= 4
    assert [path for path in read if not (REPOSITORY / path).exists()] == []


# operate


def leaf_of(words: Command) -> tuple[click.Command, Command]:
    """Return the command that words lead to, and what is left of them: its arguments."""
    command: click.Command = operate
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


def operators() -> Iterator[Command]:
    yield from those_of("operate")
    yield from those_of("python", "-m", "operate")
    for command in those_of("make", "operate"):
        if command and command[0] != "ARGS=--help":
            yield command[0].removeprefix("ARGS=").split()


@pytest.mark.parametrize("words", list(operators()), ids=" ".join)
def test_every_operate_command_on_a_page_accepts_its_arguments(words: Command) -> None:
    command, arguments = leaf_of(words)
    assert bool(arguments) <= (not isinstance(command, click.Group))

    if arguments:  # else it is but named
        known = [word.replace("smoke.json", "events/sqs_request.json") for word in arguments]
        command.make_context(command.name, known)  # raises a UsageError


# Parameters: what SAM gets of a line is what its reader takes it for

Parameters = dict[str, str]
OPTION = "--parameter-overrides"


def lines() -> list[tuple[str, str]]:
    """Return each command, or piece of one, that gives parameters, with where it stands."""
    pieces = [(page, piece) for page in PAGES for piece in [*fenced(page.read_text(), "sh"), *marked(page.read_text())]]
    pieces += [(file, file.read_text().replace("run: ", "\n").replace("#", "\n")) for file in DOCS.glob("**/*.yaml")]
    written = [(name_of(file), line) for file, piece in pieces for line in piece.replace("\\\n", " ").splitlines()]
    return [(where, line.split("&&")[-1].strip()) for where, line in written if f"{OPTION} " in line]


def sam_gets(*arguments: str) -> Parameters:
    """Return the parameters that `sam deploy` gets from its arguments and samconfig.toml."""
    given: Parameters = sam_deploy.make_context("deploy", list(arguments)).params["parameter_overrides"]
    return given


@pytest.mark.parametrize(("where", "line"), lines())
def test_sam_reads_the_parameters_of_every_deploy_line_and_the_template_has_them(where: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    overrides = [*itertools.takewhile(lambda word: not word.startswith("--"), words[words.index(OPTION) + 1 :])]
    written = {name: value.strip('"') for name, value in (word.split("=", 1) for word in overrides)}
    named = re.search(r"--template-file (\S+)", line)
    template = yaml_parse((REPOSITORY / (named[1] if named else "template.yaml")).read_text())

    assert written.keys() <= template["Parameters"].keys(), where
    assert words[0] == "aws" or sam_gets(OPTION, *overrides) == written  # SAM cuts a value at a blank


def given_to_make_deploy() -> list[str]:
    commands = (command for command in those_of("make", "deploy") if command)
    return [word for command in commands for word in shlex.split(command[0].partition("=")[2])]


def test_every_parameter_that_a_page_gives_to_make_deploy_is_valid() -> None:
    given = given_to_make_deploy()
    parameters = [word for word in given if not word.startswith("--") and "=" in word]

    assert parameters
    assert [one for word in parameters for one in problems(assignments([word]), source_template()["Parameters"])] == []


def test_the_deploy_line_for_an_own_event_listens_to_both_detail_types() -> None:
    assert "EventDetailType=Personal Link Requested,Visit Ended" in given_to_make_deploy()


def test_every_environment_that_a_page_deploys_is_in_samconfig() -> None:
    stages = {line[line.index("--config-env") + 1] for line in those_of("sam", "deploy") if "--config-env" in line}

    assert {"staging", "prod"} <= stages <= tomllib.loads((REPOSITORY / "samconfig.toml").read_text()).keys()
