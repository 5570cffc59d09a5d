"""A CSV file → parts of rows with their requests."""

from typing import Any

from bulk_files import Files, Run
from bulk_settings import MainStack, Settings
from bulk_task import client, task
from file_parts import split


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Split the file of a run. `outcome` is `split`, `refused` (its reason is in the bucket) or `replaced`."""
    run = Run(**event["file"])
    settings = Settings.of_worker(client("lambda"), MainStack.load().queue_worker_arn)
    outcome = split(Files(client("s3"), run), settings)
    return {
        **event,
        "outcome": outcome,
        "parts": run.parts,
        "retry_window": settings.retry_window,
        "summary": {"job": run.job, "bucket": run.bucket, "error": run.error},
    }
