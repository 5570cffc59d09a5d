"""A batch of queued requests: each ends in an outcome, on the parked queue, or back in the queue, on its own."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personal_link import observability, triggers
from personal_link.clock import Clock, Deadline
from personal_link.errors import CODES, Code, Refused, RequestError, TryAgain, Unreadable
from personal_link.issue_link import LinkIssuer
from personal_link.outcome import Outcome, refused_on_arrival
from personal_link.queues import RequestsQueue, ResultsQueue
from personal_link.request import check

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchWorker:
    """Works an SQS batch for the queue's event source mapping."""

    issuer: LinkIssuer
    results: ResultsQueue
    requests: RequestsQueue
    retry_window: float  # seconds from the first sending, after which a request is parked
    clock: Clock
    jitter: Callable[[], float] = random.random

    def work(self, records: Sequence[Record], deadline: Deadline) -> list[str]:
        """Return the ids of the messages that are to come again (the partial batch response)."""
        again: list[str] = []
        settled: list[tuple[Record, Outcome]] = []
        for record in records:
            try:
                settled.append((record, self._settle(record, deadline)))
            except RequestError as error:
                again += self._put_off(record, error)
            except Exception as bug:  # noqa: BLE001  # a bug met by one record must not take the batch with it
                observability.report_bug(bug, record["messageId"])
                again += self._put_off(record, TryAgain(Code.INTERNAL_ERROR, f"unexpected {type(bug).__name__}"))
        unsent = self.results.send([outcome for _record, outcome in settled])
        for position, (record, outcome) in enumerate(settled):
            if position in unsent:
                again += self._put_off(record, TryAgain(Code.INTERNAL_ERROR, "the result was not sent"))
            else:
                observability.report_outcome(outcome)
        return again

    def _settle(self, record: Record, deadline: Deadline) -> Outcome:
        delivery = triggers.open_sqs(record)
        try:
            return self.issuer.issue(check(delivery), deadline)
        except Refused as refusal:
            return refused_on_arrival(delivery, refusal)

    def _put_off(self, record: Record, error: RequestError) -> list[str]:
        """Park a message that is unreadable or too old, else let it wait; return its id if it stays in the queue."""
        message_id, attributes = record["messageId"], record.get("attributes", {})
        attempts = int(attributes.get("ApproximateReceiveCount", 1))
        sent_at = float(attributes.get("SentTimestamp", "inf")) / 1000
        too_old = self.clock.wall() - sent_at >= self.retry_window
        if isinstance(error, Unreadable) or too_old:
            try:
                self.requests.park(record["body"], error, attempts=attempts, message_id=triggers.first_id(record))
            except TryAgain as failure:
                error = failure
            else:
                observability.report_parked(error, message_id, attempts)
                return []
        wait = self._wait(error, attempts)
        self.requests.hide(record["receiptHandle"], wait)
        observability.report_retry(error, message_id, attempts, wait)
        return [message_id]

    def _wait(self, error: RequestError, attempts: int) -> int:
        """Return seconds: what the vendor asked for, else full jitter under a ceiling that doubles with each try."""
        if error.retry_after is not None:
            return max(1, round(error.retry_after))
        meaning = CODES[error.code]
        ceiling: int = min(meaning.longest_delay, meaning.first_delay << min(attempts - 1, 16))
        return 1 + round(self.jitter() * ceiling)
