"""docs/bulk.md names every field of the JSON that the bulk commands print."""

import json
import re
from pathlib import Path
from typing import Any

from tests.docs.documents import DOCS, rows, sections
from tests.operate.bulk_files import JOB, write
from tests.operate.stage import NAME, Stage


def documented() -> dict[str, set[str]]:
    """Return the fields by command."""
    table = rows(sections((DOCS / "bulk.md").read_text())["For scripts"])
    fields = {commands: set(re.findall(r"`(\w+)`", named)) for commands, named in table}
    return {command: named for commands, named in fields.items() for command in re.findall(r"`(\w+)`", commands)}


def names_in(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(names_in, value.values()))
        case list():
            return set[str]().union(*map(names_in, value))
        case _:
            return set()


def test_the_page_names_every_field_and_no_other(stage: Stage, tmp_path: Path) -> None:
    file = write(tmp_path / "contacts.csv", 1)
    file.write_text(f"{file.read_text()}ACME\n")
    options = {"send": [], "status": [], "collect": ["--output", str(tmp_path / "links.csv")]}

    printed = {
        command: names_in(json.loads(stage.run("bulk", command, NAME, str(file), *JOB, "--json", *more).output))
        for command, more in options.items()
    }

    assert printed == documented()
