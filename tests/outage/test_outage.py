"""Two hours without CustomerGauge at up to a hundred requests a second: nothing is parked, all of it drains.

The worker, its back-off and its circuit breaker are real; time, the queue and the vendor's state are simulated.
"""

import heapq
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from personal_link import observability
from personal_link.aws.queues import Parked
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, Unanswered
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import LinkRequest, Source
from personal_link.triggers.batch import BatchWorker
from tests.crash.environments import DAY, a_worker
from tests.fake_clock import FakeClock

OUTAGE = 7200  # seconds
ENVIRONMENTS = 5  # MaximumConcurrency's default
BATCHES_A_SECOND = 20  # that an environment works at most
MOST_RECEIVES = 1000  # the template's maxReceiveCount: SQS parks what comes once more, and says no reason
BODY = json.dumps({"configuration": "contact", "record": {"Email": "joe@example.com"}})


class Queue:
    """An SQS queue with visibility time-outs, and the sinks of results and parked messages."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._visible_at: list[tuple[float, int, dict[str, Any]]] = []
        self._numbers = itertools.count()
        self.results: Counter[str] = Counter()
        self.parked = 0
        self.parked_by_sqs = 0

    def put(self) -> None:
        name = f"m-{next(self._numbers)}"
        record = {
            "messageId": name,
            "receiptHandle": name,
            "body": BODY,
            "attributes": {"SentTimestamp": str(int(self._clock.wall() * 1000)), "ApproximateReceiveCount": "0"},
        }
        self._push(record, 0.0)

    def receive(self) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        while len(batch) < 10 and self._visible_at and self._visible_at[0][0] <= self._clock.wall():
            record = heapq.heappop(self._visible_at)[2]
            attributes = record["attributes"]
            receives = int(attributes["ApproximateReceiveCount"]) + 1
            if receives > MOST_RECEIVES:
                self.parked_by_sqs += 1
                continue
            attributes["ApproximateReceiveCount"] = str(receives)
            batch.append(record)
        self._in_flight = {record["receiptHandle"]: record for record in batch}
        return batch

    def hide(self, waits: Sequence[tuple[str, int]]) -> None:
        for handle, seconds in waits:
            self._push(self._in_flight[handle], seconds)

    def park(self, messages: Sequence[Parked]) -> set[int]:
        self.parked += len(messages)
        return set()

    def send(self, outcomes: Sequence[Outcome]) -> set[int]:
        self.results.update(outcome.source.id for outcome in outcomes)
        return set()

    def seconds_of_rest(self) -> float:
        """Return how long nothing is visible, a second at least."""
        return max(1.0, self._visible_at[0][0] - self._clock.wall()) if self._visible_at else 1.0

    def __len__(self) -> int:
        return len(self._visible_at)

    def _push(self, record: dict[str, Any], seconds: float) -> None:
        heapq.heappush(self._visible_at, (self._clock.wall() + seconds, next(self._numbers), record))


class Vendor:
    """Fails each request until it is up again; counts the calls."""

    def __init__(self, clock: FakeClock, outage: float) -> None:
        self._clock = clock
        self._up_at = clock.wall() + outage
        self.calls = 0
        self._counting = threading.Lock()

    def issue(self, request: LinkRequest, _deadline: Deadline) -> Outcome:
        with self._counting:
            self.calls += 1
        if self._clock.wall() < self._up_at:
            raise Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 502")
        return Outcome(request.key.digest, "created", Source("sqs", request.source.id), "", "", 1)

    def after_sending(self, *_outcome: object, **_how: object) -> None:
        """Keep nothing: there is no ledger here."""


def environments(queue: Queue, vendor: Vendor, clock: FakeClock, retry_window: float) -> list[BatchWorker]:
    jitter = random.Random(1).random
    return [
        a_worker(vendor, queue, queue, clock, retry_window=retry_window, jitter=jitter) for _ in range(ENVIRONMENTS)
    ]


def work_for_a_second(queue: Queue, workers: list[BatchWorker], clock: FakeClock) -> None:
    for worker in workers * BATCHES_A_SECOND:
        records = queue.receive()
        if not records:
            break
        worker.work(records, Deadline.after(30.0, clock))
    clock.advance(1.0)


def work_until(end: float, queue: Queue, workers: list[BatchWorker], clock: FakeClock) -> None:
    """Work until then, but for the seconds in which nothing is visible."""
    while clock.wall() < end:
        work_for_a_second(queue, workers, clock)
        clock.advance(min(queue.seconds_of_rest() - 1.0, max(0.0, end - clock.wall())))


@pytest.fixture
def quiet() -> Iterator[None]:
    """A million log lines, or metrics, are not what this is about."""
    level = observability.logger().log_level
    observability.configure("CRITICAL", stack="")
    yield
    observability.logger().setLevel(level)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("requests", "seconds", "seconds_to_drain"),
    [
        (1, 10, 900),
        pytest.param(1, 1, 900, marks=pytest.mark.full),
        pytest.param(10, 1, 900, marks=pytest.mark.full),
        pytest.param(100, 1, 1800, marks=pytest.mark.full),
    ],
    ids=["one in ten seconds", "1 a second", "10 a second", "100 a second"],
)
def test_an_outage_of_two_hours_parks_nothing_and_costs_at_most_1_1_calls_per_message(
    requests: int, seconds: int, seconds_to_drain: int
) -> None:
    clock = FakeClock()
    queue, vendor = Queue(clock), Vendor(clock, OUTAGE)
    workers = environments(queue, vendor, clock, DAY)
    sent = 0
    calls_while_down = 0
    for second in range(OUTAGE + seconds_to_drain):
        if second < OUTAGE and second % seconds == 0:
            for _ in range(requests):
                queue.put()
                sent += 1
        work_for_a_second(queue, workers, clock)
        if second == OUTAGE - 1:
            calls_while_down = vendor.calls

    assert sent == OUTAGE * requests // seconds
    assert queue.parked == 0
    assert len(queue) == 0
    assert queue.results.total() == len(queue.results) == sent
    assert calls_while_down <= ENVIRONMENTS * (OUTAGE / 60 + 10), "the probes: one a minute and environment"
    assert vendor.calls - calls_while_down <= 1.1 * sent


@pytest.mark.usefixtures("quiet")
def test_an_outage_of_the_longest_retry_window_parks_nothing_before_the_window_ends() -> None:
    clock, window = FakeClock(), 72 * 3600
    queue, vendor = Queue(clock), Vendor(clock, window)
    workers = environments(queue, vendor, clock, float(window))
    for _ in range(20):
        queue.put()

    end = clock.wall() + window
    work_until(end - 60, queue, workers, clock)
    assert (queue.parked, queue.parked_by_sqs, len(queue)) == (0, 0, 20)

    work_until(end + 1440, queue, workers, clock)
    assert queue.parked_by_sqs == 0
    assert queue.parked + queue.results.total() == 20
