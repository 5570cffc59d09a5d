"""What a warm request takes beyond its own I/O: each handler beside the same calls written by hand.

In one process, one request by hand and one through the handler in turns, each a new one. AWS is a stub that answers at
once, so that nothing hides what the handler itself takes.

    python -m benchmarks.warm             # the measurement
    python -m benchmarks.warm --profile   # where a warm invocation's time goes
"""

import argparse
import itertools
import sys
from collections.abc import Sequence

from benchmarks import measured
from benchmarks.figures import Bars, Figure, Measurement, Row, Spread
from benchmarks.invocations import Function
from benchmarks.printing import show
from benchmarks.stage import set_stage

FUNCTIONS: Sequence[Function] = ("queue_worker", "http_api")
PAIRS = {0.05: 200, 0.0: 600}  # how many, by the seconds in which the vendor answers
PROFILED = 1000
LIMIT = 1.15


def measure() -> Measurement:
    """Measure both handlers with a vendor that answers at once, and with a realistic one."""
    rows: list[Row] = []
    figures: list[Figure] = []
    bars: dict[str, Spread] = {}
    for latency, function in itertools.product(PAIRS, FUNCTIONS):
        vendor = f"vendor {latency * 1000:.0f} ms"
        by_hand, handler = _pairs(function, latency)
        added = [more - less for less, more in zip(by_hand, handler, strict=True)]
        spreads = {f"by hand, beside {function}": Spread.of(by_hand), function: Spread.of(handler)}
        rows += [Row(f"{name}, {vendor}", "ms", spread) for name, spread in spreads.items()]
        rows.append(Row(f"{function}, added, {vendor}", "ms", Spread.of(added)))
        theirs, ours = (spread.median for spread in spreads.values())
        figures.append(Figure(f"warm, {function} / by hand, {vendor}", LIMIT, ours / theirs))
        if latency:
            bars |= spreads
    return Measurement(
        name="warm",
        title="A warm request beside the same calls by hand",
        rows=rows,
        figures=figures,
        charts=[Bars("A warm request", "ms", bars)],
        notes=[
            "By hand: boto3 and urllib3, the same calls with the same content in the same order, nothing checked.",
            "AWS answers at once here: with its own milliseconds every ratio would be nearer to 1.",
            "With a vendor of 0 ms the ratio compares two pieces of Python; no network is that fast.",
        ],
    )


def _pairs(function: Function, latency: float) -> tuple[list[float], list[float]]:
    with set_stage() as stage:
        stage.vendor.answer_after(latency)
        pairs = stage.run(function, measured.take_turns, function, PAIRS[latency])
        stage.vendor.expect_records(2 * (PAIRS[latency] + measured.WARMING))
    return [theirs for theirs, _ours in pairs], [ours for _theirs, ours in pairs]


def main(arguments: Sequence[str]) -> None:
    """Measure, or profile."""
    parser = argparse.ArgumentParser("python -m benchmarks.warm", description="Time of a warm request.")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    if not parser.parse_args(arguments).profile:
        show(measure())
        return
    with set_stage() as stage:
        for function in FUNCTIONS:
            print(f"{PROFILED} warm invocations of {function}")
            print(stage.run(function, measured.profile, function, PROFILED))


if __name__ == "__main__":
    main(sys.argv[1:])
