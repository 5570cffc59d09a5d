"""How each trigger wraps a request: API Gateway's event, an SQS record, an EventBridge event, or not at all."""

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from personal_link import strict_json
from personal_link.errors import Code, InvalidRequest, NotProcessed, Unreadable
from personal_link.request import MAX_BYTES, MAX_HEADINGS, Delivery, IdempotencyKey, Source, is_label

FORM: Final = "application/x-www-form-urlencoded"
ORIGINAL_MESSAGE_ID: Final = "original_message_id"  # an attribute of parked messages
FIRST_SENT_AT: Final = "first_sent_at"  # another one: epoch milliseconds
ORIGINAL_INVOCATION_ID: Final = "original_invocation_id"  # instead, if it was a direct invocation
DIRECT: Final = "direct invocation"  # the owner of all keys that came by it
_ASSUMED_ROLE: Final = re.compile(r"(arn:[^:]*:sts:[^:]*:[^:]*:assumed-role/[^/]+)/.*")
_HEADING: Final = re.compile(r"record\[([^\[\]]+)\]")
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

    Raises Unreadable for a body that is neither JSON nor a form; InvalidRequest for one that is too large, of another
    media type, or that names another idempotency key than the header does; NotProcessed if API Gateway names no caller.
    """
    context = event["requestContext"]
    owner = _owner(context)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = str(headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    body = _body(event)
    if media_type == FORM:
        content = _read_form(body)
    elif media_type == "application/json" or media_type.endswith("+json"):
        content = _object(_read_json(body))
    else:
        message = f"Content-Type must be application/json or {FORM}."
        raise InvalidRequest(Code.UNSUPPORTED_MEDIA_TYPE, message)
    key = headers.get("idempotency-key")
    if key is not None:
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
    """Return what an SQS record brought: a bare request, or a whole EventBridge event.

    What is JSON but no object is opened as an empty request, whose check then says what it lacks. Raises Unreadable
    when the body is not JSON, or so long that there can be no request in it: a function's memory is small.
    """
    if len(record["body"]) > _MAX_BODY:
        message = f"The body is too large to be read: a request has at most {MAX_BYTES} bytes."
        raise Unreadable(Code.TOO_LARGE, message)
    content = _object(_read_json(record["body"]))
    received_at = int(record["attributes"]["SentTimestamp"]) / 1000  # redeliveries keep it
    invocation = invocation_id(record)
    if invocation is not None:  # parked and redriven, it goes by the same key as before
        return replace(open_direct(content, invocation, received_at, map_event), redriven=True)
    if event := _open_event(content, received_at, map_event):
        return event
    message_id = first_id(record)
    return Delivery(Source("sqs", message_id), content, IdempotencyKey("message", message_id), received_at)


def open_direct(payload: object, invocation: str, received_at: float, map_event: MapEvent) -> Delivery:
    """Return what a direct invocation brought: a bare request, or a whole EventBridge event as `open_sqs` takes it.

    The key of a bare request is its content: whoever invokes again has another id for it. All keys are those of direct
    invocation alone.
    """
    content = _object(payload)
    if event := _open_event(content, received_at, map_event, DIRECT):
        return event
    return Delivery(Source("direct", invocation), content, key=None, received_at=received_at, owner=DIRECT)


def _open_event(
    content: dict[str, object], received_at: float, map_event: MapEvent, owner: str = ""
) -> Delivery | None:
    """Return what a whole EventBridge event brought: its detail is the request, unless its detail-type has a mapping.

    None if it is no event.
    """
    event_id = content.get("id")
    if "detail-type" not in content or not isinstance(event_id, str) or not is_label(event_id):
        return None
    source, key = Source("eventbridge", event_id), IdempotencyKey("event", event_id, owner)
    occurred_at = _time_of(content) or received_at
    if mapped := map_event(content):
        return Delivery(source, mapped.content, key, occurred_at, mapped.problems, owner)
    return Delivery(source, _object(content.get("detail")), key, occurred_at, owner=owner)


def _time_of(event: Mapping[str, object]) -> float | None:
    """Return an event's own time in epoch seconds: EventBridge may deliver it twice, as two messages of two times.

    None if it has none that can be written in UTC: an offset may lead out of the years 1 to 9999.
    """
    time = event.get("time")
    if not isinstance(time, str):
        return None
    try:
        return datetime.strptime(time, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


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


def _body(event: Mapping[str, Any]) -> str | bytes:
    body: str = event.get("body") or ""
    if len(body) > _MAX_BODY:
        raise InvalidRequest(Code.TOO_LARGE, f"The body is too large: a request has at most {MAX_BYTES} bytes.")
    if not event.get("isBase64Encoded"):
        return body
    with suppress(ValueError):
        return base64.b64decode(body, validate=True)
    # Out here, and below: what was caught may hold the whole body, and is not to be this error's context.
    raise Unreadable(Code.INVALID_REQUEST, "The body is not valid base64.")


def _read_json(body: str | bytes) -> object:
    try:
        return strict_json.parse(body)
    except ValueError as error:
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not valid JSON: {error}.") from None


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _read_form(body: str | bytes) -> dict[str, object]:
    """Return the request in a form body, `record[Heading]=value` as on the vendor's page."""
    pairs = None
    with suppress(ValueError):
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        if text.lstrip().startswith("{"):  # as `curl -d '{…}'` without a header sends it
            hint = "It looks like JSON: send Content-Type: application/json."
            raise Unreadable(Code.INVALID_REQUEST, f"The body is not a valid form. {hint}")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    if pairs is None:
        raise Unreadable(Code.INVALID_REQUEST, "The body is not a valid form.")
    if len(pairs) > MAX_HEADINGS + len(_LABELS):
        message = f"The form has {len(pairs)} fields; a record has at most {MAX_HEADINGS} headings."
        raise InvalidRequest(Code.TOO_LARGE, message)
    content: dict[str, object] = {}
    record: dict[str, object] = {}
    for name, value in pairs:
        heading = _HEADING.fullmatch(name)
        target, field = (record, heading[1]) if heading else (content, name)
        if heading is None and name not in _LABELS:
            problem = {"record": ["a field is neither record[Heading] nor one of " + ", ".join(sorted(_LABELS))]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The form has an unknown field.", errors=problem)
        if field in target:
            raise InvalidRequest(Code.INVALID_REQUEST, "The form gives a field twice.")
        target[field] = value
    return {**content, "record": record}
