"""Work an SQS batch: each message gets an outcome, is parked, or is retried, independently of the others."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from personal_link import observability
from personal_link.aws.queues import LAST_CALL, Parked, RequestsQueue, ResultsQueue
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import CODES, Code, Refused, RequestError, TryAgain, Unreadable
from personal_link.domain.outcome import Outcome, outcome_id, refused_on_arrival
from personal_link.domain.request import FIELDS, Delivery, LinkRequest, check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import MapEvent

FIRST_RECEIVES: Final = 50  # receives of a message without a minimum wait
LATER_RECEIVES: Final = 900  # at most, until its retry window ends; with the first ones fewer than `maxReceiveCount`
GROWTH: Final = 1.3  # factor of the back-off with each attempt

Record = Mapping[str, Any]
End = Outcome | RequestError
Ids = Mapping[str, str]  # of a message, for the log


@dataclass(frozen=True, slots=True)
class BatchWorker:
    """Work SQS batches, `concurrency` messages at a time."""

    issuer: LinkIssuer
    results: ResultsQueue
    requests: RequestsQueue
    breaker: CircuitBreaker
    retry_window: float  # seconds after sending, until a request is parked
    clock: Clock
    concurrency: int
    map_event: MapEvent
    jitter: Callable[[], float] = random.random

    def work(self, records: Sequence[Record], deadline: Deadline) -> list[str]:
        """Return the ids of the messages to retry (the partial batch response)."""
        settled: list[tuple[Record, Outcome]] = []
        put_off: list[tuple[Record, RequestError]] = []
        opened = [_result_or_error(record, _open, record, self.map_event) for record in records]
        for record, end in zip(records, self._work_on_all(opened, deadline), strict=True):
            if isinstance(end, Outcome):
                settled.append((record, end))
            else:
                put_off.append((record, end))
        unsent = self.results.send([outcome for _record, outcome in settled])
        for position, (record, outcome) in enumerate(settled):
            # two AWS calls follow: park and hide
            self.issuer.after_sending(outcome, deadline, sent=position not in unsent, calls_to_come=2)
            if position in unsent:
                unsent_result = TryAgain(Code.INTERNAL_ERROR, "the result was not sent")
                unsent_result.attempt = _attempts(record)
                put_off.append((record, unsent_result))
            else:
                observability.report_outcome(outcome)
        if not put_off:
            return []
        ids = {record["messageId"]: _ids(record, one) for record, one in zip(records, opened, strict=True)}
        return self._put_off(put_off, ids)

    def _work_on_all(self, messages: "Sequence[_Opened | End]", deadline: Deadline) -> list[End]:
        """Return how each message ends. Work messages of one key one after the other: the first answers the others.

        While the circuit is not closed, try one message at a time: more threads would only wait for it.
        """
        ends: dict[int, End] = {}
        by_key: dict[str, list[tuple[int, _Opened]]] = {}
        for position, message in enumerate(messages):
            if isinstance(message, _Opened):
                by_key.setdefault(message.request.key.digest, []).append((position, message))
            else:
                ends[position] = message

        def work(group: list[tuple[int, _Opened]]) -> None:
            end: End | None = None
            for position, opened in group:
                if not (isinstance(end, TryAgain) and end.attempt is not None):  # the next attempt is a later delivery
                    end = _result_or_error(opened.record, self._settle, opened, deadline)
                ends[position] = end

        groups = list(by_key.values())
        while groups and (not self.breaker.is_closed or min(self.concurrency, len(groups)) == 1):
            work(groups.pop(0))
        if groups:
            with ThreadPoolExecutor(min(self.concurrency, len(groups)), "message") as threads:
                list(threads.map(work, groups))  # raises what a thread raised
        return [ends[position] for position in range(len(messages))]

    def _settle(self, opened: "_Opened", deadline: Deadline) -> Outcome:
        overdue = self._age(opened.record) >= self.retry_window
        with self.breaker.permit(opened.request.key.digest, deadline, overdue=overdue) as call:
            try:
                outcome = self.issuer.issue(opened.request, deadline)
            except Refused as refusal:
                return refused_on_arrival(opened.delivery, refusal)
            except TryAgain as error:
                call.error = error
                raise
            call.answered = not outcome.replayed
            return outcome

    def _put_off(self, put_off: Sequence[tuple[Record, RequestError]], ids: Mapping[str, Ids]) -> list[str]:
        """Park unreadable and overdue messages and back off with the others; return the ids of those in the queue."""
        ended: list[tuple[Record, RequestError]] = []
        waiting: list[tuple[Record, RequestError]] = []
        for record, error in put_off:
            is_over = isinstance(error, Unreadable) or self._age(record) >= self._window(error)
            (ended if is_over else waiting).append((record, error))
        unparked = self.requests.park(
            [Parked(record["body"], error, _attempts(record), deliveries.origin(record)) for record, error in ended]
        )
        for position, (record, error) in enumerate(ended):
            if position in unparked:
                waiting.append((record, TryAgain(Code.INTERNAL_ERROR, "the message was not parked")))
            else:
                observability.report_parked(error, ids[record["messageId"]], _attempts(record))
        waits = [(record, error, self._wait(error, _attempts(record))) for record, error in waiting]
        self.requests.hide([(record["receiptHandle"], wait) for record, _error, wait in waits])
        for record, error, wait in waits:
            observability.report_retry(error, ids[record["messageId"]], _attempts(record), wait, self._age(record))
        return [record["messageId"] for record, _error in waiting]

    def _window(self, error: RequestError) -> float:
        """Return the age at which a message is parked: the retry window, or `LAST_CALL` if it had no attempt now."""
        return self.retry_window if error.attempt is not None else LAST_CALL

    def _age(self, record: Record) -> float:
        """Return the seconds since a message was sent; 0 if that is not known."""
        sent_at = float(record.get("attributes", {}).get("SentTimestamp", "inf")) / 1000
        return max(0.0, self.clock.wall() - sent_at)

    def _wait(self, error: RequestError, receives: int) -> int:
        """Return seconds: Retry-After, or full jitter under a ceiling that grows with each attempt."""
        tries = _tries(error, receives)
        least = 0 if tries == 1 else 1
        if receives > FIRST_RECEIVES:
            # SQS itself parks after a thousand receives; the retry window has to end first.
            least = math.ceil(self._window(error) / LATER_RECEIVES)
        if error.retry_after is None:
            meaning = CODES[error.code]
            ceiling = min(meaning.longest_delay, meaning.first_delay * GROWTH ** min(tries - 1, 32))
            return max(least, round(self.jitter() * ceiling))
        return max(least, 1, round(error.retry_after))


@dataclass(frozen=True, slots=True, repr=False)
class _Opened:
    """A message with a valid request."""

    record: Record
    delivery: Delivery
    request: LinkRequest


def _open(record: Record, map_event: MapEvent) -> _Opened | Outcome:
    """Return a message's request, or its outcome if it breaks the contract. Raises Unreadable."""
    delivery = deliveries.open_sqs(record, map_event)
    try:
        request = check(delivery)
        # Drop all other content: ten large messages at once would fill the function's memory.
        content = {name: value for name, value in delivery.content.items() if name in FIELDS}
        return _Opened(record, replace(delivery, content=content), request)
    except Refused as refusal:
        return refused_on_arrival(delivery, refusal)


