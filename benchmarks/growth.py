"""Whether ten times the requests take ten times as long: the real template, deployed on the emulator, and its queue.

The emulator, the workers and CustomerGauge share one machine, so the time of a request here says little; how the time
grows says all.
"""

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from benchmarks.figures import Figure, Lines, Measurement, Row, Spread
from benchmarks.invocations import new_request
from benchmarks.measured import processor_seconds, resident
from benchmarks.printing import show
from benchmarks.stage import CONFIGURATION, Vendor, running_vendor
from sandbox.emulator import running_emulator
from sandbox.lambda_workers import workers
from sandbox.stack import Stack, deploy

SIZES = (10, 100, 1_000, 10_000)
ORDER = (*SIZES[:-1] * 3, SIZES[-1], *SIZES[:-1] * 3)  # the small ones before and after the one that takes long
WARMING = 50  # requests that start the workers and are not measured
STRAIGHT = 1.1  # the slope of a line in the logarithms of both; 1 is a straight one
SHORTEST_LOOK = 0.02  # seconds between two looks at the results; later a hundredth of the time gone by
SECONDS_TO_FINISH = 600.0


@dataclass(frozen=True)
class Run:
    """What so many requests took."""

    seconds: float
    processor: float  # seconds of all workers together
    calls: int  # to the vendor
    tokens: int  # since the stack was deployed
    workers: Sequence[float]  # megabytes of each, at the end


def measure() -> Measurement:
    """Queue ever more requests, and wait for all results each time."""
    with running_vendor() as vendor, running_emulator() as emulator:
        addresses = {"AuthBaseUrl": vendor.url, "ImportsBaseUrl": vendor.url}
        stack = deploy(emulator, DefaultConfiguration=CONFIGURATION, LogLevel="WARNING", **addresses)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        _run(stack, vendor, WARMING)
        runs: dict[int, list[Run]] = {size: [] for size in SIZES}
        for size in ORDER:
            runs[size].append(_run(stack, vendor, size))
        vendor.expect_records(WARMING + sum(ORDER))
    seconds = {size: statistics.median(run.seconds for run in of_size) for size, of_size in runs.items()}
    processor = {size: statistics.median(run.processor for run in of_size) for size, of_size in runs.items()}
    largest = runs[SIZES[-1]][-1]
    rows: list[Row] = []
    for size, of_size in runs.items():
        times = [run.seconds for run in of_size]
        rows += [
            Row(f"{size:,} requests, until all results are there", "s", _spread(times)),
            Row(f"{size:,} requests, processor time of all workers", "s", _spread([run.processor for run in of_size])),
            Row(f"{size:,} requests, memory of a worker", "MB", _spread([mb for run in of_size for mb in run.workers])),
        ]
    rows.append(Row("workers", "", Spread.exactly(len(largest.workers))))
    rows.append(Row("tokens, of all requests", "", Spread.exactly(runs[SIZES[0]][-1].tokens)))
    return Measurement(
        name="growth",
        title="From 10 to 10,000 queued requests, on the emulator",
        rows=rows,
        figures=[
            Figure("time by requests, slope from 1,000 to 10,000", STRAIGHT, slope(seconds, *SIZES[-2:])),
            Figure("processor time of the workers, the same slope", STRAIGHT, slope(processor, *SIZES[-2:])),
            Figure("vendor calls a request, of 10,000", 1.001, largest.calls / SIZES[-1]),
        ],
        charts=[
            Lines(
                "Time of queued requests",
                "requests",
                "seconds",
                {
                    "until all results are there": list(seconds.items()),
                    "processor time of the workers": list(processor.items()),
                    "straight": [(size, seconds[1_000] * size / 1_000) for size in SIZES],
                },
                logarithmic=True,
            )
        ],
        notes=[
            "The real template on the emulator, all of it on one machine: read how it grows, not how long it takes.",
            "For each batch the emulator looks at every message that waits, as SQS does not; that may bend the time.",
        ],
    )


def _spread(samples: Sequence[float]) -> Spread:
    return Spread.of(samples) if len(samples) > 1 else Spread.exactly(samples[0])


def slope(points: Mapping[int, float], start: int, end: int) -> float:
    """Return the slope between two points on logarithmic axes: 1 if ten times as much takes ten times as long."""
    return math.log(points[end] / points[start]) / math.log(end / start)


def _run(stack: Stack, vendor: Vendor, size: int) -> Run:
    calls_before, processor_before = vendor.links().calls, _processor_seconds(stack)
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
    stack.sqs.purge_queue(QueueUrl=stack.results_queue_url)
    return Run(
        seconds=seconds,
        processor=_processor_seconds(stack) - processor_before,
        calls=vendor.links().calls - calls_before,
        tokens=vendor.tokens().calls,
        workers=[resident(process) for process, _function in workers(stack.emulator)],
    )


def _processor_seconds(stack: Stack) -> float:
    return sum(processor_seconds(process) for process, _function in workers(stack.emulator))


if __name__ == "__main__":
    show(measure())
