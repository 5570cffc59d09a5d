"""A part of rows → its lines of the output, as the ledger has them now."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import batched
from typing import Any, Final

from bulk_files import Files, JobRun
from bulk_settings import load_collect_settings
from bulk_task import client, task
from personal_link.aws.ledger_lookup import AT_ONCE, Found, LedgerLookup
from personal_link.aws.queues import LAST_CALL, LONGEST_WAIT
from personal_link.bulk.output import STATUSES, WAITING, Ending, output_row, parked, settled
from personal_link.bulk.sheet import Row
from personal_link.domain.clock import SystemClock

LONGEST_LIFE: Final = LAST_CALL + LONGEST_WAIT + 3600.0  # seconds; a message is parked when it shows after `LAST_CALL`
PARKED: Final = parked("", "Not settled in four days: `operate parked list` shows why.")


def is_over(sent_at: str, now: Callable[[], float] = time.time) -> bool:
    """Tell whether every request that was sent before is settled or parked."""
    return now() > datetime.fromisoformat(sent_at).timestamp() + LONGEST_LIFE


def collect(files: Files, ledger: LedgerLookup, part: int, *, over: bool) -> None:
    """Write the output of a part, with the numbers of rows by status as its metadata."""
    earlier = files.metadata(files.run.output(part))
    if earlier and earlier["waiting"] == "0":  # an outcome does not change any more
        return
    layout = files.read_layout()
    counts: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
    lines: list[bytes] = []
    for some in batched(files.read_rows(part), AT_ONCE, strict=False):
        found = ledger.find(row["digest"] for row in some if "digest" in row)
        for row in some:
            ending = _ending(row, found.get(row.get("digest", "")), over=over)
            counts[ending.status] += 1
            lines.append(output_row(layout, Row(0, layout.columns, tuple(row["cells"])), ending))
    numbers = {status: str(count) for status, count in counts.items()}
    files.write(files.run.output(part), b"".join(lines), numbers)


def _ending(row: Mapping[str, Any], found: Found | None, *, over: bool) -> Ending:
    if "refused" in row:
        code, message = row["refused"]
        return Ending("rejected", code, message)
    if found and found.outcome:
        return settled(found.outcome)
    return PARKED if over else WAITING


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Write the output of one part."""
    ledger = LedgerLookup(client("dynamodb"), load_collect_settings().ledger_table, SystemClock())
    collect(Files(client("s3"), JobRun(**event["file"])), ledger, event["part"], over=is_over(event["sent_at"]))
    return {}  # the outputs of all parts together have at most 256 KiB
