"""Rows of figures, and docs/benchmarks/figures.json, which keeps them."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

DIGITS = 4  # significant digits that are kept


@dataclass(frozen=True)
class Row:
    """The median and quartiles of some samples; `goal` is the highest median that is good enough."""

    what: str
    unit: str
    median: float
    low: float
    high: float
    samples: int
    goal: float | None = None

    @classmethod
    def of(cls, what: str, unit: str, samples: Sequence[float], goal: float | None = None) -> Self:
        """Return the row of at least one sample."""
        quartiles = statistics.quantiles(samples, n=4, method="inclusive")
        low, median, high = (float(f"{value:.{DIGITS}g}") for value in quartiles)
        return cls(what, unit, median, low, high, len(samples), goal)

    @property
    def is_reached(self) -> bool:
        """Return whether there is no goal, or the median reaches it."""
        return self.goal is None or self.median <= self.goal


@dataclass(frozen=True)
class Result:
    """The rows of one measurement, and when and with what they were measured."""

    measured: str
    rows: Sequence[Row]


def read(file: Path) -> dict[str, Result]:
    """Return the results in a file by the measurement's name; none if there is no file."""
    content = json.loads(file.read_text()) if file.exists() else {}
    return {name: Result(one["measured"], [Row(**row) for row in one["rows"]]) for name, one in content.items()}


def write(file: Path, results: Mapping[str, Result]) -> None:
    """Write the results, one row on a line."""
    written = []
    for name, result in results.items():
        rows = ",\n    ".join(json.dumps(asdict(row), ensure_ascii=False) for row in result.rows)
        written.append(
            f'  "{name}": {{\n   "measured": {json.dumps(result.measured)},\n   "rows": [\n    {rows}\n  ]}}'
        )
    file.write_text("{\n" + ",\n".join(written) + "\n}\n")
