"""A part of rows → its lines of the output."""

from typing import Any

from bulk_files import Files, JobRun
from bulk_settings import load_collect_settings
from bulk_task import client, task
from part_output import collect, is_over
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.domain.clock import SystemClock


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Write the output of one part."""
    ledger = LedgerLookup(client("dynamodb"), load_collect_settings().ledger_table, SystemClock())
    collect(Files(client("s3"), JobRun(**event["file"])), ledger, event["part"], over=is_over(event["sent_at"]))
    return {}  # the outputs of all parts together have at most 256 KiB
