"""Tables, lines and progress bars in the terminal."""

import sys

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDE = 160  # columns in a pipe, so that nothing is cut off


def screen() -> Console:
    """Return a console on the current stdout."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, soft_wrap=True)


def table(*columns: str) -> Table:
    """Return an empty table; a `>` before a column's name aligns it to the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return made


def progress() -> Progress:
    """Return a progress bar on stderr, which does not get into a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
