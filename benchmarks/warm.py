"""The time that a handler adds to a warm request: each handler beside the same calls written by hand."""

from collections.abc import Sequence

from benchmarks import workloads
from benchmarks.environment import canned_environment
from benchmarks.figures import Row
from benchmarks.invocations import Function

TITLE = "A warm request beside the same calls by hand"
NOTES = [
    "*By hand* is boto3 and urllib3: the same calls with the same content in the same order, without a check.",
    "One request by hand and one through the handler in turns, in one process.",
    "AWS's replies are canned: with its own milliseconds every ratio would be nearer to 1.",
    "CustomerGauge answers at once (0 ms) or in 50 ms. With 0 ms the ratio compares two pieces of Python.",
]
FUNCTIONS: Sequence[Function] = ("queue_worker", "http_api")
PAIRS = {0.05: 200, 0.0: 600}  # how many, by the seconds in which CustomerGauge answers
GOAL = 1.15


def measure() -> list[Row]:
    """Measure both handlers, with both latencies."""
    rows: list[Row] = []
    for latency, pairs in PAIRS.items():
        for function in FUNCTIONS:
            with canned_environment() as environment:
                environment.vendor.latency = latency
                turns = environment.run(function, workloads.take_turns, function, pairs)
                environment.vendor.expect_records(2 * (pairs + workloads.WARMING))
            what = f"{function}, vendor {latency * 1000:.0f} ms"
            hand = Row.of(f"by hand, beside {what}", "ms", [by_hand for by_hand, _handler in turns])
            handler = Row.of(what, "ms", [handler for _by_hand, handler in turns])
            added = Row.of(f"added by {what}", "ms", [handler - by_hand for by_hand, handler in turns])
            name = f"warm, {function} / by hand, vendor {latency * 1000:.0f} ms"
            rows += [hand, handler, added, Row.of(name, "", [handler.median / hand.median], GOAL)]
    return rows
