"""The operator's commands that documents name exist, with their options; each that exists is named in the README."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from operate.commands import operate
from sandbox.template import REPOSITORY

DOCUMENTS = [
    *REPOSITORY.glob("*.md"),
    *REPOSITORY.glob("docs/**/*.md"),
    *REPOSITORY.glob("docs/*.yaml"),
    REPOSITORY / "template.yaml",
]
LINE = re.compile(r"""make operate ARGS=(?:"([^"]*)"|([\w-]+))|python -m operate\b([^`\n"#]*)""")


def named(text: str) -> list[list[str]]:
    """Return the arguments of every command line of the operator's in a text."""
    return [shlex.split("".join(found)) for found in LINE.findall(text)]


def problem(arguments: list[str]) -> str | None:
    """Return what in a command line does not exist."""
    command: click.Command = operate
    for argument in arguments:
        if argument.startswith("-") and argument != "-":
            options = {name for one in command.params for name in one.opts} | {"--help"}
            if argument.partition("=")[0] not in options:
                return argument
        elif isinstance(command, click.Group):
            if argument not in command.commands:
                return argument
            command = command.commands[argument]
    return None


def every_command(group: click.Group, *names: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, *names, name)
        else:
            yield " ".join((*names, name))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_command_and_option_that_a_document_names_exists(document: Path) -> None:
    assert [one for one in named(document.read_text()) if problem(one) is not None] == []


def test_every_command_is_named_in_the_readme() -> None:
    told = {" ".join(one) for one in named((REPOSITORY / "README.md").read_text())}

    assert [name for name in every_command(operate) if not any(line.startswith(name) for line in told)] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('make operate ARGS="heal personal-link"', "heal"),
        ('make operate ARGS="parked redrive personal-link --fast"', "--fast"),
        ("`python -m operate parked drop personal-link`", "drop"),
        ("`python -m operate --verbose health personal-link`", "--verbose"),
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(text: str, wrong: str) -> None:
    [arguments] = named(text)

    assert problem(arguments) == wrong


def test_the_line_that_make_local_prints_is_a_command() -> None:
    printed = (REPOSITORY / "sandbox" / "local.py").read_text()

    assert [problem(one) for one in named(printed)] == [None]
