"""An AWS that misbehaves, a Lambda environment that talks to it, and its log."""

import io
import logging
from collections.abc import Iterator

import pytest

from personal_link import observability, wiring
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, template_variables
from tests.faults.faulty_aws import FaultyAws


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
    for name, value in {**template_variables(account, vendor), "ACCESS_TOKEN_SECRET_ARN": ""}.items():
        monkeypatch.setenv(name, value)
    functions = (wiring.http_api, wiring.batch_worker, wiring.direct_invocation)
    for function in functions:
        function.cache_clear()
    yield
    for function in functions:
        function.cache_clear()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, by the package and by the libraries."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(observability.logger().registered_formatter)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
