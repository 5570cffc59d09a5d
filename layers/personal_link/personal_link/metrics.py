"""Metrics: what is counted and timed, as lines of the log that CloudWatch reads (its embedded metric format).

What an invocation adds is kept until it ends and then written, in as few lines as there can be. A dimension is a word
of ours or a status, never what somebody wrote: it is nobody's, and few of them are few metrics to pay for.
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

Dimensions = tuple[tuple[str, str], ...]  # beside the stack
Kept = dict[str, Any]  # a unit and its values

NAMESPACE: Final = "PersonalLink"
WITHHELD: Final = "withheld"
MOST_VALUES: Final = 100  # of a metric in a line, by CloudWatch's format

_json: Final = json.JSONEncoder(separators=(",", ":")).encode
_WORD: Final = re.compile("[a-z0-9_]{1,40}")  # the codes, the sources, an HTTP status


class Metric(StrEnum):
    """All that is told. Each has the dimension `Stack`, and counts once more by each other dimension that it has."""

    OUTCOMES = "Outcomes"  # by Code and Source: requests that ended, their results sent
    UNKNOWN_OUTCOMES = "UnknownOutcomes"  # those whose link is lost
    REPLAYS = "Replays"  # those that came from the ledger
    ATTEMPTS = "Attempts"  # of an outcome
    TRIED_AGAIN = "TriedAgain"  # by Code: messages that wait in the queue for another try
    RETRY_AGE = "RetryAge"  # seconds from when such a message was sent
    PARKED = "Parked"  # by Code: messages that went to the parked queue
    REFUSED = "Refused"  # by Code: HTTP calls that ended in an error and no outcome
    SETUP_FAULTS = "SetupFaults"  # tries that failed until a person mends the credentials or the client's rights
    VENDOR_LATENCY = "VendorLatency"  # milliseconds of a call for a link, whether an answer came or not
    VENDOR_ANSWERS = "VendorAnswers"  # by Status: the HTTP status, or `none`
    FETCHES = "TokenFetches"  # access tokens that the vendor's token server was asked for
    CIRCUIT_OPENS = "CircuitOpens"  # times that the circuit breaker opened
    BUGS = "Bugs"  # unexpected errors


class Metrics:
    """What was added and not written yet; one for all threads of an environment."""

    def __init__(self) -> None:
        self.stack = ""  # without its name nothing is kept: nobody could tell whose it is
        self._lock = threading.Lock()
        self._kept: dict[Dimensions, dict[str, Kept]] = {}
        self._format = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)

    def add(self, metric: Metric, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
        """Keep a value of a metric, for the stack as a whole and by each of the dimensions."""
        if not self.stack:
            return
        known = tuple((name, text if _WORD.fullmatch(text) else WITHHELD) for name, text in dimensions.items())
        with self._lock:
            kept = self._kept.setdefault(known, {}).setdefault(metric, {"Unit": unit, "Value": []})
            kept["Value"].append(float(value))

    def write(self) -> None:
        """Write what was added since the last time. What cannot be written costs nobody an answer."""
        lines: list[dict[str, Any]] = []
        with self._lock:
            for dimensions, kept in self._kept.items():
                self._format.dimension_sets = [{"Stack": self.stack, name: value} for name, value in dimensions]
                first, *others = [
                    self._format.serialize_metric_set(part, {"Stack": self.stack}) for part in _parts(kept)
                ]
                _add(first, lines)
                lines += map(dict, others)
            self._kept.clear()
        with suppress(OSError, ValueError):
            sys.stdout.writelines(_json(line) + "\n" for line in lines)
            sys.stdout.flush()


def _parts(kept: Mapping[str, Kept]) -> Iterator[dict[str, Kept]]:
    """Yield so many values of each metric as a line may hold."""
    longest = max(len(one["Value"]) for one in kept.values())
    for start in range(0, longest, MOST_VALUES):
        parts = {metric: one["Value"][start : start + MOST_VALUES] for metric, one in kept.items()}
        yield {metric: {"Unit": kept[metric]["Unit"], "Value": values} for metric, values in parts.items() if values}


def _add(new: Mapping[str, Any], lines: list[dict[str, Any]]) -> None:
    """Put a combination's metrics into a line that says nothing else by the same names: a log is paid by its length."""
    members = {name: value for name, value in new.items() if name != "_aws"}
    for line in lines:
        if all(line[name] == members[name] for name in line.keys() & members.keys()):
            line["_aws"]["CloudWatchMetrics"] += new["_aws"]["CloudWatchMetrics"]
            line.update(members)
            return
    lines.append(dict(new))


@cache
def metrics() -> Metrics:
    """Return the metrics of this environment; the stack's name is set once, by `observability.configure`."""
    return Metrics()
