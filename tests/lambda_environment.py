"""A Lambda environment in this process: its variables, what it keeps, and the context of an invocation."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from personal_link import wiring
from personal_link.metrics import metrics
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, template_variables


class Context:
    """The id of an invocation, and the time that is left of it."""

    def __init__(self, seconds: float = 28, aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef") -> None:
        self.aws_request_id = aws_request_id
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends_at - time.monotonic()) * 1000)


def forget() -> None:
    """Begin a new Lambda environment."""
    for kept in (wiring.direct_invocation, wiring.http_api, wiring.batch_worker, metrics):
        kept.cache_clear()


@contextmanager
def lambda_environment(
    patch: pytest.MonkeyPatch, account: Account, vendor: CustomerGaugeSandbox, **variables: str
) -> Iterator[None]:
    """Set the variables that the template sets, and these; keep nothing of another test."""
    for name, value in (template_variables(account, vendor) | variables).items():
        patch.setenv(name, value)
    forget()
    yield
    forget()
