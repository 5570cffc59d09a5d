"""The time of ever more queued requests: the real template on the emulator."""

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from benchmarks.environment import CONFIGURATION, Vendor, running_vendor
from benchmarks.figures import Row
from benchmarks.invocations import new_request
from benchmarks.workloads import processor_seconds, resident
from sandbox.aws.emulator import running_emulator
from sandbox.aws.lambda_workers import workers
from sandbox.aws.stack import Stack, deploy

TITLE = "From 10 to 10,000 queued requests, on the emulator"
NOTES = [
    "The emulator, five workers and CustomerGauge share one machine: read how the time grows, not how long it is.",
    "A slope of 1 in the logarithms of both is a straight line.",
]
SIZES = (10, 100, 1_000, 10_000)
ORDER = (*SIZES[:-1] * 3, SIZES[-1], *SIZES[:-1] * 3)  # the small ones before and after the one that takes long
WARMING = 50  # requests that start the workers and are not measured
STRAIGHT = 1.1
SHORTEST_LOOK = 0.02  # seconds between two looks at the results; later a hundredth of the time gone by
SECONDS_TO_FINISH = 600.0


@dataclass(frozen=True)
class Run:
    """The cost of so many requests."""

    seconds: float
    processor: float  # seconds of all workers together
    calls: int  # to CustomerGauge
    workers: Sequence[float]  # megabytes of each, at the end


def measure() -> list[Row]:
    """Queue ever more requests, and wait for all results each time."""
    with running_vendor() as vendor, running_emulator() as emulator:
        addresses = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        stack = deploy(emulator, DefaultConfiguration=CONFIGURATION, LogLevel="WARNING", **addresses)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        _run(stack, vendor, WARMING)
        runs: dict[int, list[Run]] = {size: [] for size in SIZES}
        for size in ORDER:
            runs[size].append(_run(stack, vendor, size))
        vendor.expect_records(WARMING + sum(ORDER))
        tokens = len(vendor.calls("token"))
    rows: list[Row] = []
    for size, of_size in runs.items():
        weights = [megabytes for run in of_size for megabytes in run.workers]
        rows.append(Row.of(f"{size:,} requests, until all results are there", "s", [run.seconds for run in of_size]))
        rows.append(Row.of(f"{size:,} requests, memory of a worker", "MB", weights))
    seconds = {size: statistics.median(run.seconds for run in of_size) for size, of_size in runs.items()}
    processor = {size: statistics.median(run.processor for run in of_size) for size, of_size in runs.items()}
    calls = runs[SIZES[-1]][-1].calls / SIZES[-1]
    return [
        *rows,
        Row.of("tokens, of all requests", "", [tokens]),
        Row.of("time by requests, slope from 1,000 to 10,000", "", [slope(seconds, *SIZES[-2:])], STRAIGHT),
        Row.of("processor time of the workers, the same slope", "", [slope(processor, *SIZES[-2:])], STRAIGHT),
        Row.of("vendor calls a request, of 10,000", "", [calls], goal=1.001),
    ]


def slope(points: Mapping[int, float], start: int, end: int) -> float:
    """Return the slope between two points on logarithmic axes: 1 if ten times as much takes ten times as long."""
    return math.log(points[end] / points[start]) / math.log(end / start)


def _run(stack: Stack, vendor: Vendor, size: int) -> Run:
    calls_before, processor_before = len(vendor.calls("personal-link")), _processor_seconds(stack)
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
        calls=len(vendor.calls("personal-link")) - calls_before,
        workers=[resident(process) for process, _function in workers(stack.emulator)],
    )


def _processor_seconds(stack: Stack) -> float:
    return sum(processor_seconds(process) for process, _function in workers(stack.emulator))
