"""What was measured, when and on what, in the file that `make bench` keeps: docs/benchmarks/figures.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Bars, Figure, Lines, Measurement, Row, Spread

DIGITS = 5  # of a number that are kept


@dataclass(frozen=True)
class Conditions:
    """What a measurement was made with."""

    date: str
    python: str
    processor: str
    packages: Mapping[str, str]  # versions by name


@dataclass(frozen=True)
class Result:
    """A measurement and its conditions."""

    measurement: Measurement
    conditions: Conditions


def read(file: Path) -> dict[str, Result]:
    """Return the results of a file by their names; none if there is no file."""
    if not file.exists():
        return {}
    return {name: _result(name, content) for name, content in json.loads(file.read_text()).items()}


def write(file: Path, results: Mapping[str, Result]) -> None:
    """Write results, in their order."""
    content = {name: _content(result) for name, result in results.items()}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def chart_files(measurement: Measurement) -> list[str]:
    """Return the names of the files of a measurement's charts."""
    return [f"{measurement.name}-{number}.svg" for number, _ in enumerate(measurement.charts, 1)]


def _content(result: Result) -> dict[str, Any]:
    content = asdict(result.measurement) | {"conditions": asdict(result.conditions)}
    del content["name"]
    for of_figure, figure in zip(content["figures"], result.measurement.figures, strict=True):
        of_figure["reached"] = figure.reached
    rounded: dict[str, Any] = _rounded(content)
    return rounded


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value


def _result(name: str, content: Mapping[str, Any]) -> Result:
    measurement = Measurement(
        name=name,
        title=content["title"],
        rows=[Row(row["what"], row["unit"], Spread(**row["spread"])) for row in content["rows"]],
        figures=[Figure(one["name"], one["limit"], one["value"], one["unit"]) for one in content["figures"]],
        charts=[_chart(chart) for chart in content["charts"]],
        notes=content["notes"],
    )
    return Result(measurement, Conditions(**content["conditions"]))


def _chart(content: Mapping[str, Any]) -> Bars | Lines:
    if "bars" in content:
        return Bars(content["title"], content["unit"], {name: Spread(**bar) for name, bar in content["bars"].items()})
    lines = {name: [(x, y) for x, y in points] for name, points in content["lines"].items()}
    return Lines(**{**content, "lines": lines})
