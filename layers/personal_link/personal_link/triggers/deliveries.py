"""Open an SQS record or the payload of a direct invocation: a bare request, or a whole EventBridge event."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from personal_link.domain.errors import Code, Unreadable
from personal_link.domain.request import MAX_BYTES, Delivery, IdempotencyKey, Source, is_label
from personal_link.triggers.envelopes import MAX_BODY, Wrapping, is_request, no_request, read_json, time_of

ORIGINAL_MESSAGE_ID: Final = "original_message_id"  # an attribute of parked messages
FIRST_SENT_AT: Final = "first_sent_at"  # another one: epoch milliseconds
ORIGINAL_INVOCATION_ID: Final = "original_invocation_id"  # instead, if it was a direct invocation
DIRECT: Final = "direct invocation"  # the owner of all keys that came by it


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an event gave by its mapping: the content of a request as far as it was got, and what is wrong, by field."""

    content: Mapping[str, object] = field(repr=False)
    problems: Mapping[str, list[str]]


MapEvent = Callable[[Mapping[str, object]], Mapped | None]


def no_mapping(_event: Mapping[str, object]) -> None:
    """Find no mapping: the detail of every event is a request by itself."""


def open_sqs(record: Mapping[str, Any], map_event: MapEvent = no_mapping) -> Delivery:
    """Return what an SQS record brought: a bare request, or a whole EventBridge event, wrapped by SNS or not.

    Raises Unreadable when the body is not JSON, holds no request, or is so long that there can be none in it: a
    function's memory is small.
    """
    if len(record["body"]) > MAX_BODY:
        message = f"The body is too large to be read: a request has at most {MAX_BYTES} bytes."
        raise Unreadable(Code.TOO_LARGE, message)
    value = read_json(record["body"])
    received_at = int(record["attributes"]["SentTimestamp"]) / 1000  # redeliveries keep it
    invocation = invocation_id(record)
    if invocation is not None:  # parked and redriven, it goes by the same key as before
        return replace(open_direct(value, invocation, received_at, map_event), redriven=True)
    wrapping = Wrapping()
    content = wrapping.content_of(value)
    if event := _open_event(content, wrapping, received_at, map_event):
        return event
    # SNS may send a notification twice, as two messages: its own id and time stay the same.
    message_id = wrapping.message_id or first_id(record)
    key, published_at = IdempotencyKey("message", message_id), wrapping.published_at or received_at
    return Delivery(Source("sqs", message_id), wrapping.request_in(content), key, published_at)


def open_direct(payload: object, invocation: str, received_at: float, map_event: MapEvent) -> Delivery:
    """Return what a direct invocation brought: a bare request, or a whole EventBridge event as `open_sqs` takes it.

    The key of a bare request is its content: whoever invokes again has another id for it. SNS has the same id for it.
    All keys are those of direct invocation alone. Raises Unreadable when the payload holds no request.
    """
    wrapping = Wrapping()
    content = wrapping.content_of(payload)
    if event := _open_event(content, wrapping, received_at, map_event, DIRECT):
        return event
    key = IdempotencyKey("message", wrapping.message_id, DIRECT) if wrapping.message_id else None
    published_at = wrapping.published_at or received_at
    return Delivery(Source("direct", invocation), wrapping.request_in(content), key, published_at, owner=DIRECT)


def _open_event(
    content: object, wrapping: Wrapping, received_at: float, map_event: MapEvent, owner: str = ""
) -> Delivery | None:
    """Return what a whole EventBridge event brought: its detail is the request, unless its detail-type has a mapping.

    None if it is no event. Raises Unreadable when neither gives a request.
    """
    if not isinstance(content, dict) or "detail-type" not in content:
        return None
    event_id = content.get("id")
    if not isinstance(event_id, str) or not is_label(event_id) or ("detail" not in content and is_request(content)):
        return None
    source, key = Source("eventbridge", event_id), IdempotencyKey("event", event_id, owner)
    occurred_at = time_of(content.get("time")) or received_at
    if isinstance(content.get("detail"), str):
        content = {**content, "detail": wrapping.content_of(content["detail"])}
    if mapped := map_event(content):
        return Delivery(source, mapped.content, key, occurred_at, mapped.problems, owner)
    detail = wrapping.content_of(content.get("detail"))
    if not is_request(detail):
        raise no_request(content)
    return Delivery(source, wrapping.request_in(detail), key, occurred_at, owner=owner)


def first_id(record: Mapping[str, Any]) -> str:
    """Return the id under which a message first came: parked and redriven it has another, but it keeps its key."""
    return _label_of(record, ORIGINAL_MESSAGE_ID) or str(record["messageId"])


def invocation_id(record: Mapping[str, Any]) -> str | None:
    """Return the id of the direct invocation that a redriven message was; None if it was none."""
    return _label_of(record, ORIGINAL_INVOCATION_ID)


def origin(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes by which a message keeps its key and its first date when it is sent again."""
    invocation, first = invocation_id(record), str(round(first_sent_at(record) * 1000))
    if invocation is None:
        return {ORIGINAL_MESSAGE_ID: first_id(record), FIRST_SENT_AT: first}
    return {ORIGINAL_INVOCATION_ID: invocation, FIRST_SENT_AT: first}


def first_sent_at(record: Mapping[str, Any]) -> float:
    """Return when a message was first sent, in epoch seconds, however often it has been parked and redriven since."""
    sent_at = int(record.get("attributes", {}).get("SentTimestamp", 0))
    told = _label_of(record, FIRST_SENT_AT) or ""
    return min(sent_at, int(told) if re.fullmatch("[0-9]{1,13}", told) else sent_at) / 1000


def _label_of(record: Mapping[str, Any], attribute: str) -> str | None:
    value = record.get("messageAttributes", {}).get(attribute, {}).get("stringValue")
    return value if isinstance(value, str) and is_label(value) else None
