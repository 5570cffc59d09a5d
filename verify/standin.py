"""A stand-in for CustomerGauge behind a function URL, by the sandbox's rules and without state.

The record's heading `Stand-in` makes a call fail until a time: "503 20 1764213999" answers 503 with `Retry-After: 20`
until that second. Each call is logged with the record's `Check`, so that its time can be read.
"""

import hashlib
import hmac
import importlib.util
import json
import os
import sys
import time
from base64 import b64decode
from email.message import Message
from pathlib import Path
from typing import Any

from sandbox.customergauge import replies, rules
from sandbox.customergauge.call import PERSONAL_LINK_PATH, TOKEN_PATH, Call
from sandbox.customergauge.replies import Reply

CLIENT_ID = "verify"
CONFIGURATIONS = {"contact"}
TOKEN_LIFE = 3600
BYTECODE_HEAD = 16  # magic number, flags, hash


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a call to the function URL."""
    call = _call_of(event)
    host = event["requestContext"]["domainName"]
    reply = _answer(call, host, os.environ["CLIENT_SECRET"])
    body, headers = reply.content()
    return {"statusCode": reply.status, "headers": headers, "body": body.decode()}


def probe(_event: object, _context: object) -> dict[str, Any]:
    """Report the libraries that this runtime and the stack's layers bring, and whether the layers' bytecode is used."""
    names = ("boto3", "botocore", "urllib3", "aws_lambda_powertools")
    found = {name: importlib.import_module(name) for name in names}
    importlib.import_module("personal_link.wiring")
    ours = [one for one in list(sys.modules.values()) if "/python/" in (getattr(one, "__file__", None) or "")]
    return {
        "python": sys.version.split()[0],
        "versions": {name: _version(module) for name, module in found.items()},
        "in_a_layer": sorted(name for name, module in found.items() if module in ours),
        "modules": len(ours),
        "compiled_here": sorted(one.__name__ for one in ours if not _has_bytecode(one)),
    }


def _call_of(event: dict[str, Any]) -> Call:
    headers = Message()
    for name, value in event["headers"].items():
        headers[name] = value
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode()
    return Call(event["requestContext"]["http"]["method"], event["rawPath"], headers, body, 0)


def _answer(call: Call, host: str, secret: str) -> Reply:
    if call.path == TOKEN_PATH:
        issued = {"access_token": _token(secret), "token_type": "Bearer", "expires_in": TOKEN_LIFE}
        return rules.token_refusal(call, CLIENT_ID, secret) or Reply(200, issued)
    if call.path == PERSONAL_LINK_PATH:
        return _personal_link(call, host, secret)
    return Reply.error(404)


def _token(secret: str) -> str:
    """Return a token that any environment can check."""
    return f"standin-{hmac.new(secret.encode(), b'token', hashlib.sha256).hexdigest()}"


def _personal_link(call: Call, host: str, secret: str) -> Reply:
    fields = rules.read_input(call.headers, call.body)
    record = rules.record_of(fields)
    reply = _reply(call, fields, record, host, secret)
    print(json.dumps({"check": record.get("Check"), "at": time.time(), "status": reply.status}))  # noqa: T201  # the checks read its log
    return reply


def _reply(call: Call, fields: dict[str, object], record: dict[str, object], host: str, secret: str) -> Reply:
    if call.method != "PUT":
        return replies.wrong_verb(call.method)
    if not hmac.compare_digest(call.headers.get("Authorization", ""), f"Bearer {_token(secret)}"):
        return Reply.error(401)
    if refused := rules.record_refusal(fields, CONFIGURATIONS, ()):
        return refused
    status, wait, until = str(record.get("Stand-in", "0 0 0")).split()
    if time.time() < float(until):
        return Reply.error(int(status), retry_after=wait)
    key = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:24]
    return replies.created(int(key[:6], 16) + 1, f"https://{host}/r/{key}", f"https://{host}/s/{key}")


def _version(module: Any) -> str:
    return str(getattr(module, "__version__", "") or getattr(module, "VERSION", ""))


def _has_bytecode(module: Any) -> bool:
    """Tell whether a module's bytecode is of this Python and need not be compared with its source."""
    cached = Path(getattr(module.__spec__, "cached", None) or "none")
    head = cached.read_bytes()[:BYTECODE_HEAD] if cached.exists() else b""
    return head[:4] == importlib.util.MAGIC_NUMBER and head[4:8] == b"\1\0\0\0"  # hashed, unchecked
