"""What a measurement says: its rows, the figures that are held against a goal, and its chart."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Spread:
    """The median of some samples with their quartiles, and how many there were."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """Return the spread of at least two samples."""
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, low, high, len(samples))

    @classmethod
    def exactly(cls, value: float) -> Self:
        """Return what was counted, or measured once."""
        return cls(value, value, value, 1)


@dataclass(frozen=True)
class Row:
    """One thing that was measured."""

    what: str
    unit: str
    spread: Spread


@dataclass(frozen=True)
class Figure:
    """A number that has to stay at or below a limit."""

    name: str  # as the README's table says it: "init, http_api / floor"
    limit: float
    value: float
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Return whether the goal is reached."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Bars:
    """A bar chart of spreads, one bar a row."""

    title: str
    unit: str
    bars: Mapping[str, Spread]


@dataclass(frozen=True)
class Lines:
    """A chart of points that are joined, one line a name; both axes may be logarithmic."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    logarithmic: bool = False


@dataclass(frozen=True)
class Measurement:
    """What one module of this package found out; `name` is that module's, and its files' in docs/benchmarks."""

    name: str
    title: str
    rows: Sequence[Row]
    figures: Sequence[Figure] = ()
    charts: Sequence[Bars | Lines] = ()
    notes: Sequence[str] = ()  # what has to be known to read it honestly
