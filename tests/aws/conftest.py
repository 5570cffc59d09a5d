"""An AWS account in this process, a vendor on a loopback socket, and the connector between them."""

from collections.abc import Iterator
from functools import partial

import pytest
from moto import mock_aws

from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.customergauge.access_token import TokenCache, run_in_background
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.customergauge.transport import Transport
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge import CustomerGaugeSandbox
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
from tests.fake_clock import FakeClock


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open nothing, so that no test can reach a real account."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture
def account(aws_environment: None) -> Iterator[Account]:  # noqa: ARG001
    with mock_aws():
        yield Account.create()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=1_795_428_000.0)  # 2026-11-23T10:00:00Z


@pytest.fixture
def ledger(account: Account, clock: FakeClock) -> Ledger:
    return Ledger(account.dynamodb, account.ledger_table, 21, clock)


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def issuer(account: Account, ledger: Ledger, clock: FakeClock, vendor: CustomerGaugeSandbox) -> LinkIssuer:
    """The use case with everything real but the time and the AWS account."""
    customergauge = CustomerGauge(
        Transport(clock), clock, auth_base_url=vendor.base_url, imports_base_url=vendor.base_url
    )
    secret = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    return LinkIssuer(
        ledger=ledger,
        tokens=TokenCache(partial(fetch_token, secret, customergauge), clock, run_in_background),
        customergauge=customergauge,
        clock=clock,
        default_configuration="contact",
        sleep=clock.advance,
    )
