"""The use case with its surroundings, and requests for it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from personal_link.domain.clock import Deadline
from personal_link.domain.errors import RequestError
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, refusing
from tests.fake_clock import FakeClock


def a_request(
    key: str = "order-4711", *, email: str = "ada@example.com", configuration: str | None = None
) -> LinkRequest:
    return LinkRequest(
        configuration=configuration,
        record={"Email": email, "First Name": "Ada"},
        reference="crm-0815",
        key=IdempotencyKey("caller", key),
        source=Source("sqs", "m-1"),
        received_at=1_795_427_999.5,
    )


@dataclass(frozen=True)
class UseCase:
    """The issuer of links, and the AWS account, vendor and clock that it uses."""

    issuer: LinkIssuer
    account: Account
    vendor: CustomerGaugeSandbox
    clock: FakeClock

    def issue(self, request: LinkRequest | None = None, by: LinkIssuer | None = None, seconds: float = 20) -> Outcome:
        """Issue a request, by default always the same one."""
        return (by or self.issuer).issue(request or a_request(), Deadline.after(seconds, self.clock))

    def failure[E: RequestError](
        self, kind: type[E], request: LinkRequest | None = None, by: LinkIssuer | None = None, seconds: float = 20
    ) -> E:
        """Return the error of this kind with which the request ends."""
        with pytest.raises(kind) as caught:
            self.issue(request, by, seconds)
        return caught.value

    def after_sending(
        self, outcome: Outcome, *, sent: bool = True, seconds: float = 20, calls_to_come: int = 0
    ) -> None:
        deadline = Deadline.after(seconds, self.clock)
        self.issuer.after_sending(outcome, deadline, sent=sent, calls_to_come=calls_to_come)

    def calls(self) -> int:
        """Return how many links CustomerGauge was asked for."""
        return len(self.vendor.calls("personal-link"))

    def with_a_broken_ledger(self, *, calls: int | None = None) -> AbstractContextManager[None]:
        """Let the ledger begin attempts but not end them, or not at the first so many tries."""
        return refusing(self.account.dynamodb, "UpdateItem", "ThrottlingException", calls=calls)
