"""The sandbox fails as it is told, and stops when it is told."""

import http.client
import socket
import threading
import time
from typing import Any

import pytest

from sandbox.customergauge import Call, CustomerGaugeSandbox, Reply
from tests.sandbox.sandbox_client import JOE, Client


def test_scripted_replies_come_in_order_then_service_resumes(client: Client) -> None:
    client.vendor.script("personal-link", Reply.error(503, retry_after=5), Reply.html(502), Reply(200, {"a": 1}))
    answers = [client.put(JOE) for _ in range(4)]
    assert [answer.status for answer in answers] == [503, 502, 200, 200]
    assert (answers[0].headers["Retry-After"], answers[0].json) == ("5", {"message": "Service Unavailable"})
    assert answers[1].headers["Content-Type"] == "text/html"
    assert answers[2].json == {"a": 1}
    assert len(client.vendor.links) == 1


def test_misbehaviour_is_asked_about_every_call_that_has_no_script(client: Client) -> None:
    asked: list[str] = []

    def misbehave(call: Call) -> Reply | None:
        asked.append(call.method)
        return Reply.error(503) if len(asked) == 2 else None

    client.headers()
    client.vendor.misbehave = misbehave
    client.vendor.script("personal-link", Reply.html(502))
    assert [client.put(JOE).status for _ in range(4)] == [502, 200, 503, 200]
    assert asked == ["PUT", "PUT", "PUT"]

    client.vendor.reset()
    client.access_token = None
    assert client.put(JOE).status == 200
    assert asked == ["PUT", "PUT", "PUT"]


def test_the_token_endpoint_can_be_scripted_alone(client: Client) -> None:
    client.vendor.script("token", Reply.error(429))
    assert client.ask_token().status == 429
    assert client.put(JOE).status == 200


def test_a_delayed_normal_answer_is_right_but_late(client: Client) -> None:
    client.headers()
    client.vendor.script("personal-link", Reply(delay=0.2, headers={"X-Extra": "1"}))
    started = time.monotonic()
    answer = client.put(JOE)
    assert time.monotonic() - started >= 0.2
    assert (answer.status, answer.headers["X-Extra"]) == (200, "1")


@pytest.mark.parametrize("committed", [True, False])
def test_a_reset_may_come_before_or_after_the_record_is_made(client: Client, committed: bool) -> None:  # noqa: FBT001
    client.vendor.duplicate_rule = "campaign"
    client.headers()
    client.vendor.script("personal-link", Reply(fault="reset", commit=committed))
    with pytest.raises(ConnectionResetError) as failure:
        client.put(JOE)
    assert not isinstance(failure.value, http.client.RemoteDisconnected)  # that would be a clean close
    assert len(client.vendor.links) == committed
    client.wire.close()
    assert client.put(JOE).status == (400 if committed else 200)


def test_an_error_status_can_hide_a_record_that_was_made(client: Client) -> None:
    client.vendor.script("personal-link", Reply(504, commit=True))
    assert client.put(JOE).status == 504
    assert len(client.vendor.links) == 1


def test_a_close_ends_the_stream_without_an_answer(client: Client) -> None:
    client.headers()
    client.vendor.script("personal-link", Reply(fault="close"))
    with pytest.raises(http.client.RemoteDisconnected):
        client.put(JOE)
    assert client.vendor.links == []


def test_a_truncated_answer_announces_more_than_it_sends(client: Client) -> None:
    client.headers()
    client.vendor.script("personal-link", Reply(fault="truncated"))
    with pytest.raises(http.client.IncompleteRead):
        client.put(JOE)
    assert len(client.vendor.links) == 1


def test_an_answer_without_a_length_ends_with_its_connection(client: Client) -> None:
    client.vendor.script("personal-link", Reply(fault="no_length"))
    answer = client.put(JOE)

    assert (answer.status, answer.headers["Content-Length"]) == (200, None)
    assert answer.json["data"]["survey_link"] == client.vendor.links[0].survey_link


def test_hints_come_before_the_answer() -> None:
    with CustomerGaugeSandbox() as vendor, socket.create_connection(("127.0.0.1", vendor.port)) as wire:
        vendor.script("personal-link", Reply(200, b"{}", hints=(102, 103)))
        wire.sendall(b"GET /personal-link/ HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n")
        lines = wire.makefile("rb").read().split(b"\r\n")

    assert [line for line in lines if line.startswith(b"HTTP")] == [
        b"HTTP/1.1 102 Processing",
        b"HTTP/1.1 103 Early Hints",
        b"HTTP/1.1 200 OK",
    ]


@pytest.mark.parametrize("fault", ["drip_headers", "drip_body"])
def test_a_dripped_answer_is_whole_in_the_end(client: Client, fault: Any) -> None:
    client.headers()
    client.vendor.script("personal-link", Reply(fault=fault, interval=0.001))
    started = time.monotonic()
    assert client.put(JOE).status == 200
    assert time.monotonic() - started > 0.1
    assert client.put(JOE).status == 200
    assert len({call.connection for call in client.vendor.calls("personal-link")}) == 1


def test_a_hang_lasts_until_the_client_gives_up(client: Client) -> None:
    client.headers()
    client.vendor.script("personal-link", Reply(fault="hang"))
    assert client.wire.sock is not None
    client.wire.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.put(JOE)


@pytest.mark.parametrize("reply", [Reply(fault="hang"), Reply(delay=60), Reply(fault="drip_body", interval=60)])
def test_stopping_is_prompt_and_leaves_no_thread(reply: Reply) -> None:
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


def test_started_again_it_keeps_its_port_and_memory(client: Client) -> None:
    client.put(JOE)
    url = client.vendor.base_url
    client.vendor.stop()
    client.wire.close()
    client.vendor.start()
    assert client.vendor.base_url == url
    assert client.put(JOE).status == 200
    assert len(client.vendor.links) == 2
