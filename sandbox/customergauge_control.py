"""Steering the sandbox from another process, over HTTP: what tests do in Python, with curl.

GET  /_sandbox/calls             how many calls came, on how many connections, and the last of them, secrets masked
POST /_sandbox/script            {"endpoint": "personal-link", "replies": [{"status": 503, "retry_after": 5}]}
POST /_sandbox/duplicate-rule    {"rule": "off" | "global" | "campaign"}
POST /_sandbox/fault             {"name": "outage" | "rate-limit" | "lost-answers", "on": true}, until it is off again
POST /_sandbox/latency           {"seconds": 0.2}, of every answer of both endpoints
POST /_sandbox/rotate-secret     {"client_secret": "…"}
POST /_sandbox/revoke-tokens
POST /_sandbox/reset

A reply takes the names that vendor_replies.Reply has, and `retry_after`. No page of a browser may do any of it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from sandbox.customergauge_wire import Call
from sandbox.fault_switches import STANDING_FAULTS
from sandbox.vendor_replies import FAULTS, Reply

if TYPE_CHECKING:
    from sandbox.customergauge import CustomerGaugeSandbox

CONTROL_PATH = "/_sandbox/"
LONGEST_WAIT = 3600
LAST_CALLS = 20
MASK = "***"
PRIVATE_HEADERS = {"authorization", "proxy-authorization", "cookie"}


class BadControl(Exception):
    """The control request is wrong; the text says where."""


def control(vendor: "CustomerGaugeSandbox", call: Call) -> Reply:
    """Answer a call under /_sandbox/."""
    if not _is_from_a_program(call, vendor.port):
        return Reply.error(403, "Only a program on this machine may steer the sandbox.")
    name = call.path.partition("?")[0].removeprefix(CONTROL_PATH)
    if name not in ACTIONS:
        return Reply.error(404, f"{name}: unknown; there are {', '.join(ACTIONS)}.")
    verb, act = ACTIONS[name]
    if call.method != verb:
        return Reply(405, {"message": f"{name} takes {verb}."}, {"Allow": verb})
    try:
        return Reply(200, act(vendor, _json_object(call.body)))
    except BadControl as wrong:
        return Reply.error(400, str(wrong))


def _is_from_a_program(call: Call, port: int) -> bool:
    """Tell whether no browser's page sent a call: one of another site has an Origin, or a Host bent to this address."""
    return "Origin" not in call.headers and call.headers["Host"] in {f"127.0.0.1:{port}", f"localhost:{port}"}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadControl("body: must be a JSON object")
    return value


