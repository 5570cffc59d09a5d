"""Recognise JSON that holds no request: error texts that say what it looks like and quote nothing of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from personal_link.domain.request import is_label

_BY_EVENT_SOURCE: Final = {
    "aws:s3": "an S3 event notification. Let S3 send to EventBridge, and map the event (docs/mapping.md)",
    "aws:sqs": "a batch of SQS messages. Send the body of each as a message of its own",
    "aws:sns": "SNS notifications that are not JSON, or more than one at a time. Publish a request as each message",
    "aws:kinesis": "a batch of Kinesis records. Let EventBridge Pipes send a request for each record",
    "aws:dynamodb": "a batch of DynamoDB stream records. Let EventBridge Pipes send a request for each record",
}
_RECORDS: Final = "a batch of records (Records). Send a message for each"
_POINTER: Final = "the S3 pointer of an SQS extended client. Send the request itself: it has at most 64 KiB"
_S3_TEST: Final = "the test message that S3 sends when notifications are set up. It can be deleted"
_SUBSCRIPTION: Final = "an SNS subscription message. Confirm the subscription; the message can be deleted"
_NOTIFICATION: Final = "an SNS notification whose Message is not JSON, or is wrapped once more. Publish a request"
_NO_EVENT_ID: Final = "an EventBridge event without a usable id. Hand on the whole event, or send its detail alone"
_NO_MAPPING: Final = (
    "an EventBridge event whose detail is no request. Map its detail-type, or by HTTP send a request (docs/mapping.md)"
)
_EVENT: Final = "an EventBridge event. By HTTP send its detail alone"
_CLOUD_EVENT: Final = "a CloudEvent. Send its data alone"
_PROXY_EVENT: Final = "an HTTP call of API Gateway. Send its body alone"
_DESTINATION: Final = "the record of a Lambda destination. Send the payload in it alone"
_MESSAGE: Final = "a message with its envelope. Send its body alone"
_STREAM_RECORD: Final = "a record of a stream with its envelope. Let the input template of the pipe make a request"
_OBJECT: Final = 'an object with neither record nor configuration. Send a request, such as {"record": {...}}'
_EMPTY: Final = 'an empty object. Send a request, such as {"record": {...}}'
_ARRAY: Final = "an array. Send each request on its own"
_TEXT: Final = "a text that holds no JSON object, or that was encoded more than twice. Send a JSON object"
_NUMBER: Final = "a number. Send a JSON object"
_BOOLEAN: Final = "true or false. Send a JSON object"
_NULL: Final = "null. Send a JSON object"

SHAPES: Final = (
    *_BY_EVENT_SOURCE.values(),
    *(_RECORDS, _POINTER, _S3_TEST, _SUBSCRIPTION, _NOTIFICATION, _NO_EVENT_ID, _NO_MAPPING, _EVENT, _CLOUD_EVENT),
    *(_PROXY_EVENT, _DESTINATION, _MESSAGE, _STREAM_RECORD, _OBJECT, _EMPTY, _ARRAY, _TEXT, _NUMBER, _BOOLEAN, _NULL),
)

# How to recognise an object. The first match counts, so an envelope comes before the event inside it.
_OBJECTS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]] = (
    (lambda one: one.get("Event") == "s3:TestEvent", _S3_TEST),
    (lambda one: "s3BucketName" in one and "s3Key" in one, _POINTER),
    (lambda one: one.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"), _SUBSCRIPTION),
    (lambda one: one.get("Type") == "Notification" and "Message" in one, _NOTIFICATION),
    (lambda one: "requestContext" in one and "requestPayload" in one, _DESTINATION),
    (lambda one: "httpMethod" in one or "requestContext" in one, _PROXY_EVENT),
    (lambda one: "messageId" in one and "body" in one, _MESSAGE),
    (lambda one: "MessageId" in one and "Body" in one, _MESSAGE),
    (lambda one: "kinesisSchemaVersion" in one or "dynamodb" in one, _STREAM_RECORD),
    (lambda one: "specversion" in one, _CLOUD_EVENT),
    (lambda one: "detail" in one and not _has_event_id(one), _NO_EVENT_ID),
    (lambda one: "detail-type" in one and _names_of(one.get("detail")) & {"record", "configuration"} != set(), _EVENT),
    (lambda one: "detail-type" in one, _NO_MAPPING),
    (bool, _OBJECT),
)
# In Python a boolean is an int too, and every value is an object.
_OTHERS: Final = (
    *((list, _ARRAY), (str, _TEXT), (bool, _BOOLEAN), (int, _NUMBER), (float, _NUMBER)),
    (object, _NULL),
)


def describe(value: object) -> str:
    """Return what a JSON value without a request looks like, and what to send instead. Quote nothing of the value."""
    match value:
        case {"Records": list(records)}:
            return _of_records(records)
        case dict():
            return next((text for fits, text in _OBJECTS if fits(value)), _EMPTY)
        case [str(name), dict()] if name.endswith("S3Pointer"):
            return _POINTER
        case _:
            return next(text for kind, text in _OTHERS if isinstance(value, kind))


def _has_event_id(one: Mapping[str, Any]) -> bool:
    return "detail-type" in one and isinstance(one.get("id"), str) and is_label(one["id"])


def _names_of(value: object) -> set[object]:
    return set(value) if isinstance(value, dict) else set()


def _of_records(records: list[Any]) -> str:
    first = records[0] if records and isinstance(records[0], dict) else {}
    source = first.get("eventSource") or first.get("EventSource")  # SNS writes it with a capital
    return _BY_EVENT_SOURCE.get(source, _RECORDS) if isinstance(source, str) else _RECORDS
