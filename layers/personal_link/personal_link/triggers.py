"""How each trigger wraps a request: API Gateway's event, an SQS record, an EventBridge event inside one."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from personal_link import strict_json
from personal_link.errors import Code, InvalidRequest, Unreadable
from personal_link.request import MAX_BYTES, MAX_HEADINGS, Delivery, IdempotencyKey, Source

FORM: Final = "application/x-www-form-urlencoded"
_HEADING: Final = re.compile(r"record\[([^\[\]]+)\]")
_LABELS: Final = frozenset({"configuration", "reference", "idempotency_key"})
# JSON may write a character as \uXXXX: six bytes for one. What is longer cannot be a request of the allowed size.
_MAX_BODY: Final = 6 * MAX_BYTES


def open_http(event: Mapping[str, Any]) -> Delivery:
    """Return what an API Gateway proxy event (REST, payload 1.0) brought.

    Raises Unreadable for a body that is neither JSON nor a form; InvalidRequest for one that is too large, of another
    media type, or that names another idempotency key than the header does.
    """
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
        if content.get("idempotency_key", key) != key:
            problem = {"idempotency_key": ["differs from the Idempotency-Key header"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "Two idempotency keys were given.", errors=problem)
        content = {**content, "idempotency_key": key}
    context = event["requestContext"]
    source = Source("http", str(context["requestId"]))
    return Delivery(source, content, key=None, received_at=int(context["requestTimeEpoch"]) / 1000)


def open_sqs(record: Mapping[str, Any]) -> Delivery:
    """Return what an SQS record brought: a bare request, or a whole EventBridge event with the request as its detail.

    What is JSON but no object is opened as an empty request, whose check then says what it lacks. Raises Unreadable
    when the body is not JSON.
    """
    content = _object(_read_json(record["body"]))
    received_at = sent_at(record)
    event_id = content.get("id")
    if isinstance(event_id, str) and event_id and "detail-type" in content:
        source, key = Source("eventbridge", event_id), IdempotencyKey("event", event_id)
        return Delivery(source, _object(content.get("detail")), key, received_at)
    message_id = str(record["messageId"])
    return Delivery(Source("sqs", message_id), content, IdempotencyKey("message", message_id), received_at)


def sent_at(record: Mapping[str, Any]) -> float:
    """Return when an SQS record was first sent, in epoch seconds; redeliveries keep it."""
    return int(record["attributes"]["SentTimestamp"]) / 1000


def _body(event: Mapping[str, Any]) -> str | bytes:
    body: str = event.get("body") or ""
    if len(body) > _MAX_BODY:
        raise InvalidRequest(Code.TOO_LARGE, f"The body is too large: a request has at most {MAX_BYTES} bytes.")
    if not event.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise Unreadable(Code.INVALID_REQUEST, "The body is not valid base64.") from None


def _read_json(body: str | bytes) -> object:
    try:
        return strict_json.parse(body)
    except ValueError as error:
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not valid JSON: {error}.") from None


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _read_form(body: str | bytes) -> dict[str, object]:
    """Return the request in a form body, `record[Heading]=value` as on the vendor's page."""
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_HEADINGS + len(_LABELS),
        )
    except ValueError:
        # As `curl -d '{…}'` without a header sends it.
        hint = " It looks like JSON: send Content-Type: application/json." if body[:1] in ("{", b"{") else ""
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not a valid form.{hint}") from None
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
