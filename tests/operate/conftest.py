from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from operate.parked import queue
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
from tests.operate.stage import EmulatedAccount, Stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(queue, "LONG_POLL", 0)  # there is but one server here
    with mock_aws(), CustomerGaugeSandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as vendor:
        made = Stage(Account.create(), vendor, EmulatedAccount(boto3.Session(), None))
        made.stand()
        yield made
