"""How each trigger wraps a request: API Gateway's event, an SQS record, an EventBridge event, or not at all."""

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from personal_link.domain import strict_json
from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, Unreadable
from personal_link.domain.request import MAX_BYTES, Delivery, IdempotencyKey, Source, is_label
from personal_link.triggers.envelopes import BYTE_ORDER_MARK, Wrapping, is_request, no_request, time_of

FORM: Final = "application/x-www-form-urlencoded"
ORIGINAL_MESSAGE_ID: Final = "original_message_id"  # an attribute of parked messages
FIRST_SENT_AT: Final = "first_sent_at"  # another one: epoch milliseconds
ORIGINAL_INVOCATION_ID: Final = "original_invocation_id"  # instead, if it was a direct invocation
DIRECT: Final = "direct invocation"  # the owner of all keys that came by it
_ASSUMED_ROLE: Final = re.compile(r"(arn:[^:]*:sts:[^:]*:[^:]*:assumed-role/[^/]+)/.*")
_HEADING: Final = re.compile(r"record\[([^\[\]]+)\]")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # a String of RFC 8941, as the draft of Idempotency-Key has it
_REPLACEMENT: Final = "\ufffd"
_LABELS: Final = frozenset({"configuration", "reference", "idempotency_key"})
# JSON may write a character as \uXXXX: six bytes for one. What is longer cannot be a request of the allowed size.
_MAX_BODY: Final = 6 * MAX_BYTES


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an event gave by its mapping: the content of a request as far as it was got, and what is wrong, by field."""

    content: Mapping[str, object] = field(repr=False)
    problems: Mapping[str, list[str]]


MapEvent = Callable[[Mapping[str, object]], Mapped | None]


def no_mapping(_event: Mapping[str, object]) -> None:
    """Find no mapping: the detail of every event is a request by itself."""


def open_http(event: Mapping[str, Any]) -> Delivery:
    """Return what an API Gateway proxy event (REST, payload 1.0) brought.

    Raises Unreadable for a body that is neither JSON nor a form, is not UTF-8, or holds no request; InvalidRequest for
    one that is too large, of another media type, or that names another idempotency key than the header does;
    NotProcessed if API Gateway names no caller.
    """
    context = event["requestContext"]
    owner = _owner(context)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = str(headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    body = _body(event)
    if media_type == FORM:
        content = _read_form(body)
    elif media_type == "application/json" or media_type.endswith("+json"):
        content = Wrapping().request_in(_read_json(body))
    else:
        message = f"Content-Type must be application/json or {FORM}."
        raise InvalidRequest(Code.UNSUPPORTED_MEDIA_TYPE, message)
    key = headers.get("idempotency-key")
    if key is not None:
        key = _unquoted(key)
        if content.get("idempotency_key") not in (None, key):
            problem = {"idempotency_key": ["differs from the Idempotency-Key header"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "Two idempotency keys were given.", errors=problem)
        content = {**content, "idempotency_key": key}
    source = Source("http", str(context["requestId"]))
    return Delivery(source, content, key=None, received_at=int(context["requestTimeEpoch"]) / 1000, owner=owner)


def _owner(context: Mapping[str, Any]) -> str:
    """Return whose an HTTP caller's keys are: the IAM role's or user's, or the API key's.

    A role has another session each time it is assumed, so the session does not count.
    """
    identity = context.get("identity") or {}
    if arn := identity.get("userArn"):
        return f"iam {_ASSUMED_ROLE.sub(r'\1', str(arn))}"
    if key := identity.get("apiKeyId"):
        return f"api key {key}"
    raise NotProcessed(Code.INTERNAL_ERROR, "API Gateway named no caller: its method lets in anybody")


def open_sqs(record: Mapping[str, Any], map_event: MapEvent = no_mapping) -> Delivery:
    """Return what an SQS record brought: a bare request, or a whole EventBridge event, wrapped by SNS or not.

    Raises Unreadable when the body is not JSON, holds no request, or is so long that there can be none in it: a
    function's memory is small.
    """
    if len(record["body"]) > _MAX_BODY:
        message = f"The body is too large to be read: a request has at most {MAX_BYTES} bytes."
        raise Unreadable(Code.TOO_LARGE, message)
    value = _read_json(record["body"])
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


def _unquoted(key: str) -> str:
    """Return a key without the quotes in which the draft of `Idempotency-Key` wants it (RFC 8941, String)."""
    quoted = _QUOTED.fullmatch(key.strip(" "))
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key


def _body(event: Mapping[str, Any]) -> str:
    body: str = event.get("body") or ""
    if len(body) > _MAX_BODY:
        raise InvalidRequest(Code.TOO_LARGE, f"The body is too large: a request has at most {MAX_BYTES} bytes.")
    if not event.get("isBase64Encoded"):
        # API Gateway has put this in the place of each byte that is not UTF-8. In JSON \\ufffd still says it.
        if _REPLACEMENT in body:
            raise _not_utf_8()
        return body
    decoded = None
    with suppress(ValueError):
        decoded = base64.b64decode(body, validate=True)
    # Out here, and below: what was caught may hold the whole body, and is not to be this error's context.
    if decoded is None:
        raise Unreadable(Code.INVALID_REQUEST, "The body is not valid base64.")
    with suppress(ValueError):
        return decoded.decode("utf-8")
    raise _not_utf_8()


def _not_utf_8() -> Unreadable:
    return Unreadable(Code.INVALID_REQUEST, "The body is not UTF-8: its encoding is another. Send it in UTF-8.")


def _read_json(body: str) -> object:
    try:
        return strict_json.parse(body.removeprefix(BYTE_ORDER_MARK))
    except ValueError as error:
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not valid JSON: {error}.") from None


def _read_form(text: str) -> dict[str, object]:
    """Return the request in a form body, `record[Heading]=value` as on the vendor's page.

    Read as PHP reads it: a name may have no value, and a separator nothing before or behind it. Line breaks
    beside a separator or at the end belong to the file that was sent; those in a value are written %0A.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    if text.lstrip().startswith("{"):  # as `curl -d '{…}'` without a header sends it
        hint = "It looks like JSON: send Content-Type: application/json."
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not a valid form. {hint}")
    text = "&".join(part.strip("\r\n") for part in text.split("&"))
    pairs = None
    with suppress(ValueError):
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    if pairs is None:
        raise _not_utf_8()
    content: dict[str, object] = {}
    record: dict[str, object] = {}
    for name, value in pairs:
        heading = _HEADING.fullmatch(name)
        if heading is None and name.partition("[")[0] == "record":
            problem = {"record": ["a field of the record is not written record[Heading]"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The form has an unknown field.", errors=problem)
        if heading is None and name not in _LABELS:
            continue  # as in JSON: browsers and frameworks add fields of their own
        target, field = (record, heading[1]) if heading else (content, name)
        if field in target:
            raise InvalidRequest(Code.INVALID_REQUEST, "The form gives a field twice.")
        target[field] = value
    return {**content, "record": record}
