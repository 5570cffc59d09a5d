"""Send the rows of a file to the requests queue, no faster than the queue drains. The ledger says what is sent already.

A row that waits in the queue has no ledger item yet, so it is sent again if the command is: the ledger answers the
second message with the first outcome.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Final

import click

from operate.bulk.job import BulkFile, Prepared, Seen, depth
from operate.parked.redrive_command import Pace
from operate.stack import Account
from operate.terminal.failures import NotAllowed
from personal_link.aws.ledger_lookup import AT_ONCE, LedgerLookup
from personal_link.aws.queues import MAX_BATCH, RequestsQueue
from personal_link.bulk.job import BulkRequest

MOST_WAITING: Final = 20_000  # messages in the requests queue; SQS has room for 120,000 in flight
LOOK_AFTER: Final = 1000  # messages sent before the queue is looked at again
PAUSE: Final = 5.0  # seconds until a full queue is looked at again
TRIES: Final = (0.5, 1.0, 2.0, 4.0)  # seconds before messages that SQS did not take are sent again


@dataclass
class Sent:
    """What became of the requests of a file."""

    sent: int = 0
    settled: int = 0  # before
    begun: int = 0  # before; not settled
    changed: int = 0  # of these two: the key was used for another request


@dataclass(frozen=True)
class Sender:
    """Send the requests of a file that the ledger does not know."""

    account: Account
    queue: RequestsQueue
    ledger: LedgerLookup
    tell: Callable[[str], None]  # the user, that sending waits
    pace: Pace | None = None  # of the messages

    def send(self, file: BulkFile, sent: Sent) -> Iterator[int]:
        """Send them and count in `sent`; give the number of rows after each step, for the progress bar."""
        until_look = 0
        with Seen() as seen, file.open() as (_layout, prepared):
            for chunk in batched(prepared, AT_ONCE, strict=False):
                for batch in batched(self._new(chunk, seen, sent), MAX_BATCH, strict=False):
                    if until_look <= 0:
                        self._wait_for_room()
                        until_look = LOOK_AFTER
                    self._send(batch)
                    sent.sent += len(batch)
                    until_look -= len(batch)
                yield len(chunk)

    def _new(self, chunk: tuple[Prepared, ...], seen: Seen, sent: Sent) -> list[BulkRequest]:
        """Return the requests of a chunk that the ledger does not know; count the others."""
        requests = [one for _row, one in chunk if isinstance(one, BulkRequest) and seen.is_new(one.digest)]
        found = self.ledger.find(one.digest for one in requests)
        for there, one in ((found[one.digest], one) for one in requests if one.digest in found):
            sent.changed += there.fingerprint != one.fingerprint
            if there.outcome:
                sent.settled += 1
            else:
                sent.begun += 1
        return [one for one in requests if one.digest not in found]

    def _wait_for_room(self) -> None:
        told = False
        while (waiting := depth(self.queue.sqs, self.queue.url)) >= MOST_WAITING:
            if not told:
                self.tell(f"{waiting:,} messages are in the queue. Sending goes on below {MOST_WAITING:,}.")
            told = True
            time.sleep(PAUSE)

    def _send(self, requests: tuple[BulkRequest, ...]) -> None:
        if self.pace:
            for _ in requests:
                self.pace.wait()
        left = [one.body for one in requests]
        for pause in (*TRIES, None):
            left = [left[position] for position in sorted(self.queue.send(left))]
            if not left:
                return
            if self.account.refused:
                raise NotAllowed(self.account.refused[-1])
            if pause is not None:
                time.sleep(pause)
        raise click.ClickException(
            f"SQS did not take {len(left)} requests. Nothing is lost: the same command sends what is missing."
        )
