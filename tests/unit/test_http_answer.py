"""What an HTTP caller is told: design, section 3, row by row."""

import json

import pytest

from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, RequestError
from personal_link.domain.outcome import Outcome, PersonalLink, Status
from personal_link.domain.request import Source
from personal_link.triggers import http

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

LINK = PersonalLink(12345, "https://survey.eu.customergauge.com/r/987656abcdef", "https://cust.xx/987656abcdef")


def ended(
    status: Status,
    *,
    link: PersonalLink | None = None,
    error: dict[str, object] | None = None,
    replayed: bool = False,
) -> Outcome:
    return Outcome(
        id="0b0e4c9e-0000-5000-8000-000000000001",
        status=status,
        source=Source("http", "request-1"),
        requested_at="2027-01-15T08:00:00.000Z",
        completed_at="2027-01-15T08:00:01.000Z",
        attempts=1,
        personal_link=link,
        error=error,
        record={"Email": "joe@example.com"},
        replayed=replayed,
    )


def test_a_link_is_answered_with_the_vendors_own_body() -> None:
    answer = http.answer_of(ended("created", link=LINK))

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {
        "data": {
            "number_customergauge": 12345,
            "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef",
            "survey_link_short": "https://cust.xx/987656abcdef",
        }
    }


def test_a_first_answer_has_no_replay_header() -> None:
    answer = http.answer_of(ended("created", link=LINK))

    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}


def test_a_replay_differs_from_the_first_answer_in_its_header_alone() -> None:
    first = http.answer_of(ended("created", link=LINK))

    replay = http.answer_of(ended("created", link=LINK, replayed=True))

    assert replay["headers"] == {**first["headers"], "Idempotent-Replayed": "true"}
    assert (replay["statusCode"], replay["body"]) == (first["statusCode"], first["body"])


def test_a_replayed_refusal_says_so_too() -> None:
    error: dict[str, object] = {"code": "duplicate_record", "message": "no"}

    answer = http.answer_of(ended("rejected", error=error, replayed=True))

    assert answer["headers"]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(("code", "status"), STATUS.items())
def test_an_error_that_is_no_outcome_is_answered_with_its_status(code: str, status: int) -> None:
    answer = http.error_answer(RequestError(Code(code), "our own words"))

    assert answer["statusCode"] == status
    assert json.loads(answer["body"]) == {"code": code, "message": "our own words"}


@pytest.mark.parametrize(
    ("status", "code", "http_status"),
    [
        ("rejected", "no_matching_campaign", 400),
        ("rejected", "duplicate_record", 400),
        ("rejected", "bad_request", 400),
        ("rejected", "mapping_not_found", 404),
        ("rejected", "validation_failed", 422),
        ("unknown", "outcome_unknown", 409),
        ("unknown", "bad_response", 502),
    ],
)
def test_an_outcome_without_a_link_is_answered_with_its_error(status: Status, code: str, http_status: int) -> None:
    answer = http.answer_of(ended(status, error={"code": code, "message": "the vendor's words"}))

    assert answer["statusCode"] == http_status
    assert json.loads(answer["body"]) == {"code": code, "message": "the vendor's words"}


def test_an_outcomes_field_errors_reach_the_caller() -> None:
    errors = {"Email": ["The Email must be a valid email address."]}
    outcome = ended("rejected", error={"code": "validation_failed", "message": "no", "errors": errors})

    answer = http.answer_of(outcome)

    assert json.loads(answer["body"])["errors"] == {"Email": ["The Email must be a valid email address."]}


def test_a_refused_requests_field_errors_reach_the_caller() -> None:
    refusal = InvalidRequest(Code.INVALID_REQUEST, "see record", errors={"record": ["is required"]})

    answer = http.error_answer(refusal)

    assert json.loads(answer["body"]) == {
        "code": "invalid_request",
        "message": "see record",
        "errors": {"record": ["is required"]},
    }


@pytest.mark.parametrize("code", list(STATUS))
def test_only_the_codes_that_pass_by_themselves_say_when_to_come_back(code: str) -> None:
    answer = http.error_answer(RequestError(Code(code), "our own words"))

    assert answer["headers"].get("Retry-After") == SAYS_WHEN.get(code)


@pytest.mark.parametrize(("asked", "told"), [(17.0, "17"), (0.2, "1"), (0.0, "1"), (2.1, "3"), (43_200.0, "43200")])
def test_the_wait_that_the_vendor_asked_for_is_passed_on_in_whole_seconds(asked: float, told: str) -> None:
    answer = http.error_answer(NotProcessed(Code.RATE_LIMITED, "our own words", retry_after=asked))

    assert answer["headers"]["Retry-After"] == told


def test_no_answer_may_be_kept_by_a_cache() -> None:
    answer = http.error_answer(RequestError(Code.NO_ANSWER, "our own words"))

    assert answer["headers"]["Cache-Control"] == "no-store"


def test_an_answers_body_is_ascii_whatever_it_says() -> None:
    answer = http.answer_of(ended("rejected", error={"code": "bad_request", "message": "Žluťoučký 😀"}))

    assert answer["body"].isascii()
    assert json.loads(answer["body"])["message"] == "Žluťoučký 😀"
