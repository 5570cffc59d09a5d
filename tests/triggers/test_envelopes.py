"""Envelopes around a request are removed; a body without a request is refused with what it looks like."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from personal_link.domain import error_texts, shapes
from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check
from personal_link.triggers.deliveries import Mapped, no_mapping, open_direct, open_sqs
from personal_link.triggers.http_request import open_http
from tests.tables import table
from tests.triggers.test_deliveries import eventbridge_event, sqs_record
from tests.triggers.test_http_request import http_event

REQUEST = {"configuration": "map-1", "record": {"Email": "joe@example.com"}, "reference": "order-7"}
EVENT = eventbridge_event(REQUEST)
AS_TEXT = json.dumps(REQUEST)


def notification(message: str, **more: object) -> dict[str, object]:
    """As SNS writes it to a queue without raw delivery (SNS developer guide, `sns-message-and-json-formats`)."""
    return {
        "Type": "Notification",
        "MessageId": "2f1e6a0c-5f2d-5c4e-9d0a-3b1c1f0e7a55",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
        "Message": message,
        "Timestamp": "2027-01-15T07:59:58.250Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        **more,
    }


def by_lambda(one: Mapping[str, object]) -> dict[str, object]:
    """As SNS invokes a function (Lambda developer guide, `with-sns`)."""
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": dict(one)}]}


def from_queue(value: object, map_event: Callable[[Any], Mapped | None] = no_mapping) -> Delivery:
    return open_sqs(sqs_record(json.dumps(value)), map_event)


def from_invocation(value: object, map_event: Callable[[Any], Mapped | None] = no_mapping) -> Delivery:
    return open_direct(value, "invocation-1", 1_800_000_000.5, map_event)


def from_http(value: object) -> Delivery:
    return open_http(http_event(json.dumps(value)))


QUEUE_AND_INVOCATION = pytest.mark.parametrize("opened", [from_queue, from_invocation])
EVERYWHERE = pytest.mark.parametrize("opened", [from_queue, from_invocation, from_http])
Open = Callable[[object], Delivery]

# Supported envelopes


@EVERYWHERE
@table(
    "value",
    ("bare", REQUEST),
    ("encoded twice", AS_TEXT),
    ("with a byte order mark", "\ufeff" + AS_TEXT),
    ("its record encoded twice", {**REQUEST, "record": json.dumps(REQUEST["record"])}),
    (
        "an SNS notification with all fields",
        notification(AS_TEXT, Subject="Order", MessageAttributes={}, UnsubscribeURL="x"),
    ),
    ("encoded twice, by SNS", notification(json.dumps(AS_TEXT))),
    ("by SNS, and the envelope encoded twice", json.dumps(notification(AS_TEXT))),
    ("by SNS to a function", by_lambda(notification(AS_TEXT))),
    ("an envelope without an id", {"Type": "Notification", "Message": AS_TEXT}),
)
def test_a_request_is_found_inside_any_supported_envelope(opened: Open, value: object) -> None:
    assert opened(value).content == REQUEST


@QUEUE_AND_INVOCATION
@table(
    "value",
    ("whole", EVENT),
    ("encoded twice", json.dumps(EVENT)),
    ("by SNS, its detail as text", notification(json.dumps({**EVENT, "detail": AS_TEXT}))),
    ("by SNS to a function", by_lambda(notification(json.dumps(EVENT)))),
    ("its detail a notification", {**EVENT, "detail": notification(AS_TEXT)}),
    ("record as text", {**EVENT, "detail": {**REQUEST, "record": json.dumps(REQUEST["record"])}}),
)
def test_an_event_inside_any_supported_envelope_keeps_its_id_and_time(opened: Open, value: object) -> None:
    delivery = opened(value)

    assert (delivery.content, delivery.source) == (REQUEST, Source("eventbridge", "event-1"))
    assert (delivery.key and delivery.key.value, delivery.received_at) == ("event-1", 1_800_000_000)


@QUEUE_AND_INVOCATION
@pytest.mark.parametrize(
    "value",
    [
        notification(json.dumps({**EVENT, "detail": {"order": 7}})),
        json.dumps({**EVENT, "detail": {"order": 7}}),
        {**EVENT, "detail": '{"order": 7}'},
    ],
    ids=["by SNS", "encoded twice", "detail as text"],
)
def test_an_event_with_a_mapping_is_unwrapped_before_it_is_mapped(
    opened: Callable[..., Delivery], value: object
) -> None:
    def map_event(event: Mapping[str, Any]) -> Mapped:
        return Mapped({"record": {"Order": event["detail"]["order"]}}, {})

    assert opened(value, map_event).content == {"record": {"Order": 7}}


@QUEUE_AND_INVOCATION
@pytest.mark.parametrize("detail", ["Order 7 is paid", {"Type": "Notification", "Message": AS_TEXT}, [1]])
def test_a_mapping_gets_any_other_detail_unchanged(opened: Callable[..., Delivery], detail: object) -> None:
    seen: list[object] = []

    def map_event(event: Mapping[str, Any]) -> Mapped:
        seen.append(event["detail"])
        return Mapped({"record": {"A": 1}}, {})

    opened({**EVENT, "detail": detail}, map_event)

    assert seen == [detail]


# Key of a notification


def test_the_key_of_an_sns_notification_is_its_id_and_on_the_queue_its_time_counts() -> None:
    queued, invoked = from_queue(notification(AS_TEXT)), from_invocation(by_lambda(notification(AS_TEXT)))

    assert queued.source == Source("sqs", "2f1e6a0c-5f2d-5c4e-9d0a-3b1c1f0e7a55")
    assert queued.key == IdempotencyKey("message", "2f1e6a0c-5f2d-5c4e-9d0a-3b1c1f0e7a55")
    assert queued.received_at == 1_799_999_998.25
    assert invoked.source == Source("direct", "invocation-1")
    assert invoked.key == IdempotencyKey("message", "2f1e6a0c-5f2d-5c4e-9d0a-3b1c1f0e7a55", "direct invocation")


@pytest.mark.parametrize(
    "more",
    [
        *({"MessageId": unusable} for unusable in ("", 7, "a\n", None)),
        *({"Timestamp": unusable} for unusable in (None, 7, "2027-01-15T07:59:58.250", "2027-13-15T07:59:58.250Z")),
        {"Timestamp": "9999-12-31T23:59:59.999999Z"},  # rounded, a time in the year 10000
    ],
    ids=repr,
)
def test_an_sns_notification_without_a_usable_id_or_time_uses_those_of_its_message(more: dict[str, object]) -> None:
    delivery = from_queue(notification(AS_TEXT, **more))

    by_message = IdempotencyKey("message", "message-1")
    assert (delivery.key == by_message) == ("MessageId" in more)
    assert (delivery.received_at == 1_800_000_000.5) == ("Timestamp" in more)


@EVERYWHERE
def test_the_key_of_the_caller_takes_precedence_over_the_id_of_sns(opened: Open) -> None:
    body = json.dumps({**REQUEST, "idempotency_key": "order-7"})

    key = check(opened(notification(body))).key

    assert (key.scope, key.value) == ("caller", "order-7")


# Refused bodies


@EVERYWHERE
@table(
    "value, what",
    ("encoded three times", json.dumps(AS_TEXT), "a text that holds no JSON object"),
    ("two envelopes", notification(json.dumps(notification(AS_TEXT))), "an SNS notification whose Message"),
    ("one and two texts", json.dumps(notification(json.dumps(AS_TEXT))), "a text that holds no JSON object"),
    ("no envelope", {"Type": "Order", "Message": AS_TEXT}, "an object with neither record"),
)
def test_what_is_no_envelope_or_a_second_one_is_refused(opened: Open, value: object, what: str) -> None:
    with pytest.raises(Unreadable) as caught:
        opened(value)

    assert caught.value.message.startswith(f"The body holds no request. It looks like {what}")


@EVERYWHERE
@pytest.mark.parametrize("record", ["joe@example.com", "[]", '{"A": NaN}'])
def test_a_record_that_is_text_but_no_json_object_is_left_for_the_check_to_refuse(opened: Open, record: str) -> None:
    assert opened({"record": record}).content == {"record": record}


def records(source: str, **more: object) -> dict[str, object]:
    return {"Records": [{"eventVersion": "2.1", "eventSource": source, "awsRegion": "eu-west-1", **more}]}


SHAPES: dict[str, list[Any]] = {
    "an S3 event notification. Let S3 send": [records("aws:s3", s3={"bucket": {"name": "b"}, "object": {"key": "k"}})],
    "a batch of SQS messages. Send the body": [records("aws:sqs", messageId="1", body=AS_TEXT)],
    "a batch of Kinesis records. Let": [records("aws:kinesis", kinesis={"data": "eyJhIjoxfQ=="})],
    "a batch of DynamoDB stream records. Let": [records("aws:dynamodb", dynamodb={"Keys": {"pk": {"S": "1"}}})],
    "SNS notifications that are not JSON, or more": [
        by_lambda(notification("Your order has shipped")),
        {"Records": [{"EventSource": "aws:sns", "Sns": notification(AS_TEXT)}] * 2},
    ],
    "a batch of records (Records)": [records("aws:ses"), {"Records": []}, {"Records": [7]}],
    "the S3 pointer of an SQS extended client. Send": [
        ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b", "s3Key": "k"}],
        ["com.amazon.sqs.javamessaging.MessageS3Pointer", {"s3BucketName": "b", "s3Key": "k"}],
        {"s3BucketName": "b", "s3Key": "k"},
    ],
    "the test message that S3 sends": [{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}],
    "an SNS subscription message. Confirm": [
        notification("You have chosen to subscribe", Type="SubscriptionConfirmation", Token="x"),
        notification("You have chosen to deactivate", Type="UnsubscribeConfirmation"),
    ],
    "an SNS notification whose Message is not JSON": [
        notification(""),
        notification('{"record": NaN}'),
    ],
    "an EventBridge event without a usable id. Hand on": [
        {"detail-type": "x", "detail": REQUEST},
        {"detail": REQUEST},
        {**EVENT, "id": "x" * 257},
        notification(json.dumps({"detail-type": "x", "detail": REQUEST})),
    ],
    "a CloudEvent. Send its data": [{"specversion": "1.0", "id": "1", "type": "x", "source": "x", "data": REQUEST}],
    "an HTTP call of API Gateway. Send its body": [{"httpMethod": "PUT", "requestContext": {}, "body": AS_TEXT}],
    "the record of a Lambda destination. Send the payload in it": [
        {"version": "1.0", "requestContext": {"condition": "Success"}, "requestPayload": {}, "responsePayload": {}}
    ],
    "a message with its envelope. Send its body": [
        {"messageId": "1", "body": AS_TEXT, "attributes": {}},
        {"MessageId": "1", "Body": AS_TEXT},
    ],
    "a record of a stream with its envelope. Let": [
        {"kinesisSchemaVersion": "1.0", "data": "eyJhIjoxfQ=="},
        {"eventName": "INSERT", "dynamodb": {"Keys": {}}},
    ],
    "an object with neither record nor configuration. Send": [
        {"reference": "order-7", "idempotency_key": "order-7"},
        {"Record": {"Email": "joe@example.com"}},
        notification('{"Email": "joe@example.com"}'),
        json.dumps({"order": {"record": {}}}),
    ],
    "an empty object. Send": [{}, notification("{}"), "{}"],
    "an array. Send each request on its own": [[], [REQUEST, REQUEST], json.dumps([REQUEST])],
    "a text that holds no JSON object": ["", "hello", "{"],
    "a number. Send": [0, "7", notification("7")],
    "true or false. Send": [True, "true"],
    "null. Send": [None],
}


@EVERYWHERE
@pytest.mark.parametrize(
    ("value", "what"), [(value, what) for what, values in SHAPES.items() for value in values], ids=repr
)
def test_a_body_without_a_request_is_refused_with_what_it_looks_like(opened: Open, value: object, what: str) -> None:
    with pytest.raises(Unreadable) as caught:
        opened(value)

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.message.startswith(f"The body holds no request. It looks like {what}")
    assert error_texts.is_known(caught.value.message)


@pytest.mark.parametrize(
    ("opened", "detail", "what"),
    [
        *(
            (
                open_it,
                detail,
                "whose detail is no request. Map its detail-type, or by HTTP send a request (docs/mapping.md).",
            )
            for open_it in (from_queue, from_invocation)
            for detail in (None, "text", {"order": 7}, [REQUEST])
        ),
        (from_http, REQUEST, "By HTTP send its detail alone."),
    ],
)
def test_an_event_without_a_request_is_refused_with_advice(opened: Open, detail: object, what: str) -> None:
    with pytest.raises(Unreadable) as caught:
        opened({**EVENT, "detail": detail})

    assert caught.value.message.startswith("The body holds no request. It looks like an EventBridge event")
    assert caught.value.message.endswith(what)


@EVERYWHERE
@pytest.mark.parametrize(
    "value",
    [
        {"record": None},
        {"configuration": None},
        {"record": [], "Records": []},
        {**notification("x"), "record": {}},
        {"record": {}, "httpMethod": "PUT", "specversion": "1.0", "detail": {}},
        {"configuration": "map-1", "Email": "joe@example.com"},
    ],
    ids=repr,
)
def test_a_body_with_a_record_or_configuration_counts_as_a_request_even_if_invalid(opened: Open, value: object) -> None:
    assert opened(value).content == value


def test_the_refusal_of_a_body_without_a_request_quotes_nothing_of_it() -> None:
    with pytest.raises(Unreadable) as caught:
        from_queue({"joe@example.com": "joe", "Records": [{"eventSource": "aws:joe"}], "Type": "joe"})

    assert "joe" not in repr(caught.value)


def test_the_text_for_every_shape_of_body_fits_a_log_field() -> None:
    assert all(len(f"The body holds no request. It looks like {shape}.") < 256 for shape in shapes.SHAPES)
