"""A key belongs to its caller."""

import json
from typing import Any

import pytest

from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Refused, TryAgain
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import deliveries
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account
from tests.fake_clock import FakeClock

SHOP, CRM = "arn:aws:iam::123456789012:user/shop", "arn:aws:iam::123456789012:user/crm"
ADA: dict[str, Any] = {"record": {"Email": "ada@acme.example"}}
BOB: dict[str, Any] = {"record": {"Email": "bob@acme.example"}}
DUPLICATE = Reply.error(400, "Personal link record could not be created because it duplicates with another record.")
INVOCATION = "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"


class Callers:
    """HTTP callers by their ARN, the queue, and direct invocation, before one connector."""

    def __init__(self, account: Account, issuer: LinkIssuer, clock: FakeClock) -> None:
        results = ResultsQueue(account.sqs, account.results_url, echo_record=True)
        self._door = HttpApi(issuer, results)
        self._direct = DirectInvocation(issuer, results, deliveries.no_mapping, clock)
        self._issuer, self._clock = issuer, clock

    def http(self, arn: str, body: dict[str, Any], key: str | None = None) -> Outcome:
        context = {"identity": {"userArn": arn}, "requestId": f"by {arn}", "requestTimeEpoch": 1_795_427_999_500}
        headers = {"Idempotency-Key": key} if key else {}
        event = {"headers": headers, "body": json.dumps(body), "requestContext": context}
        return self._door.serve(event, Deadline.after(14.0, self._clock))

    def queue(self, body: dict[str, Any], attributes: dict[str, Any] | None = None) -> Outcome:
        record = {
            "messageId": "m-1",
            "body": json.dumps(body),
            "attributes": {"SentTimestamp": "1795427999500"},
            "messageAttributes": attributes or {},
        }
        return self._issuer.issue(check(deliveries.open_sqs(record)), Deadline.after(32.0, self._clock))

    def redrive(self, body: dict[str, Any]) -> Outcome:
        return self.queue(body, {"original_invocation_id": {"stringValue": INVOCATION}})

    def invoke(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._direct.answer(body, INVOCATION, Deadline.after(32.0, self._clock))


@pytest.fixture
def callers(account: Account, issuer: LinkIssuer, clock: FakeClock) -> Callers:
    return Callers(account, issuer, clock)


def link(outcome: Outcome) -> str:
    assert outcome.personal_link is not None
    return outcome.personal_link.survey_link


@pytest.mark.parametrize("key", ["order-1", None], ids=["the same key", "no key"])
def test_two_http_callers_with_the_same_body_get_one_request_each(callers: Callers, key: str | None) -> None:
    first, second = callers.http(SHOP, ADA, key), callers.http(CRM, ADA, key)
    again = callers.http(SHOP, ADA, key)

    assert (first.replayed, second.replayed, again.replayed) == (False, False, True)
    assert link(first) != link(second)
    assert link(again) == link(first)
    assert first.id != second.id


def test_a_key_of_one_http_caller_can_be_used_by_another_for_a_different_request(callers: Callers) -> None:
    callers.http(CRM, BOB, "order-1")

    assert callers.http(SHOP, ADA, "order-1").status == "created"
    with pytest.raises(Refused) as refusal:
        callers.http(SHOP, BOB, "order-1")
    assert refusal.value.code == "idempotency_key_reused"


def test_a_key_of_the_queue_guessed_by_an_http_caller_returns_no_link_and_blocks_no_request(
    callers: Callers, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", DUPLICATE)
    guessed = callers.http(SHOP, ADA, "order-1")
    queued = callers.queue({**ADA, "idempotency_key": "order-1"})
    vendor.script("personal-link", DUPLICATE)
    invoked = callers.invoke({**ADA, "idempotency_key": "order-1"})

    assert (guessed.code, queued.status, invoked["error"]["code"]) == (
        "duplicate_record",
        "created",
        "duplicate_record",
    )
    assert len(vendor.calls("personal-link")) == 3


def test_one_key_on_the_queue_and_the_event_bus_is_one_request(callers: Callers, vendor: CustomerGaugeSandbox) -> None:
    queued = callers.queue({**ADA, "idempotency_key": "order-1"})
    event = {"id": "e-1", "detail-type": "Personal Link Requested", "detail": {**ADA, "idempotency_key": "order-1"}}

    assert callers.queue(event).replayed
    assert callers.queue(event).id == queued.id
    assert len(vendor.calls("personal-link")) == 1


def test_an_http_call_without_a_caller_reaches_neither_the_ledger_nor_customergauge(
    callers: Callers, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with pytest.raises(TryAgain) as refusal:
        callers.http("", ADA)

    assert refusal.value.code == "internal_error"
    assert account.ledger_items() == []
    assert vendor.calls("token") == []


def test_a_parked_invocation_finds_its_unanswered_attempt_when_redriven(
    callers: Callers, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply(fault="reset", commit=True), DUPLICATE)
    with pytest.raises(TryAgain):
        callers.invoke(ADA)

    outcome = callers.redrive(ADA)

    assert (outcome.status, outcome.code, outcome.attempts) == ("unknown", "outcome_unknown", 2)
