"""Redrive parked requests at a given rate, without losing one.

The ledger decides about each request. A settled one has its result sent again. An unreadable one or one in flight stays
parked. Every other one is sent to the requests queue first and deleted from the parked queue second: an interruption in
between repeats the message, and the ledger prevents a second survey.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import click

from operate.ledger_reader import Entry, LedgerReader, Standing
from operate.parked.queue import ParkedMessage, Sweep
from operate.terminal.failures import NotAllowed
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Clock, SystemClock
from personal_link.triggers.deliveries import first_sent_at, origin

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STAYS: Final = {Standing.UNREADABLE, Standing.IN_FLIGHT, Standing.FORGOTTEN}
BECOMES: Final = {
    Standing.SETTLED: "its result is sent again, CustomerGauge is not called",
    Standing.IN_FLIGHT: "stays parked: an attempt is in flight",
    Standing.UNANSWERED: "retried; CustomerGauge may have its record already",
    Standing.UNTRIED: "retried",
    Standing.REFUSED: "a rejected result",
    Standing.ANOTHERS_KEY: "a rejected result (idempotency_key_reused)",
    Standing.UNREADABLE: "stays parked: it would be parked again",
    Standing.FORGOTTEN: "stays parked: the ledger may have forgotten an attempt; see Request History, then use --old",
}


class Pace:
    """Limit a rate."""

    def __init__(
        self, per_second: float, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._interval = 1 / per_second
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the next one may go."""
        now = self._clock.monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._interval


@dataclass(frozen=True)
class Redrive:
    """Redrive parked messages, one at a time."""

    sqs: "SQSClient"
    requests_url: str
    results: ResultsQueue
    ledger: LedgerReader
    pace: Pace
    remembered: float = math.inf  # seconds after its first sending in which a message may be redriven
    refused: Sequence[str] = ()  # actions that AWS refused

    def entry(self, message: ParkedMessage) -> Entry:
        """Return the ledger's entry of a message's request; FORGOTTEN if the entry may expire before the retry."""
        entry = self.ledger.entry_of(message.record)
        too_old = time.time() - first_sent_at(message.record) >= self.remembered
        if too_old and entry.standing in {Standing.UNTRIED, Standing.UNANSWERED}:
            return replace(entry, standing=Standing.FORGOTTEN)
        return entry

    def bring_back(self, message: ParkedMessage, entry: Entry, sweep: Sweep) -> bool:
        """Send a message's result or the message itself, then delete it from the parked queue; False if it stays.

        Raises ClickException if the results queue does not accept the result, NotAllowed without permission to send.
        """
        if entry.standing in STAYS:
            return False
        self.pace.wait()
        if entry.outcome is not None:
            if self.results.send([entry.outcome]):
                if self.refused:
                    raise NotAllowed(self.refused[-1])
                raise click.ClickException("The results queue did not accept a result: try again; nothing is lost.")
        else:
            self.sqs.send_message(
                QueueUrl=self.requests_url,
                MessageBody=message.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in origin(message.record).items()
                },
            )
        sweep.delete(message)
        return True
