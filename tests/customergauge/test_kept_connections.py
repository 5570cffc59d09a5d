"""Redirects, kept connections and deadlines: one request on the wire, and an honest end."""

import gc
import socket
import ssl
import threading
import time
import warnings

import pytest
import trustme

from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import (
    Code,
    NotProcessed,
    OutcomeUnknown,
    Unanswered,
    Unauthorized,
)
from sandbox.customergauge import CustomerGaugeSandbox
from tests.customergauge.calls import LINK, create, gauge_at, saying
from tests.customergauge.scripted_lines import Line, Talk, a_link, answer, serving, unanswered
from tests.fake_clock import FakeClock


def get(transport: Transport, url: str, seconds: float = 5.0) -> bytes:
    return transport.request("GET", url, headers={}, body=b"", deadline=Deadline.after(seconds, SystemClock())).body


def trusted(host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return both ends' contexts for a host that the client trusts."""
    authority = trustme.CA()
    server_tls, client_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(host).configure_cert(server_tls)
    authority.configure_trust(client_tls)
    return server_tls, client_tls


# A redirect


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_itself_is_followed_not_even_once(status: int) -> None:
    def talk(line: Line) -> None:
        while line.hear():
            line.say(answer(b"", f"{status} Moved", f"Location: {line.server.url}/personal-link/"))

    with serving(talk, talk) as server:
        with pytest.raises(Unanswered) as caught:
            create(gauge_at(server.url))

        assert caught.value.code is Code.UNAVAILABLE
        assert len(server.requests) == 1


def test_a_redirect_from_https_to_http_sends_nothing_there() -> None:
    server_tls, client_tls = trusted("127.0.0.1")
    with serving() as elsewhere:

        def talk(line: Line) -> None:
            line.start_tls(server_tls)
            line.hear()
            line.say(answer(b"", "307 Temporary Redirect", f"Location: {elsewhere.url}/personal-link/"))

        with serving(talk) as server, pytest.raises(Unanswered):
            create(gauge_at(server.tls_url, client_tls))

        assert elsewhere.connections == 0


# A connection kept open


def test_a_kept_connection_that_the_server_has_closed_is_replaced_without_a_word() -> None:
    closed = threading.Event()

    def talk(line: Line) -> None:
        line.hear()
        line.say(a_link("1"))
        line.sock.close()
        closed.set()

    with serving(talk, saying(a_link("2"))) as server:
        gauge = gauge_at(server.url)
        create(gauge)
        assert closed.wait(5)

        assert create(gauge) == LINK + "2"
        assert len(server.requests) == 2


def test_a_kept_connection_that_the_server_has_reset_is_replaced_without_a_word() -> None:
    gone = threading.Event()

    def talk(line: Line) -> None:
        line.hear()
        line.say(a_link("1"))
        answered.wait(5)
        line.reset()
        gone.set()

    answered = threading.Event()
    with serving(talk, saying(a_link("2"))) as server:
        gauge = gauge_at(server.url)
        create(gauge)
        answered.set()
        assert gone.wait(5)

        assert create(gauge) == LINK + "2"
        assert len(server.requests) == 2


def test_a_kept_connection_that_fell_silent_is_ambiguous_and_ends_by_the_deadline() -> None:
    def talk(line: Line) -> None:
        line.hear()
        line.say(a_link("1"))
        line.hear()
        line.hold()

    with serving(talk, saying(a_link("3"))) as server:
        gauge = gauge_at(server.url)
        create(gauge)
        began = time.monotonic()
        with pytest.raises(Unanswered) as caught:
            create(gauge, seconds=1.5)

        assert caught.value.code is Code.NO_ANSWER
        assert time.monotonic() - began < 2.0
        assert len(server.requests) == 2
        assert create(gauge) == LINK + "3"  # over a connection of its own


def test_a_connection_to_one_host_grows_old_while_another_host_is_in_use() -> None:
    def talk(line: Line) -> None:
        while line.hear():
            line.say(answer(b"{}"))

    clock = FakeClock()
    transport = Transport(clock)
    with serving(talk, talk) as token_server, serving(talk, talk) as api:
        get(transport, token_server.url)
        clock.advance(20.0)
        get(transport, api.url)
        clock.advance(20.0)
        get(transport, token_server.url)

        assert token_server.connections == 2


# The deadline


def test_silence_after_a_late_beginning_ends_by_the_same_deadline() -> None:
    def talk(line: Line) -> None:
        line.hear()
        line.server.over.wait(1.0)
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        line.hold()

    with serving(talk) as server:
        began = time.monotonic()

        assert get(Transport(SystemClock()), server.url, seconds=1.5) == b""
        assert time.monotonic() - began < 1.8


def test_a_handshake_that_takes_its_time_takes_it_from_the_same_deadline() -> None:
    server_tls, client_tls = trusted("127.0.0.1")

    def talk(line: Line) -> None:
        line.server.over.wait(1.2)
        line.start_tls(server_tls)
        line.hear()
        line.hold()

    with serving(talk) as server:
        began = time.monotonic()
        with pytest.raises(Unanswered):
            create(gauge_at(server.tls_url, client_tls), seconds=2.0)

        assert time.monotonic() - began < 2.5


def test_a_handshake_may_take_all_that_connecting_left_however_many_addresses_the_host_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server_tls, client_tls = trusted("imports.test")

    def talk(line: Line) -> None:
        line.server.over.wait(1.2)
        line.start_tls(server_tls)
        line.hear()
        line.say(a_link("1"))

    with serving(talk) as server:
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_options: [address] * 2)

        assert create(gauge_at("https://imports.test", client_tls)) == LINK + "1"


