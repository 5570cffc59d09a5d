"""Outcomes and deliveries to test with."""

from collections.abc import Mapping

import pytest

from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Delivery, IdempotencyKey, Source

CREATED = Outcome(
    id="86103fe0-f626-54c9-b96c-3faa03b77078",
    status="created",
    source=Source("eventbridge", "event-1"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.250Z",
    attempts=1,
    configuration="map-1",
    personal_link=PersonalLink(12345, "https://survey.eu.customergauge.com/r/987656abcdef", "https://cust.xx/9876"),
    reference="order-7",
    record={"Email": "joe@example.com", "Amount": 12.5, "VIP": True, "Note": None},
)


REJECTED = Outcome(
    id="86103fe0-f626-54c9-b96c-3faa03b77078",
    status="rejected",
    source=Source("sqs", "message-1"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.250Z",
    attempts=2,
    configuration="map-1",
    error={
        "code": "validation_failed",
        "message": "The Email must be a valid email address.",
        "errors": {"Email": ["The Email must be a valid email address."]},
    },
    record={"Email": "joe"},
)


UNKNOWN = Outcome(
    id="86103fe0-f626-54c9-b96c-3faa03b77078",
    status="unknown",
    source=Source("http", "request-1"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.250Z",
    attempts=3,
    configuration="map-1",
    error={"code": "outcome_unknown", "message": "A survey record probably exists."},
    reference="order-7",
    record={"Email": "joe@example.com"},
)


EVERY_KIND = [pytest.param(outcome, id=outcome.status) for outcome in (CREATED, REJECTED, UNKNOWN)]


MESSAGE = Source("sqs", "message-1")


MESSAGE_KEY = IdempotencyKey("message", "message-1")


def delivered(
    content: Mapping[str, object],
    *,
    source: Source = MESSAGE,
    key: IdempotencyKey | None = MESSAGE_KEY,
) -> Delivery:
    return Delivery(source, content, key, received_at=1_800_000_000.0)
