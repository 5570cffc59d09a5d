"""The resident memory of one environment while it works ten thousand requests, in batches of ten."""

from benchmarks import workloads
from benchmarks.environment import canned_environment
from benchmarks.figures import Row

TITLE = "Resident memory of an environment"
NOTES: list[str] = []
WEIGHED = (100, 1_000, 5_000, 10_000)  # after how many requests
GOAL = 1.05


def measure() -> list[Row]:
    """Measure one environment of the queue worker from its first request to its last."""
    with canned_environment() as environment:
        weights = environment.run("queue_worker", workloads.work_and_weigh, WEIGHED[-1], WEIGHED)
        environment.vendor.expect_records(WEIGHED[-1])
    rows = [Row.of(f"after {done:,} requests", "MB", [mb]) for done, mb in zip(WEIGHED, weights, strict=True)]
    return [*rows, Row.of("memory after 10,000 requests / after 100", "", [weights[-1] / weights[0]], GOAL)]
