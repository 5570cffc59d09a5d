"""Each command prints JSON of the shape that docs/operation.md has, alone on stdout; docs/bulk.md has those of bulk."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter

from operate.commands import operate
from operate.reports import REPORTS
from tests.docs.documents import DOCS, rows, sections
from tests.leaks.canaries import EMAIL, KEY
from tests.operate.bulk_files import JOB, write
from tests.operate.stage import BODY, NAME, Stage
from tests.operate.test_help import commands


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


def test_every_command_has_its_shape() -> None:
    of_bulk = {"bulk send", "bulk status", "bulk collect"}  # docs/bulk.md has their fields
    groups = {"", "parked", "bulk"}
    assert {" ".join(names) for names in commands(operate)} == REPORTS.keys() | of_bulk | groups


@pytest.mark.parametrize("command", REPORTS)
def test_what_a_command_prints_with_json_has_its_shape(stage: Stage, command: str, tmp_path: Path) -> None:
    arguments = prepare(stage, tmp_path / "request.json")[command]

    told = CliRunner(mix_stderr=False).invoke(
        operate, [*command.split(), NAME, *arguments, "--json"], obj=stage.located
    )

    texts = told.stdout.splitlines() if command == "tail" else [told.stdout]
    assert texts
    adapter = TypeAdapter[Any](REPORTS[command])
    for text in texts:  # neither a field too many nor one too few
        assert adapter.dump_python(adapter.validate_json(text, strict=True)) == json.loads(text)


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


def documented() -> dict[str, set[str]]:
    """Return the fields by command."""
    table = rows(sections((DOCS / "bulk.md").read_text())["For scripts"])
    fields = {commands: set(re.findall(r"`(\w+)`", named)) for commands, named in table}
    return {command: named for commands, named in fields.items() for command in re.findall(r"`(\w+)`", commands)}


def names_in(value: object) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(names_in, value.values()))
        case list():
            return set[str]().union(*map(names_in, value))
        case _:
            return set()


def test_the_page_of_bulk_names_every_field_and_no_other(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "contacts.csv", 1)
    file.write_text(f"{file.read_text()}ACME\n")
    options = {"send": [], "status": [], "collect": ["--output", str(tmp_path / "links.csv")]}

    printed = {
        command: names_in(json.loads(stage.run("bulk", command, NAME, str(file), *JOB, "--json", *more).output))
        for command, more in options.items()
    }

    assert printed == documented()
