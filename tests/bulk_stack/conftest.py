from collections.abc import Callable

import boto3
import pytest

from bulk_files import Files, Run
from bulk_settings import Settings
from tests.aws.account import Account

BUCKET = "files"
SETTINGS = Settings(24 * 3600.0, has_default_configuration=True, known_headings=frozenset(), mappings_layer_arn="")

Put = Callable[..., Files]


@pytest.fixture
def put(account: Account, monkeypatch: pytest.MonkeyPatch) -> Put:  # with `account`, moto is on
    """Puts a file into a new bucket and gives the files of its run."""
    monkeypatch.setenv("MAPPINGS_LAYER_ARN", "")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put_file(text: str | bytes, name: str = "orders", execution: str = "run-1", **metadata: str) -> Files:
        body = text if isinstance(text, bytes) else text.encode()
        etag = s3.put_object(Bucket=BUCKET, Key=f"in/{name}.csv", Body=body, Metadata=metadata)["ETag"].strip('"')
        return Files(s3, Run(BUCKET, f"in/{name}.csv", etag, execution))

    return put_file
