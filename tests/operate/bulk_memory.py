"""Run one step of a bulk job on a file of so many rows, without AWS, and print the most memory that it took (KiB).

python -m tests.operate.bulk_memory check|send|collect FILE ROWS
"""

import re
import sys
from pathlib import Path
from typing import Any

from operate.bulk.job import BulkFile, Check, Look, Tally
from operate.bulk.send import Sender, Sent
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.aws.queues import RequestsQueue
from personal_link.bulk.job import Job
from personal_link.bulk.output import output_row
from personal_link.domain.clock import SystemClock


class NoAws:
    """SQS and DynamoDB that keep nothing: every message is taken, no item is there."""

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def send_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        return {"Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in Entries]}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {}}


AWS: Any = NoAws()
LEDGER = LedgerLookup(AWS, "ledger", SystemClock())


def check(file: BulkFile) -> int:
    return Check.of(file).good


def send(file: BulkFile) -> int:
    sent = Sent()
    for _ in Sender(AWS, RequestsQueue(AWS, "requests", "parked"), LEDGER, print).send(file, sent):
        pass
    return sent.sent


def collect(file: BulkFile) -> int:
    tally = Tally()
    with file.open() as (layout, prepared):
        for row, ending in Look(LEDGER, AWS, "parked").endings(file, prepared, tally):
            output_row(layout, row, ending)
    return tally.waiting


def main(step: str, path: str, rows: str) -> None:
    done = {"check": check, "send": send, "collect": collect}[step](
        BulkFile(Path(path), "utf-8", Job("november", "contact"))
    )
    assert done == int(rows), f"{done} rows of {rows}"
    sys.stdout.write(most_memory())


def most_memory() -> str:
    """Return the most resident memory of this program; `ru_maxrss` has that of the process that started it, too."""
    [most] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return str(most)


if __name__ == "__main__":
    main(*sys.argv[1:])
