"""A part of rows → the requests queue."""

import time
from typing import Any, Final

from bulk_files import Files, JobRun
from bulk_settings import load_send_settings
from bulk_task import client, task
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.aws.queues import RequestsQueue
from personal_link.domain.clock import SystemClock
from row_sender import Gate, RowSender

RESERVE: Final = 20.0  # seconds of the invocation in which no further batch is begun


@task
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send the rows of a part. `next` is the row to go on with, -1 when all are sent."""
    stack, limits = load_send_settings()
    gate = Gate(RequestsQueue(client("sqs"), stack.requests_queue_url, parked_url=""), limits)
    files = Files(client("s3"), JobRun(**event["file"]))
    ledger = LedgerLookup(client("dynamodb"), stack.ledger_table, SystemClock())
    ends_at = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE
    return {**event, "next": RowSender(files, ledger, gate).send(event["part"], event["next"], ends_at)}
