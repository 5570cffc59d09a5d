"""What something costs, line by line: how much of what, at which price of benchmarks/prices.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, fsum
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.toml")
MILLION = 1_000_000
CHUNK = 64 * 1024  # bytes that SQS and EventBridge count as one request


@dataclass(frozen=True)
class Price:
    """A list price, and where and when it was read."""

    what: str
    dollars: float
    per: int
    unit: str  # what `per` counts
    page: str  # AWS's own
    read_at: str  # the page whose text has the number, or "from memory, not seen"
    seen: date

    def of(self, quantity: float) -> float:
        """Return dollars for so many units."""
        return quantity * self.dollars / self.per


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    what: str
    arithmetic: str  # where the quantity comes from
    quantity: float  # for the bill's whole million, or month
    price: Price

    @property
    def dollars(self) -> float:
        """Return what the line costs."""
        return self.price.of(self.quantity)


@dataclass(frozen=True)
class Bill:
    """What a million requests that end in a link cost in one way, or a month."""

    name: str
    lines: Sequence[Line]
    remark: str = ""  # what it does, and does not do

    @property
    def dollars(self) -> float:
        """Return the sum of its lines."""
        return fsum(line.dollars for line in self.lines)


def read_prices(path: Path = PRICES) -> Mapping[str, Price]:
    """Return the price list."""
    entries: Mapping[str, Mapping[str, Any]] = tomllib.loads(path.read_text())
    return {name: Price(**entry) for name, entry in entries.items()}


def chunks(size: float) -> int:
    """Return as how many requests a payload of so many bytes is billed."""
    return max(1, ceil(size / CHUNK))


def per_request(what: str, arithmetic: str, each: float, price: Price) -> Line:
    """Return the line for a million requests of which each needs so much."""
    return Line(what, arithmetic, each * MILLION, price)
