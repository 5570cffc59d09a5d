"""Whether ten times the requests take ten times as long: the real template, deployed on the emulator, and its queue.

The emulator, the workers and CustomerGauge share one machine, so the time of a request here says little; how the time
grows says all.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from benchmarks.figures import Figure, Lines, Measurement, Row, Spread
from benchmarks.invocations import new_request
from benchmarks.measured import resident
from benchmarks.printing import show
from benchmarks.stage import CONFIGURATION, Vendor, running_vendor
from sandbox.emulator import running_emulator
from sandbox.lambda_workers import workers
from sandbox.stack import Stack, deploy

SIZES = (10, 100, 1_000, 10_000)
STRAIGHT = 1.1  # the slope of a line in the logarithms of both; 1 is a straight one
SHORTEST_LOOK = 0.02  # seconds between two looks at the results; later a hundredth of the time gone by
SECONDS_TO_FINISH = 600.0


@dataclass(frozen=True)
class Run:
    """What so many requests took."""

    seconds: float
    calls: int  # to the vendor
    tokens: int  # since the stack was deployed
    workers: Sequence[float]  # megabytes of each, at the end


def measure() -> Measurement:
    """Queue ever more requests, and wait for all results each time."""
    with running_vendor() as vendor, running_emulator() as emulator:
        addresses = {"AuthBaseUrl": vendor.url, "ImportsBaseUrl": vendor.url}
        stack = deploy(emulator, DefaultConfiguration=CONFIGURATION, LogLevel="WARNING", **addresses)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        _run(stack, vendor, 50)  # starts the workers
        runs = {size: _run(stack, vendor, size) for size in SIZES}
    rows: list[Row] = []
    for size, run in runs.items():
        rows += [
            Row(f"{size:,} requests, until all results are there", "s", Spread.exactly(run.seconds)),
            Row(f"{size:,} requests, calls to the vendor", "", Spread.exactly(run.calls)),
            Row(f"{size:,} requests, tokens so far", "", Spread.exactly(run.tokens)),
            Row(f"{size:,} requests, memory of a worker", "MB", Spread.of([*run.workers, *run.workers])),
        ]
    seconds = {size: run.seconds for size, run in runs.items()}
    largest = runs[SIZES[-1]]
    return Measurement(
        name="growth",
        title="From 10 to 10,000 queued requests, on the emulator",
        rows=rows,
        figures=[
            Figure("time grows with requests, slope from 1,000 to 10,000", STRAIGHT, slope(seconds, *SIZES[-2:])),
            Figure("vendor calls a request, of 10,000", 1.001, largest.calls / SIZES[-1]),
        ],
        charts=[
            Lines(
                "Time until all results are there",
                "queued requests",
                "seconds",
                {
                    "measured": list(seconds.items()),
                    "straight": [(size, seconds[1_000] * size / 1_000) for size in SIZES],
                },
                logarithmic=True,
            )
        ],
        notes=[
            "The real template on the emulator, all of it on one machine: read how it grows, not how long it takes."
        ],
    )


def slope(points: Mapping[int, float], start: int, end: int) -> float:
    """Return the slope between two points on logarithmic axes: 1 if ten times as much takes ten times as long."""
    return math.log(points[end] / points[start]) / math.log(end / start)


def _run(stack: Stack, vendor: Vendor, size: int) -> Run:
    calls_before = vendor.links().calls
    started = time.monotonic()
    for batch in batched(range(size), 10, strict=False):
        entries = [{"Id": str(number), "MessageBody": json.dumps(new_request())} for number in batch]
        stack.sqs.send_message_batch(QueueUrl=stack.requests_queue_url, Entries=entries)  # type: ignore[arg-type]
    while (there := stack.depth(stack.results_queue_url)) < size:
        elapsed = time.monotonic() - started
        if elapsed > SECONDS_TO_FINISH:
            raise RuntimeError(f"{there} of {size} results after {elapsed:.0f} s")
        time.sleep(max(SHORTEST_LOOK, elapsed / 100))
    seconds = time.monotonic() - started
    memory = [resident(process) for process, _function in workers(stack.emulator)]
    stack.sqs.purge_queue(QueueUrl=stack.results_queue_url)
    return Run(seconds, vendor.links().calls - calls_before, vendor.tokens().calls, memory)


if __name__ == "__main__":
    show(measure())
