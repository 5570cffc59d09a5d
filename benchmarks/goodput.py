"""The time of queued messages when CustomerGauge fails in part, beside the healthy time; on the emulator."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.figures import Row
from sandbox.aws.emulator import running_emulator
from sandbox.aws.stack import Stack, deploy
from sandbox.customergauge.server import Call, CustomerGaugeSandbox, Reply

TITLE = "Goodput: CustomerGauge answers in 100 ms and fails in part"
NOTES = [
    "All messages are queued at once. Failures are half 503, half connection resets.",
    "A ratio is the time until 95 % (or all) have their result, beside the median of the healthy runs.",
    "*One record in ten*: it always fails, the others do not; only the others are waited for.",
]
LATENCY = 0.1  # seconds in which CustomerGauge answers
FEW, MANY = 200, 2000  # messages
RUNS = {FEW: 3, MANY: 1}
GOALS = {0.05: (1.5, 3.0), 0.2: (3.0, 6.0), 0.4: (5.0, 12.0)}  # by the rate of failures: 95 %, and all
OTHERS_GOAL = 1.5  # of those beside the one in ten that fails
OUTAGE = 30.0  # seconds
SECONDS_TO_WAIT = 300.0  # a result that is not there by then counts as if it came then
WARMING = 50  # messages between two runs, until they take no longer than HEALTHY: then all circuits are closed
HEALTHY = 3.0  # seconds

Misbehave = Callable[[Call], Reply | None]


@dataclass(frozen=True)
class Run:
    """The seconds after which each result of one run came, sorted, and the calls to CustomerGauge."""

    came: Sequence[float]
    calls: int

    def done(self, share: float) -> float:
        """Return when this share of the messages had their result."""
        return self.came[round(len(self.came) * share) - 1]


def measure() -> list[Row]:
    """Measure all cases against one deployment, fewer and more messages."""
    with _deployed() as bench:
        return [row for count in (FEW, MANY) for row in _rows(bench, count)]


def _rows(bench: "Bench", count: int) -> Iterator[Row]:
    runs = RUNS[count]
    has_goal = count == FEW
    well = [bench.run(count, healthy) for _ in range(runs)]
    healthy_time = {share: sorted(run.done(share) for run in well)[runs // 2] for share in (0.9, 0.95, 1.0)}
    yield Row.of(f"{count:,} messages, healthy: all", "s", [run.done(1.0) for run in well])
    for rate, goals in GOALS.items():
        failing = [bench.run(count, partly_failing(rate, seed)) for seed in range(runs)]
        for share, name, goal in zip((0.95, 1.0), ("95 %", "all"), goals, strict=True):
            ratios = [run.done(share) / healthy_time[share] for run in failing]
            what = f"{count:,} messages, {rate:.0%} of the calls fail: {name} / healthy"
            yield Row.of(what, "", ratios, goal if has_goal else None)
    limited = [bench.run(count, rate_limited(0.2, seed)) for seed in range(runs)]
    ratios = [run.done(1.0) / healthy_time[1.0] for run in limited]
    yield Row.of(f"{count:,} messages, 20% get 429 with Retry-After 1: all / healthy", "", ratios)
    others = [bench.run(count, one_in_ten_fails, expected=count * 9 // 10) for _ in range(runs)]
    ratios = [run.done(1.0) / healthy_time[0.9] for run in others]
    what = f"{count:,} messages, one record in ten always fails: the others / healthy"
    yield Row.of(what, "", ratios, OTHERS_GOAL if has_goal else None)
    down = bench.run(count, down_for(OUTAGE))
    yield Row.of(f"{count:,} messages, all calls fail for 30 s: all", "s", [down.done(1.0)])
    yield Row.of(f"{count:,} messages, all calls fail for 30 s: calls a message", "", [down.calls / count])


def healthy(_call: Call) -> Reply | None:
    """Fail nothing."""
    return None


def partly_failing(rate: float, seed: int) -> Misbehave:
    """Fail this share of the calls, half with 503, half with a reset."""
    attempts: Counter[str] = Counter()

    def misbehave(call: Call) -> Reply | None:
        who = _reference(call)
        if not who:
            return None
        attempts[who] += 1
        draw = random.Random(f"{seed}/{who[-5:]}/{attempts[who]}").random()
        if draw >= rate:
            return None
        return Reply.error(503) if draw < rate / 2 else Reply(fault="reset")

    return misbehave


def rate_limited(rate: float, seed: int) -> Misbehave:
    """Answer this share of the calls with 429 and Retry-After 1."""
    failing = partly_failing(rate, seed)
    return lambda call: Reply.error(429, retry_after=1) if failing(call) else None


def one_in_ten_fails(call: Call) -> Reply | None:
    """Fail every call for one record in ten."""
    return Reply.error(503) if _reference(call).endswith("0") else None


def down_for(seconds: float) -> Misbehave:
    """Fail all calls for so long after the first one."""
    began: list[float] = []

    def misbehave(call: Call) -> Reply | None:
        if not _reference(call):
            return None
        began.append(time.monotonic())
        return Reply.error(503) if time.monotonic() < began[0] + seconds else None

    return misbehave


def _reference(call: Call) -> str:
    return str(json.loads(call.body)["record"]["Order"]) if call.path.startswith("/personal-link") else ""


@dataclass(frozen=True)
class Bench:
    """A deployed stack and its CustomerGauge."""

    vendor: CustomerGaugeSandbox
    stack: Stack

    def run(self, count: int, misbehave: Misbehave, expected: int | None = None) -> Run:
        """Let the stack come to rest, queue so many messages at once, and wait for their results."""
        self._rest()
        return self._send(count, misbehave, expected or count)

    def _rest(self) -> None:
        """Empty the queues, and send healthy messages until they are as fast as they should be."""
        for url in (self.stack.requests_queue_url, self.stack.results_queue_url):
            self.stack.sqs.purge_queue(QueueUrl=url)
        for _ in range(10):
            if self._send(WARMING, healthy, WARMING).done(1.0) < HEALTHY:
                return
        raise RuntimeError("the stack does not come to rest")

    def _send(self, count: int, misbehave: Misbehave, expected: int) -> Run:
        sqs, name = self.stack.sqs, f"{time.time_ns()}"
        before = len(self.vendor.calls("personal-link"))
        self.vendor.latency, self.vendor.misbehave = LATENCY, misbehave
        began = time.monotonic()
        for start in range(0, count, 10):
            bodies = [_body(f"{name}-{number:05}") for number in range(start, start + 10)]
            sqs.send_message_batch(
                QueueUrl=self.stack.requests_queue_url,
                Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
            )
        came: dict[str, float] = {}
        while len(came) < expected and time.monotonic() - began < SECONDS_TO_WAIT:
            answer = sqs.receive_message(
                QueueUrl=self.stack.results_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                reference = json.loads(message["Body"])["reference"]
                if reference.startswith(name):
                    came.setdefault(reference, time.monotonic() - began)
                sqs.delete_message(QueueUrl=self.stack.results_queue_url, ReceiptHandle=message["ReceiptHandle"])
        missing = [SECONDS_TO_WAIT] * (expected - len(came))
        return Run([*sorted(came.values()), *missing], len(self.vendor.calls("personal-link")) - before)


def _body(reference: str) -> str:
    record = {"Order": reference, "Email": f"{reference}@example.com"}
    return json.dumps({"configuration": "contact", "record": record, "reference": reference})


@contextmanager
def _deployed() -> Iterator[Bench]:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield Bench(vendor, stack)
