"""What is wrapped around a request, taken off; and what JSON looks like that holds none."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeIs

from personal_link.domain import strict_json
from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import NO_RECORD, is_label

BYTE_ORDER_MARK: Final = "\ufeff"

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
_NO_MAPPING: Final = "an EventBridge event whose detail is no request. Map its detail-type (docs/mapping.md)"
_EVENT: Final = "an EventBridge event. By HTTP send its detail alone"
_CLOUD_EVENT: Final = "a CloudEvent. Send its data alone"
_PROXY_EVENT: Final = "an HTTP call of API Gateway. Send its body alone"
_MESSAGE: Final = "a message with its envelope. Send its body alone"
_STREAM_RECORD: Final = "a record of a stream with its envelope. Let the input template of the pipe make a request"
_OBJECT: Final = "an object with neither record nor configuration. Send a request (docs/contracts/request.schema.json)"
_EMPTY: Final = "an empty object. Send a request (docs/contracts/request.schema.json)"
_ARRAY: Final = "an array. Send a message for each request"
_TEXT: Final = "a text that holds no JSON object, or that was encoded more than twice. Send a JSON object"
_NUMBER: Final = "a number. Send a JSON object"
_BOOLEAN: Final = "true or false. Send a JSON object"
_NULL: Final = "null. Send a JSON object"

SHAPES: Final = (
    *_BY_EVENT_SOURCE.values(),
    *(_RECORDS, _POINTER, _S3_TEST, _SUBSCRIPTION, _NOTIFICATION, _NO_EVENT_ID, _NO_MAPPING, _EVENT, _CLOUD_EVENT),
    *(_PROXY_EVENT, _MESSAGE, _STREAM_RECORD, _OBJECT, _EMPTY, _ARRAY, _TEXT, _NUMBER, _BOOLEAN, _NULL),
)

# The names by which an object is known; the first match counts, so what wraps an event comes before the event.
_OBJECTS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]] = (
    (lambda one: one.get("Event") == "s3:TestEvent", _S3_TEST),
    (lambda one: "s3BucketName" in one and "s3Key" in one, _POINTER),
    (lambda one: one.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"), _SUBSCRIPTION),
    (lambda one: one.get("Type") == "Notification" and "Message" in one, _NOTIFICATION),
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
# A boolean is an int to Python, and null an object.
_OTHERS: Final = (
    *((list, _ARRAY), (str, _TEXT), (bool, _BOOLEAN), (int, _NUMBER), (float, _NUMBER)),
    (object, _NULL),
)


def describe(value: object) -> str:
    """Return what a JSON value without a request looks like, and what to do; nothing of the value is quoted."""
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


class Wrapping:
    """What a sender wrapped around a request: one SNS envelope at most, and one encoding as text beside it."""

    def __init__(self) -> None:
        self._notification: Mapping[str, object] = {}
        self._is_decoded = False

    @property
    def message_id(self) -> str | None:
        """Return the id that SNS gave to the notification; None without a usable one."""
        name = self._notification.get("MessageId")
        return name if isinstance(name, str) and is_label(name) else None

    @property
    def published_at(self) -> float | None:
        """Return when SNS took the notification, in epoch seconds; None if that is not known."""
        return time_of(self._notification.get("Timestamp"))

    def content_of(self, value: object) -> object:
        """Return what is inside a value; the value itself where nothing can be taken off."""
        inside = None
        if isinstance(value, str) and not self._is_decoded:
            inside = self._decoded(value)
        elif not self._notification and (notification := _notification_in(value)):
            inside = _json_in(notification["Message"])
            if inside is not None:
                self._notification = notification
        return value if inside is None else self.content_of(inside)

    def request_in(self, value: object) -> dict[str, object]:
        """Return the request in a value; a record that is an object as text is one. Raises Unreadable without one."""
        content = self.content_of(value)
        if not is_request(content):
            raise no_request(content)
        request: dict[str, object] = dict(content)
        record = request.get("record")
        if isinstance(record, str) and not self._is_decoded and isinstance(decoded := self._decoded(record), dict):
            request["record"] = decoded
        return request

    def _decoded(self, text: str) -> object:
        inside = _json_in(text)
        self._is_decoded = inside is not None
        return inside


def is_request(value: object) -> TypeIs[dict[str, object]]:
    """Tell whether a value is recognisably a request, be it right or wrong."""
    return isinstance(value, dict) and ("record" in value or "configuration" in value)


def no_request(value: object) -> Unreadable:
    """Return the error for JSON that holds no request."""
    what = describe(value)
    return Unreadable(Code.INVALID_REQUEST, f"The body holds no request. It looks like {what}.", errors=NO_RECORD)


def _notification_in(value: object) -> Mapping[str, Any] | None:
    """Return the notification that a value is, on a queue or as SNS invokes a function: always one a call."""
    match value:
        case _ if is_request(value):
            return None
        case {"Records": [{"Sns": dict(notification)}]} | dict(notification):
            pass
        case _:
            return None
    is_one = notification.get("Type") == "Notification" and isinstance(notification.get("Message"), str)
    return notification if is_one else None


def _json_in(text: str) -> object:
    """Return the value of a JSON text; None if it is none, or null."""
    with suppress(ValueError):
        return strict_json.parse(text.removeprefix(BYTE_ORDER_MARK))
    return None


def time_of(time: object) -> float | None:
    """Return an event's own time in epoch seconds: EventBridge and SNS may deliver twice, as two messages of two times.

    None if it is none that can be written in UTC: an offset may lead out of the years 1 to 9999.
    """
    if not isinstance(time, str):
        return None
    form = "%Y-%m-%dT%H:%M:%S.%f%z" if time[19:20] == "." else "%Y-%m-%dT%H:%M:%S%z"
    try:
        return datetime.strptime(time, form).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