def _ids(record: Record, opened: _Opened | End) -> Ids:
    """Return the ids and digests that connect a message's log lines with its trigger, its request and its result."""
    ids = {"message_id": record["messageId"]}
    if isinstance(opened, _Opened):
        request = opened.request
        ids |= {"source_id": request.source.id, **observability.digests(request.key.digest, request.reference)}
        if request.key.scope != "content":  # only the ledger knows the outcome id of a content key
            ids |= {"outcome_id": outcome_id(request)}
    return ids


def _result_or_error[**P, T](
    record: Record, step: Callable[P, T], *arguments: P.args, **named: P.kwargs
) -> T | RequestError:
    """Return the result or the error of a step: the failure of one message must not fail the batch."""
    try:
        return step(*arguments, **named)
    except RequestError as error:
        return error
    except Exception as bug:  # noqa: BLE001  # each message's entry point: its bug must not fail the batch
        observability.report_bug(bug, record["messageId"])
        unexpected = TryAgain(Code.INTERNAL_ERROR, f"unexpected {type(bug).__name__}")
        unexpected.attempt = _attempts(record)
        return unexpected


def _attempts(record: Record) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _tries(error: RequestError, receives: int) -> int:
    """Return the number of attempts that the back-off counts. A receive without an attempt does not count."""
    if error.attempt is not None:
        return max(1, min(receives, error.attempt))  # a redrive starts the receive count again
    return receives if error.code is Code.INTERNAL_ERROR else 1  # AWS failed: no ledger counts the attempts
