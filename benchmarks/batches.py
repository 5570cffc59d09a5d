"""How much longer a batch takes than a single message: they are worked at the same time, not one after the other."""

from benchmarks import measured
from benchmarks.figures import Figure, Lines, Measurement, Row, Spread
from benchmarks.printing import show
from benchmarks.stage import set_stage

SIZES = (1, 2, 5, 10)
ROUNDS = 20
LATENCY = 0.2  # seconds in which the vendor answers
LIMIT = 1.3


def measure() -> Measurement:
    """Measure batches of every size in turns, with a token that is there already."""
    with set_stage() as stage:
        stage.vendor.answer_after(LATENCY)
        samples = stage.run("queue_worker", measured.work_batches, SIZES, ROUNDS)
        stage.vendor.expect_records(max(SIZES) + ROUNDS * sum(SIZES))
    spreads = {size: Spread.of(milliseconds) for size, milliseconds in zip(SIZES, samples, strict=True)}
    ratio = spreads[10].median / spreads[1].median
    return Measurement(
        name="batches",
        title="A batch of messages, CustomerGauge answering in 200 ms",
        rows=[Row(f"batch of {size}", "ms", spread) for size, spread in spreads.items()],
        figures=[Figure("batch of 10 / batch of 1, vendor 200 ms", LIMIT, ratio)],
        charts=[
            Lines(
                "Time of a batch, CustomerGauge answering in 200 ms",
                "messages in the batch",
                "ms",
                {
                    "queue_worker": [(size, spread.median) for size, spread in spreads.items()],
                    "one after the other": [(size, size * spreads[1].median) for size in SIZES],
                },
            )
        ],
    )


if __name__ == "__main__":
    show(measure())
