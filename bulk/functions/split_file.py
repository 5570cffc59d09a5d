"""A CSV file → parts of rows with their requests. The only one of the four functions that knows the contract."""

import json
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from botocore.exceptions import ClientError

from bulk_files import GONE, Files, JobRun
from bulk_settings import WorkerSettings, load_split_settings
from bulk_task import client, task
from personal_link.bulk.job import BulkRequest, Job
from personal_link.bulk.sheet import Row, Sheet, UnreadableFile
from personal_link.triggers import event_mappings

if TYPE_CHECKING:
    from io import RawIOBase

    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

    from personal_link.bulk.sheet import Encoding

ROWS_PER_PART: Final = 1000
BYTES_PER_PART: Final = 4_000_000
MAX_BYTES: Final = 512 * 1024**2  # six million rows of 90 bytes take ten of the fifteen minutes of a function
ENCODINGS: Final = ("utf-8", "cp1252")

Outcome = Literal["split", "refused", "replaced"]


def split(files: Files, worker: WorkerSettings, mappings_layer_arn: str) -> Outcome:
    """Write the parts of a file, or why it cannot be read. The layer is the one that this stack has."""
    run = files.run
    try:
        source = files.s3.get_object(Bucket=run.bucket, Key=run.key, IfMatch=run.etag)
    except ClientError as failure:
        if failure.response["Error"]["Code"] in GONE:
            return "replaced"
        raise
    try:
        job, sheet = _open(source, run.job, worker, mappings_layer_arn)
        files.write_layout(sheet.layout)
        count = 0
        for count, part in enumerate(_parts(_line(job, row) for row in sheet.rows), 1):
            files.write(run.rows(count), part)
    except UnreadableFile as fault:
        files.write_json(run.error, {"job": run.job, "file": run.key, "message": str(fault)})
        return "refused"
    files.write_parts(count)
    files.s3.delete_object(Bucket=run.bucket, Key=run.error)  # of an earlier file of this name
    return "split"


def _open(
    source: "GetObjectOutputTypeDef", name: str, worker: WorkerSettings, mappings_layer_arn: str
) -> tuple[Job, Sheet]:
    """Return the job that a file's metadata asks for, and the open file. Raises UnreadableFile."""
    if source["ContentLength"] > MAX_BYTES:
        raise UnreadableFile(f"The file is larger than {MAX_BYTES} bytes: split it.")
    metadata = source["Metadata"]
    encoding = metadata.get("encoding", "utf-8")
    if encoding not in ENCODINGS:
        raise UnreadableFile(f"The metadata `encoding` is one of {', '.join(ENCODINGS)}.")
    if "detail-type" in metadata and worker.mappings_layer_arn != mappings_layer_arn:
        raise UnreadableFile(
            "This stack has another MappingsLayerArn than the connector: deploy it with the connector's."
        )
    try:
        job = Job(
            name=name,
            configuration=metadata.get("configuration"),
            detail_type=metadata.get("detail-type"),
            map_event=event_mappings.load_deployed(mappings_layer_arn).apply,
            has_default_configuration=worker.has_default_configuration,
            known_headings=worker.known_headings,
        )
    except ValueError as wrong:
        raise UnreadableFile(f"The file's name or metadata is wrong: {wrong}.") from None
    lines = BufferedReader(cast("RawIOBase", source["Body"]), 1024 * 1024)
    return job, Sheet.open(lines, cast("Encoding", encoding))


def _line(job: Job, row: Row) -> bytes:
    """Return a row with its request, or with the reason why it has none, as a line of JSON."""
    kept: dict[str, object] = {"cells": row.cells}
    made = job.to_request(row)
    if isinstance(made, BulkRequest):
        kept |= {"digest": made.digest, "body": made.body}
    else:
        kept |= {"refused": [made.code, made.message]}
    return json.dumps(kept).encode() + b"\n"


def _parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        part.append(line)
        size += len(line)
        if len(part) == ROWS_PER_PART or size >= BYTES_PER_PART:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)


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
