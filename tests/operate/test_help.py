"""The help teaches: every command says what it does and shows a line that works."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from operate import VERSION
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


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(operate, ["--version"]).output == f"operate {VERSION}\n"


def test_a_code_that_there_is_not_is_told_with_the_codes_in_one_line() -> None:
    refused = CliRunner().invoke(operate, ["parked", "list", "s", "--code", "unavailible"])

    assert refused.exit_code == 2
    assert refused.output.splitlines()[-1].startswith(
        "Error: Invalid value for '--code': there is no such code. Did you mean unavailable? Codes: invalid_request, "
    )


def test_a_shell_completes_commands_and_codes() -> None:
    def completed(words: str, position: int) -> list[str]:
        asked = {"_OPERATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        shown = CliRunner(env=asked).invoke(operate, prog_name="operate", complete_var="_OPERATE_COMPLETE")
        return [line.partition(",")[2] for line in shown.output.splitlines()]

    assert completed("operate pa", 1) == ["parked"]
    assert completed("operate parked list s --code un", 5) == ["unsupported_media_type", "unavailable"]


@pytest.mark.parametrize("names", EVERY_COMMAND)
def test_a_commands_help_explains_every_option_and_ends_with_an_example_that_it_understands(
    names: tuple[str, ...],
) -> None:
    shown = CliRunner().invoke(operate, [*names, "--help"])
    command: click.Command = operate
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]

    assert "..." not in shown.output.partition("Commands:")[2]  # whole sentences
    assert command.help
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []
    [example] = re.findall(r"Example: operate (.*)\Z", shown.output, re.DOTALL)
    arguments = shlex.split(example)
    assert shown.exit_code == 0
    assert arguments[: len(names)] == list(names) or not names
    assert CliRunner().invoke(operate, [*arguments, "--help"]).exit_code == 0
