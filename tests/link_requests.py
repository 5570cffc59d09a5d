"""Requests for the use case, and how one is issued."""

from personal_link.domain.clock import Deadline
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from personal_link.issue_link import LinkIssuer


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


def issue(issuer: LinkIssuer, request: LinkRequest, seconds: float = 20) -> Outcome:
    return issuer.issue(request, Deadline.after(seconds, issuer.clock))
