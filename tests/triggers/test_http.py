"""The answers to an HTTP caller, by the table of docs/codes.md; the result is queued first."""

import json
from dataclasses import replace
from typing import Any

import pytest

from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, Refused, RequestError, TryAgain
from personal_link.domain.outcome import Outcome, PersonalLink, Status
from personal_link.domain.request import Source
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import http
from personal_link.triggers.http import HttpApi
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, refusing, values
from tests.fake_clock import FakeClock

STATUS = {
    "invalid_request": 400,
    "no_matching_campaign": 400,
    "duplicate_record": 400,
    "bad_request": 400,
    "mapping_not_found": 404,
    "in_progress": 409,
    "outcome_unknown": 409,
    "validation_failed": 422,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "credentials_missing": 502,
    "credentials_refused": 502,
    "forbidden": 502,
    "bad_response": 502,
    "unavailable": 503,
    "internal_error": 503,
    "no_answer": 504,
    "too_large": 413,
    "unsupported_media_type": 415,
}
SAYS_WHEN = {"in_progress": "2", "rate_limited": "5", "unavailable": "5", "internal_error": "5"}
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
CREATED = Outcome(
    id="0b0e4c9e-0000-5000-8000-000000000001",
    status="created",
    source=Source("http", "request-1"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.000Z",
    attempts=1,
    personal_link=PersonalLink(12345, "https://survey.eu.customergauge.com/r/9876", "https://cust.xx/9876"),
    record={"Email": "joe@example.com"},
)


# The answer


def test_a_link_is_answered_in_the_shape_of_customergauge() -> None:
    answer = http.answer_of(CREATED)

    assert (answer["statusCode"], answer["headers"]) == (200, HEADERS)
    assert json.loads(answer["body"]) == {
        "data": {
            "number_customergauge": 12345,
            "survey_link": "https://survey.eu.customergauge.com/r/9876",
            "survey_link_short": "https://cust.xx/9876",
        }
    }


@pytest.mark.parametrize(
    "outcome",
    [CREATED, replace(CREATED, status="rejected", personal_link=None, error={"code": "bad_request", "message": "no"})],
    ids=["link", "refusal"],
)
def test_a_replay_differs_from_the_first_answer_only_in_its_header(outcome: Outcome) -> None:
    first, again = http.answer_of(outcome), http.answer_of(replace(outcome, replayed=True))

    assert again == {**first, "headers": {**first["headers"], "Idempotent-Replayed": "true"}}


@pytest.mark.parametrize(("code", "status"), STATUS.items())
def test_an_error_is_answered_with_its_status_and_a_temporary_one_with_retry_after(code: str, status: int) -> None:
    answer = http.error_answer(RequestError(Code(code), "our own words"))

    assert answer["statusCode"] == status
    assert json.loads(answer["body"]) == {"code": code, "message": "our own words"}
    assert answer["headers"] == HEADERS | ({"Retry-After": SAYS_WHEN[code]} if code in SAYS_WHEN else {})


@pytest.mark.parametrize(
    ("status", "code", "http_status"), [("rejected", "validation_failed", 422), ("unknown", "bad_response", 502)]
)
def test_an_outcome_without_a_link_is_answered_with_its_error_as_ascii(
    status: Status, code: str, http_status: int
) -> None:
    error = {"code": code, "message": "Žluťoučký 😀", "errors": {"Email": ["is no address"]}}

    answer = http.answer_of(replace(CREATED, status=status, personal_link=None, error=error))

    assert answer["statusCode"] == http_status
    assert json.loads(answer["body"]) == error
    assert answer["body"].isascii()


def test_the_field_errors_of_a_refused_request_are_in_the_answer() -> None:
    refusal = InvalidRequest(Code.INVALID_REQUEST, "see record", errors={"record": ["is required"]})

    answer = http.error_answer(refusal)

    assert json.loads(answer["body"]) == {
        "code": "invalid_request",
        "message": "see record",
        "errors": {"record": ["is required"]},
    }


@pytest.mark.parametrize(("asked", "told"), [(17.0, "17"), (0.0, "1"), (2.1, "3"), (43_200.0, "43200")])
def test_the_retry_after_of_customergauge_is_passed_on_in_whole_seconds(asked: float, told: str) -> None:
    answer = http.error_answer(NotProcessed(Code.RATE_LIMITED, "our own words", retry_after=asked))

    assert answer["headers"]["Retry-After"] == told


# The result is queued before the caller is answered


@pytest.fixture
def api(account: Account, issuer: LinkIssuer) -> HttpApi:
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


def serve(api: HttpApi, event: dict[str, Any]) -> Outcome:
    return api.serve(event, Deadline.after(20, api.issuer.clock))


def test_the_outcome_of_an_http_request_is_sent_to_the_results_queue(api: HttpApi, account: Account) -> None:
    outcome = serve(api, an_event({"Email": "ada@acme.example"}))

    (message,) = account.results()
    assert message["Body"] == outcome.message(echo_record=True)
    assert values(message) == {"status": "created", "code": "created", "source": "http"}


def test_the_result_of_a_replay_is_queued_again(api: HttpApi, account: Account, vendor: CustomerGaugeSandbox) -> None:
    serve(api, an_event({"Email": "ada@acme.example"}, request_id="r-1"))
    serve(api, an_event({"Email": "ada@acme.example"}, request_id="r-2"))

    first, second = (message["Body"] for message in account.results())
    assert second == first.replace('"replayed":false', '"replayed":true')
    assert len(vendor.calls("personal-link")) == 1


def test_a_link_whose_result_was_not_queued_is_not_returned_and_kept_for_weeks_even_without_a_key(
    api: HttpApi, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"), pytest.raises(TryAgain) as failure:
        serve(api, an_event({"Email": "ada@acme.example"}, key=None))
    assert failure.value.code == "internal_error"
    clock.advance(20 * 86_400)

    outcome = serve(api, an_event({"Email": "ada@acme.example"}, key=None))

    assert (outcome.status, outcome.replayed) == ("created", True)
    assert len(vendor.calls("personal-link")) == 1


def test_a_link_that_the_ledger_did_not_store_is_stored_after_its_result_is_queued(
    api: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException", calls=7):
        first = serve(api, an_event({"Email": "ada@acme.example"}))

    assert serve(api, an_event({"Email": "ada@acme.example"})) == replace(first, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_an_invalid_http_request_sends_no_result(api: HttpApi, account: Account, vendor: CustomerGaugeSandbox) -> None:
    with pytest.raises(Refused) as refusal:
        serve(api, an_event({}))

    assert refusal.value.errors == {"record": ["is required: an object of at least one heading and its value"]}
    assert account.results() == []
    assert vendor.calls("token") == []


def test_an_http_request_with_a_retryable_failure_sends_no_result(
    api: HttpApi, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=7))

    with pytest.raises(TryAgain) as failure:
        serve(api, an_event({"Email": "ada@acme.example"}))

    assert failure.value.code == "rate_limited"
    assert failure.value.retry_after == 7.0
    assert account.results() == []
