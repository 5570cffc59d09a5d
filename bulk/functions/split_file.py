"""A CSV file → parts of rows with their requests."""

from typing import Any

from bulk_files import Files, JobRun
from bulk_settings import WorkerSettings, load_split_settings
from bulk_task import client, task
from file_parts import split


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Split the file of a run. `outcome` is `split`, `refused` (its reason is in the bucket) or `replaced`."""
    run = JobRun(**event["file"])
    stack, mappings_layer_arn = load_split_settings()
    worker = WorkerSettings.of_worker(client("lambda"), stack.queue_worker_arn)
    outcome = split(Files(client("s3"), run), worker, mappings_layer_arn)
    return {
        **event,
        "outcome": outcome,
        "parts": run.parts,
        "summary": {"job": run.job, "bucket": run.bucket, "error": run.error},
    }
