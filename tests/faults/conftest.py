"""An AWS that misbehaves, a Lambda environment that talks to it, and its log."""

from collections.abc import Iterator

import pytest

from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account
from tests.faults.faulty_aws import FaultyAws
from tests.lambda_environment import lambda_environment


@pytest.fixture
def aws(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    """The account's services on a real socket; every client that is made from now on talks to it."""
    with FaultyAws(account) as faulty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
        yield faulty


@pytest.fixture
def environment(
    aws: FaultyAws,  # the clients that are made here talk to it
    account: Account,
    vendor: CustomerGaugeSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A Lambda environment of its own, with the variables that the template sets."""
    # Without a shared token, so that the table's faults meet the ledger's own calls.
    with lambda_environment(monkeypatch, account, vendor, ACCESS_TOKEN_SECRET_ARN=""):
        yield
