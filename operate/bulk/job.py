"""A bulk job as the commands see it: a file, the job that makes its rows requests, and a look at where they are."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from operate.parked.queue import Sweep
from personal_link.aws.ledger_lookup import AT_ONCE, Found, LedgerLookup
from personal_link.bulk.job import BulkRequest, Job
from personal_link.bulk.output import STATUSES, WAITING, Ending, Status, parked, settled
from personal_link.bulk.sheet import Encoding, Layout, Row, Sheet

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_KINDS: Final = 20  # of refusals that are told one by one
MOST_LINES: Final = 5  # that are told of a kind
RECENT: Final = 60.0  # seconds over which the rate is taken
Prepared = tuple[Row, BulkRequest | Ending]


@dataclass(frozen=True)
class BulkFile:
    """A CSV file and its job. Its rows are read anew each time, so that memory does not grow with the file."""

    path: Path
    encoding: Encoding
    job: Job

    @contextmanager
    def open(self) -> Iterator[tuple[Layout, Iterator[Prepared]]]:
        """Open the file; give its layout, and each row with its request or its refusal. Raises UnreadableFile."""
        with self.path.open("rb") as lines:
            sheet = Sheet.open(lines, self.encoding)
            yield sheet.layout, ((row, self.job.to_request(row)) for row in sheet.rows)


class Seen:
    """The digests seen so far, in a temporary file: memory does not grow with them. Use it in a `with` block."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._database.close()

    def is_new(self, digest: str) -> bool:
        """Remember a digest; tell whether it was new."""
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (bytes.fromhex(digest),))
        return added.rowcount == 1


@dataclass
class Kind:
    """One kind of refusal: how many rows, and the lines of the first ones."""

    code: str
    rows: int = 0
    lines: list[int] = field(default_factory=list)


@dataclass
class Check:
    """What is right and wrong with the rows of a file."""

    columns: int = 0
    rows: int = 0
    repeated: int = 0  # good rows that are the same as an earlier one
    rejected: int = 0
    kinds: dict[str, Kind] = field(default_factory=dict)  # by text

    @classmethod
    def of(cls, file: BulkFile) -> Self:
        """Check every row of a file."""
        check = cls()
        with Seen() as seen, file.open() as (layout, prepared):
            check.columns = len(layout.columns)
            for row, one in prepared:
                check.rows += 1
                if isinstance(one, Ending):
                    check._refuse(row, one)
                elif not seen.is_new(one.digest):
                    check.repeated += 1
        return check

    @property
    def good(self) -> int:
        """The number of rows that are requests."""
        return self.rows - self.rejected

    def as_json(self) -> dict[str, object]:
        """Return the check for scripts."""
        counts = {"rows": self.rows, "good": self.good, "repeated": self.repeated, "rejected": self.rejected}
        return {**counts, "problems": [{"problem": text, **asdict(kind)} for text, kind in self.kinds.items()]}

    def _refuse(self, row: Row, ending: Ending) -> None:
        self.rejected += 1
        text = ending.kind if ending.kind in self.kinds or len(self.kinds) < MOST_KINDS else "other problems"
        kind = self.kinds.setdefault(text, Kind(ending.code))
        kind.rows += 1
        if len(kind.lines) < MOST_LINES:
            kind.lines.append(row.line)


@dataclass
class Tally:
    """How many rows are where, and how fast they end."""

    counts: Counter[Status] = field(default_factory=Counter)
    recent: int = 0  # requests settled in the last RECENT seconds
    began_at: float | None = None  # of the first request, in epoch seconds

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.counts.total()

    @property
    def waiting(self) -> int:
        """The number of rows whose request is in the queue, in flight, or not sent."""
        return self.counts["waiting"]

    def rate(self) -> float:
        """Return how many requests were settled a second lately."""
        span = min(RECENT, time.time() - self.began_at) if self.began_at is not None else RECENT
        return self.recent / max(1.0, span)

    def seconds_left(self) -> float | None:
        """Return the estimated time until no row waits; None without a rate."""
        rate = self.rate()
        return self.waiting / rate if rate else None

    def as_json(self) -> dict[str, object]:
        """Return the tally for scripts."""
        left = self.seconds_left()
        return {
            "rows": self.rows,
            **{status: self.counts[status] for status in STATUSES},
            "per_second": round(self.rate(), 2),
            "seconds_left": None if left is None else round(left),
        }

    def count(self, ending: Ending, found: Found | None) -> None:
        """Count a row."""
        self.counts[ending.status] += 1
        if found is None:
            return
        began_at = _epoch(found.requested_at)
        self.began_at = began_at if self.began_at is None else min(self.began_at, began_at)
        if found.outcome and time.time() - _epoch(found.outcome.completed_at) <= RECENT:
            self.recent += 1


@dataclass(frozen=True)
class Look:
    """Look where the rows of a file are: in the ledger, in the parked queue, or still waiting."""

    ledger: LedgerLookup
    sqs: "SQSClient"
    parked_url: str

    def endings(self, file: BulkFile, prepared: Iterator[Prepared], tally: Tally) -> Iterator[tuple[Row, Ending]]:
        """Give each row with its end, and count it."""
        in_parked = self._parked(file.job)
        for chunk in batched(prepared, AT_ONCE, strict=False):
            found = self.ledger.find(one.digest for _row, one in chunk if isinstance(one, BulkRequest))
            for row, one in chunk:
                there = found.get(one.digest) if isinstance(one, BulkRequest) else None
                ending = one if isinstance(one, Ending) else _ending(one, there, in_parked)
                tally.count(ending, there)
                yield row, ending

    def _parked(self, job: Job) -> Mapping[str, Ending]:
        """Return the parked requests of the job by digest, without removing one."""
        if not depth(self.sqs, self.parked_url):
            return {}
        with Sweep(self.sqs, self.parked_url) as sweep:
            return {
                digest: parked(message.code.strip("-"), message.detail.strip("-"))
                for message in sweep
                if (digest := job.digest_in(message.body)) is not None
            }


def depth(sqs: "SQSClient", url: str) -> int:
    """Return the approximate number of messages in a queue, with those that are hidden or delayed."""
    answer = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )
    return sum(map(int, answer["Attributes"].values()))


def _ending(one: BulkRequest, found: Found | None, in_parked: Mapping[str, Ending]) -> Ending:
    if found and found.outcome:
        return settled(found.outcome)
    return in_parked.get(one.digest, WAITING)


def _epoch(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