def _one_of(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> Any:
    if fields.get(name) not in allowed:
        raise BadControl(f"{name}: must be one of {', '.join(allowed)}")
    return fields[name]


def _calls(vendor: "CustomerGaugeSandbox", _fields: Mapping[str, Any]) -> dict[str, object]:
    return {
        "token": _shown(vendor.calls("token"), _masked_form),
        "personal-link": _shown(vendor.calls("personal-link"), _text),
        "links": len(vendor.links),
    }


def _shown(calls: Sequence[Call], body: Callable[[bytes], str]) -> dict[str, object]:
    return {
        "count": len(calls),
        "connections": len({call.connection for call in calls}),
        "last": [_masked(call, body) for call in calls[-LAST_CALLS:]],
    }


def _masked(call: Call, body: Callable[[bytes], str]) -> dict[str, object]:
    return {
        "method": call.method,
        "path": call.path.partition("?")[0],  # credentials do not belong in a query, but may be there
        "headers": {name: _masked_header(name, value) for name, value in call.headers.items()},
        "body": body(call.body),
        "connection": call.connection,
    }


def _masked_header(name: str, value: str) -> str:
    return MASK if name.lower() in PRIVATE_HEADERS else value


def _text(body: bytes) -> str:
    return body.decode(errors="replace")


def _masked_form(body: bytes) -> str:
    """Show of a token request only the grant type, and nothing of what is not a form."""
    fields = parse_qsl(_text(body)) if body[:1].isalpha() else []
    shown = [(name, value if name == "grant_type" else MASK) for name, value in fields]
    return urlencode(shown, safe="*") if shown or not body else MASK


def _script(vendor: "CustomerGaugeSandbox", fields: Mapping[str, Any]) -> dict[str, object]:
    endpoint = _one_of(fields, "endpoint", ("token", "personal-link"))
    replies = fields.get("replies")
    if not isinstance(replies, list):
        raise BadControl("replies: must be a list")
    vendor.script(endpoint, *(_reply(reply, f"replies[{n}]") for n, reply in enumerate(replies)))
    return {"scripted": len(replies)}


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_status(value: object) -> bool:
    return isinstance(value, int) and _is_number(value, 200, 599)


def _is_wait(value: object) -> bool:
    return _is_number(value, 0, LONGEST_WAIT)


def _is_header_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _is_retry_after(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or _is_header_text(value)


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(_is_header_text(f"{name}{text}") for name, text in value.items())


def _are_hints(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(hint, int) and _is_number(hint, 100, 199) for hint in value)


REPLY_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "status": (_is_status, "a number from 200 to 599"),
    "body": (lambda value: isinstance(value, str | dict), "text or an object"),
    "headers": (_are_headers, "an object of printable ASCII texts"),
    "retry_after": (_is_retry_after, "seconds or an HTTP date"),
    "delay": (_is_wait, f"seconds, at most {LONGEST_WAIT}"),
    "interval": (_is_wait, f"seconds, at most {LONGEST_WAIT}"),
    "fault": (lambda value: isinstance(value, str) and value in FAULTS, f"one of {', '.join(FAULTS)}"),
    "hints": (_are_hints, "a list of numbers from 100 to 199"),
    "commit": (lambda value: isinstance(value, bool), "true or false"),
}


def _reply(fields: object, where: str) -> Reply:
    if not isinstance(fields, dict):
        raise BadControl(f"{where}: must be an object")
    for name, value in fields.items():
        if name not in REPLY_FIELDS:
            raise BadControl(f"{where}.{name}: unknown; there are {', '.join(REPLY_FIELDS)}")
        is_right, wanted = REPLY_FIELDS[name]
        if not is_right(value):
            raise BadControl(f"{where}.{name}: must be {wanted}")
    given = dict(fields)
    headers = {name: str(text) for name, text in given.pop("headers", {}).items()}
    if "retry_after" in given:
        headers["Retry-After"] = str(given.pop("retry_after"))
    if given.get("status", 0) >= 400 and "body" not in given:
        given["body"] = Reply.error(given["status"]).body
    return Reply(headers=headers, hints=tuple(given.pop("hints", ())), **given)


def _set_duplicate_rule(vendor: "CustomerGaugeSandbox", fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.duplicate_rule = _one_of(fields, "rule", ("off", "global", "campaign"))
    return {"rule": vendor.duplicate_rule}


def _switch_fault(vendor: "CustomerGaugeSandbox", fields: Mapping[str, Any]) -> dict[str, object]:
    name = _one_of(fields, "name", tuple(STANDING_FAULTS))
    if not isinstance(fields.get("on"), bool):
        raise BadControl("on: must be true or false")
    vendor.faults.switch(name, on=fields["on"])
    return {"name": name, "on": fields["on"]}


def _set_latency(vendor: "CustomerGaugeSandbox", fields: Mapping[str, Any]) -> dict[str, object]:
    seconds = fields.get("seconds")
    if not _is_wait(seconds):
        raise BadControl(f"seconds: must be a number from 0 to {LONGEST_WAIT}")
    vendor.latency = float(fields["seconds"])
    return {"seconds": vendor.latency}


def _rotate_secret(vendor: "CustomerGaugeSandbox", fields: Mapping[str, Any]) -> dict[str, object]:
    secret = fields.get("client_secret")
    if not (isinstance(secret, str) and secret):
        raise BadControl("client_secret: must be a text")
    vendor.rotate_secret(secret)
    return {"rotated": True}


def _revoke_tokens(vendor: "CustomerGaugeSandbox", _fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.revoke_tokens()
    return {"revoked": True}


def _reset(vendor: "CustomerGaugeSandbox", _fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.reset()
    return {"reset": True}


Action = Callable[["CustomerGaugeSandbox", Mapping[str, Any]], dict[str, object]]
ACTIONS: Mapping[str, tuple[str, Action]] = {
    "calls": ("GET", _calls),
    "script": ("POST", _script),
    "duplicate-rule": ("POST", _set_duplicate_rule),
    "fault": ("POST", _switch_fault),
    "latency": ("POST", _set_latency),
    "rotate-secret": ("POST", _rotate_secret),
    "revoke-tokens": ("POST", _revoke_tokens),
    "reset": ("POST", _reset),
}
