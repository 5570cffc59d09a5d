"""Cold starts on Lambda's own runtime, beside the code that one would write instead.

Each start is a new environment: the init phase, then one request through the whole handler. All of them start once a
round, in turns: whatever else the machine does, it does to all of them.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environment import Environment, canned_environment
from benchmarks.figures import Row
from benchmarks.invocations import Function, http_event, sqs_event
from benchmarks.lambda_runtime import Start, start
from benchmarks.shipped import FUNCTIONS, Layout, lay_out

TITLE = "A cold start on the Lambda runtime"
NOTES = [
    "Measured with AWS's runtime interface emulator and runtime client. AWS's replies are canned.",
    "*floor* is boto3 with the same three clients and nothing else, *tutorial* is boto3 and requests.",
    "*composed* is Powertools and requests. All three are in `benchmarks/references`.",
    "A ratio is the median of the rounds' own ratios: in a round one starts right after the other.",
    "Our layers bring bytecode, and the references get theirs.",
    "*without bytecode*: as `sam build` makes a layer by itself. Python then compiles its modules in every cold start.",
    "A whole core works here. A function of 256 MB has about a seventh of one and takes as much longer.",
]
ROUNDS = 21
GOALS = {"floor": 1.10, "composed": 0.75}
DONE: Sequence[object] = (None, {}, {"batchItemFailures": []})


@dataclass(frozen=True)
class Subject:
    """A handler to start, and its name on the page."""

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


def measure() -> list[Row]:
    """Start all of them in turns."""
    with tempfile.TemporaryDirectory() as folder, canned_environment() as environment:
        starts = take_turns(_subjects(Path(folder)), environment)
    init = [Row.of(f"init, {name}", "ms", [one.init for one in samples]) for name, samples in starts.items()]
    whole = [
        Row.of(f"init and first request, {name}", "ms", [one.init + one.invocation for one in samples])
        for name, samples in starts.items()
        if name != "floor"  # it does nothing
    ]
    ratios = [
        Row.of(
            f"init, {function} / {reference}",
            "",
            [one.init / other.init for one, other in zip(starts[function], starts[reference], strict=True)],
            goal,
        )
        for reference, goal in GOALS.items()
        for function in FUNCTIONS
    ]
    return [*init, *whole, *ratios]


def take_turns(subjects: Sequence[Subject], environment: Environment) -> dict[str, list[Start]]:
    """Start each once a round; the first round, which fills the disk's cache, is not counted."""
    starts: dict[str, list[Start]] = {subject.name: [] for subject in subjects}
    for number in range(ROUNDS + 1):
        for subject in subjects:
            one = subject.started(environment.variables(subject.function))
            if number:
                starts[subject.name].append(one)
    return starts


def _subjects(folder: Path) -> list[Subject]:
    compiled, sources = lay_out(folder / "compiled"), lay_out(folder / "sources", bytecode=False)

    def one_message() -> object:
        return sqs_event(1)

    return [
        Subject("floor", "floor", compiled, dict),
        Subject("http_api", "http_api", compiled, http_event, "http_api"),
        Subject("queue_worker", "queue_worker", compiled, one_message),
        Subject("tutorial", "tutorial", compiled, one_message),
        Subject("composed", "composed", compiled, one_message),
        Subject(
            "composed, with one boto3 session", "composed", compiled, one_message, more_variables={"ONE_SESSION": "1"}
        ),
        Subject("queue_worker, without bytecode in the layers", "queue_worker", sources, one_message),
    ]
