"""The answers to an HTTP caller, by the table of docs/codes.md; the result is queued first."""

import json
from dataclasses import replace

import pytest

from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, NotProcessed, Refused, RequestError, TryAgain
from personal_link.domain.outcome import Outcome, PersonalLink, Status
from personal_link.domain.request import Source
from personal_link.triggers import http
from personal_link.triggers.http import HttpApi
from sandbox.customergauge.server import Reply
from tests.aws.account import refusing, values
from tests.link_requests import UseCase
from tests.triggers.test_http_request import http_event

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


ADA: dict[str, object] = {"Email": "ada@acme.example"}


# The answer


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


@pytest.mark.parametrize(("asked", "told"), [(17.0, "17"), (0.0, "1"), (2.1, "3"), (43_200.0, "43200")])
def test_the_retry_after_of_customergauge_is_passed_on_in_whole_seconds(asked: float, told: str) -> None:
    answer = http.error_answer(NotProcessed(Code.RATE_LIMITED, "our own words", retry_after=asked))

    assert answer["headers"]["Retry-After"] == told


def test_a_request_that_is_refused_on_arrival_is_answered_with_its_fields_and_the_text_for_its_caller() -> None:
    refusal = Refused(
        Code.INVALID_REQUEST, "to be logged", errors={"record": ["is required"]}, vendor_message="to tell"
    )

    answer = http.error_answer(refusal)

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"]) == {
        "code": "invalid_request",
        "message": "to tell",
        "errors": {"record": ["is required"]},
    }


# The result is queued before the caller is answered


def serve(
    case: UseCase, record: dict[str, object], *, key: str | None = "order-4711", caller: str = "user/shop"
) -> Outcome:
    results = ResultsQueue(case.account.sqs, case.account.results_url, echo_record=True)
    event = http_event(json.dumps({"record": record}), {"Idempotency-Key": key} if key else {})
    event["requestContext"]["identity"]["userArn"] = f"arn:aws:iam::123456789012:{caller}"
    return HttpApi(case.issuer, results).serve(event, Deadline.after(20, case.clock))


def test_the_outcome_of_an_http_request_is_sent_to_the_results_queue(case: UseCase) -> None:
    outcome = serve(case, ADA)

    (message,) = case.account.results()
    assert message["Body"] == outcome.message(echo_record=True)
    assert values(message) == {"status": "created", "code": "created", "source": "http"}


@pytest.mark.parametrize("key", ["order-1", None], ids=["the same key", "no key"])
def test_two_http_callers_with_the_same_body_get_one_request_each(case: UseCase, key: str | None) -> None:
    first, second, again = (serve(case, ADA, key=key, caller=f"user/{name}") for name in ("shop", "crm", "shop"))

    assert (first.replayed, second.replayed, again.replayed) == (False, False, True)
    assert len({first.personal_link, second.personal_link}) == 2
    assert again.personal_link == first.personal_link
    assert first.id != second.id
    of_the_first, _of_the_second, of_its_replay = (message["Body"] for message in case.account.results())
    assert of_its_replay == of_the_first.replace('"replayed":false', '"replayed":true')


def test_a_link_whose_result_was_not_queued_is_not_returned_and_kept_for_weeks_even_without_a_key(
    case: UseCase,
) -> None:
    case.vendor.duplicate_rule = "campaign"
    with refusing(case.account.sqs, "SendMessageBatch", "AccessDenied"), pytest.raises(TryAgain) as failure:
        serve(case, ADA, key=None)
    assert failure.value.code == "internal_error"
    case.clock.advance(20 * 86_400)

    outcome = serve(case, ADA, key=None)

    assert (outcome.status, outcome.replayed) == ("created", True)
    assert case.calls() == 1


def test_a_link_that_the_ledger_did_not_store_is_stored_after_its_result_is_queued(case: UseCase) -> None:
    with refusing(case.account.dynamodb, "UpdateItem", "ThrottlingException", calls=7):
        first = serve(case, ADA)

    assert serve(case, ADA) == replace(first, replayed=True)
    assert case.calls() == 1


def test_an_invalid_http_request_sends_no_result(case: UseCase) -> None:
    with pytest.raises(Refused) as refusal:
        serve(case, {})

    assert refusal.value.errors == {"record": ["is required: an object of at least one heading and its value"]}
    assert case.account.results() == []
    assert case.vendor.calls("token") == []


def test_an_http_request_with_a_retryable_failure_sends_no_result(case: UseCase) -> None:
    case.vendor.script("personal-link", Reply.error(429, retry_after=7))

    with pytest.raises(TryAgain) as failure:
        serve(case, ADA)

    assert failure.value.code == "rate_limited"
    assert failure.value.retry_after == 7.0
    assert case.account.results() == []
