"""The HTTP function: whatever happens inside, the caller gets an answer to act on, and no log quotes anybody."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import http_api
from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, RequestError, SettingsError, Unanswered
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source

EVENT: dict[str, Any] = {
    "httpMethod": "PUT",
    "headers": {"Content-Type": "application/json"},
    "body": '{"record": {"Email": "joe@example.com"}}',
    "isBase64Encoded": False,
    "requestContext": {
        "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTimeEpoch": 1_800_000_000_000,
    },
}
OUTCOME = Outcome(
    id="0b0e4c9e-0000-5000-8000-000000000001",
    status="created",
    source=Source("http", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.000Z",
    attempts=1,
    personal_link=PersonalLink(12345, "https://survey.eu.customergauge.com/r/987656abcdef", None),
)


class Context:
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


class Door:
    """Stands in for the real one: gives an outcome, or fails as it is told."""

    def __init__(self, answer: Outcome | Exception) -> None:
        self._answer = answer
        self.served: list[tuple[Mapping[str, Any], float]] = []

    def serve(self, event: Mapping[str, Any], deadline: Deadline) -> Outcome:
        self.served.append((event, deadline.remaining()))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outcome | Exception], Door]:
    """Put a door behind the handler."""

    def put(answer: Outcome | Exception) -> Door:
        door = Door(answer)
        monkeypatch.setattr(wiring, "http_api", lambda: door)
        return door

    return put


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """Return what the package logs meanwhile."""
    records: list[logging.LogRecord] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    collector = Collector()
    logger = logging.getLogger(observability.logger().name)
    logger.addHandler(collector)
    yield records
    logger.removeHandler(collector)


Behind = Callable[[Outcome | Exception], Door]


def test_a_link_is_answered_with_200(behind: Behind) -> None:
    behind(OUTCOME)

    answer = http_api.handler(EVENT, Context())

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["data"]["number_customergauge"] == 12345


def test_the_door_gets_the_event_and_the_time_left_but_for_the_reserve(behind: Behind) -> None:
    door = behind(OUTCOME)

    http_api.handler(EVENT, Context())

    event, seconds = door.served[0]
    assert event is EVENT
    assert 5.0 < seconds <= 6.0


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (InvalidRequest(Code.INVALID_REQUEST, "our own words"), 400, None),
        (NotProcessed(Code.RATE_LIMITED, "our own words", retry_after=17.0), 429, "17"),
        (NotProcessed(Code.IN_PROGRESS, "our own words"), 409, "2"),
        (Unanswered(Code.NO_ANSWER, "our own words"), 504, None),
        (NotProcessed(Code.INTERNAL_ERROR, "our own words"), 503, "5"),
    ],
)
def test_an_error_of_ours_is_answered_with_its_code(
    behind: Behind, error: RequestError, status: int, retry_after: str | None
) -> None:
    behind(error)

    answer = http_api.handler(EVENT, Context())

    assert answer["statusCode"] == status
    assert json.loads(answer["body"]) == {"code": str(error.code), "message": "our own words"}
    assert answer["headers"].get("Retry-After") == retry_after


@pytest.mark.parametrize("bug", [ZeroDivisionError(), KeyError("joe@example.com"), SettingsError("LEDGER_TABLE")])
def test_a_bug_is_answered_with_503_and_without_a_word_of_it(behind: Behind, bug: Exception) -> None:
    behind(bug)

    answer = http_api.handler(EVENT, Context())

    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "5"
    assert json.loads(answer["body"]) == {
        "code": "internal_error",
        "message": "Unexpected error: try again later.",
    }


def test_a_function_that_cannot_even_be_wired_up_answers_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_door() -> Door:
        raise SettingsError("The environment is not complete: LEDGER_TABLE is missing")

    monkeypatch.setattr(wiring, "http_api", no_door)

    answer = http_api.handler(EVENT, Context())

    assert answer["statusCode"] == 503
    assert "LEDGER_TABLE" not in answer["body"]


def test_a_bugs_own_text_is_not_logged_since_it_may_quote_anything(
    behind: Behind, logged: list[logging.LogRecord]
) -> None:
    behind(KeyError("joe@example.com"))

    http_api.handler(EVENT, Context())

    assert [record.getMessage() for record in logged] == ["unexpected error"]
    assert vars(logged[0])["error"] == "KeyError"
    assert vars(logged[0])["source_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    assert "joe" not in repr(vars(logged[0]))


def test_an_incomplete_environment_is_logged_in_full_for_the_operator(
    monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    def no_door() -> Door:
        raise SettingsError("The environment is not complete: LEDGER_TABLE is missing")

    monkeypatch.setattr(wiring, "http_api", no_door)

    http_api.handler(EVENT, Context())

    assert vars(logged[0])["detail"] == "The environment is not complete: LEDGER_TABLE is missing"


def test_a_refusal_is_logged_in_our_own_words_alone(behind: Behind, logged: list[logging.LogRecord]) -> None:
    errors = {"record.joe@example.com": ["joe"]}
    behind(
        InvalidRequest(
            Code.INVALID_REQUEST, "The request is not valid: see record.", errors=errors, vendor_message="joe"
        )
    )

    http_api.handler(EVENT, Context())

    assert vars(logged[0])["code"] == "invalid_request"
    assert vars(logged[0])["detail"] == "The request is not valid: see record."
    assert "joe" not in repr(vars(logged[0]))
