"""Memory does not grow with the file: what is needed for 100,000 rows is what is needed for 1,000.

As a program it runs one step without AWS and prints the most memory that it took (KiB):
python -m tests.operate.test_bulk_memory check|send|collect FILE ROWS
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operate.bulk.job import BulkFile, Check, Look, Tally
from operate.bulk.send import Sender, Sent
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.aws.queues import RequestsQueue
from personal_link.bulk.job import Job
from personal_link.bulk.output import output_row
from personal_link.domain.clock import SystemClock
from sandbox import REPOSITORY
from tests.operate.bulk_files import write

STATUS = Path("/proc/self/status")
MOST_GROWTH = 4 * 1024  # KiB for 99,000 rows: fewer bytes than a digest of each of them takes in a set
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells the most memory of a program"),
]


def peak(step: str, path: Path, rows: int) -> int:
    """Return the most memory that a process of its own needs for a step (KiB)."""
    write(path, rows)
    layer = REPOSITORY / "layers" / "personal_link"
    done = subprocess.run(
        [sys.executable, "-m", "tests.operate.test_bulk_memory", step, str(path), str(rows)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{layer}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("step", ["check", "send", "collect"])
def test_a_hundred_times_the_rows_need_the_same_memory(step: str, tmp_path: Path) -> None:
    small = peak(step, tmp_path / "small.csv", 1_000)
    large = peak(step, tmp_path / "large.csv", 100_000)

    assert large - small <= MOST_GROWTH


class NoAws:
    """SQS and DynamoDB that keep nothing: every message is taken, no item is there."""

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}

    def send_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        return {"Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in Entries]}

    def batch_get_item(self, **_: Any) -> dict[str, Any]:
        return {"Responses": {}}


def rows_done(step: str, file: BulkFile) -> int:
    aws: Any = NoAws()
    ledger, sent, tally = LedgerLookup(aws, "ledger", SystemClock()), Sent(), Tally()
    match step:
        case "check":
            return Check.of(file).good
        case "send":
            for _ in Sender(aws, RequestsQueue(aws, "requests", "parked"), ledger, print).send(file, sent):
                pass
            return sent.sent
        case _:
            with file.open() as (layout, prepared):
                for row, ending in Look(ledger, aws, "parked").endings(file, prepared, tally):
                    output_row(layout, row, ending)
            return tally.waiting


def main(step: str, path: str, rows: str) -> None:
    done = rows_done(step, BulkFile(Path(path), "utf-8", Job("november", "contact")))
    assert done == int(rows), f"{done} rows of {rows}"
    # `ru_maxrss` has the memory of the process that started it, too.
    [most] = re.findall(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    sys.stdout.write(str(most))


if __name__ == "__main__":
    main(*sys.argv[1:])
