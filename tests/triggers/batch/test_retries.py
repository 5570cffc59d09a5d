"""Messages that are retried, and those that are parked at the end of the retry window."""

import json
from collections.abc import Sequence

import pytest

from sandbox.customergauge.server import Reply
from tests.aws.account import doing_before, refusing, unreachable, values, watched
from tests.tables import table
from tests.triggers.batch.conftest import DAY, Environment, Killed, a_record, kill, redriven

# Retried messages


def test_a_message_waits_for_the_retry_after_of_customergauge(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429, retry_after=120))
    record = env.account.queued_record('{"record": {"Email": "ada@acme.example"}}')

    with watched(env.account.sqs, "ChangeMessageVisibilityBatch") as changes:
        again = env.work(record)

    assert again == [record["messageId"]]
    assert changes == [
        {
            "QueueUrl": env.account.requests_url,
            "Entries": [{"Id": "0", "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 120}],
        }
    ]
    assert env.account.results() == []
    assert env.account.parked() == []


def waits_of(env: Environment, *receives: int, message_id: str = "m-1") -> list[int]:
    """Deliver a message again and again; return how long it waits each time."""
    with watched(env.account.sqs, "ChangeMessageVisibilityBatch") as changes:
        for count in receives:
            env.work(a_record(message_id=message_id, attempts=count))
    return [entry["VisibilityTimeout"] for change in changes for entry in change["Entries"]]


@table(
    "reply, receives, waits",
    (
        "503",
        Reply.error(503),
        range(1, 25),
        [0, 1, 1, 1, 1, 2, 2, 3, 4, 5, 7, 9, 12, 15, 20, 26, 33, 43, 56, 73, 95, 124, 150, 150],
    ),
    ("no answer", Reply(fault="reset"), range(1, 8), [0, 1, 1, 1, 1, 2, 2]),
    ("429 without Retry-After", Reply.error(429), range(1, 6), [1, 1, 2, 2, 3]),
    ("429 with a Retry-After of less than a second", Reply.error(429, retry_after=0), [1], [1]),
    ("set-up fault", Reply.error(403), range(1, 14), [30, 39, 51, 66, 86, 111, 145, 188, 245, 318, 414, 450, 450]),
    ("receives without an attempt before", Reply.error(503), [40, 50], [0, 1]),
    ("so many receives that the window ends before they run out", Reply.error(503), [50, 51], [0, 96]),
)
def test_a_message_backs_off_longer_with_each_attempt(
    env: Environment, reply: Reply, receives: Sequence[int], waits: list[int]
) -> None:
    env.vendor.script("personal-link", *[reply] * len(waits))

    assert waits_of(env, *receives) == waits


@table(
    "client, operation, receives, waits",
    ("an outage of the ledger", "dynamodb", "PutItem", [1, 10, 20], [0, 5, 30]),
    ("a result that cannot be sent", "sqs", "SendMessageBatch", [1, 10, 20], [0, 5, 30]),
    ("fifty receives, so that 900 are 84 hours", "dynamodb", "PutItem", [51], [336]),
)
def test_a_message_without_an_attempt_backs_off_longer_with_each_receive(
    env: Environment, client: str, operation: str, receives: list[int], waits: list[int]
) -> None:
    with refusing(getattr(env.account, client), operation, "AccessDenied"):
        assert waits_of(env, *receives) == waits


def test_deliveries_of_one_key_in_a_batch_make_one_call_and_wait_as_long_if_it_fails(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(503, retry_after=120))
    order: dict[str, object] = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}
    twins = [a_record(order, f"m-{number}") for number in range(3)]

    with watched(env.account.sqs, "ChangeMessageVisibilityBatch") as changes:
        assert env.work(*twins) == ["m-0", "m-1", "m-2"]

    assert len(env.vendor.calls("personal-link")) == 1
    assert [entry["VisibilityTimeout"] for entry in changes[0]["Entries"]] == [120, 120, 120]


def test_a_record_that_a_firewall_refuses_waits_and_the_others_are_processed(env: Environment) -> None:
    env.vendor.misbehave = lambda call: Reply.html(403) if b"m-3@" in call.body else None

    first = env.having(concurrency=1).work(*(a_record(message_id=f"m-{n}") for n in range(5)))
    later = env.having(concurrency=1).work(a_record(message_id="m-3"), a_record(message_id="m-6"))

    assert (first, later) == (["m-3"], ["m-3"])
    assert [values(message)["status"] for message in env.account.results()] == ["created"] * 5


def test_a_firewall_that_refuses_two_records_in_a_row_makes_the_others_wait(env: Environment) -> None:
    env.vendor.script("personal-link", *[Reply.html(403)] * 12)

    put_off = env.having(concurrency=1).work(*(a_record(message_id=f"m-{n}") for n in range(12)))

    assert put_off == [f"m-{n}" for n in range(12)]
    assert len(env.vendor.calls("personal-link")) == 9  # the first is its record's affair; eight more open the circuit


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0, 1, 1]), (0.999, [1, 1, 2])])
def test_jitter_spreads_a_wait_up_to_its_maximum_and_only_the_first_wait_can_be_zero(
    env: Environment, jitter: float, waits: list[int]
) -> None:
    env.vendor.script("personal-link", *[Reply.error(503)] * 3)

    assert waits_of(env.having(jitter=lambda: jitter), 1, 2, 3) == waits


