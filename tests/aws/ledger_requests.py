"""Requests for the ledger, and how an attempt of one begins and ends."""

from typing import Literal

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.clock import Deadline
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from tests.fake_clock import FakeClock

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


def begin(ledger: Ledger, request: LinkRequest, clock: FakeClock) -> Attempt | Outcome:
    """Begin as the worker does, with ten seconds to the deadline: with the margin a lease of 21 s."""
    return ledger.begin(request, Deadline.after(10, clock))


def begin_attempt(ledger: Ledger, request: LinkRequest, clock: FakeClock) -> Attempt:
    attempt = begin(ledger, request, clock)
    assert isinstance(attempt, Attempt)
    return attempt


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
