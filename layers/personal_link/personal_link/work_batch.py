"""A batch of queued requests: each ends in an outcome, on the parked queue, or back in the queue, on its own."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from personal_link import observability, triggers
from personal_link.clock import Clock, Deadline
from personal_link.cool_down import CoolDown
from personal_link.errors import CODES, Code, NotStarted, Refused, RequestError, TryAgain, Unreadable
from personal_link.issue_link import LinkIssuer
from personal_link.outcome import Outcome, refused_on_arrival
from personal_link.queues import Parked, RequestsQueue, ResultsQueue
from personal_link.request import check

FIRST_RECEIVES: Final = 50  # of a message, with waits as short as need be
LATER_RECEIVES: Final = 900  # at most, for the rest of its retry window; together fewer than `maxReceiveCount`

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchWorker:
    """Works an SQS batch for the queue's event source mapping."""

    issuer: LinkIssuer
    results: ResultsQueue
    requests: RequestsQueue
    cool_down: CoolDown
    retry_window: float  # seconds from the first sending, after which a request is parked
    clock: Clock
    jitter: Callable[[], float] = random.random

    def work(self, records: Sequence[Record], deadline: Deadline) -> list[str]:
        """Return the ids of the messages that are to come again (the partial batch response)."""
        settled: list[tuple[Record, Outcome]] = []
        put_off: list[tuple[Record, RequestError]] = []
        for record in records:
            try:
                settled.append((record, self._settle(record, deadline)))
            except RequestError as error:
                put_off.append((record, error))
            except Exception as bug:  # noqa: BLE001  # a bug met by one record must not take the batch with it
                observability.report_bug(bug, record["messageId"])
                put_off.append((record, TryAgain(Code.INTERNAL_ERROR, f"unexpected {type(bug).__name__}")))
        unsent = self.results.send([outcome for _record, outcome in settled])
        for position, (record, outcome) in enumerate(settled):
            if position in unsent:
                put_off.append((record, TryAgain(Code.INTERNAL_ERROR, "the result was not sent")))
            else:
                observability.report_outcome(outcome)
        return self._put_off(put_off)

    def _settle(self, record: Record, deadline: Deadline) -> Outcome:
        delivery = triggers.open_sqs(record)
        try:
            request = check(delivery)
            self.cool_down.check()
            outcome = self.issuer.issue(request, deadline)
        except Refused as refusal:
            return refused_on_arrival(delivery, refusal)
        except TryAgain as error:
            self.cool_down.failed(error)
            raise
        if not outcome.replayed:
            self.cool_down.succeeded()
        return outcome

    def _put_off(self, put_off: Sequence[tuple[Record, RequestError]]) -> list[str]:
        """Park what is unreadable or too old, let the rest wait; return the ids of what stays in the queue."""
        ended: list[tuple[Record, RequestError]] = []
        waiting: list[tuple[Record, RequestError]] = []
        for record, error in put_off:
            is_over = isinstance(error, Unreadable) or self._is_old(record)
            (ended if is_over else waiting).append((record, error))
        unparked = self.requests.park(
            [Parked(record["body"], error, _attempts(record), triggers.first_id(record)) for record, error in ended]
        )
        for position, (record, error) in enumerate(ended):
            if position in unparked:
                waiting.append((record, TryAgain(Code.INTERNAL_ERROR, "the message was not parked")))
            else:
                observability.report_parked(error, record["messageId"], _attempts(record))
        waits = [(record, error, self._wait(error, _attempts(record))) for record, error in waiting]
        self.requests.hide([(record["receiptHandle"], wait) for record, _error, wait in waits])
        for record, error, wait in waits:
            observability.report_retry(error, record["messageId"], _attempts(record), wait)
        return [record["messageId"] for record, _error in waiting]

    def _is_old(self, record: Record) -> bool:
        sent_at = float(record.get("attributes", {}).get("SentTimestamp", "inf")) / 1000
        return self.clock.wall() - sent_at >= self.retry_window

    def _wait(self, error: RequestError, attempts: int) -> int:
        """Return seconds: what the vendor asked for, else full jitter under a ceiling that doubles with each try.

        What was not started waits for the rest to end, and up to as long again: all of it would come back at once.
        """
        # SQS itself parks after a thousand receives: whoever has come often waits so long that the window ends first.
        least = math.ceil(self.retry_window / LATER_RECEIVES) if attempts > FIRST_RECEIVES else 1
        if error.retry_after is None:
            meaning = CODES[error.code]
            ceiling: int = min(meaning.longest_delay, meaning.first_delay << min(attempts - 1, 16))
            return max(least, 1 + round(self.jitter() * ceiling))
        spread = self.jitter() if isinstance(error, NotStarted) else 0.0
        return max(least, round(error.retry_after * (1 + spread)))


def _attempts(record: Record) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
