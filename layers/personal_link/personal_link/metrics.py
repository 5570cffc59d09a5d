"""Metrics, as log lines in CloudWatch's embedded metric format, written at the end of each invocation.

A dimension is a code, a source or an HTTP status, never a caller's text: that could be personal data, and each new
value of a dimension is one more metric to pay for.
"""

import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

Dimensions = tuple[tuple[str, str], ...]  # without the stack
Kept = dict[str, Any]  # a unit and its values

NAMESPACE: Final = "PersonalLink"
WITHHELD: Final = "withheld"
MOST_VALUES: Final = 100  # of a metric in one line, a limit of CloudWatch's format

_json: Final = json.JSONEncoder(separators=(",", ":")).encode
_WORD: Final = re.compile("[a-z0-9_]{1,40}")  # the codes, the sources, an HTTP status


class Metric(StrEnum):
    """All metrics. Each has the dimension `Stack`, and is counted again by each of its other dimensions."""

    OUTCOMES = "Outcomes"  # by Code and Source: requests whose result was sent
    UNKNOWN_OUTCOMES = "UnknownOutcomes"  # results whose link is lost
    REPLAYS = "Replays"  # results from the ledger
    ATTEMPTS = "Attempts"  # per outcome
    TRIED_AGAIN = "TriedAgain"  # by Code: retries of messages
    RETRY_AGE = "RetryAge"  # seconds since a retried message was sent
    PARKED = "Parked"  # by Code: messages sent to the parked queue
    REFUSED = "Refused"  # by Code: calls that ended with an error and without an outcome
    SETUP_FAULTS = "SetupFaults"  # attempts that failed on credentials or on the client's rights
    VENDOR_LATENCY = "VendorLatency"  # milliseconds of a vendor call for a link, answered or not
    VENDOR_ANSWERS = "VendorAnswers"  # by Status: the HTTP status, or `none`
    FETCHES = "TokenFetches"  # requests to the vendor's token server
    CIRCUIT_OPENS = "CircuitOpens"  # openings of the circuit breaker
    BUGS = "Bugs"  # unexpected errors


class Metrics:
    """Collect metrics until they are written. Safe for threads."""

    def __init__(self) -> None:
        self.stack = ""  # without a name nothing is collected
        self._lock = threading.Lock()
        self._kept: dict[Dimensions, dict[str, Kept]] = {}
        self._format = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)

    def add(self, metric: Metric, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
        """Add a value of a metric, for the stack and for each of the dimensions."""
        if not self.stack:
            return
        known = tuple((name, text if _WORD.fullmatch(text) else WITHHELD) for name, text in dimensions.items())
        with self._lock:
            kept = self._kept.setdefault(known, {}).setdefault(metric, {"Unit": unit, "Value": []})
            kept["Value"].append(float(value))

    def write(self) -> None:
        """Write and clear the metrics. Ignore a failed write: no request fails because of a metric."""
        with self._lock:
            lines = [line for dimensions, kept in self._kept.items() for line in self._lines(dimensions, kept)]
            self._kept.clear()
        with suppress(OSError, ValueError):
            sys.stdout.writelines(_json(line) + "\n" for line in lines)
            sys.stdout.flush()

    def _lines(self, dimensions: Dimensions, kept: Mapping[str, Kept]) -> Iterator[Mapping[str, Any]]:
        self._format.dimension_sets = [{"Stack": self.stack, name: value} for name, value in dimensions]
        for part in _parts(kept):
            yield self._format.serialize_metric_set(part, {"Stack": self.stack})


def _parts(kept: Mapping[str, Kept]) -> Iterator[dict[str, Kept]]:
    """Split metrics into parts that one line can hold."""
    longest = max(len(one["Value"]) for one in kept.values())
    for start in range(0, longest, MOST_VALUES):
        parts = {metric: one["Value"][start : start + MOST_VALUES] for metric, one in kept.items()}
        yield {metric: {"Unit": kept[metric]["Unit"], "Value": values} for metric, values in parts.items() if values}


@cache
def metrics() -> Metrics:
    """Return the metrics of this environment. `observability.configure` sets the stack's name."""
    return Metrics()
