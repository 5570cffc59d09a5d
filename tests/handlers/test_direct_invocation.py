"""The function for direct invocation: a result, or an exception named after its code that quotes no data."""

from collections.abc import Callable
from typing import Any

import pytest

import direct_invocation
from personal_link import wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import (
    CODES,
    Code,
    NotProcessed,
    PersonalLinkError,
    RequestError,
    SettingsError,
    Unanswered,
    Unreadable,
)
from personal_link.triggers.invocation import named_exception
from tests.lambda_environment import Context

RESULT = {"schema": "personal-link-result/1", "status": "created"}
REQUEST = {"record": {"Email": "joe@example.com"}}


class Call:
    """Stands in for the real one: gives a result, or fails as it is told."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self._answer = answer
        self.answered: list[tuple[object, str, float]] = []

    def answer(self, payload: object, invocation: str, deadline: Deadline) -> dict[str, Any]:
        self.answered.append((payload, invocation, deadline.remaining()))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


Behind = Callable[[dict[str, Any] | Exception], Call]


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Behind:
    """Put a call behind the handler."""

    def put(answer: dict[str, Any] | Exception) -> Call:
        call = Call(answer)
        monkeypatch.setattr(wiring, "direct_invocation", lambda: call)
        return call

    return put


def test_the_handler_passes_payload_request_id_and_the_time_less_a_reserve_and_returns_the_result(
    behind: Behind,
) -> None:
    call = behind(RESULT)

    assert direct_invocation.handler(REQUEST, Context(60)) == RESULT

    [(payload, invocation, seconds)] = call.answered
    assert (payload, invocation) == (REQUEST, "c6af9ac6-7b61-11e6-9a41-93e8deadbeef")
    assert 38.9 < seconds <= 39.0  # a minute, less three calls of AWS of seven seconds each


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        (NotProcessed(Code.RATE_LIMITED, "too fast"), "rate_limited", "rate_limited: too fast"),
        (Unanswered(Code.NO_ANSWER, "lost", vendor_message="joe@example.com"), "no_answer", "no_answer: lost"),
        (Unreadable(Code.INVALID_REQUEST, "an array"), "invalid_request", "invalid_request: an array"),
        *(
            (bug, "internal_error", "internal_error: Unexpected error: try again later.")
            for bug in (KeyError("joe@example.com"), SettingsError("LEDGER_TABLE is missing"))
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_or_a_bug_is_raised_as_an_exception_named_after_its_code_without_cause_or_text_of_the_bug(
    behind: Behind, error: Exception, name: str, text: str
) -> None:
    behind(error)

    with pytest.raises(PersonalLinkError) as raised:
        direct_invocation.handler(REQUEST, Context(60))

    assert (type(raised.value).__name__, str(raised.value)) == (name, text)
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)  # Lambda would print them


def test_every_code_has_one_exception_class_named_after_it() -> None:
    for code in CODES:
        first, second = (named_exception(RequestError(code, "why")) for _time in range(2))
        assert type(first).__name__ == str(code)
        assert type(first) is type(second)