def test_a_message_whose_key_is_in_flight_waits_the_same_time_on_every_receive(env: Environment) -> None:
    with doing_before(env.account.dynamodb, "UpdateItem", kill), pytest.raises(Killed):
        env.work(a_record())
    env.clock.advance(1)

    assert waits_of(env, 2, 3, 10, 50) == [5, 5, 5, 5]


def test_a_message_is_retried_even_if_its_visibility_timeout_cannot_be_set(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429))

    with unreachable(env.account.sqs, "ChangeMessageVisibilityBatch"):
        assert env.work(a_record()) == ["m-1"]


def test_every_message_is_retried_without_a_call_during_an_outage_of_the_ledger(env: Environment) -> None:
    with refusing(env.account.dynamodb, "PutItem", "ThrottlingException"):
        again = env.work(a_record(message_id="m-1"), a_record(message_id="m-2"))

    assert again == ["m-1", "m-2"]
    assert env.vendor.calls("token") == []


def test_a_bug_is_logged_and_its_message_is_retried(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise KeyError("record")

    with doing_before(env.account.dynamodb, "PutItem", fail):
        assert env.work(a_record()) == ["m-1"]
    assert "unexpected error" in caplog.messages


# The end of the retry window


def test_a_message_at_the_end_of_its_retry_window_is_parked_with_its_body_and_the_reason(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429, retry_after=120))
    record = a_record(attempts=288, sent_at=env.clock.wall() - DAY)

    again = env.work(record)

    assert again == []
    (parked,) = env.account.parked()
    assert parked["Body"] == record["body"]
    assert values(parked) == {
        "code": "rate_limited",
        "detail": "CustomerGauge answered HTTP 429",
        "attempts": "288",
        "original_message_id": "m-1",
        "first_sent_at": "1795341600000",
    }
    assert env.account.results() == []


def test_a_message_beyond_its_retry_window_that_was_not_started_is_not_parked(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429, retry_after=60))
    one_at_a_time = env.having(concurrency=1)
    records = [a_record(message_id=f"m-{number}", sent_at=env.clock.wall() - 2 * DAY) for number in range(5)]

    again = one_at_a_time.work(*records)

    assert again == ["m-1", "m-2", "m-3", "m-4"]  # the first had its attempt
    assert [values(message)["code"] for message in env.account.parked()] == ["rate_limited"]
    env.clock.advance(60.0)
    assert one_at_a_time.work(*records[1:]) == []
    assert len(env.account.results()) == 4


