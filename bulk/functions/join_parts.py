"""The output of all parts → the output of the job, its summary, and how long to wait until the next look."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any, Final, cast

from boto3.s3.transfer import TransferConfig

from bulk_files import Files, JobRun
from bulk_task import client, task
from personal_link.bulk.output import STATUSES, output_header
from personal_link.domain.clock import timestamp

SHORTEST_PAUSE: Final = 10.0  # seconds
LONGEST_PAUSE: Final = 1800.0
GROWTH: Final = 0.5  # of the time since all rows were sent

# Two chunks in memory, however long the output is.
_TRANSFER: Final = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=2)


def join(files: Files, sent_at: str, now: Callable[[], float] = time.time) -> dict[str, Any]:
    """Write the output and the summary, unless the file was replaced or deleted."""
    run = files.run
    if not files.is_current():  # its successor writes the same names
        return {"outcome": "replaced"}
    counts: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
    body = cast("IO[bytes]", _Stream(_pieces(files, counts)))  # which is read, and no more
    files.s3.upload_fileobj(body, run.bucket, run.links, Config=_TRANSFER)
    state = "waiting" if counts["waiting"] else "finished"
    summary = {"job": run.job, "rows": counts.total(), **counts, "bucket": run.bucket, "links": run.links}
    files.write_json(run.summary, {**summary, "file": run.key, "state": state, "looked_at": timestamp(now())})
    elapsed = now() - datetime.fromisoformat(sent_at).timestamp()
    pause = round(min(max(GROWTH * elapsed, SHORTEST_PAUSE), LONGEST_PAUSE))
    return {"outcome": state, "pause": pause, "summary": {**summary, "summary": run.summary}}


def _pieces(files: Files, counts: Counter[str]) -> Iterator[bytes]:
    """Yield the heading line and each part's lines; add up the parts' numbers."""
    yield output_header(files.read_layout())
    for part in files.read_parts():
        found = files.s3.get_object(Bucket=files.run.bucket, Key=files.run.output(part))
        counts.update({status: int(found["Metadata"][status]) for status in STATUSES})
        yield found["Body"].read()


class _Stream:
    """Pieces of bytes as a file that is read once, without all of them in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = sys.maxsize) -> bytes:
        """Return so many bytes; fewer at the end."""
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Write the output of a job. `outcome` is `finished`, `waiting` or `replaced`."""
    return {**event, **join(Files(client("s3"), JobRun(**event["file"])), event["sent_at"])}
