"""The console's server answers only its own page, on loopback; its actions take only JSON."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.aws.emulator import EmulatorGone, SandboxError
from sandbox.console.controller import UnknownAction
from sandbox.console.server import FILES, MAX_BODY, serving
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.console.still_console import StillConsole

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


@pytest.mark.parametrize("path", [*FILES, "/state?show=waiting&most=1", "/samples"])
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


@pytest.mark.parametrize("query", ["show=lost", "most=-1", "most=1001", "most=9999999999"])
def test_an_invalid_filter_or_number_of_rows_is_refused(address: str, query: str) -> None:
    status, _, answer = ask(address, "GET", f"/state?{query}")

    assert status == 400
    assert answer == {"message": "show is one of all, waiting, parked, errors, results; most is a number up to 1000."}


def test_the_server_listens_on_loopback_alone(address: str) -> None:
    with socket.socket() as other:  # all of 127.0.0.0/8 is this machine
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", urlsplit(f"//{address}").port)) != 0


@pytest.mark.parametrize("host", ["console.evil.example", "console.evil.example:80", "127.0.0.1", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/state"), ("GET", "/"), ("POST", "/actions/clear")])
def test_a_request_with_a_foreign_host_header_is_refused(
    console: StillConsole, address: str, host: str, method: str, path: str
) -> None:
    status, _, answer = ask(address, method, path, {"Host": host, **JSON}, "{}" if method == "POST" else None)

    assert (status, list(answer), console.pressed) == (403, ["message"], [])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_a_post_from_a_foreign_origin_is_refused_without_effect(
    console: StillConsole, address: str, origin: str
) -> None:
    assert press(address, {"Origin": origin, **JSON}) == 403
    assert console.pressed == []


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_post_that_is_not_json_is_refused(console: StillConsole, address: str, media_type: str | None) -> None:
    assert press(address, {"Content-Type": media_type} if media_type else {}) == 415
    assert console.pressed == []


def test_a_post_from_the_console_page_or_without_an_origin_runs_its_action(console: StillConsole, address: str) -> None:
    assert press(address, {"Origin": f"http://{address}", **JSON}, '{"name": "outage", "on": true}', "switch") == 200
    assert press(address, JSON) == 200  # a program on this machine has no origin

    assert console.pressed == [("switch", {"name": "outage", "on": True}), ("revoke-tokens", {})]


@pytest.mark.parametrize(
    "body",
    ["[]", "{", "\ud83d", "[" * MAX_BODY],
    ids=["a list", "cut off", "not UTF-8", "deeply nested"],
)
def test_a_body_that_is_not_a_json_object_is_refused(console: StillConsole, address: str, body: str) -> None:
    assert press(address, JSON, body.encode(errors="surrogatepass").decode("latin-1")) == 400
    assert console.pressed == []


def test_a_body_that_is_too_long_is_refused_without_reading_it(console: StillConsole, address: str) -> None:
    assert press(address, {"Content-Length": str(MAX_BODY + 1), **JSON}) == 413
    assert console.pressed == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [(UnknownAction("jump: no"), 400), (EmulatorGone("jump: no"), 410), (SandboxError("jump: no"), 503)],
)
def test_an_action_that_fails_is_answered_with_its_status_and_message(
    console: StillConsole, address: str, failure: Exception, status: int
) -> None:
    console.failure = failure

    assert ask(address, "POST", "/actions/jump", JSON, "{}")[::2] == (status, {"message": "jump: no"})
