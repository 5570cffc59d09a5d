from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from bulk_files import Files, JobRun
from bulk_settings import WorkerSettings
from split_file import Outcome, split
from tests.aws.account import Account

BUCKET = "files"
SETTINGS = WorkerSettings(has_default_configuration=True, known_headings=frozenset(), mappings_layer_arn="")

Put = Callable[..., Files]


def split_up(files: Files, layer_arn: str = "", **settings: Any) -> Outcome:
    """Split a file by a stack with this layer beside a connector with these settings."""
    return split(files, replace(SETTINGS, **settings), layer_arn)


@pytest.fixture
def put(account: Account) -> Put:  # with `account`, moto is on
    """Puts a file into a new bucket and gives the files of its run."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put_file(text: str | bytes, name: str = "orders", execution: str = "run-1", **metadata: str) -> Files:
        body = text if isinstance(text, bytes) else text.encode()
        etag = s3.put_object(Bucket=BUCKET, Key=f"in/{name}.csv", Body=body, Metadata=metadata)["ETag"].strip('"')
        return Files(s3, JobRun(BUCKET, f"in/{name}.csv", etag, execution))

    return put_file
