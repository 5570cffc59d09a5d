"""Messages that end with a result, and unreadable messages, which are parked at once."""

import json
import tracemalloc

import pytest

from tests.aws.account import doing_before, refusing, values
from tests.tables import table
from tests.triggers.batch.conftest import Environment, a_record

# Messages that end with a result


def test_a_request_ends_as_a_result_and_its_message_is_not_retried(env: Environment) -> None:
    again = env.work(a_record({"record": {"Email": "ada@acme.example"}, "reference": "crm-0815"}))

    assert again == []
    (message,) = env.account.results()
    assert values(message) == {"status": "created", "code": "created", "source": "sqs"}
    body = json.loads(message["Body"])
    assert body["source"] == {"type": "sqs", "id": "m-1"}
    assert body["reference"] == "crm-0815"
    assert body["personal_link"]["survey_link"] == env.vendor.links[0].survey_link


def test_an_event_queued_twice_makes_one_call_and_an_empty_batch_retries_nothing(env: Environment) -> None:
    event: dict[str, object] = {"id": "e-1", "detail-type": "x", "detail": {"record": {"Email": "ada@acme.example"}}}

    env.work(a_record(event, "m-1"))
    env.work(a_record(event, "m-2"))
    assert env.work() == []

    assert len(env.vendor.calls("personal-link")) == 1
    assert len({json.loads(message["Body"])["id"] for message in env.account.results()}) == 1


@pytest.mark.parametrize(
    ("content", "code", "errors"),
    [
        (
            {"record": {"Email": ["ada@acme.example"]}, "reference": "crm-0815"},
            "invalid_request",
            {"record.Email": ["must be a string, a number, a boolean or null"]},
        ),
        (
            {"record": [["Email", "ada@acme.example"]], "reference": "crm-0815"},
            "invalid_request",
            {"record": ["is required: an object of at least one heading and its value"]},
        ),
        ({"record": {"Notes": "x" * 70_000}, "reference": "crm-0815"}, "too_large", None),
    ],
    ids=["a value", "the record", "too large"],
)
def test_a_readable_but_invalid_request_ends_as_a_rejected_result_with_the_same_bytes_each_time(
    env: Environment, content: dict[str, object], code: str, errors: object
) -> None:
    assert env.work(a_record(content), a_record(content, attempts=2)) == []

    first, second = env.account.results()
    assert first["Body"] == second["Body"]
    assert values(first) == {"status": "rejected", "code": code, "source": "sqs"}
    result = json.loads(first["Body"])
    assert (result["error"].get("errors"), result["attempts"]) == (errors, 0)
    assert (result["record"], result["reference"]) == (content["record"], "crm-0815")
    assert env.account.parked() == []


TOO_LARGE = ("too_large", "The body is too large to be read: a request has at most 65536 bytes.")
NOT_VALID = ("invalid_request", "The request is not valid: see record.")


@table(
    "body, reason",
    ("too large", json.dumps({"record": {"Notes": "x" * 500_000}}), TOO_LARGE),
    ("too large to be parsed, not JSON", "{" * (6 * 65_536 + 1), TOO_LARGE),
    ("too large once it is ASCII", json.dumps({"record": {"é" * 150_000: []}}, ensure_ascii=False), NOT_VALID),
    ("a number that JSON writes and we cannot", '{"record": {"Score": 1e999}, "reference": "order-7"}', NOT_VALID),
    ("too deep for many readers", '{"record": {"A": ' + "[" * 40 + "]" * 40 + "}}", NOT_VALID),
)
def test_a_refused_request_that_no_result_can_hold_is_parked_unchanged_with_the_reason(
    env: Environment, body: str, reason: tuple[str, str]
) -> None:
    again = env.work(a_record(body))

    assert again == []
    assert env.account.results() == []
    (parked,) = env.account.parked()
    assert parked["Body"] == body
    assert (values(parked)["code"], values(parked)["detail"]) == reason


def test_unknown_fields_of_a_request_are_not_kept_in_memory_while_the_batch_is_processed(env: Environment) -> None:
    junk = ', "junk": [' + "[]," * 120_000 + "[]]}"
    records = [
        a_record(f'{{"record": {{"Email": "m-{number}@acme.example"}}{junk}', f"m-{number}") for number in range(3)
    ]
    opened: list[int] = []
    tracemalloc.start()

    with doing_before(env.account.dynamodb, "PutItem", lambda _: opened.append(tracemalloc.get_traced_memory()[0])):
        assert env.work(*records) == []

    tracemalloc.stop()
    assert opened[0] < 5_000_000  # with all of it, 24 MB


def test_a_key_used_for_a_different_request_ends_as_a_separate_rejected_result(env: Environment) -> None:
    first = a_record({"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}, "m-1")
    other = a_record({"record": {"Email": "grace@acme.example"}, "idempotency_key": "order-1"}, "m-2")

    again = env.work(first, other)

    assert again == []
    created, rejected = (json.loads(message["Body"]) for message in env.account.results())
    assert created["status"] == "created"
    assert rejected["error"]["code"] == "idempotency_key_reused"
    assert rejected["source"] == {"type": "sqs", "id": "m-2"}
    assert rejected["id"] != created["id"]


def test_two_messages_with_one_key_in_a_batch_make_one_call_and_two_equal_results(env: Environment) -> None:
    body: dict[str, object] = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}

    again = env.work(a_record(body, "m-1"), a_record(body, "m-2"))

    assert again == []
    assert len(env.vendor.calls("personal-link")) == 1
    first, second = (message["Body"] for message in env.account.results())
    assert second == first.replace('"replayed":false', '"replayed":true')
    assert second != first


# Unreadable messages


@table(
    "body",
    ("text", "Hello, is this the right queue?"),
    ("cut short", '{"record": {"Email": "ada@acme.example"}'),
    ("NaN", '{"record": {"Score": NaN}}'),
    ("too deep", "[" * 100_000),
    ("an array", "[]"),
    ("an S3 notification", '{"Records": [{"eventSource": "aws:s3", "s3": {}}]}'),
    ("an SNS notification without a request", '{"Type": "Notification", "Message": "Shipped"}'),
    ("an event without an id", '{"detail-type": "Other", "detail": {"record": {"A": 1}}}'),
)
def test_an_unreadable_message_is_parked_unchanged_on_its_first_receive(env: Environment, body: str) -> None:
    again = env.work(a_record(body))

    assert again == []
    (parked,) = env.account.parked()
    assert parked["Body"] == body
    assert values(parked)["code"] == "invalid_request"
    assert values(parked)["attempts"] == "1"
    assert env.account.results() == []
    assert env.vendor.calls("token") == []


def test_a_message_that_cannot_be_parked_stays_in_the_queue(env: Environment) -> None:
    with refusing(env.account.sqs, "SendMessageBatch", "AccessDenied"):
        again = env.work(a_record("no JSON"))

    assert again == ["m-1"]
