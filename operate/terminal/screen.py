"""What all screens have in common: width and colour, the verdict, tables, times, JSON, and the progress bar."""

import json
import os
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from operate.terminal.failures import WrongCall

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WIDE: Final = 160  # columns in a pipe, so that nothing is cut off
INDENT: Final = "  "
SHORT: Final = {"retry scheduled": "retry"}  # of events


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person."""

    what: str
    do: str  # a command, or a page


def screen() -> Console:
    """Return a console on the current stdout; rich honours NO_COLOR and FORCE_COLOR."""
    is_sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_sized else WIDE, highlight=False, markup=False)


def ask(question: str, option: str, *, err: bool = False) -> None:
    """Ask yes or no. Raises Abort for a no, WrongCall if nobody can answer; `option` answers in scripts."""
    try:
        agreed = click.confirm(question, err=err)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=err)
        raise WrongCall(f"Nobody answers here: give {option}.") from None
    if not agreed:
        raise click.Abort


def print_json(report: "DataclassInstance") -> None:
    """Print a report as JSON, in ASCII, which cannot move a cursor."""
    click.echo(json.dumps(asdict(report), indent=2))


def print_verdict(out: Console, verdict: str, colour: str, about: str, needs: Sequence[Need] = ()) -> None:
    """Print the verdict, then what needs a person."""
    out.print(Text(verdict, style=f"bold {colour}").append(f"{INDENT}{about}", style="not bold default"))
    for need in needs:
        out.print()
        out.print(Text("! ", style="red").append(need.what, style="default"))
        print_line(out, f"{INDENT}{need.do}")
    out.print()


def count_of_needs(count: int) -> str:
    """Return how many things need a person, as a verdict."""
    return f"{count} things need you" if count > 1 else "1 thing needs you"


def print_line(out: Console, line: str) -> None:
    """Print a line that is copied, such as a command: it is never wrapped."""
    out.print(Text(line), soft_wrap=True)


def print_indented(out: Console, text: str) -> None:
    """Print an indented text."""
    for line in textwrap.wrap(text, max(20, out.width - len(INDENT))):
        out.print(Text(f"{INDENT}{line}"))


def table(*columns: str) -> Table:
    """Return an empty table; a `>` before a column's name aligns it to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return made


def facts(out: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    column = max(len(name) for name, _value in rows) + len(INDENT)
    for name, value in rows:
        room = max(20, out.width - column)
        # What is copied, such as a digest, stays in one piece.
        lines = textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False) or [""]
        for start, line in zip((name, *[""] * len(lines)), lines, strict=False):
            out.print(Text(start.ljust(column), style="dim").append(line, style="not dim"), soft_wrap=True)


def when(seconds: float) -> str:
    """Return a time with its date: 2026-11-27 00:41:07 UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def now() -> float:
    """Return the time, in epoch seconds."""
    return time.time()


def progress() -> Progress:
    """Return a progress bar on stderr, which does not get into a pipe."""
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
