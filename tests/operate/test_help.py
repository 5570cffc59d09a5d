"""The help teaches: every command says what it does and shows a line that works."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from operate.commands import operate


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the names of every command, groups included."""
    yield names
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


EVERY_COMMAND = [pytest.param(names, id=" ".join(names) or "operate") for names in commands(operate)]


def test_the_commands_are_these() -> None:
    assert {" ".join(names) for names in commands(operate)} == {
        "",
        "bulk",
        "bulk collect",
        "bulk send",
        "bulk status",
        "check",
        "health",
        "parked",
        "parked list",
        "parked redrive",
        "parked show",
        "send",
    }


@pytest.mark.parametrize("names", EVERY_COMMAND)
def test_a_commands_help_ends_with_an_example_that_it_understands(names: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(operate, [*names, "--help"])

    [example] = re.findall(r"Example: python -m operate (.*)\Z", shown.output, re.DOTALL)
    arguments = shlex.split(example)
    assert shown.exit_code == 0
    assert arguments[: len(names)] == list(names) or not names
    assert CliRunner().invoke(operate, [*arguments, "--help"]).exit_code == 0


@pytest.mark.parametrize("names", EVERY_COMMAND)
def test_every_option_is_explained(names: tuple[str, ...]) -> None:
    command: click.Command = operate
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]

    assert command.help
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []
