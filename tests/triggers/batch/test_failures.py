"""Batches while CustomerGauge is down, concurrency, and failures of one message or of the whole batch."""

import json
import threading
from collections import Counter

import pytest

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from sandbox.customergauge.server import Reply
from tests.aws.account import doing_before, on_every_call, refusing, values, watched
from tests.triggers.batch.conftest import DAY, Environment, Killed, a_record, kill


class AtOnce:
    """Counts who is inside at the same time; the first so many wait for each other."""

    def __init__(self, at_least: int) -> None:
        self.most = self._inside = self._entered = 0
        self._lock = threading.Lock()
        self._first = threading.Barrier(at_least)

    def enter(self, _: object) -> None:
        with self._lock:
            self._entered += 1
            is_one_of_the_first = self._entered <= self._first.parties
            self._inside += 1
            self.most = max(self.most, self._inside)
        if is_one_of_the_first:
            self._first.wait(timeout=10)

    def leave(self, _: object) -> None:
        with self._lock:
            self._inside -= 1


# CustomerGauge down


def test_messages_not_started_while_a_retry_after_runs_are_put_back_without_a_ledger_item(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429, retry_after=60))

    one_at_a_time = env.having(concurrency=1)

    with watched(env.account.sqs, "ChangeMessageVisibilityBatch") as changes:
        again = one_at_a_time.work(*(a_record(message_id=f"m-{number}") for number in range(3)))

    assert again == ["m-0", "m-1", "m-2"]
    assert len(env.vendor.calls("personal-link")) == 1
    assert [entry["VisibilityTimeout"] for entry in changes[0]["Entries"]] == [60, 60, 60]
    assert len(env.account.ledger_items()) == 1


# Concurrency and half-open circuit


def test_at_most_the_configured_messages_run_at_once_and_their_results_are_sent_in_one_batch(
    env: Environment,
) -> None:
    at_once = AtOnce(at_least=3)

    with (
        on_every_call(env.account.dynamodb, "PutItem", at_once.enter),
        on_every_call(env.account.dynamodb, "UpdateItem", at_once.leave),
        watched(env.account.sqs, "SendMessageBatch") as sent,
    ):
        env.having(concurrency=3).work(*(a_record(message_id=f"m-{number}") for number in range(10)))

    assert len(env.vendor.links) == 10
    assert at_once.most == 3
    (batch,) = sent  # the results go out together, in their order
    sources = [json.loads(entry["MessageBody"])["source"]["id"] for entry in batch["Entries"]]
    assert sources == [f"m-{number}" for number in range(10)]


def open_the_circuit(env: Environment) -> None:
    """Let eight messages fail, and the rest that follows pass."""
    env.vendor.script("personal-link", *[Reply.error(502)] * 8)
    env.work(*(a_record(message_id=f"failed-{number}") for number in range(8)))
    env.clock.advance(7.5)


@pytest.mark.parametrize(("probe", "calls", "again"), [(Reply.error(502), 9, 6), (Reply(), 14, 0)])
def test_a_half_open_circuit_tries_one_message_of_a_batch_and_the_others_after_its_success(
    env: Environment, probe: Reply, calls: int, again: int
) -> None:
    open_the_circuit(env)
    env.vendor.script("personal-link", probe)

    assert len(env.work(*(a_record(message_id=f"m-{number}") for number in range(6)))) == again
    assert len(env.vendor.calls("personal-link")) == calls


def test_a_replay_does_not_close_a_half_open_circuit(env: Environment) -> None:
    env.having(breaker=CircuitBreaker(env.clock, 1)).work(a_record(message_id="settled"))
    open_the_circuit(env)

    env.work(a_record(message_id="settled"))
    assert not env.worker.breaker.is_closed
    env.work(a_record(message_id="new"))
    assert env.worker.breaker.is_closed


@pytest.mark.parametrize("settled_before", [False, True])
def test_a_permit_is_returned_for_every_way_a_message_can_end(env: Environment, *, settled_before: bool) -> None:
    one_permit = env.having(breaker=CircuitBreaker(env.clock, 1))
    if settled_before:
        one_permit.work(a_record(message_id="m-1"))
    with refusing(env.account.dynamodb, "PutItem", "ThrottlingException"):
        one_permit.work(a_record(message_id="m-1"), a_record(message_id="m-2"))
    env.vendor.script("personal-link", Reply.error(404), Reply(fault="reset"), Reply(200, "no link"))
    one_permit.work(*(a_record(message_id=f"m-{number}") for number in range(3, 6)))

    assert one_permit.work(a_record(message_id="m-9")) == []


def test_a_lease_starts_when_the_permit_is_granted_and_not_when_the_wait_begins(env: Environment) -> None:
    one_permit = env.having(breaker=CircuitBreaker(env.clock, 1))

    with (
        watched(env.account.dynamodb, "PutItem") as begun,
        on_every_call(env.account.dynamodb, "UpdateItem", lambda _: env.clock.advance(7.0)),
    ):
        one_permit.work(a_record(message_id="m-1"), a_record(message_id="m-2"))

    first, second = (float(put["Item"]["lease_until"]["N"]) for put in begun)
    assert second == first  # both end with the invocation's deadline; neither took the other's time


# Failures of one message and of the whole batch


