"""What runs inside a function's environment: a process of its own that holds nothing but the function and this.

`stage.Stage.run` starts it as `python -m benchmarks.measured work_one_by_one '["http_api", 1000]'`. What the handlers
log goes nowhere; what the function here returns is the output, in JSON.
"""

import cProfile
import gc
import io
import json
import os
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.by_hand import ByHand
from benchmarks.invocations import Function, handler_of, invoked, new_request, sqs_event

WARMING = 30  # requests that are not measured
MEGABYTE = 1024.0  # in the kilobytes that /proc counts in


def take_turns(function: Function, pairs: int) -> list[tuple[float, float]]:
    """Return milliseconds by hand and through the handler, in turns."""
    through_handler = invoked(function)
    hand = ByHand(os.environ)

    def by_hand() -> float:
        request = new_request()
        started = time.perf_counter()
        hand.issue(request)
        return time.perf_counter() - started

    for _ in range(WARMING):
        by_hand(), through_handler()
    return [(by_hand() * 1000, through_handler() * 1000) for _ in range(pairs)]


def profile(function: Function, invocations: int) -> str:
    """Return where the time of warm invocations goes, as a table."""
    once = invoked(function)
    for _ in range(WARMING):
        once()
    profiler = cProfile.Profile()
    with profiler:
        for _ in range(invocations):
            once()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(15)
    text.write("The connector's own functions, by all the time that passes in them:\n")
    pstats.Stats(profiler, stream=text).sort_stats("cumtime").print_stats("personal_link/|functions/", 40)
    return text.getvalue().replace(f"{Path.cwd()}/", "")


def work_batches(sizes: Sequence[int], rounds: int) -> list[list[float]]:
    """Return the milliseconds of batches of each size, one of each size a round, with a token that is there."""
    invoke = handler_of("queue_worker")
    invoke(sqs_event(max(sizes)))  # the token, and every connection
    samples: list[list[float]] = [[] for _ in sizes]
    for _ in range(rounds):
        for of_size, size in zip(samples, sizes, strict=True):
            event = sqs_event(size)
            started = time.perf_counter()
            invoke(event)
            of_size.append((time.perf_counter() - started) * 1000)
    return samples


def work_one_by_one(function: Function, requests: int) -> None:
    """Work requests one after the other."""
    once = invoked(function)
    for _ in range(requests):
        once()


def work_and_weigh(requests: int, weighed: Sequence[int]) -> list[float]:
    """Work requests in batches of ten; return megabytes of memory after so many of them."""
    invoke = handler_of("queue_worker")
    megabytes = []
    for done in range(10, requests + 1, 10):
        invoke(sqs_event(10))
        if done in weighed:
            gc.collect()
            megabytes.append(resident())
    return megabytes


def resident(process: int | str = "self") -> float:
    """Return the resident memory of a process in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / MEGABYTE


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work_first_message() -> None:
    """Do all that can be done without a message, say so, wait for a line of input, and work the first message."""
    invoke = handler_of("queue_worker")
    event = sqs_event(1)
    say("ready")
    sys.stdin.readline()
    invoke(event)


MEASURED: Sequence[Callable[..., Any]] = (
    take_turns,
    profile,
    work_batches,
    work_one_by_one,
    work_and_weigh,
    work_first_message,
)

output = sys.stdout


def say(answer: object) -> None:
    """Write a line of JSON to what was the output at the start."""
    print(json.dumps(answer), file=output, flush=True)


def main(name: str, arguments: str) -> None:
    """Run one of the functions above."""
    global output  # noqa: PLW0603 - this is a program's, like sys.stdout
    output = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    functions = {function.__name__: function for function in MEASURED}
    say(functions[name](*json.loads(arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
