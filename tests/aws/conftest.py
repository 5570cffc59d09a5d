"""The ledger with requests and attempts for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotProcessed
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from tests.aws.account import Account
from tests.fake_clock import FakeClock

DAYS = 21 * 86_400.0  # seconds that the ledger of these tests remembers
LINK = PersonalLink(12345, "https://eu.customergauge.com/r/abc", "https://cgqa.eu/abc")
RECORD = {"Email": "ada@example.com", "First Name": "Ada", "Last Name": "Lovelace", "Phone": "+44 20 7946 0018"}
Scope = Literal["caller", "event", "message", "content"]


def a_request(
    key: str = "order-4711", *, scope: Scope = "caller", record: dict[str, str] | None = None, source: str = "m-1"
) -> LinkRequest:
    return LinkRequest(
        configuration="contact",
        record=RECORD if record is None else record,
        reference="crm-0815",
        key=IdempotencyKey(scope, key),
        source=Source("sqs", source),
        received_at=1_795_427_999.5,
    )


@dataclass(frozen=True)
class Books:
    """The ledger, its table and its clock."""

    ledger: Ledger
    account: Account
    clock: FakeClock

    def begin(self, request: LinkRequest | None = None) -> Attempt | Outcome:
        """Begin as the worker does, with ten seconds to the deadline: with the margin a lease of 21 s."""
        return self.ledger.begin(request or a_request(), Deadline.after(10, self.clock))

    def attempt(self, request: LinkRequest | None = None) -> Attempt:
        attempt = self.begin(request)
        assert isinstance(attempt, Attempt)
        return attempt

    def settled(self, request: LinkRequest | None = None) -> Attempt:
        """Begin and settle an attempt, and return it."""
        attempt = self.attempt(request)
        self.ledger.settle(attempt, created(attempt))
        return attempt

    def in_progress(self, request: LinkRequest | None = None) -> NotProcessed:
        """Return the error for a request of which another attempt is in flight."""
        with pytest.raises(NotProcessed) as caught:
            self.begin(request)
        assert caught.value.code == "in_progress"
        return caught.value

    def change(self, key: str, name: str, value: Mapping[str, str]) -> None:
        """Change a field of an item as nothing here does."""
        self.account.dynamodb.update_item(
            TableName=self.account.ledger_table,
            Key={"pk": {"S": key}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )


@pytest.fixture
def books(ledger: Ledger, account: Account, clock: FakeClock) -> Books:
    return Books(ledger, account, clock)


def created(attempt: Attempt, link: PersonalLink = LINK) -> Outcome:
    return Outcome(
        id=attempt.outcome_id,
        status="created",
        source=attempt.source,
        requested_at=attempt.requested_at,
        completed_at="2026-11-23T10:00:01.000Z",
        attempts=attempt.number,
        configuration="contact",
        personal_link=link,
        reference="crm-0815",
        record=RECORD,
    )
