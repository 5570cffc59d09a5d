"""What runs in a measured process, beside the function alone: `python -m benchmarks.workloads NAME '[ARGUMENTS]'`.

The handlers' logs are dropped; the result of the workload is the output, in JSON.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import canned_aws
from benchmarks.by_hand import ByHand
from benchmarks.invocations import Function, handler_of, invoked, new_request, sqs_event

WARMING = 30  # requests that are not measured
KIB_PER_MB = 1024.0


def take_turns(function: Function, pairs: int) -> list[tuple[float, float]]:
    """Return the milliseconds of a request by hand and through the handler, in turns."""
    canned_aws.install()
    through_handler = invoked(function)
    hand = ByHand(os.environ)

    def by_hand() -> float:
        request = new_request()
        started = time.perf_counter()
        hand.issue(request)
        return time.perf_counter() - started

    for _ in range(WARMING):
        through_handler(), by_hand()
    return [(by_hand() * 1000, through_handler() * 1000) for _ in range(pairs)]


def last_calls(function: Function) -> list[tuple[str, int]]:
    """Return the AWS calls of one request by hand and one through the handler: operation and size."""
    take_turns(function, 1)
    return list(canned_aws.calls)[-6:]


def work_batches(sizes: Sequence[int], rounds: int) -> list[list[float]]:
    """Return the milliseconds of batches of each size, one of each size a round, with a token already fetched."""
    canned_aws.install()
    invoke = handler_of("queue_worker")
    invoke(sqs_event(max(sizes)))  # fetches the token and opens every connection
    samples: list[list[float]] = [[] for _ in sizes]
    for _ in range(rounds):
        for of_size, size in zip(samples, sizes, strict=True):
            event = sqs_event(size)
            started = time.perf_counter()
            invoke(event)
            of_size.append((time.perf_counter() - started) * 1000)
    return samples


def work_and_weigh(requests: int, weighed: Sequence[int]) -> list[float]:
    """Work requests in batches of ten; return the megabytes of memory after each number of them in `weighed`."""
    canned_aws.install()
    invoke = handler_of("queue_worker")
    megabytes = []
    for done in range(10, requests + 1, 10):
        invoke(sqs_event(10))
        if done in weighed:
            gc.collect()
            megabytes.append(resident())
    return megabytes


def work_first_message() -> None:
    """Import and build everything, print `"ready"`, wait for a line of input, and work the first message."""
    invoke = handler_of("queue_worker")
    event = sqs_event(1)
    say("ready")
    sys.stdin.readline()
    invoke(event)


def resident(process: int | str = "self") -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / KIB_PER_MB


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


WORKLOADS: Sequence[Callable[..., Any]] = (take_turns, last_calls, work_batches, work_and_weigh, work_first_message)

output = sys.stdout


def say(answer: object) -> None:
    """Write a line of JSON to the standard output as it was at the start."""
    print(json.dumps(answer), file=output, flush=True)


def main(name: str, arguments: str) -> None:
    """Run one workload."""
    global output  # noqa: PLW0603 - like sys.stdout
    output = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    workloads = {workload.__name__: workload for workload in WORKLOADS}
    say(workloads[name](*json.loads(arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
