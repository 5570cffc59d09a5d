"""Control the sandbox over HTTP, for example with curl.

GET  /_sandbox/calls             number of calls and connections, and the last calls with masked secrets
POST /_sandbox/script            {"endpoint": "personal-link", "replies": [{"status": 503, "retry_after": 5}]}
POST /_sandbox/duplicate-rule    {"rule": "off" | "global" | "campaign"}
POST /_sandbox/fault             {"name": "outage" | "rate-limit" | "lost-answers", "on": true}
POST /_sandbox/latency           {"seconds": 0.2}, for every answer of both endpoints
POST /_sandbox/rotate-secret     {"client_secret": "…"}
POST /_sandbox/revoke-tokens
POST /_sandbox/reset

A reply has the fields of replies.Reply, and `retry_after`. Calls from a browser's page are refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode

from sandbox.customergauge.call import Call
from sandbox.customergauge.fault_switches import SWITCHES, FaultSwitches
from sandbox.customergauge.log import Endpoint
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.reply_json import LONGEST_WAIT, BadControl, is_wait, reply_of

CONTROL_PATH = "/_sandbox/"
LAST_CALLS = 20
MASK = "***"
PRIVATE_HEADERS = {"authorization", "proxy-authorization", "cookie"}

DuplicateRule = Literal["off", "global", "campaign"]


class Controllable(Protocol):
    """The parts of the sandbox that can be controlled."""

    duplicate_rule: DuplicateRule
    latency: float
    faults: FaultSwitches

    @property
    def port(self) -> int: ...
    @property
    def links(self) -> Sequence[object]: ...
    def calls(self, endpoint: Endpoint) -> Sequence[Call]: ...
    def script(self, endpoint: Endpoint, *script: Reply) -> None: ...
    def rotate_secret(self, client_secret: str) -> None: ...
    def revoke_tokens(self) -> None: ...
    def reset(self) -> None: ...


def control(vendor: Controllable, call: Call) -> Reply:
    """Answer a call under /_sandbox/."""
    if not _is_from_a_program(call, vendor.port):
        return Reply.error(403, "Only a program on this machine may control the sandbox.")
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
    """Tell whether a program sent the call: a page of another site has an Origin header or a foreign Host."""
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


def _calls(vendor: Controllable, _fields: Mapping[str, Any]) -> dict[str, object]:
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
        "path": call.path.partition("?")[0],  # a query may hold credentials by mistake
        "headers": {name: _masked_header(name, value) for name, value in call.headers.items()},
        "body": body(call.body),
        "connection": call.connection,
    }


def _masked_header(name: str, value: str) -> str:
    return MASK if name.lower() in PRIVATE_HEADERS else value


def _text(body: bytes) -> str:
    return body.decode(errors="replace")


def _masked_form(body: bytes) -> str:
    """Show only the grant type of a token request, and nothing of any other body."""
    fields = parse_qsl(_text(body)) if body[:1].isalpha() else []
    shown = [(name, value if name == "grant_type" else MASK) for name, value in fields]
    return urlencode(shown, safe="*") if shown or not body else MASK


def _script(vendor: Controllable, fields: Mapping[str, Any]) -> dict[str, object]:
    endpoint = _one_of(fields, "endpoint", ("token", "personal-link"))
    replies = fields.get("replies")
    if not isinstance(replies, list):
        raise BadControl("replies: must be a list")
    vendor.script(endpoint, *(reply_of(reply, f"replies[{n}]") for n, reply in enumerate(replies)))
    return {"scripted": len(replies)}


def _set_duplicate_rule(vendor: Controllable, fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.duplicate_rule = _one_of(fields, "rule", ("off", "global", "campaign"))
    return {"rule": vendor.duplicate_rule}


def _switch_fault(vendor: Controllable, fields: Mapping[str, Any]) -> dict[str, object]:
    name = _one_of(fields, "name", tuple(SWITCHES))
    if not isinstance(fields.get("on"), bool):
        raise BadControl("on: must be true or false")
    vendor.faults.switch(name, on=fields["on"])
    return {"name": name, "on": fields["on"]}


def _set_latency(vendor: Controllable, fields: Mapping[str, Any]) -> dict[str, object]:
    seconds = fields.get("seconds")
    if not is_wait(seconds):
        raise BadControl(f"seconds: must be a number from 0 to {LONGEST_WAIT}")
    vendor.latency = float(fields["seconds"])
    return {"seconds": vendor.latency}


def _rotate_secret(vendor: Controllable, fields: Mapping[str, Any]) -> dict[str, object]:
    secret = fields.get("client_secret")
    if not (isinstance(secret, str) and secret):
        raise BadControl("client_secret: must be a text")
    vendor.rotate_secret(secret)
    return {"rotated": True}


def _revoke_tokens(vendor: Controllable, _fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.revoke_tokens()
    return {"revoked": True}


def _reset(vendor: Controllable, _fields: Mapping[str, Any]) -> dict[str, object]:
    vendor.reset()
    return {"reset": True}


Action = Callable[[Controllable, Mapping[str, Any]], dict[str, object]]
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
