"""How long the functions take to start on the real Lambda runtime, beside what one would write instead.

Every start is a new environment: the init phase, then one request through the whole handler. One start of each in
turns, so that whatever else the machine does, it does to all of them.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.aws_stub import AwsStub
from benchmarks.figures import Bars, Figure, Measurement, Row, Spread
from benchmarks.invocations import Function, http_event, sqs_event
from benchmarks.lambda_runtime import Start, start
from benchmarks.printing import show
from benchmarks.shipped import FUNCTIONS, Layout, lay_out
from benchmarks.stage import Stage, set_stage

ROUNDS = 21
LIMITS = {"floor": 1.10, "composed": 0.75}

DONE: Sequence[object] = (None, {}, {"batchItemFailures": []})

NO_BYTECODE = "without bytecode in the layers"
ONE_SESSION = "with one boto3 session"


@dataclass(frozen=True)
class Subject:
    """What is started, and what it is called here."""

    name: str
    handler: str
    layout: Layout
    new_event: Callable[[], object]
    function: Function = "queue_worker"  # whose variables it gets
    more_variables: Mapping[str, str] = field(default_factory=dict)

    def started(self, variables: Mapping[str, str]) -> Start:
        """Start it once."""
        started = start(self.layout, self.handler, {**variables, **self.more_variables}, self.new_event())
        if started.answer not in DONE and started.answer.get("statusCode") != 200:
            raise RuntimeError(f"{self.name} did not do its work: {started.answer}")
        return started


def measure() -> Measurement:
    """Start all of them in turns."""
    with tempfile.TemporaryDirectory() as folder, set_stage() as stage:
        subjects = _subjects(Path(folder))
        starts = take_turns(subjects, stage)
    init = {name: Spread.of([one.init for one in samples]) for name, samples in starts.items()}
    ratios = {
        f"init, {function} / {reference}": Spread.of(
            [one.init / other.init for one, other in zip(starts[function], starts[reference], strict=True)]
        )
        for reference in LIMITS
        for function in FUNCTIONS
    }
    whole = {
        name: Spread.of([one.init + one.invocation for one in samples])
        for name, samples in starts.items()
        if name not in {"bare", "floor"}  # they do nothing
    }
    return Measurement(
        name="start",
        title="A cold start on the Lambda runtime",
        rows=[
            *(Row(f"init, {name}", "ms", spread) for name, spread in init.items()),
            *(Row(f"init and first request, {name}", "ms", spread) for name, spread in whole.items()),
            *(Row(name, "", spread) for name, spread in ratios.items()),
        ],
        figures=[Figure(name, LIMITS[name.partition(" / ")[2]], spread.median) for name, spread in ratios.items()],
        charts=[Bars("Init phase", "ms", init), Bars("Init phase and the first request", "ms", whole)],
        notes=[
            "AWS's runtime interface emulator and runtime client; the init phase as the emulator reports it.",
            "A ratio is the median of the rounds' own ratios: in a round one starts right after the other.",
            "`bare` is an empty handler, `floor` boto3 with the three clients alone, `tutorial` boto3 and requests.",
            "`composed` is Powertools and requests; the references are in `benchmarks/references`.",
            "Our layers bring bytecode, the references are given theirs: `sam build` puts none into a layer, and none",
            "can be written there. Without it Python compiles a layer's modules in every cold start: see that row.",
            "A whole core works here. A function of 256 MB has about a seventh of one and takes as much longer.",
        ],
    )


def take_turns(subjects: Sequence[Subject], stage: Stage[AwsStub]) -> dict[str, list[Start]]:
    """Start each once a round; the first round, which fills the disk's cache, is not counted."""
    starts: dict[str, list[Start]] = {subject.name: [] for subject in subjects}
    for number in range(ROUNDS + 1):
        for subject in subjects:
            one = subject.started(stage.environment(subject.function))
            if number:
                starts[subject.name].append(one)
    return starts


def _subjects(folder: Path) -> list[Subject]:
    compiled, sources = lay_out(folder / "compiled"), lay_out(folder / "sources", bytecode=False)

    def one_message() -> object:
        return sqs_event(1)

    def nothing() -> dict[str, Any]:
        return {}

    return [
        Subject("bare", "bare", compiled, nothing),
        Subject("floor", "floor", compiled, nothing),
        Subject("http_api", "http_api", compiled, http_event, "http_api"),
        Subject("queue_worker", "queue_worker", compiled, one_message),
        Subject("tutorial", "tutorial", compiled, one_message),
        Subject("composed", "composed", compiled, one_message),
        Subject(f"composed, {ONE_SESSION}", "composed", compiled, one_message, more_variables={"ONE_SESSION": "1"}),
        Subject(f"queue_worker, {NO_BYTECODE}", "queue_worker", sources, one_message),
    ]


if __name__ == "__main__":
    show(measure())
