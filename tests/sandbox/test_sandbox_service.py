"""The sandbox counts, serves many, speaks TLS, shows survey pages and runs on its own."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import trustme

from sandbox import customergauge
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.sandbox.sandbox_client import FORM, JOE, Client

REPOSITORY = Path(__file__).parents[2]


def test_calls_are_kept_with_their_connection(client: Client) -> None:
    client.put(JOE)
    client.wire.close()
    client.put(JOE)
    first, second = client.vendor.calls("personal-link")
    assert (first.method, first.path) == ("PUT", "/personal-link/")
    assert json.loads(first.body)["record"] == JOE
    assert first.headers["authorization"] == f"Bearer {client.access_token}"
    assert first.connection != second.connection
    (token,) = client.vendor.calls("token")
    assert token.connection == first.connection


def test_a_call_prints_neither_headers_nor_body(client: Client) -> None:
    client.put(JOE)
    printed = repr(client.vendor.calls("personal-link")) + repr(client.vendor.links)
    assert client.access_token is not None
    assert client.access_token not in printed
    assert JOE["Email"] not in printed


def test_reset_makes_it_as_new(client: Client) -> None:
    client.put(JOE)
    client.vendor.duplicate_rule = "global"
    secret = client.vendor.client_secret
    client.vendor.rotate_secret("other")
    client.vendor.script("token", Reply.error(500))
    client.vendor.reset()
    assert (client.vendor.calls("token"), client.vendor.calls("personal-link"), client.vendor.links) == (
        [],
        [],
        [],
    )
    assert client.put(JOE).status == 401
    assert client.ask_token(client_secret=secret).status == 200


def test_a_hundred_connections_at_once_are_served(vendor: CustomerGaugeSandbox) -> None:
    barrier = threading.Barrier(100)

    def one(_number: int) -> int:
        client = Client(vendor)
        barrier.wait(10)
        try:
            return client.put(JOE).status
        finally:
            client.wire.close()

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(one, range(100))) == {200}
    assert len({link.survey_link for link in vendor.links}) == 100
    assert len({call.connection for call in vendor.calls("token")}) == 100


def test_serving_writes_nothing(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.put(JOE)
    client.send("GET", "/nowhere")
    client.vendor.script("token", Reply(fault="reset"))
    with pytest.raises(ConnectionResetError):
        client.ask_token()
    client.vendor.stop()
    assert capfd.readouterr() == ("", "")


def test_it_speaks_tls_under_the_vendors_name_and_survives_a_client_that_does_not() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("auth.eu.customergauge.com").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with CustomerGaugeSandbox(tls=tls) as vendor:
        address = ("127.0.0.1", vendor.port)
        with (
            socket.create_connection(address, 5),  # says nothing, and holds up nobody
            socket.create_connection(address, 5) as wire,
            trusting.wrap_socket(wire, server_hostname="auth.eu.customergauge.com") as secure,
        ):
            secure.sendall(b"GET /oauth2/token HTTP/1.1\r\nHost: auth.eu.customergauge.com\r\n\r\n")
            assert secure.recv(100).startswith(b"HTTP/1.1 405 ")
        with (
            socket.create_connection(address, 5) as wire,
            pytest.raises(ssl.SSLCertVerificationError),
            ssl.create_default_context().wrap_socket(wire, server_hostname="auth.eu.customergauge.com"),
        ):
            pass
        assert vendor.base_url.startswith("https://")


def test_both_links_open_a_page_that_loads_nothing_and_names_nobody(client: Client) -> None:
    data = client.put(JOE).json["data"]
    for link in (data["survey_link"], data["survey_link_short"]):
        answer = client.send("GET", urlsplit(link).path)
        page = answer.body.decode()
        assert answer.status == 200
        assert page.startswith("<!doctype html>")
        assert "How likely are you to recommend" in page
        assert page.count('type="radio"') == 11
        assert not re.search(r"<script|src=|href=|url\(|action=", page)
        assert "Joe" not in page
        assert "joe" not in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/r/unknown", "/s/", "/r", "/nowhere"])
def test_a_link_that_was_not_made_is_a_404(client: Client, path: str) -> None:
    assert client.send("GET", path).status == 404


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_its_own_it_prints_where_it_is_and_ends_well(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox.customergauge", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, client_id, secret = (process.stdout.readline().split()[-1] for _ in range(3))
        wire = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        wire.request("POST", "/oauth2/token", urlencode(form), {"Content-Type": FORM})
        assert wire.getresponse().status == 200
        wire.close()
        os.kill(process.pid, number)
        assert process.wait(5) == 0


def test_a_port_that_is_taken_is_said_in_one_line(
    vendor: CustomerGaugeSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert customergauge.main(["--port", str(vendor.port)]) == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert f"Cannot listen on port {vendor.port}" in capsys.readouterr().err
