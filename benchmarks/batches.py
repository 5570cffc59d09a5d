"""The time of a batch beside a single message: its messages are worked at the same time."""

from benchmarks import workloads
from benchmarks.environment import canned_environment
from benchmarks.figures import Row

TITLE = "A batch of messages, CustomerGauge answering in 200 ms"
NOTES: list[str] = []
SIZES = (1, 2, 5, 10)
ROUNDS = 20
LATENCY = 0.2  # seconds in which CustomerGauge answers
GOAL = 1.3


def measure() -> list[Row]:
    """Measure batches of every size in turns, with a token already fetched."""
    with canned_environment() as environment:
        environment.vendor.latency = LATENCY
        samples = environment.run("queue_worker", workloads.work_batches, SIZES, ROUNDS)
        environment.vendor.expect_records(max(SIZES) + ROUNDS * sum(SIZES))
    rows = [Row.of(f"batch of {size}", "ms", times) for size, times in zip(SIZES, samples, strict=True)]
    return [*rows, Row.of("batch of 10 / batch of 1", "", [rows[-1].median / rows[0].median], GOAL)]
