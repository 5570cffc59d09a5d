"""Parked requests go back to the requests queue, as fast as is asked for, and none is lost on the way.

The ledger is asked first. What is settled needs no second try: its result is sent again, in case it was the result
that failed. What cannot be read would only be parked again, and what is in flight is being tried: both stay. All else
goes to the requests queue, and off the parked one only after that: whoever stops in between repeats a message, and the
ledger sees to it that its request is not done twice.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import click

from operate.failures import NotAllowed
from operate.ledger_reader import Entry, LedgerReader, Standing
from operate.parked import ParkedMessage, Sweep
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Clock, SystemClock
from personal_link.triggers.deliveries import first_sent_at, origin

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STAYS: Final = {Standing.UNREADABLE, Standing.IN_FLIGHT, Standing.FORGOTTEN}
BECOMES: Final = {
    Standing.SETTLED: "its result is sent again, CustomerGauge is not called",
    Standing.IN_FLIGHT: "stays parked: it is being tried now",
    Standing.UNANSWERED: "tried again; the ledger knows that CustomerGauge may have its record",
    Standing.UNTRIED: "tried again",
    Standing.REFUSED: "a rejected result",
    Standing.ANOTHERS_KEY: "a rejected result (idempotency_key_reused)",
    Standing.UNREADABLE: "stays parked: it would only be parked again",
    Standing.FORGOTTEN: "stays parked: its first attempt may be forgotten, see Request History; --old brings it back",
}


class Pace:
    """Lets through so many a second."""

    def __init__(
        self, per_second: float, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._interval = 1 / per_second
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._next = 0.0

    def wait(self) -> None:
        """Return when the next may go."""
        now = self._clock.monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._interval


@dataclass(frozen=True)
class Redrive:
    """Brings parked messages back, one at a time."""

    sqs: "SQSClient"
    requests_url: str
    results: ResultsQueue
    ledger: LedgerReader
    pace: Pace
    remembered: float = math.inf  # seconds after its first sending in which a message may be brought back
    refused: Sequence[str] = ()  # actions that AWS refused

    def entry(self, message: ParkedMessage) -> Entry:
        """Return what the ledger says of a message's request, or may have forgotten before it is tried again."""
        entry = self.ledger.entry_of(message.record)
        too_old = time.time() - first_sent_at(message.record) >= self.remembered
        if too_old and entry.standing in {Standing.UNTRIED, Standing.UNANSWERED}:
            return replace(entry, standing=Standing.FORGOTTEN)
        return entry

    def bring_back(self, message: ParkedMessage, entry: Entry, sweep: Sweep) -> bool:
        """Send a message's result or the message itself, then take it off the parked queue; False if it stays.

        Raises ClickException if the results queue does not take the result, NotAllowed if it may not be sent.
        """
        if entry.standing in STAYS:
            return False
        self.pace.wait()
        if entry.outcome is not None:
            if self.results.send([entry.outcome]):
                if self.refused:
                    raise NotAllowed(self.refused[-1])
                raise click.ClickException("The results queue did not take a result: try again; nothing is lost.")
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
