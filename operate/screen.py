"""What the commands show: tables and lines, of text that is safe in a terminal."""

import sys

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDE = 160  # columns, where no terminal says how wide it is: in a pipe nothing is cut off


def screen() -> Console:
    """Return where the answer goes: stdout as it is now."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, soft_wrap=True)


def table(*columns: str) -> Table:
    """Return an empty table; what is a number stands on the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return made


def progress() -> Progress:
    """Return a bar on stderr, which a pipe does not see."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
