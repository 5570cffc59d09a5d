"""Reading messages, events and direct invocations: source, key and date of each."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check
from personal_link.triggers.deliveries import first_sent_at, no_mapping, open_direct, open_sqs, origin
from tests.tables import table


def sqs_record(body: str) -> dict[str, Any]:
    return {
        "messageId": "message-1",
        "receiptHandle": "handle-1",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1800000000500"},
    }


def eventbridge_event(detail: object, event_id: object = "event-1") -> dict[str, object]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Personal Link Requested",
        "source": "shop",
        "account": "123456789012",
        "time": "2027-01-15T08:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


# SQS and EventBridge


def test_the_source_and_key_of_a_bare_request_are_its_message_id() -> None:
    delivery = open_sqs(sqs_record('{"record": {"A": 1}}'))

    assert delivery == Delivery(
        source=Source("sqs", "message-1"),
        content={"record": {"A": 1}},
        key=IdempotencyKey("message", "message-1"),
        received_at=1_800_000_000.5,
    )


def test_the_source_and_key_of_an_eventbridge_event_are_its_event_id() -> None:
    delivery = open_sqs(sqs_record(json.dumps(eventbridge_event({"record": {"A": 1}}))))

    assert delivery == Delivery(
        source=Source("eventbridge", "event-1"),
        content={"record": {"A": 1}},
        key=IdempotencyKey("event", "event-1"),
        received_at=1_800_000_000,
    )


def test_an_event_with_a_record_beside_its_detail_is_an_event() -> None:
    event = eventbridge_event({"record": {"A": 1}}) | {"record": {"B": 2}}

    assert open_sqs(sqs_record(json.dumps(event))).content == {"record": {"A": 1}}


def test_a_body_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(Unreadable) as caught:
        open_sqs(sqs_record("[" * 400_000))

    assert caught.value.code is Code.TOO_LARGE


@pytest.mark.parametrize(
    "time",
    [
        *(None, "yesterday", "2027-01-15T08:00:00", 1_800_000_000),
        pytest.param("0001-01-01T00:00:00+2359", id="before the year 1 in UTC"),
        pytest.param("9999-12-31T23:59:59-0001", id="after the year 9999 in UTC"),
        pytest.param("2027-01-15T08:00:00+9959", id="an offset of four days"),
    ],
)
def test_an_event_without_a_usable_time_counts_from_the_sending_of_its_message(time: object) -> None:
    event = eventbridge_event({"record": {"A": 1}}) | {"time": time}

    assert open_sqs(sqs_record(json.dumps(event))).received_at == 1_800_000_000.5


@table(
    "body, key",
    ("bare", {"record": {"A": 1}}, IdempotencyKey("message", "message-1")),
    ("bare with key", {"record": {"A": 1}, "idempotency_key": "order-7"}, IdempotencyKey("caller", "order-7")),
    ("event", eventbridge_event({"record": {"A": 1}}), IdempotencyKey("event", "event-1")),
    (
        "event with key",
        eventbridge_event({"record": {"A": 1}, "idempotency_key": "order-7"}),
        IdempotencyKey("caller", "order-7"),
    ),
    (
        "event with a key beside its detail",
        {**eventbridge_event({"record": {"A": 1}}), "idempotency_key": "outside"},
        IdempotencyKey("event", "event-1"),
    ),
)
def test_the_key_of_a_queued_request_is_that_of_the_caller_else_the_event_id_else_the_message_id(
    body: object, key: IdempotencyKey
) -> None:
    request = check(open_sqs(sqs_record(json.dumps(body))))

    assert request.key == key


@table(
    "body",
    ("an id alone", {"record": {"A": 1}, "id": "event-1"}),
    ("a detail type alone", {"record": {"A": 1}, "detail-type": "x"}),
    ("an empty id", {"record": {"A": 1}, "detail-type": "x", "id": ""}),
    ("an endless id", {"record": {"A": 1}, "detail-type": "x", "id": "x" * 257}),
    ("an id with a line break", {"record": {"A": 1}, "detail-type": "x", "id": "a\nb"}),
    ("an id with a lone surrogate", {"record": {"A": 1}, "detail-type": "x", "id": "\ud800"}),
    ("no detail", {"record": {"A": 1}, "detail-type": "x", "id": "event-1"}),
)
def test_a_body_without_the_fields_of_an_event_is_a_bare_request(body: Mapping[str, object]) -> None:
    request = check(open_sqs(sqs_record(json.dumps(body))))

    assert request.source == Source("sqs", "message-1")


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        (IdempotencyKey("caller", "order-7"), "72aed0da403983ecb20819f322fa479f9cad0d4f60f6922116c63dfb710b1189"),
        (IdempotencyKey("event", "event-1"), "c377188ec3de350ed05e7f87832aa7250015e4865e7ceadffbd15919693b45ed"),
        (IdempotencyKey("message", "message-1"), "e4aeb0ba027ae5d88d343a5582705f8f2b740e7755425d2bd5d6d74855e0e08e"),
    ],
)
def test_the_digest_of_a_key_of_the_queue_stays_the_same_and_is_not_that_of_another_trigger(
    key: IdempotencyKey, digest: str
) -> None:
    assert key.digest == digest
    assert len({digest, replace(key, owner="iam arn").digest, replace(key, owner="direct invocation").digest}) == 3


@pytest.mark.parametrize("body", ["", "hello", '{"record": NaN}', '{"a": 1, "a": 2}'])
def test_a_message_that_is_not_json_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_sqs(sqs_record(body))

    assert caught.value.code is Code.INVALID_REQUEST


@table(
    "name, attribute, message_id",
    ("usable", "original_message_id", {"stringValue": "message-0", "dataType": "String"}, "message-0"),
    ("of another type", "original_message_id", {"binaryValue": "AA==", "dataType": "Binary"}, "message-1"),
    ("empty", "original_message_id", {"stringValue": "", "dataType": "String"}, "message-1"),
    ("endless", "original_message_id", {"stringValue": "x" * 257, "dataType": "String"}, "message-1"),
    ("a line break", "original_message_id", {"stringValue": "a\nb", "dataType": "String"}, "message-1"),
    ("an empty invocation", "original_invocation_id", {"stringValue": "", "dataType": "String"}, "message-1"),
    ("as Lambda writes them", "RequestID", {"stringValue": "i-1", "dataType": "String"}, "message-1"),
)
def test_a_redriven_message_keeps_its_original_message_id(
    name: str, attribute: dict[str, str], message_id: str
) -> None:
    record = {**sqs_record('{"record": {"A": 1}}'), "messageAttributes": {name: attribute}}

    request = check(open_sqs(record))

    assert (request.key, request.source) == (IdempotencyKey("message", message_id), Source("sqs", message_id))


# Direct invocation


BY_LAMBDA: Mapping[str, Any] = {
    "RequestID": {"stringValue": "invocation-1", "dataType": "String"},
    "ErrorCode": {"stringValue": "200", "dataType": "Number"},
    "ErrorMessage": {"stringValue": "unavailable: no connection", "dataType": "String"},
}
BY_US: Mapping[str, Any] = {"original_invocation_id": {"stringValue": "invocation-1", "dataType": "String"}}


def invoked(payload: object, invocation: str = "invocation-1") -> Delivery:
    return open_direct(payload, invocation, 1_800_000_000.0, no_mapping)


def parked(attributes: Mapping[str, Any], body: object = None) -> dict[str, Any]:
    request = {"record": {"A": 1}} if body is None else body
    return {**sqs_record(json.dumps(request)), "messageAttributes": attributes}


def test_the_key_of_a_directly_invoked_bare_request_is_its_content_hash_also_when_redriven() -> None:
    first, second = (check(invoked({"record": {"A": 1}}, name)) for name in ("i-1", "i-2"))
    redriven = check(open_sqs(parked(BY_US)))

    assert (first.source, second.source) == (Source("direct", "i-1"), Source("direct", "i-2"))
    assert first.key == second.key == redriven.key
    assert (first.key.scope, first.key.owner) == ("content", "direct invocation")
    assert (first.received_at, redriven.source) == (1_800_000_000.0, Source("direct", "invocation-1"))


def test_the_key_of_a_directly_invoked_event_is_its_event_id_also_when_redriven() -> None:
    event = eventbridge_event({"record": {"A": 1}})

    for delivery in (invoked(event), open_sqs(parked(BY_US, event))):
        assert delivery.source == Source("eventbridge", "event-1")
        assert delivery.key == IdempotencyKey("event", "event-1", "direct invocation")


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({}, {"original_message_id": "message-1"}),
        (
            {"original_message_id": {"stringValue": "message-0", "dataType": "String"}},
            {"original_message_id": "message-0"},
        ),
        (BY_LAMBDA, {"original_message_id": "message-1"}),
        (BY_US, {"original_invocation_id": "invocation-1"}),
    ],
)
def test_the_attributes_of_a_message_sent_again_keep_its_original_id_and_first_date(
    attributes: Mapping[str, Any], kept: Mapping[str, str]
) -> None:
    assert origin(parked(attributes)) == {**kept, "first_sent_at": "1800000000500"}


@pytest.mark.parametrize(
    ("told", "first"), [("1700000000000", 1_700_000_000.0), ("9999999999999", None), ("", None), ("1e3", None)]
)
def test_the_age_of_a_message_counts_from_its_first_sending_if_that_date_is_usable(
    told: str, first: float | None
) -> None:
    record = parked({"first_sent_at": {"stringValue": told, "dataType": "String"}})

    assert first_sent_at(record) == (1_800_000_000.5 if first is None else first)
