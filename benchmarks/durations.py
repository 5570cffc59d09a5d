"""How long an invocation is billed for: what was measured on this machine, brought to a function's share of a CPU."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Self

from sandbox.template import REPOSITORY

FIGURES = REPOSITORY / "docs" / "benchmarks" / "figures.json"
WHOLE_CPU = 1769  # MB of memory at which Lambda gives a function one vCPU; below that a proportional share
VENDOR = 200.0  # ms in which CustomerGauge answers: an assumption, and that of benchmarks.batches
WRITE = 5.0  # ms of a DynamoDB write: an assumption
SEND = 10.0  # ms of a call of SQS: an assumption
STATE = 10.0  # ms that Step Functions takes for a state: an assumption
TLS = 50.0  # ms of a new TLS connection: an assumption
MEASURED_LATENCY = 200.0  # ms, the vendor's in benchmarks.batches


@dataclass(frozen=True)
class Durations:
    """Milliseconds of one whole CPU that the connector takes, apart from waiting."""

    invocation: float  # for each invocation
    message: float  # for each of its messages
    source: str

    @classmethod
    def measured(cls, figures: Path = FIGURES) -> Self:
        """Return what the last `make bench` found; without one, what it found on 2026-11-24."""
        medians = dict(_medians(json.loads(figures.read_text()))) if figures.exists() else {}
        try:
            one, ten = medians["batch of 1"], medians["batch of 10"]
        except KeyError:
            return cls(4.0, 2.5, "benchmarks.batches on 2026-11-24")
        message = max(0.0, (ten - one) / 9)
        invocation = max(0.0, one - MEASURED_LATENCY - message)
        return cls(invocation, message, "benchmarks.batches, docs/benchmarks/figures.json")

    def billed(self, messages: int, memory: int) -> int:
        """Return the milliseconds of an invocation: its messages wait together, but share the CPU."""
        waiting = VENDOR + 2 * WRITE + SEND
        computing = self.invocation + messages * self.message
        return ceil(waiting + computing * max(1.0, WHOLE_CPU / memory))


def express(states: int, calls: float) -> int:
    """Return the milliseconds of an Express workflow, which is billed by the tenth of a second."""
    return ceil((calls + states * STATE) / 100) * 100


def _medians(content: Any) -> Iterator[tuple[str, float]]:
    """Yield name and median of every row, however the file is laid out."""
    match content:
        case {"what": str(what), "spread": {"median": int() | float() as median}}:
            yield what, float(median)
        case dict():
            for one in content.values():
                yield from _medians(one)
        case list():
            for one in content:
                yield from _medians(one)
