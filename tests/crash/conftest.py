"""An AWS account in this process, a vendor that refuses repeated contacts, and the connector between them."""

from collections.abc import Iterator

import pytest

from personal_link import wiring
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
from tests.crash.environments import Connector
from tests.crash.interruptions import Interruptions
from tests.fake_clock import FakeClock


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as sandbox:
        sandbox.duplicate_rule = "campaign"
        yield sandbox


@pytest.fixture
def connector(
    monkeypatch: pytest.MonkeyPatch, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> Connector:
    """The three handlers over the current environment."""
    interruptions = Interruptions()
    for client in (account.dynamodb, account.sqs, account.secretsmanager):
        interruptions.watch(client)
    connector = Connector(account, vendor, clock, interruptions, receipt=account.queued_record("{}")["receiptHandle"])
    monkeypatch.setattr(wiring, "http_api", lambda: connector.environment.http)
    monkeypatch.setattr(wiring, "batch_worker", lambda: connector.environment.worker)
    monkeypatch.setattr(wiring, "direct_invocation", lambda: connector.environment.direct)
    return connector