def test_each_message_of_a_mixed_batch_gets_its_own_outcome(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    faults = {b"ambiguous@": Reply.html(502), b"busy@": Reply.error(429, retry_after=2)}
    env.vendor.misbehave = lambda call: next((reply for mark, reply in faults.items() if mark in call.body), None)

    again = env.work(
        a_record({"record": {"Email": "ada@acme.example"}}, "created"),
        a_record({"record": {"Email": "ambiguous@acme.example"}}, "ambiguous"),
        a_record("{", "unreadable"),
        a_record({"record": {}}, "invalid"),
        a_record({"record": {"Email": "duplicate@example.com"}}, "duplicate"),
        a_record({"record": {"Email": "grace@acme.example"}}, "created-too"),
        a_record({"record": {"Email": "busy@acme.example"}}, "busy"),
    )

    assert again == ["ambiguous", "busy"]
    assert [message["Body"] for message in env.account.parked()] == ["{"]
    results = {
        json.loads(message["Body"])["source"]["id"]: values(message)["code"] for message in env.account.results()
    }
    assert results == {
        "created": "created",
        "invalid": "invalid_request",
        "duplicate": "duplicate_record",
        "created-too": "created",
    }
    assert len(env.vendor.links) == 2
    # The receipt handles are made up.
    assert Counter(caplog.messages) == {"outcome": 4, "parked": 1, "retry scheduled": 2, "visibility not set": 2}
    assert [vars(line)["age"] for line in caplog.records if line.message == "retry scheduled"] == [10, 10]


@pytest.mark.parametrize("missing", ["body", "attributes"])
def test_a_record_without_body_or_attributes_does_not_affect_the_others(env: Environment, missing: str) -> None:
    odd = a_record(message_id="odd")
    del odd[missing]

    again = env.work(a_record(message_id="before"), odd, a_record(message_id="after"))

    assert again == ["odd"]
    results = [json.loads(message["Body"])["source"]["id"] for message in env.account.results()]
    assert results == ["before", "after"]


def test_without_the_results_queue_all_messages_are_retried_and_no_call_is_repeated(env: Environment) -> None:
    records = [a_record(message_id=f"m-{number}") for number in range(10)]

    with refusing(env.account.sqs, "SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue"):
        first = env.work(*records)
    assert first == [f"m-{number}" for number in range(10)]
    assert env.account.results() == []
    again = env.work(*records)

    assert again == []
    assert len(env.vendor.calls("personal-link")) == 10
    links = {json.loads(message["Body"])["personal_link"]["survey_link"] for message in env.account.results()}
    assert links == {link.survey_link for link in env.vendor.links}


def test_the_link_of_a_redriven_invocation_is_kept_for_weeks_when_its_result_was_not_sent(env: Environment) -> None:
    env.vendor.duplicate_rule = "campaign"
    redriven = a_record({"record": {"Email": "ada@acme.example"}})  # no key of its own: its content is the key
    redriven["messageAttributes"] = {"original_invocation_id": {"stringValue": "invocation-1"}}
    with refusing(env.account.sqs, "SendMessageBatch", "AccessDenied"):
        assert env.work(redriven) == ["m-1"]
    env.clock.advance(20 * DAY)

    assert env.work(redriven) == []

    (message,) = env.account.results()
    assert values(message)["status"] == "created"
    assert len(env.vendor.calls("personal-link")) == 1


def test_a_message_whose_result_cannot_be_sent_until_the_retry_window_ends_is_parked(env: Environment) -> None:
    record = a_record(sent_at=env.clock.wall() - DAY)

    env.account.sqs.delete_queue(QueueUrl=env.account.results_url)

    again = env.work(record)

    assert again == []
    (parked,) = env.account.parked()
    assert parked["Body"] == record["body"]
    assert values(parked)["code"] == "internal_error"


def test_a_crash_before_the_results_are_sent_loses_no_link(env: Environment) -> None:
    with doing_before(env.account.sqs, "SendMessageBatch", kill), pytest.raises(Killed):
        env.work(a_record(message_id="m-1"), a_record(message_id="m-2"))

    again = env.work(a_record(message_id="m-1", attempts=2), a_record(message_id="m-2", attempts=2))

    assert again == []
    assert len(env.vendor.calls("personal-link")) == 2
    links = {json.loads(message["Body"])["personal_link"]["survey_link"] for message in env.account.results()}
    assert links == {link.survey_link for link in env.vendor.links}


def test_after_a_crash_that_follows_the_sending_the_same_result_is_sent_again_as_replayed(env: Environment) -> None:
    env.work(a_record(attempts=1))  # and the message is never deleted
    (first,) = env.account.results()

    env.work(a_record(attempts=2))

    (second,) = env.account.results()
    assert second["Body"] == first["Body"].replace('"replayed":false', '"replayed":true')


def test_messages_without_enough_time_left_are_retried_and_not_started(env: Environment) -> None:
    records = [a_record(message_id="m-1", attempts=40), a_record(message_id="m-2", attempts=40)]
    with watched(env.account.sqs, "ChangeMessageVisibilityBatch") as changes:
        again = env.worker.work(records, Deadline.after(1, env.clock))

    assert again == ["m-1", "m-2"]
    assert [entry["VisibilityTimeout"] for entry in changes[0]["Entries"]] == [0, 0]
    assert env.vendor.calls("token") == []
    assert env.account.ledger_items() == []
