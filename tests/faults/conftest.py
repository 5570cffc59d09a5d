"""The connector's two calls to the vendor, aimed at whatever server a test plays; and an AWS that misbehaves."""

import io
import logging
from collections.abc import Iterator
from functools import partial

import pytest

from personal_link import observability, wiring
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.customergauge.access_token import TokenCache, run_in_background
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import SystemClock
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge import CustomerGaugeSandbox
from tests.aws.account import Account, template_variables
from tests.faults.faulty_aws import FaultyAws


@pytest.fixture
def gauge(vendor: CustomerGaugeSandbox) -> CustomerGauge:
    clock = SystemClock()
    return CustomerGauge(
        Transport(clock), clock, auth_base_url=vendor.base_url, imports_base_url=vendor.base_url, encoding="json"
    )


@pytest.fixture
def aws(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    """The account's services on a real socket; every client that is made from now on talks to it."""
    with FaultyAws(account) as faulty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
        yield faulty


@pytest.fixture
def environment(
    aws: FaultyAws,  # noqa: ARG001 - the clients that are made here talk to it
    account: Account,
    vendor: CustomerGaugeSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A Lambda environment of its own, with the variables that the template sets."""
    # Without a shared token, so that the table's faults meet the ledger's own calls.
    for name, value in {**template_variables(account, vendor), "ACCESS_TOKEN_SECRET_ARN": ""}.items():
        monkeypatch.setenv(name, value)
    functions = (wiring.http_api, wiring.batch_worker, wiring.direct_invocation)
    for function in functions:
        function.cache_clear()
    yield
    for function in functions:
        function.cache_clear()


@pytest.fixture
def issuer(account: Account, vendor: CustomerGaugeSandbox, gauge: CustomerGauge) -> LinkIssuer:  # noqa: ARG001
    """The use case on an AWS that behaves."""
    clock = SystemClock()
    secret = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    return LinkIssuer(
        ledger=Ledger(account.dynamodb, account.ledger_table, 21, clock),
        tokens=TokenCache(partial(fetch_token, secret, gauge), clock, run_in_background),
        customergauge=gauge,
        clock=clock,
        default_configuration="contact",
    )


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, by the package and by the libraries."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(observability.logger().registered_formatter)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
