"""The page docs/benchmarks/README.md: figures.json, the notes of each measurement, and the cost."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from benchmarks import cost
from benchmarks.figures import Result, Row

HEAD = """\
# Benchmarks
`make bench` measures all of this and writes this page. Everything that is compared is measured in turns, in one run.
Numbers are medians, with the quartiles beside them; [figures.json](figures.json) has the same.
"""
CHARTS = {"start": "start.svg", "goodput": "goodput.svg"}


def page(results: Mapping[str, Result]) -> str:
    """Return the page, in Markdown."""
    rows = [row for result in results.values() for row in result.rows]
    sections = ["\n".join(_section(name, result)) for name, result in results.items()]
    measured = sorted({f"Measured {result.measured}.\n" for result in results.values()})  # one, of a whole run
    return "\n".join([HEAD, *measured, *_goals(rows), *sections, *cost.section(rows)])


def _goals(rows: list[Row]) -> Iterator[str]:
    yield "| figure | goal | measured | |"
    yield "| --- | --: | --: | --- |"
    for row in rows:
        if row.goal is not None:
            verdict = "reached" if row.is_reached else "**not reached**"
            yield f"| {row.what} | ≤ {number(row.goal)} | {number(row.median, 3)} | {verdict} |"
    yield ""


def _section(name: str, result: Result) -> Iterator[str]:
    measurement = import_module(f"benchmarks.{name}")
    yield f"## {measurement.TITLE}"
    if name in CHARTS:
        yield f"![{measurement.TITLE}]({CHARTS[name]})\n"
    yield "| | median | quartiles | samples |"
    yield "| --- | --: | --: | --: |"
    yield from (_row(row) for row in result.rows if row.goal is None or row.samples > 1)  # else it is above, whole
    yield ""
    if measurement.NOTES:
        yield from (f"- {note}" for note in measurement.NOTES)
        yield ""


def _row(row: Row) -> str:
    quartiles = f"{number(row.low)} to {number(row.high)}" if row.samples > 1 else ""
    return f"| {row.what} | {number(row.median)} {row.unit} | {quartiles} | {row.samples} |".replace("  |", " |")


def number(value: float, decimals: int = 2) -> str:
    """Return a number with as many decimals as are significant."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{decimals if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"
