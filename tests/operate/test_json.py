"""Every command prints JSON of the shape that docs/operation.md has, alone on stdout."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from operate.commands import operate
from operate.reports import REPORTS
from tests.leaks.canaries import EMAIL, KEY
from tests.operate.stage import BODY, NAME, Stage


def misfits(value: object, kind: object, path: str = "") -> Iterator[str]:
    """Yield where a JSON value is not what its type says."""
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Literal:
            fits = value in arguments
        case types.UnionType | typing.Union:
            fits = any(not list(misfits(value, one, path)) for one in arguments)
        case origin if origin is list and isinstance(value, list):
            for position, one in enumerate(value):
                yield from misfits(one, arguments[0], f"{path}[{position}]")
            return
        case origin if origin is dict and isinstance(value, dict):
            for name, one in value.items():
                yield from misfits(one, arguments[1], f"{path}.{name}")
            return
        case _ if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, dict):
            hints = typing.get_type_hints(kind)
            fits = value.keys() == hints.keys()
            for name in hints.keys() & value.keys():
                yield from misfits(value[name], hints[name], f"{path}.{name}")
        case _:
            fits = kind is typing.Any or type(value) is kind
    if not fits:
        yield f"{path}: {value!r} is no {kind}"


def prepare(stage: Stage, file: Path) -> dict[str, list[str]]:
    """Let there be something to see; return the arguments of each command."""
    outcome = stage.settle()
    message_id = stage.park()
    stage.log_retry("m-1", seconds_ago=1, wait=60)
    stage.log("outcome", status="created", code="created", source_type="sqs", outcome_id=outcome.id)
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    file.write_text(BODY)
    return {
        "health": [],
        "find": ["--key", KEY.value],
        "tail": ["--no-follow"],
        "send": [str(file), "--unmask"],
        "check": ["--yes"],
        "outputs": [],
        "parked list": [],
        "parked show": [message_id],
        "parked redrive": ["--dry-run"],
        "parked delete": [message_id, "--dry-run"],
        "erase": ["--key", KEY.value, "--person", EMAIL.value, "--vendor", "--any-host", "--despite-queue", "--yes"],
    }


def leaves(group: click.Group, *before: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield " ".join((*before, name))


def test_every_command_has_its_shape() -> None:
    of_bulk = {"bulk send", "bulk status", "bulk collect"}  # docs/bulk.md has their fields
    assert set(leaves(operate)) == REPORTS.keys() | of_bulk


@pytest.mark.parametrize("command", REPORTS)
def test_what_a_command_prints_with_json_has_its_shape(stage: Stage, command: str, tmp_path: Path) -> None:
    arguments = prepare(stage, tmp_path / "request.json")[command]

    told = CliRunner(mix_stderr=False).invoke(
        operate, [*command.split(), NAME, *arguments, "--json"], obj=stage.located
    )

    texts = told.stdout.splitlines() if command == "tail" else [told.stdout]
    assert texts
    assert [misfit for text in texts for misfit in misfits(json.loads(text), REPORTS[command])] == []


@pytest.mark.parametrize("arguments", [["health"], ["health", "s", "--jsn"], ["parked", "list", "s", "--code", "x"]])
def test_the_error_of_a_wrong_call_is_the_last_line_on_stderr_after_the_usage(arguments: list[str]) -> None:
    told = CliRunner(mix_stderr=False).invoke(operate, arguments)

    lines = told.stderr.splitlines()
    assert (told.exit_code, told.stdout) == (2, "")
    assert [line.partition(":")[0] for line in (lines[0], lines[-1])] == ["Usage", "Error"]


def test_an_error_is_a_line_on_stderr_and_stdout_stays_empty(stage: Stage) -> None:
    told = CliRunner(mix_stderr=False).invoke(operate, ["find", NAME, "--json"], obj=stage.located)

    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == "Error: Give one of --key, --reference and --digest.\n"
