"""The queue function: what is to come again is named in the partial batch response, and nothing else is."""

from collections.abc import Sequence
from typing import Any

import pytest

import queue_worker
from personal_link import wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import PersonalLinkError, SettingsError

EVENT: dict[str, Any] = {"Records": [{"messageId": "message-1"}, {"messageId": "message-2"}]}


class Context:
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Worker:
    """Stands in for the real one: sends the same messages back each time."""

    def __init__(self, again: list[str]) -> None:
        self._again = again
        self.worked: list[tuple[Sequence[Any], float]] = []

    def work(self, records: Sequence[Any], deadline: Deadline) -> list[str]:
        self.worked.append((records, deadline.remaining()))
        return self._again


@pytest.mark.parametrize(
    ("again", "response"),
    [
        ([], {"batchItemFailures": []}),
        (["message-2"], {"batchItemFailures": [{"itemIdentifier": "message-2"}]}),
        (
            ["message-1", "message-2"],
            {"batchItemFailures": [{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]},
        ),
    ],
)
def test_the_response_names_the_messages_that_are_to_come_again(
    monkeypatch: pytest.MonkeyPatch, again: list[str], response: object
) -> None:
    monkeypatch.setattr(wiring, "batch_worker", lambda: Worker(again))

    assert queue_worker.handler(EVENT, Context()) == response


def test_the_worker_gets_the_records_and_the_time_left_but_for_the_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker([])
    monkeypatch.setattr(wiring, "batch_worker", lambda: worker)

    queue_worker.handler(EVENT, Context())

    records, seconds = worker.worked[0]
    assert records is EVENT["Records"]
    assert 31.0 < seconds <= 32.0


def test_a_function_that_cannot_be_wired_up_fails_as_a_whole_so_that_every_message_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_worker() -> Worker:
        raise SettingsError("The environment is not complete: LEDGER_TABLE is missing")

    monkeypatch.setattr(wiring, "batch_worker", no_worker)

    with pytest.raises(SettingsError):
        queue_worker.handler(EVENT, Context())


def test_a_bug_beyond_any_message_fails_the_batch_in_our_own_words_since_lambda_logs_what_a_function_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_worker() -> Worker:
        raise KeyError("joe@example.com")

    monkeypatch.setattr(wiring, "batch_worker", no_worker)

    with pytest.raises(PersonalLinkError) as caught:
        queue_worker.handler(EVENT, Context())

    assert str(caught.value) == "unexpected KeyError"
    assert caught.value.__suppress_context__
