"""Faults of the sandbox: scripted, decided by a function, or switched on."""

import http.client
import socket
import threading
import time

import pytest

from sandbox.customergauge.server import Call, CustomerGaugeSandbox, Reply
from tests.sandbox.sandbox_client import JOE, Client

# Scripts


def test_the_misbehave_function_decides_every_call_without_a_script(client: Client) -> None:
    asked: list[str] = []

    def misbehave(call: Call) -> Reply | None:
        asked.append(call.method)
        return Reply.error(503) if len(asked) == 2 else None

    client.headers()
    client.vendor.misbehave = misbehave
    client.vendor.script("personal-link", Reply.html(502))
    assert [client.put(JOE).status for _ in range(4)] == [502, 200, 503, 200]
    assert asked == ["PUT", "PUT", "PUT"]


def test_scripted_1xx_answers_are_sent_before_the_final_answer() -> None:
    with CustomerGaugeSandbox() as vendor, socket.create_connection(("127.0.0.1", vendor.port)) as wire:
        vendor.script("personal-link", Reply(200, b"{}", hints=(102, 103)))
        wire.sendall(b"GET /personal-link/ HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n")
        lines = wire.makefile("rb").read().split(b"\r\n")

    heads = [line for line in lines if line.startswith(b"HTTP")]
    assert heads == [b"HTTP/1.1 102 Processing", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize("reply", [Reply(fault="hang"), Reply(fault="drip_body", interval=60)])
def test_stop_ends_hanging_answers_at_once_and_leaves_no_thread(reply: Reply) -> None:
    before = threading.active_count()
    vendor = CustomerGaugeSandbox().start()
    client, idle = Client(vendor), Client(vendor)
    idle.ask_token()
    vendor.script("token", reply)
    client.wire.request("POST", "/oauth2/token")
    while len(vendor.calls("token")) < 2:
        time.sleep(0.001)
    started = time.monotonic()
    vendor.stop()
    assert time.monotonic() - started < 1
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", vendor.port), 1)
    client.wire.close()
    idle.wire.close()


# Switches


def test_the_outage_fault_refuses_links_and_tokens_until_switched_off(client: Client) -> None:
    client.headers()
    client.vendor.faults.switch("outage", on=True)

    answers = [client.put(JOE), client.ask_token()]
    client.vendor.faults.switch("outage", on=False)

    assert [(answer.status, answer.headers["Retry-After"]) for answer in answers] == [(503, "2")] * 2
    assert client.put(JOE).status == 200
    assert len(client.vendor.links) == 1


def test_the_rate_limit_fault_concerns_links_and_not_tokens(client: Client) -> None:
    client.vendor.faults.switch("rate-limit", on=True)

    assert client.ask_token().status == 200
    answer = client.put(JOE)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


def test_the_lost_answers_fault_creates_the_record_and_closes_the_connection(client: Client) -> None:
    client.vendor.faults.switch("lost-answers", on=True)

    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)

    assert len(client.vendor.links) == 1


def test_a_script_goes_before_all_faults_and_the_outage_before_the_others(client: Client) -> None:
    client.headers()
    for name in ("lost-answers", "rate-limit", "outage"):
        client.vendor.faults.switch(name, on=True)
    client.vendor.script("personal-link", Reply.html(502))

    assert [client.put(JOE).status for _ in range(2)] == [502, 503]
    client.vendor.reset()
    assert "outage" not in client.vendor.faults


def test_every_call_is_recorded_with_its_answer_and_duration(client: Client) -> None:
    client.vendor.script("personal-link", Reply(delay=0.2), Reply.error(503), Reply(fault="close"))
    client.put(JOE)
    client.put(JOE)
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)

    noted = client.vendor.exchanges()
    while noted[-1].seconds is None:  # noted only after the connection is closed
        time.sleep(0.01)
    assert [(one.endpoint, one.status) for one in noted] == [
        ("token", 200),
        ("personal-link", 200),
        ("personal-link", 503),
        ("personal-link", None),
    ]
    assert noted[1].seconds is not None
    assert 0.2 <= noted[1].seconds < 2
