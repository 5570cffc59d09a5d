"""The page of results, docs/benchmarks/README.md: all of it from what figures.json holds."""

from collections.abc import Iterator, Mapping

from benchmarks.figures import Figure, Row
from benchmarks.results import Conditions, Result, chart_files

HEAD = """\
# Benchmarks
`make bench` measured all of this and wrote this page. What is compared was measured in turns, in one run; numbers are
medians, with the quartiles beside them. [figures.json](figures.json) has them all.
"""


def page(results: Mapping[str, Result]) -> str:
    """Return the page, in Markdown."""
    figures = [figure for result in results.values() for figure in result.measurement.figures]
    sections = ["\n".join(_section(result)) for result in results.values()]
    return "\n".join([HEAD, *_figures(figures), *sections])


def _figures(figures: list[Figure]) -> Iterator[str]:
    yield "| figure | goal | measured | |"
    yield "| --- | --: | --: | --- |"
    for one in figures:
        verdict = "reached" if one.reached else "**not reached**"
        limit, value = (f"{written} {one.unit}".strip() for written in (number(one.limit), number(one.value, 3)))
        yield f"| {one.name} | ≤ {limit} | {value} | {verdict} |"
    yield ""


def _section(result: Result) -> Iterator[str]:
    measurement = result.measurement
    yield f"## {measurement.title}"
    yield from (
        f"![{chart.title}]({file})" for chart, file in zip(measurement.charts, chart_files(measurement), strict=True)
    )
    yield ""
    yield "| | median | quartiles | samples |"
    yield "| --- | --: | --: | --: |"
    yield from map(_row, measurement.rows)
    yield ""
    yield from (f"- {note}" for note in (*measurement.notes, _of(result.conditions)))
    yield ""


def _row(row: Row) -> str:
    spread = row.spread
    quartiles = f"{number(spread.low)} to {number(spread.high)}" if spread.count > 1 else ""
    median = f"{number(spread.median)} {row.unit}".strip()
    return f"| {row.what} | {median} | {quartiles} | {spread.count} |"


def _of(conditions: Conditions) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in conditions.packages.items())
    return f"Measured on {conditions.date} with Python {conditions.python}, {packages}; {conditions.processor}."


def number(value: float, decimals: int = 2) -> str:
    """Return a number with as many decimals as tell something."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{decimals if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"