def test_a_handshake_that_is_never_answered_ends_by_the_deadline_and_sent_nothing() -> None:
    with serving(lambda line: line.hold(), lambda line: line.hold()) as server:
        began = time.monotonic()
        with pytest.raises(NotProcessed) as caught:
            create(gauge_at(server.tls_url), seconds=1.5)

        assert caught.value.code is Code.UNAVAILABLE
        assert time.monotonic() - began < 2.0
        assert server.requests == []


def test_a_handshake_that_drips_ends_by_the_deadline_and_sent_nothing() -> None:
    def talk(line: Line) -> None:
        line.say(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KB, as if it were on its way
        while not line.server.over.wait(0.1):
            line.say(b"\x02")

    with serving(talk, talk) as server:
        began = time.monotonic()
        with pytest.raises(NotProcessed):
            create(gauge_at(server.tls_url), seconds=1.5)

        assert time.monotonic() - began < 2.0


def test_a_connection_that_does_not_come_about_ends_by_the_deadline_and_sent_nothing() -> None:
    with unanswered() as port:
        began = time.monotonic()
        with pytest.raises(NotProcessed) as caught:
            create(gauge_at(f"http://127.0.0.1:{port}"), seconds=1.5)

    assert caught.value.code is Code.UNAVAILABLE
    assert time.monotonic() - began < 2.0


def test_a_connection_that_comes_about_late_but_in_time_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        in_the_way = socket.create_connection(listener.getsockname())  # so that the first packet is dropped

        def accept() -> None:
            listener.accept()[0].close()
            connection, _address = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(a_link("late"))

        clearing = threading.Timer(0.3, accept)
        clearing.start()
        assert create(gauge_at(f"http://127.0.0.1:{listener.getsockname()[1]}")) == LINK + "late"
        clearing.join()
        in_the_way.close()


def test_a_host_of_many_addresses_that_do_not_answer_ends_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with unanswered() as port:
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_options: [address] * 3)
        began = time.monotonic()
        with pytest.raises(NotProcessed):
            create(gauge_at(f"http://imports.test:{port}"), seconds=1.2)

    assert time.monotonic() - began < 1.7


def test_a_host_whose_first_address_does_not_answer_is_reached_by_its_second(
    monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    with unanswered() as port:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", to))
            for to in (port, vendor.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_options: addresses)
        with pytest.raises(Unauthorized):  # the answer to a token of ours: it was reached
            create(gauge_at("http://imports.test"))

    assert len(vendor.calls("personal-link")) == 1


def test_a_name_that_cannot_be_looked_up_twice_over_is_certainly_not_processed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look_ups: list[object] = []

    def failing(*name: object, **_options: object) -> None:
        look_ups.append(name)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)

    with pytest.raises(NotProcessed) as caught:
        create(gauge_at("http://imports.test"))

    assert caught.value.code is Code.UNAVAILABLE
    assert len(look_ups) == 2


def dripping(start: bytes) -> Talk:
    def talk(line: Line) -> None:
        line.hear()
        line.say(start)
        while not line.server.over.wait(0.1):
            line.say(b"x")

    return talk


def headers_dripping() -> tuple[float, int, list[str]]:
    """Return how long it took, how many requests were sent, and what was left open."""
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with serving(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as server:
            began = time.monotonic()
            with pytest.raises(Unanswered):
                create(gauge_at(server.url), seconds=1.2)
            took = time.monotonic() - began
        gc.collect()
    return took, len(server.requests), [str(warning.message) for warning in left_open]


def test_headers_that_drip_for_ever_end_by_the_deadline() -> None:
    took, requests, _left_open = headers_dripping()

    assert took < 1.7
    assert requests == 1


def test_headers_that_drip_for_ever_leave_no_socket_open() -> None:
    _took, _requests, left_open = headers_dripping()

    assert left_open == []


def test_chunks_that_drip_for_ever_end_by_the_deadline() -> None:
    with serving(dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;")) as server:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            create(gauge_at(server.url), seconds=1.2)

        assert time.monotonic() - began < 1.7
        assert len(server.requests) == 1
