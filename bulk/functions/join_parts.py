"""The output of all parts → the output of the job."""

from typing import Any

from bulk_files import Files, JobRun
from bulk_task import client, task
from job_output import join


@task
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Write the output of a job. `outcome` is `finished`, `waiting` or `replaced`."""
    return {**event, **join(Files(client("s3"), JobRun(**event["file"])), event["sent_at"])}
