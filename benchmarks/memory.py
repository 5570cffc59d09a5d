"""Whether an environment grows: its resident memory while it works ten thousand requests, in batches of ten."""

from benchmarks import measured
from benchmarks.figures import Figure, Lines, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.stage import set_stage

REQUESTS = 10_000
WEIGHED = (100, *range(500, REQUESTS + 1, 500))  # after how many requests
LIMIT = 1.05


def measure() -> Measurement:
    """Measure one environment of the queue worker from its first request to its last."""
    with set_stage() as stage:
        weights = stage.run("queue_worker", measured.work_and_weigh, REQUESTS, WEIGHED)
        stage.vendor.expect_records(REQUESTS)
    samples = dict(zip(WEIGHED, weights, strict=True))
    first, last = samples[100], samples[REQUESTS]
    return Measurement(
        name="memory",
        title="Resident memory of an environment",
        rows=[
            Row(f"after {requests:,} requests", "MB", Spread.exactly(samples[requests]))
            for requests in (100, 1_000, 5_000, REQUESTS)
        ],
        figures=[Figure("memory after 10,000 requests / after 100", LIMIT, last / first)],
        charts=[Lines("Resident memory", "requests", "MB", {"queue_worker": list(samples.items())})],
    )


if __name__ == "__main__":
    show(measure())
