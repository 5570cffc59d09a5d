"""The table of faults beside this file is complete, and what it names exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE.with_name("customergauge")
OF_THE_TABLE: Final = ("test_certificates.py", "test_connections.py")
ROOT: Final = HERE.parent.parent
STATES: Final = {"held", "differs", "open"}


class Row(NamedTuple):
    number: int
    fault: str
    behaviour: str
    state: str
    tests: list[str]
    note: str


def rows() -> list[Row]:
    found = []
    for line in (HERE / "matrix.md").read_text().splitlines():
        if re.match(r"\| *\d", line):
            number, fault, behaviour, state, tests, note = (cell.strip() for cell in line.strip("|").split("|"))
            names = [name.strip("` ") for name in tests.split("<br>") if name.strip("` ")]
            found.append(Row(int(number), fault, behaviour, state, names, note))
    return found


@cache
def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_fault_from_1_to_77_has_one_row() -> None:
    assert [row.number for row in rows()] == list(range(1, 78))


def test_every_row_says_what_the_fault_is_what_becomes_of_it_and_how_that_is_known() -> None:
    assert [row.number for row in rows() if not (row.fault and row.behaviour and row.tests)] == []


def test_every_test_that_a_row_names_exists() -> None:
    missing = []
    for row in rows():
        for name in row.tests:
            path, _, function = name.partition("::")
            file = ROOT / path
            if not file.is_file() or function.partition("[")[0] not in functions(file):
                missing.append(name)

    assert missing == []


def test_every_named_function_is_one_that_pytest_runs() -> None:
    named = [name for row in rows() for name in row.tests]

    assert [name for name in named if not re.search(r"/test_\w+\.py::test_", name)] == []


def test_a_row_that_is_not_simply_held_says_why() -> None:
    assert {row.state for row in rows()} <= STATES
    assert [row.number for row in rows() if row.state != "held" and not row.note] == []


def test_no_row_is_open() -> None:
    assert [row.number for row in rows() if row.state == "open"] == []


def test_every_test_of_a_fault_stands_in_the_table() -> None:
    named = {name.partition("[")[0] for row in rows() for name in row.tests}
    ours = {
        f"{path.relative_to(ROOT)}::{function}"
        for path in (*HERE.glob("test_*.py"), *(VENDOR / name for name in OF_THE_TABLE))
        if path != Path(__file__)
        for function in functions(path)
        if function.startswith("test_")
    }

    assert sorted(ours - named) == []