@table(
    "age, ledger_is_down, again, parked",
    ("just before the end of the window", DAY - 1, False, ["m-1"], []),
    ("at its end", DAY, False, [], ["rate_limited"]),
    ("beyond it, without an attempt", 2 * DAY, True, ["m-1"], []),
    ("before SQS would delete it, without an attempt", 84 * 3600.0, True, [], ["internal_error"]),
)
def test_a_message_is_parked_after_an_attempt_at_the_end_of_its_window_or_else_before_sqs_would_delete_it(
    env: Environment, age: float, ledger_is_down: bool, again: list[str], parked: list[str]
) -> None:
    env.vendor.script("personal-link", Reply.error(429, retry_after=120))

    with refusing(env.account.dynamodb, "PutItem", "Throttling", calls=None if ledger_is_down else 0):
        assert env.work(a_record(attempts=900, sent_at=env.clock.wall() - age)) == again

    assert [values(message)["code"] for message in env.account.parked()] == parked


def test_a_message_beyond_its_retry_window_gets_one_attempt_before_it_is_parked(env: Environment) -> None:
    assert env.work(a_record(sent_at=env.clock.wall() - 3 * DAY)) == []

    assert env.account.parked() == []
    assert len(env.account.results()) == 1


def test_a_message_beyond_its_retry_window_gets_its_attempt_although_the_circuit_is_open(env: Environment) -> None:
    env.vendor.script("personal-link", *[Reply.error(503)] * 11)
    env.work(*(a_record(message_id=f"m-{number}") for number in range(8)))

    again = env.work(
        a_record(message_id="young"),
        *(a_record(message_id=f"old-{number}", sent_at=env.clock.wall() - DAY) for number in range(3)),
    )

    assert again == ["young"]
    assert len(env.vendor.calls("personal-link")) == 11
    assert [values(message)["attempts"] for message in env.account.parked()] == ["1", "1", "1"]


def test_a_message_parked_after_an_unanswered_attempt_is_unknown_on_a_duplicate_when_redriven(env: Environment) -> None:
    env.vendor.duplicate_rule = "campaign"
    env.vendor.script("personal-link", Reply(fault="reset", commit=True))
    env.work(a_record(sent_at=env.clock.wall() - DAY))
    (parked,) = env.account.parked()

    again = env.work(redriven(parked))

    assert again == []
    (message,) = env.account.results()
    assert values(message)["code"] == "outcome_unknown"
    assert json.loads(message["Body"])["source"] == {"type": "sqs", "id": "m-1"}


def test_a_message_parked_twice_keeps_its_first_message_id(env: Environment) -> None:
    env.vendor.script("personal-link", Reply.error(429), Reply.error(429))
    env.work(a_record(message_id="m-1", sent_at=env.clock.wall() - DAY))
    (parked,) = env.account.parked()

    env.work(redriven(parked, sent_at=env.clock.wall() - DAY))

    (parked_again,) = env.account.parked()
    assert parked_again["MessageId"] != parked["MessageId"]
    assert values(parked_again)["original_message_id"] == "m-1"


def test_an_invocation_that_was_parked_twice_keeps_its_invocation_id(env: Environment) -> None:
    attributes = {"original_invocation_id": {"stringValue": "i-1", "dataType": "String"}}
    env.vendor.script("personal-link", Reply.error(429))
    env.work({**a_record(message_id="m-1", sent_at=env.clock.wall() - DAY), "messageAttributes": attributes})
    (parked,) = env.account.parked()
    env.clock.advance(60)

    env.work(redriven(parked))

    assert values(parked)["original_invocation_id"] == "i-1"
    assert "original_message_id" not in values(parked)
    (message,) = env.account.results()
    assert json.loads(message["Body"])["source"] == {"type": "direct", "id": "i-1"}
