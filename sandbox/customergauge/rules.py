"""How the vendor's Laravel application reads and refuses requests. No state, no I/O."""

import json
import re
from collections.abc import Container, Mapping
from email.message import Message
from typing import NoReturn
from urllib.parse import parse_qs, parse_qsl

from sandbox.customergauge import replies
from sandbox.customergauge.call import Call
from sandbox.customergauge.replies import Reply

FORM = "application/x-www-form-urlencoded"
ATOM = r'[^@\s<>(),;:"\[\]\\.]+'
EMAIL = re.compile(rf"{ATOM}(\.{ATOM})*@{ATOM}(\.{ATOM})*")
PHONE = re.compile(r"[ ()+-]*[0-9][0-9 ()+-]*")
BRACKETS = re.compile(r"([^\[]+)\[([^\]]*)\]")


def read_input(headers: Message, body: bytes) -> dict[str, object]:
    """Return the fields of a request; none, and no error, if it is unreadable or has a wrong Content-Type."""
    media_type = headers.get("Content-Type", "").lower()
    try:
        if "/json" in media_type or "+json" in media_type:
            fields = _json_fields(body)
        elif media_type.startswith(FORM):
            fields = _form_fields(body)
        else:
            fields = {}
        return {name: _trimmed(value) for name, value in fields.items()}
    except (ValueError, RecursionError):
        return {}


def _json_fields(body: bytes) -> dict[str, object]:
    value = json.loads(body.decode(), parse_constant=_refuse_constant)
    return value if isinstance(value, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # Python accepts NaN and Infinity, the standard does not


def _form_fields(body: bytes) -> dict[str, object]:
    """`configuration=…&record[Heading]=…`, nested one level deep as PHP does it."""
    fields: dict[str, object] = {}
    for name, value in parse_qsl(body.decode(errors="replace"), keep_blank_values=True):
        if bracketed := BRACKETS.match(name):
            outer, inner = bracketed.groups()
            group = fields.get(outer)
            if not isinstance(group, dict):
                group = fields[outer] = {}
            group[inner or str(len(group))] = value
        else:
            fields[name] = value
    return fields


def _trimmed(value: object) -> object:
    """Trim texts as Laravel's TrimStrings and ConvertEmptyStringsToNull do."""
    match value:
        case str():
            return value.strip() or None
        case dict():
            return {name: _trimmed(inner) for name, inner in value.items()}
        case list():
            return [_trimmed(inner) for inner in value]
        case _:
            return value


def record_of(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the record; an empty one if it is not an object."""
    record = fields.get("record")
    return record if isinstance(record, dict) else {}


def token_refusal(call: Call, client_id: str, client_secret: str) -> Reply | None:
    """Return the first reason to refuse a token, or None. Credentials count in a form body only."""
    if call.method != "POST":
        return Reply(405, headers={"Allow": "POST"})
    if "Content-Type" not in call.headers or call.headers.get_content_type() != FORM:
        return Reply(400, {"error": "invalid_request"})
    fields = {name: values[-1] for name, values in parse_qs(call.body.decode(errors="replace")).items()}
    if "grant_type" not in fields:
        return Reply(400, {"error": "invalid_request"})
    if fields["grant_type"] != "client_credentials":
        return Reply(400, {"error": "unsupported_grant_type"})
    if (fields.get("client_id"), fields.get("client_secret")) != (client_id, client_secret):
        return Reply(400, {"error": "invalid_client"})
    return None


def record_refusal(
    fields: Mapping[str, object], configurations: Container[object], wrong_data_types: Container[object]
) -> Reply | None:
    """Return the first documented reason to refuse these fields, or None."""
    configuration = fields.get("configuration")
    if configuration is None:
        return replies.CONFIGURATION_MISSING
    reference = str(configuration)
    if reference in wrong_data_types:
        return replies.wrong_data_type(reference)
    if reference not in configurations:
        return replies.mapping_not_found(reference)
    return _contact_refusal(record_of(fields))


def _contact_refusal(record: Mapping[str, object]) -> Reply | None:
    email, phone = record.get("Email"), record.get("Phone")
    if email is None and phone is None:
        return replies.CONTACT_MISSING
    errors: dict[str, list[str]] = {}
    if email is not None and not (isinstance(email, str) and EMAIL.fullmatch(email)):
        errors["Email"] = [replies.EMAIL_INVALID]
    if phone is not None and not PHONE.fullmatch(str(phone)):
        errors["Phone"] = [replies.PHONE_INVALID]
    if errors:
        return replies.invalid(errors)
    if str(record.get("Touchpoint")).lower() == "no campaign":
        return replies.NO_CAMPAIGN
    return None


def bearer(headers: Message) -> str:
    """Return the access token; an empty one if there is none."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def redacted(record: Mapping[str, object], email: object) -> Mapping[str, object]:
    """Return a record, without its values if it is of this e-mail address."""
    is_theirs = bool(contacts_of(record) & contacts_of({"Email": email}))
    return dict.fromkeys(record, "***") if is_theirs else record


def contacts_of(record: Mapping[str, object]) -> set[str]:
    """Return the keys by which a duplicate rule compares contacts."""
    email, phone = record.get("Email"), record.get("Phone")
    contacts = set() if email is None else {f"email:{str(email).casefold()}"}
    return contacts if phone is None else contacts | {"phone:" + re.sub(r"[^0-9]", "", str(phone))}
