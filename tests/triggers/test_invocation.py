"""Direct invocation: the result is queued before it is returned, and a retry has the same key."""

import json
from typing import Any

import pytest

from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import TryAgain, Unreadable
from personal_link.domain.request import IdempotencyKey
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import no_mapping
from personal_link.triggers.invocation import DirectInvocation
from sandbox.customergauge.server import Reply
from tests.aws.account import refusing, values
from tests.link_requests import UseCase

ADA = {"record": {"Email": "ada@acme.example"}}
HOUR = 3600
DAY = 86_400


def answer(case: UseCase, payload: object, invocation: str = "i-1") -> dict[str, Any]:
    results = ResultsQueue(case.account.sqs, case.account.results_url, echo_record=True)
    direct = DirectInvocation(case.issuer, results, no_mapping, case.clock)
    return direct.answer(payload, invocation, Deadline.after(20, case.clock))


def test_an_invocation_returns_the_same_result_that_it_queues_and_logs_it(
    case: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    result = answer(case, {**ADA, "reference": "order-1"})

    (message,) = case.account.results()
    assert json.loads(message["Body"]) == result
    assert (result["status"], result["reference"], result["source"]) == (
        *("created", "order-1"),
        {"type": "direct", "id": "i-1"},
    )
    assert values(message) == {"status": "created", "code": "created", "source": "direct"}
    assert caplog.messages == ["outcome"]


def test_a_refused_record_with_a_lone_surrogate_is_returned_as_valid_utf_8(case: UseCase) -> None:
    result = answer(case, {"record": {"Email": "ada\ud800@acme.example"}, "reference": "order-1"})

    assert json.dumps(result, ensure_ascii=False).encode("utf-8")  # as awslambdaric does
    assert (result["status"], result["record"]) == ("rejected", {"Email": "ada?@acme.example"})
    (message,) = case.account.results()
    assert json.loads(message["Body"])["record"] == {"Email": "ada\ud800@acme.example"}


def test_the_same_event_by_two_invocations_makes_one_call(case: UseCase) -> None:
    event = {"id": "event-1", "detail-type": "Order Paid", "detail": ADA, "time": "2026-11-23T09:00:00Z"}

    first = answer(case, event, "i-1")
    second = answer(case, event, "i-2")

    assert first["source"] == {"type": "eventbridge", "id": "event-1"}
    assert first["requested_at"] == "2026-11-23T09:00:00.000Z"
    assert second == {**first, "replayed": True}
    assert case.calls() == 1


@pytest.mark.parametrize(
    ("payload", "code", "attempts"),
    [
        ({"configuration": "map-1"}, "invalid_request", 0),
        ({"record": {"Email": "no-campaign@example.com"}}, "no_matching_campaign", 1),
    ],
)
def test_a_refused_request_is_returned_and_queued_as_a_rejected_result(
    case: UseCase, payload: object, code: str, attempts: int
) -> None:
    result = answer(case, payload)

    assert (result["status"], result["error"]["code"], result["attempts"]) == ("rejected", code, attempts)
    (message,) = case.account.results()
    assert json.loads(message["Body"]) == result


@pytest.mark.parametrize(
    "payload",
    [
        *({}, "text"),
        {"Records": [{"eventSource": "aws:s3"}]},
        {"id": "event-1", "detail-type": "Other", "detail": {"order": 7}},
        {"record": {"Notes": "x" * 500_000}},
    ],
    ids=lambda payload: repr(payload)[:40],
)
def test_a_payload_that_no_result_can_hold_raises_an_error_so_that_lambda_parks_it(
    case: UseCase, payload: object
) -> None:
    with pytest.raises(Unreadable):
        answer(case, payload)

    assert case.account.results() == []


def test_an_unanswered_attempt_is_remembered_for_weeks_although_the_request_has_no_key(case: UseCase) -> None:
    case.vendor.duplicate_rule = "campaign"
    case.vendor.script("personal-link", Reply(fault="close", commit=True))
    with pytest.raises(TryAgain):
        answer(case, ADA, "i-1")
    case.clock.advance(20 * DAY)

    result = answer(case, ADA, "i-2")

    assert (result["status"], result["error"]["code"], result["attempts"]) == ("unknown", "outcome_unknown", 2)


def test_an_invocation_without_a_result_is_logged_with_the_digest_that_finds_it(
    case: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    case.vendor.script("personal-link", Reply.error(503))
    with pytest.raises(TryAgain):
        answer(case, {**ADA, "idempotency_key": "order-1"})

    [line] = [vars(record) for record in caplog.records]
    digest = IdempotencyKey("caller", "order-1", deliveries.DIRECT).digest
    assert (line["message"], line["code"], line["key_digest"]) == ("no outcome", "unavailable", digest)


def test_a_link_whose_result_was_not_queued_is_not_returned_and_kept_until_an_hour_after_it_was(case: UseCase) -> None:
    with refusing(case.account.sqs, "SendMessageBatch", "AccessDenied"), pytest.raises(TryAgain) as failure:
        answer(case, ADA, "i-1")
    case.clock.advance(20 * DAY)

    result = answer(case, ADA, "i-2")

    assert failure.value.code == "internal_error"
    assert (result["status"], result["replayed"]) == ("created", True)
    case.clock.advance(HOUR - 1)
    assert answer(case, ADA, "i-3") == {**result, "replayed": True}
    assert case.calls() == 1
    case.clock.advance(2)
    assert answer(case, ADA, "i-4")["replayed"] is False


def test_an_unqueued_result_is_reported_as_such_even_when_the_ledger_fails_too(case: UseCase) -> None:
    with (
        refusing(case.account.sqs, "SendMessageBatch", "AccessDenied"),
        refusing(case.account.dynamodb, "UpdateItem", "InternalServerError"),
        pytest.raises(TryAgain) as failure,
    ):
        answer(case, ADA)

    assert str(failure.value) == "internal_error: the result was not queued"
