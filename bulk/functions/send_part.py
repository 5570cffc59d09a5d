"""A part of rows → the requests queue, no faster than it drains."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import batched, islice
from typing import TYPE_CHECKING, Any, Final

from bulk_files import Files, JobRun
from bulk_settings import SendLimits, load_send_settings
from bulk_task import BulkError, client, task
from personal_link.aws.ledger_lookup import AT_ONCE, LedgerLookup
from personal_link.aws.queues import MAX_BATCH, RequestsQueue
from personal_link.domain.clock import SystemClock

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType

RESERVE: Final = 20.0  # seconds of the invocation in which no further batch is begun
ALL_SENT: Final = -1
LONGEST_LOOK: Final = 2.0  # seconds between two looks at a full queue

_DEPTHS: "Final[tuple[QueueAttributeNameType, ...]]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(slots=True)
class Gate:
    """Send batches while the requests queue has room, at most so many rows a second."""

    queue: RequestsQueue
    limits: SendLimits
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _next_at: float = field(default=0.0, init=False)

    def send(self, bodies: list[str], ends_at: float) -> bool:
        """Wait for room and send a batch; return False, with nothing sent, if there is no room until `ends_at`."""
        pause = 0.1
        while not self._has_room():
            if self.monotonic() + pause > ends_at:
                return False
            self.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)
        wait = self._next_at - self.monotonic()
        if self.monotonic() + max(wait, 0) > ends_at:
            return False
        if wait > 0:
            self.sleep(wait)
        if self.queue.send(bodies):  # all are sent again: the ledger makes that harmless
            raise BulkError("the requests queue did not take every row")
        self._next_at = max(self.monotonic(), self._next_at) + len(bodies) / self.limits.rows_per_second
        return True

    def _has_room(self) -> bool:
        attributes = self.queue.sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=_DEPTHS)["Attributes"]
        depths = [int(attributes[name]) for name in _DEPTHS]
        return depths[0] < self.limits.most_waiting and sum(depths) < self.limits.most_in_queue


@dataclass(frozen=True, slots=True)
class RowSender:
    """Send the rows of parts."""

    files: Files
    ledger: LedgerLookup
    gate: Gate

    def send(self, part: int, first: int, ends_at: float) -> int:
        """Send the rows of a part from the `first` on; return the row to go on with, ALL_SENT when there is none.

        A row that the ledger knows is not sent again. A run whose file was replaced or deleted sends no more: the new
        file's run does, and deleting the file stops the job.
        """
        if not self.files.is_current():
            return ALL_SENT
        for some in batched(islice(enumerate(self.files.read_rows(part)), first, None), AT_ONCE, strict=False):
            requests: dict[str, tuple[int, str]] = {}
            for position, row in some:
                if "digest" in row:  # a row that comes again keeps its first place, so that none between is skipped
                    requests.setdefault(row["digest"], (position, row["body"]))
            known = self.ledger.find(requests)
            unknown = [one for digest, one in requests.items() if digest not in known]
            for batch in batched(unknown, MAX_BATCH, strict=False):
                if not self.gate.send([body for _position, body in batch], ends_at):
                    return batch[0][0]
        return ALL_SENT


@task
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send the rows of a part. `next` is the row to go on with, -1 when all are sent."""
    stack, limits = load_send_settings()
    gate = Gate(RequestsQueue(client("sqs"), stack.requests_queue_url, parked_url=""), limits)
    files = Files(client("s3"), JobRun(**event["file"]))
    ledger = LedgerLookup(client("dynamodb"), stack.ledger_table, SystemClock())
    ends_at = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE
    return {**event, "next": RowSender(files, ledger, gate).send(event["part"], event["next"], ends_at)}
