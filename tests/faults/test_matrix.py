"""The table of faults beside this file is complete, and the tests that it names exist."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
TESTS: Final = HERE.parent
OF_THE_TABLE: Final = (
    *(path for path in HERE.glob("test_*.py") if path != Path(__file__)),
    *(TESTS / "customergauge" / f"test_{name}.py" for name in ("certificates", "connections")),
)


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
            found.append(Row(int(number), fault, behaviour, state, re.findall(r"`(\w+)", tests), note))
    return found


@cache
def names_in(path: Path) -> set[str]:
    names = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def test_every_fault_from_1_to_77_has_one_row_with_its_behaviour_and_its_tests() -> None:
    assert [row.number for row in rows()] == list(range(1, 78))
    assert [row.number for row in rows() if not (row.fault and row.behaviour and row.tests)] == []


def test_every_row_is_held_or_has_a_note_why_it_differs() -> None:
    assert {row.state for row in rows()} <= {"held", "differs"}
    assert [row.number for row in rows() if row.state == "differs" and not row.note] == []


def test_every_test_that_a_row_names_exists() -> None:
    there = set().union(*map(names_in, TESTS.rglob("test_*.py")))

    assert [f"{row.number}: {name}" for row in rows() for name in row.tests if name not in there] == []


def test_every_test_of_a_fault_is_named_in_the_table() -> None:
    named = {name for row in rows() for name in row.tests}

    assert [name for path in OF_THE_TABLE for name in names_in(path) if name not in named] == []
