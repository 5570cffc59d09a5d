"""Files of rows for the bulk commands, and what the functions make of them."""

import csv
import json
from pathlib import Path

from personal_link.bulk.job import BulkRequest, Job
from personal_link.bulk.sheet import Sheet
from personal_link.domain.request import LinkRequest
from tests.operate.stage import NAME, Stage, the_request

JOB = ("--job", "november", "--configuration", "contact")


def write(path: Path, rows: int) -> Path:
    """Write a file of so many different rows."""
    lines = (f"ACME,joe.{number}@acme.example" for number in range(rows))
    path.write_text("\n".join(["Account Name,Email", *lines, ""]))
    return path


def bodies_of(path: Path) -> list[str]:
    """Return the requests of a file's good rows, as the job makes them."""
    job = Job("november", "contact")
    with path.open("rb") as lines:
        made = map(job.to_request, Sheet.open(lines).rows)
        return [one.body for one in made if isinstance(one, BulkRequest)]


def requests_of(path: Path) -> list[LinkRequest]:
    return [the_request(body) for body in bodies_of(path)]


def queued(stage: Stage) -> list[str]:
    """Take all messages off the requests queue."""
    found: list[str] = []
    while messages := stage.requests():
        found += [message["Body"] for message in messages]
        for message in messages:
            stage.aws.sqs.delete_message(QueueUrl=stage.aws.requests_url, ReceiptHandle=message["ReceiptHandle"])
    return found


def collected(stage: Stage, file: Path, *options: str) -> list[dict[str, str]]:
    """Collect a file's output and read it."""
    output = file.with_name("out.csv")
    stage.run("bulk", "collect", NAME, str(file), *JOB, "--output", str(output), *options)
    with output.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def emails(bodies: list[str]) -> list[str]:
    return sorted(json.loads(body)["record"]["Email"] for body in bodies)
