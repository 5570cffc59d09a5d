"""How much slower the queue gets when CustomerGauge fails in part: on the emulator, beside the healthy time.

`python -m benchmarks.goodput` prints it; 2,000 messages take some minutes.
"""

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.figures import Figure, Lines, Measurement, Row, Spread
from benchmarks.printing import show
from sandbox.customergauge import Call, CustomerGaugeSandbox, Reply
from sandbox.emulator import running_emulator
from sandbox.stack import Stack, deploy

LATENCY = 0.1  # seconds in which the vendor answers
FEW, MANY = 200, 2000  # messages
RATES = (0.05, 0.2, 0.4)  # of the calls fail
LIMITS = {0.05: (1.5, 3.0), 0.2: (3.0, 6.0), 0.4: (5.0, 12.0)}  # 95 %, and all, beside the healthy time
RUNS = 3
OUTAGE = 30.0  # seconds
SECONDS_TO_WAIT = 300.0

Misbehave = Callable[[Call], Reply | None]


@dataclass(frozen=True)
class Run:
    """When the results of one run came, in seconds after the first message was sent, and the calls that they took."""

    came: list[float]
    calls: int

    def done(self, share: float) -> float:
        """Return when so many of the messages had their result."""
        return self.came[round(len(self.came) * share) - 1]


def measure() -> Measurement:
    """Measure all cases against one deployment."""
    with _deployed() as (vendor, stack):
        field = Field(vendor, stack)
        field.run(50, healthy)  # starts the workers
        rows: list[Row] = []
        figures: list[Figure] = []
        lines: dict[str, list[tuple[float, float]]] = {"95 %": [], "all": []}
        for count in (FEW, MANY):
            runs = RUNS if count == FEW else 1
            well = [field.run(count, healthy) for _ in range(runs)]
            base = {share: Spread.of([run.done(share) for run in well]).median for share in (0.9, 0.95, 1.0)}
            rows.append(Row(f"{count} messages, healthy: all", "s", Spread.of([run.done(1.0) for run in well])))
            for rate in RATES:
                failing = [field.run(count, partly_failing(rate, seed)) for seed in range(runs)]
                for share, name, limit in zip((0.95, 1.0), ("95 %", "all"), LIMITS[rate], strict=True):
                    ratios = [run.done(share) / base[share] for run in failing]
                    what = f"{count} messages, {rate:.0%} of the calls fail: {name} / healthy"
                    rows.append(Row(what, "", Spread.of(ratios)))
                    if count == FEW:
                        figures.append(Figure(what, limit, Spread.of(ratios).median))
                        lines[name].append((rate * 100, Spread.of(ratios).median))
            limited = [field.run(count, rate_limited(0.2, seed)) for seed in range(runs)]
            ratios = [run.done(1.0) / base[1.0] for run in limited]
            rows.append(
                Row(f"{count} messages, 20 % answered 429 with Retry-After 1: all / healthy", "", Spread.of(ratios))
            )
            poisoned = [field.run(count, one_in_ten_fails, expected=count * 9 // 10) for _ in range(runs)]
            ratios = [run.done(1.0) / base[0.9] for run in poisoned]
            what = f"{count} messages, one record in ten always fails: the others / healthy"
            rows.append(Row(what, "", Spread.of(ratios)))
            if count == FEW:
                figures.append(Figure(what, 1.5, Spread.of(ratios).median))
            down = field.run(count, down_for(OUTAGE))
            rows.append(Row(f"{count} messages, down for 30 s: all", "s", Spread.exactly(down.done(1.0))))
            rows.append(
                Row(f"{count} messages, down for 30 s: calls a message", "", Spread.exactly(down.calls / count))
            )
    return Measurement(
        name="goodput",
        title="Goodput: CustomerGauge fails in part, answering in 100 ms",
        rows=rows,
        figures=figures,
        charts=[Lines(f"Time of {FEW} messages beside the healthy time", "% of the calls that fail", "times", lines)],
        notes=["On the emulator, workers as the template sets them. Failures are half 503, half resets."],
    )


def healthy(_call: Call) -> Reply | None:
    """Fail nothing."""
    return None


def partly_failing(rate: float, seed: int) -> Misbehave:
    """Fail this share of the calls, half by 503, half by resets."""
    tries: Counter[str] = Counter()

    def misbehave(call: Call) -> Reply | None:
        who = _reference(call)
        if not who:
            return None
        tries[who] += 1
        draw = random.Random(f"{seed}/{who}/{tries[who]}").random()  # noqa: S311
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
    """Fail all calls for so long."""
    ends_at = time.monotonic() + seconds
    return lambda call: Reply.error(503) if _reference(call) and time.monotonic() < ends_at else None


def _reference(call: Call) -> str:
    return str(json.loads(call.body)["record"]["Order"]) if call.path.startswith("/personal-link") else ""


@dataclass(frozen=True)
class Field:
    """A deployed stack and its vendor."""

    vendor: CustomerGaugeSandbox
    stack: Stack

    def run(self, count: int, misbehave: Misbehave, expected: int | None = None) -> Run:
        """Send so many messages at once and wait for their results."""
        self.settle()
        sqs, run = self.stack.sqs, f"{time.time_ns()}"
        before = len(self.vendor.calls("personal-link"))
        self.vendor.latency, self.vendor.misbehave = LATENCY, misbehave
        began = time.monotonic()
        for start in range(0, count, 10):
            sqs.send_message_batch(
                QueueUrl=self.stack.requests_queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": _body(f"{run}-{number:05}")}
                    for number in range(start, start + 10)
                ],
            )
        came: dict[str, float] = {}
        while len(came) < (expected or count) and time.monotonic() - began < SECONDS_TO_WAIT:
            answer = sqs.receive_message(
                QueueUrl=self.stack.results_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                reference = json.loads(message["Body"])["reference"]
                if reference.startswith(run):
                    came.setdefault(reference, time.monotonic() - began)
                sqs.delete_message(QueueUrl=self.stack.results_queue_url, ReceiptHandle=message["ReceiptHandle"])
        calls = len(self.vendor.calls("personal-link")) - before
        return Run([*sorted(came.values()), *itertools.repeat(float("inf"), (expected or count) - len(came))], calls)

    def settle(self) -> None:
        """Heal the vendor, empty the queues, and wait until every worker's circuit is closed."""
        self.vendor.misbehave = healthy
        for url in (self.stack.requests_queue_url, self.stack.results_queue_url):
            self.stack.sqs.purge_queue(QueueUrl=url)


def _body(reference: str) -> str:
    record = {"Order": reference, "Email": f"{reference}@example.com"}
    return json.dumps({"configuration": "contact", "record": record, "reference": reference})


@contextmanager
def _deployed() -> Iterator[tuple[CustomerGaugeSandbox, Stack]]:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield vendor, stack


if __name__ == "__main__":
    show(measure())
