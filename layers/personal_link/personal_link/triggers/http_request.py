"""Read an API Gateway proxy event (REST, payload 1.0): the body, the idempotency key and its owner."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from personal_link.domain import strict_json
from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, Unreadable
from personal_link.domain.request import FORM, MAX_BYTES, Delivery, Source
from personal_link.triggers.envelopes import MAX_BODY, Unwrapper, not_utf_8, read_json

_ASSUMED_ROLE: Final = re.compile(r"(arn:[^:]*:sts:[^:]*:[^:]*:assumed-role/[^/]+)/.*")
_HEADING: Final = re.compile(r"record\[([^\[\]]+)\]")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # a String of RFC 8941, see the draft of Idempotency-Key
_REPLACEMENT: Final = "\ufffd"
_LABELS: Final = frozenset({"configuration", "reference", "idempotency_key"})


def open_http(event: Mapping[str, Any]) -> Delivery:
    """Return the delivery in an API Gateway proxy event (REST, payload 1.0).

    Raises Unreadable for a body that is not JSON or a form, is not UTF-8, or holds no request; InvalidRequest for one
    that is too large, has another media type, or names another idempotency key than the header; NotProcessed if API
    Gateway names no caller.
    """
    context = event["requestContext"]
    owner = _owner(context)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = str(headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    body = _body(event)
    if media_type == FORM:
        content = _read_form(body)
    elif "/json" in media_type or "+json" in media_type:  # as Laravel
        content = Unwrapper().request_in(read_json(body))
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
    """Return the owner of an HTTP caller's keys: the IAM role or user, or the API key.

    Ignore the session of a role, because each assumption of the role has another one.
    """
    identity = context.get("identity") or {}
    if arn := identity.get("userArn"):
        return f"iam {_ASSUMED_ROLE.sub(r'\1', str(arn))}"
    if key := identity.get("apiKeyId"):
        return f"api key {key}"
    raise NotProcessed(Code.INTERNAL_ERROR, "API Gateway named no caller: the method has no authorization")


def _unquoted(key: str) -> str:
    """Return a key without the quotes that the draft of `Idempotency-Key` requires (RFC 8941, String)."""
    quoted = _QUOTED.fullmatch(key.strip(" "))
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key


def _body(event: Mapping[str, Any]) -> str:
    body: str = event.get("body") or ""
    if len(body) > MAX_BODY:
        raise InvalidRequest(Code.TOO_LARGE, f"The body is too large: a request has at most {MAX_BYTES} bytes.")
    if not event.get("isBase64Encoded"):
        # API Gateway replaces each byte that is not UTF-8 by this character. JSON can still write it as \\ufffd.
        if _REPLACEMENT in body:
            raise not_utf_8()
        return body
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except UnicodeDecodeError:
        raise not_utf_8() from None
    except ValueError:
        raise Unreadable(Code.INVALID_REQUEST, "The body is not valid base64.") from None


def _read_form(text: str) -> dict[str, object]:
    """Return the request in a form body, `record[Heading]=value` as on the vendor's page.

    Read it as PHP does: allow a name without a value, a separator without a name, and blanks before a name. Drop line
    breaks beside a separator and at the end, which come from the file that was sent; a line break in a value is %0A.
    """
    text = text.lstrip(strict_json.AROUND)
    if text.startswith("{"):  # `curl -d '{…}'` without a Content-Type header
        hint = "It looks like JSON: send Content-Type: application/json."
        raise Unreadable(Code.INVALID_REQUEST, f"The body is not a valid form. {hint}")
    text = "&".join(part.strip("\r\n") for part in text.split("&"))
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise not_utf_8() from None
    content: dict[str, object] = {}
    record: dict[str, object] = {}
    for name, value in ((name.lstrip(" "), value) for name, value in pairs):
        heading = _HEADING.fullmatch(name)
        label, bracket, _rest = name.partition("[")
        if heading is None and label == "record":
            problem = {"record": ["a field of the record is not written record[Heading]"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The form has an unknown field.", errors=problem)
        if bracket and label in _LABELS:  # a list, as in JSON
            problem = {label: ["must be a string"]}
            raise InvalidRequest(Code.INVALID_REQUEST, f"The request is not valid: see {label}.", errors=problem)
        if heading is None and name not in _LABELS:
            continue  # as in JSON: browsers and frameworks add fields
        target, field = (record, heading[1]) if heading else (content, name)
        if field in target:
            raise InvalidRequest(Code.INVALID_REQUEST, "The form gives a field twice.")
        target[field] = value
    return {**content, "record": record}
