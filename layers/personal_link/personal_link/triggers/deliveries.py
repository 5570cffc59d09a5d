"""Read the request in an SQS record or in a direct invocation: a bare request or a whole EventBridge event."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import MAX_BYTES, Delivery, IdempotencyKey, Source, is_label
from personal_link.triggers.envelopes import MAX_BODY, Unwrapper, is_request, no_request, read_json, time_of

ORIGINAL_MESSAGE_ID: Final = "original_message_id"  # an attribute of parked messages
FIRST_SENT_AT: Final = "first_sent_at"  # an attribute of parked messages: epoch milliseconds
ORIGINAL_INVOCATION_ID: Final = "original_invocation_id"  # an attribute of parked direct invocations
DIRECT: Final = "direct invocation"  # the owner of all its keys


@dataclass(frozen=True, slots=True)
class Mapped:
    """The result of an event's mapping: the content of a request, and the problems by field."""

    content: Mapping[str, object] = field(repr=False)
    problems: Mapping[str, list[str]]


MapEvent = Callable[[Mapping[str, object]], Mapped | None]


def no_mapping(_event: Mapping[str, object]) -> None:
    """Find no mapping: the detail of every event is a request."""


def open_sqs(record: Mapping[str, Any], map_event: MapEvent = no_mapping) -> Delivery:
    """Return the delivery in an SQS record: a bare request or a whole EventBridge event, also inside an SNS envelope.

    Raises Unreadable when the body is not JSON, holds no request, or is too long for one. A long body is not parsed,
    because the function's memory is small.
    """
    if len(record["body"]) > MAX_BODY:
        message = f"The body is too large to be read: a request has at most {MAX_BYTES} bytes."
        raise Unreadable(Code.TOO_LARGE, message)
    value = read_json(record["body"])
    received_at = int(record["attributes"]["SentTimestamp"]) / 1000  # the same in every redelivery
    invocation = invocation_id(record)
    if invocation is not None:  # a redriven invocation keeps its key
        return open_direct(value, invocation, received_at, map_event)
    unwrapper = Unwrapper()
    content = unwrapper.content_of(value)
    if event := _open_event(content, unwrapper, received_at, map_event):
        return event
    # SNS may send a notification twice, as two messages with the same SNS id and time.
    message_id = unwrapper.message_id or first_id(record)
    key, published_at = IdempotencyKey("message", message_id), unwrapper.published_at or received_at
    return Delivery(Source("sqs", message_id), unwrapper.request_in(content), key, published_at)


def open_direct(payload: object, invocation: str, received_at: float, map_event: MapEvent) -> Delivery:
    """Return the delivery in a direct invocation: a bare request or a whole EventBridge event, as in `open_sqs`.

    The key of a bare request is its content, because a second invocation has another id; a notification of SNS has its
    own id. No other trigger shares these keys. Raises Unreadable when the payload holds no request.
    """
    unwrapper = Unwrapper()
    content = unwrapper.content_of(payload)
    if event := _open_event(content, unwrapper, received_at, map_event, DIRECT):
        return event
    key = IdempotencyKey("message", unwrapper.message_id, DIRECT) if unwrapper.message_id else None
    published_at = unwrapper.published_at or received_at
    return Delivery(Source("direct", invocation), unwrapper.request_in(content), key, published_at, owner=DIRECT)


def _open_event(
    content: object, unwrapper: Unwrapper, received_at: float, map_event: MapEvent, owner: str = ""
) -> Delivery | None:
    """Return the delivery in a whole EventBridge event: its mapping makes the request, or its detail is the request.

    Return None if it is not an event. Raises Unreadable when neither gives a request.
    """
    if not isinstance(content, dict) or "detail-type" not in content:
        return None
    event_id = content.get("id")
    if not isinstance(event_id, str) or not is_label(event_id) or ("detail" not in content and is_request(content)):
        return None
    source, key = Source("eventbridge", event_id), IdempotencyKey("event", event_id, owner)
    occurred_at = time_of(content.get("time")) or received_at
    if isinstance(content.get("detail"), str):
        content = {**content, "detail": unwrapper.content_of(content["detail"])}
    if mapped := map_event(content):
        return Delivery(source, mapped.content, key, occurred_at, mapped.problems, owner)
    detail = unwrapper.content_of(content.get("detail"))
    if not is_request(detail):
        raise no_request(content)
    return Delivery(source, unwrapper.request_in(detail), key, occurred_at, owner=owner)


def first_id(record: Mapping[str, Any]) -> str:
    """Return the first id of a message: a redriven one has a new id, but keeps its key."""
    return _label_of(record, ORIGINAL_MESSAGE_ID) or str(record["messageId"])


def invocation_id(record: Mapping[str, Any]) -> str | None:
    """Return the id of the direct invocation that a redriven message came from; None if there is none."""
    return _label_of(record, ORIGINAL_INVOCATION_ID)


def origin(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes that keep a message's key and first date when it is parked and redriven."""
    invocation, first = invocation_id(record), str(round(first_sent_at(record) * 1000))
    origin = {ORIGINAL_INVOCATION_ID: invocation} if invocation else {ORIGINAL_MESSAGE_ID: first_id(record)}
    return {**origin, FIRST_SENT_AT: first}


def first_sent_at(record: Mapping[str, Any]) -> float:
    """Return when a message was first sent, in epoch seconds, also after it was parked and redriven."""
    sent_at = int(record.get("attributes", {}).get("SentTimestamp", 0))
    told = _label_of(record, FIRST_SENT_AT) or ""
    return min(sent_at, int(told) if re.fullmatch("[0-9]{1,13}", told) else sent_at) / 1000


def _label_of(record: Mapping[str, Any], attribute: str) -> str | None:
    value = record.get("messageAttributes", {}).get(attribute, {}).get("stringValue")
    return value if isinstance(value, str) and is_label(value) else None
