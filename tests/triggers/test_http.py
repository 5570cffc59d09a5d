"""The HTTP way in: the result is queued before the caller is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Refused, TryAgain
from personal_link.domain.outcome import Outcome
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.http import HttpApi
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, refusing, values
from tests.fake_clock import FakeClock


@pytest.fixture
def door(account: Account, issuer: LinkIssuer) -> HttpApi:
    return HttpApi(issuer, ResultsQueue(account.sqs, account.results_url, echo_record=True))


def an_event(record: dict[str, object], *, key: str | None = "order-4711", request_id: str = "r-1") -> dict[str, Any]:
    return {
        "httpMethod": "PUT",
        "path": "/personal-link",
        "headers": {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})},
        "body": json.dumps({"record": record}),
        "isBase64Encoded": False,
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": request_id,
            "requestTimeEpoch": 1_795_427_999_500,
        },
    }


def serve(door: HttpApi, event: dict[str, Any]) -> Outcome:
    return door.serve(event, Deadline.after(20, door.issuer.clock))


def test_a_served_outcome_is_on_the_results_queue(door: HttpApi, account: Account) -> None:
    outcome = serve(door, an_event({"Email": "ada@acme.example"}))

    (message,) = account.results()
    assert message["Body"] == outcome.message(echo_record=True)
    assert values(message) == {"status": "created", "code": "created", "source": "http"}


def test_a_rejection_by_the_vendor_is_on_the_results_queue_too(door: HttpApi, account: Account) -> None:
    outcome = serve(door, an_event({"Email": "no-campaign@example.com"}))

    assert outcome.code == "no_matching_campaign"
    (message,) = account.results()
    assert values(message) == {"status": "rejected", "code": "no_matching_campaign", "source": "http"}


def test_a_replay_is_queued_again(door: HttpApi, account: Account, vendor: CustomerGaugeSandbox) -> None:
    serve(door, an_event({"Email": "ada@acme.example"}, request_id="r-1"))
    serve(door, an_event({"Email": "ada@acme.example"}, request_id="r-2"))

    first, second = (message["Body"] for message in account.results())
    assert second == first.replace('"replayed":false', '"replayed":true')
    assert len(vendor.calls("personal-link")) == 1


def test_a_request_without_a_key_is_known_by_its_content(door: HttpApi, vendor: CustomerGaugeSandbox) -> None:
    first = serve(door, an_event({"Email": "ada@acme.example", "Name": "Ada"}, key=None))
    second = serve(door, an_event({"Name": "Ada", "Email": "ada@acme.example"}, key=None))

    assert second.personal_link == first.personal_link
    assert second.replayed
    assert len(vendor.calls("personal-link")) == 1


def test_a_link_whose_result_was_not_queued_is_not_given_out_yet(
    door: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"), pytest.raises(TryAgain) as failure:
        serve(door, an_event({"Email": "ada@acme.example"}))
    assert failure.value.code == "internal_error"

    outcome = serve(door, an_event({"Email": "ada@acme.example"}))

    assert outcome.status == "created"
    assert len(vendor.calls("personal-link")) == 1
    assert len(account.results()) == 1


def test_a_link_whose_result_was_not_queued_waits_for_weeks_though_the_request_has_no_key(
    door: HttpApi, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"), pytest.raises(TryAgain):
        serve(door, an_event({"Email": "ada@acme.example"}, key=None))
    clock.advance(20 * 86_400)

    outcome = serve(door, an_event({"Email": "ada@acme.example"}, key=None))

    assert (outcome.status, outcome.replayed) == ("created", True)
    assert len(vendor.calls("personal-link")) == 1


def test_a_link_that_the_ledger_did_not_take_is_stored_once_its_result_is_queued(
    door: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException", calls=7):
        first = serve(door, an_event({"Email": "ada@acme.example"}))

    assert serve(door, an_event({"Email": "ada@acme.example"})) == replace(first, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_a_request_that_was_not_accepted_is_no_result(
    door: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with pytest.raises(Refused) as refusal:
        serve(door, an_event({}))

    assert refusal.value.errors == {"record": ["is required: an object of at least one heading and its value"]}
    assert account.results() == []
    assert vendor.calls("token") == []


def test_a_request_that_may_be_tried_again_is_no_result_yet(
    door: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=7))

    with pytest.raises(TryAgain) as failure:
        serve(door, an_event({"Email": "ada@acme.example"}))

    assert failure.value.code == "rate_limited"
    assert failure.value.retry_after == 7.0
    assert account.results() == []
