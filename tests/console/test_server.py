"""The console's server answers only its own page, on loopback; its actions take only JSON."""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.aws.emulator import EmulatorGone, SandboxError
from sandbox.console.controller import UnknownAction
from sandbox.console.journal import Request
from sandbox.console.outcomes import Answer
from sandbox.console.server import FILES, MAX_BODY, serving
from sandbox.console.traces import calls_of
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.console.still_console import StillConsole
from tests.sandbox.sandbox_client import JOE, Client

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def console() -> Iterator[StillConsole]:
    with CustomerGaugeSandbox() as vendor:
        yield StillConsole(vendor)


@pytest.fixture
def address(console: StillConsole) -> Iterator[str]:
    with serving(console) as url:
        yield urlsplit(url).netloc


def ask(
    address: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | None = None
) -> tuple[int, http.client.HTTPMessage, Any]:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, answer.headers, json.loads(text) if is_json else text
    finally:
        connection.close()


def press(address: str, headers: Mapping[str, str], body: str = "{}", action: str = "revoke-tokens") -> int:
    return ask(address, "POST", f"/actions/{action}", headers, body)[0]


@pytest.mark.parametrize("path", [*FILES, "/state", "/samples"])
def test_every_path_is_served_with_a_strict_content_security_policy(address: str, path: str) -> None:
    status, headers, _ = ask(address, "GET", path)

    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/controller.py", "/../server.py", "/page/index.html", "/actions/clear"])
def test_every_unknown_path_returns_404(address: str, path: str) -> None:
    assert ask(address, "GET", path)[0] == 404


def test_the_server_listens_on_loopback_alone(address: str) -> None:
    with socket.socket() as other:  # all of 127.0.0.0/8 is this machine
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", urlsplit(f"//{address}").port)) != 0


HOSTS = ("console.evil.example", "console.evil.example:80", "127.0.0.1", "")
ORIGINS = ("https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1")
REFUSED: Mapping[str, tuple[Mapping[str, str], str, int]] = {
    **{f"host {host}": ({"Host": host, **JSON}, "{}", 403) for host in HOSTS},
    **{f"origin {origin}": ({"Origin": origin, **JSON}, "{}", 403) for origin in ORIGINS},
    "no media type": ({}, "{}", 415),
    "text": ({"Content-Type": "text/plain"}, "{}", 415),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, "{}", 415),
    "a list": (JSON, "[]", 400),
    "cut off": (JSON, "{", 400),
    "not UTF-8": (JSON, "\xed\xa0\xbd", 400),
    "deeply nested": (JSON, "[" * MAX_BODY, 400),
    "too long": ({"Content-Length": str(MAX_BODY + 1), **JSON}, "{}", 413),  # without reading it
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_post_that_is_not_json_of_the_page_is_refused_without_effect(
    console: StillConsole, address: str, name: str
) -> None:
    headers, body, status = REFUSED[name]

    assert press(address, headers, body) == status
    assert console.pressed == []


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/state", "/"])
def test_a_page_of_a_foreign_host_gets_nothing(address: str, host: str, path: str) -> None:
    status, _, answer = ask(address, "GET", path, {"Host": host})

    assert (status, list(answer)) == (403, ["message"])


def test_a_post_from_the_console_page_or_without_an_origin_runs_its_action(console: StillConsole, address: str) -> None:
    assert press(address, {"Origin": f"http://{address}", **JSON}, '{"name": "outage", "on": true}', "switch") == 200
    assert press(address, JSON) == 200  # a program on this machine has no origin

    assert console.pressed == [("switch", {"name": "outage", "on": True}), ("revoke-tokens", {})]


@pytest.mark.parametrize(
    ("failure", "status"),
    [(UnknownAction("jump: no"), 400), (EmulatorGone("jump: no"), 410), (SandboxError("jump: no"), 503)],
)
def test_an_action_that_fails_is_answered_with_its_status_and_message(
    console: StillConsole, address: str, failure: Exception, status: int
) -> None:
    console.failure = failure

    assert ask(address, "POST", "/actions/jump", JSON, "{}")[::2] == (status, {"message": "jump: no"})


def test_a_call_of_customergauge_belongs_to_the_requests_of_its_contact_that_wait_at_its_time(
    console: StillConsole,
) -> None:
    client = Client(console.vendor)
    client.put(JOE)
    client.wire.close()
    exchanges, now = console.vendor.exchanges(), time.time()

    def sent(at: float, record: object = JOE) -> Request:
        request = console.journal.sent("sqs", "Request", at, None)
        request.content = json.dumps({"configuration": "contact", "record": record})
        return request

    waits, waits_too, ended = sent(now - 9), sent(now - 8), sent(now - 9)
    other, later = sent(now - 9, {"Email": "ida@example.com"}), sent(now + 9)
    ended.place, ended.answer = "answered", Answer(503, now - 7, {})

    found = [[call.endpoint for call in calls_of(one, exchanges)] for one in (waits, waits_too, other, later, ended)]
    assert found == [["personal-link"], ["personal-link"], [], [], []]
