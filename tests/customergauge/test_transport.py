"""The one caller of urllib3: when it connects, how long it waits, what it takes for an answer."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
import trustme

from personal_link.customergauge import client
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.answer_bytes import _TimedReader
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Response, Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import NotProcessed, Unanswered
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.vendor_replies import Reply
from tests.fake_clock import FakeClock


def get(transport: Transport, url: str, seconds: float = 5.0) -> Response:
    deadline = Deadline.after(seconds, SystemClock())
    return transport.request("GET", url, headers={}, body=b"", deadline=deadline)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that sends these bytes on its one connection and then nothing, without hanging up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)
                done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        done.set()
        thread.join()


def test_a_body_without_a_length_that_never_ends_is_not_complete(transport: Transport) -> None:
    began = time.monotonic()
    with answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}") as url:
        response = get(transport, url, seconds=1.5)

    assert (response.status, response.complete) == (200, False)
    assert time.monotonic() - began < 2.0


def test_what_is_no_http_is_no_answer(transport: Transport) -> None:
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as url, pytest.raises(Unanswered):
        get(transport, url)


def test_a_connection_that_was_idle_for_half_a_minute_is_not_trusted_any_more(vendor: CustomerGaugeSandbox) -> None:
    clock = FakeClock()
    transport = Transport(clock)
    get(transport, f"{vendor.base_url}/personal-link/")
    clock.advance(29.0)
    get(transport, f"{vendor.base_url}/personal-link/")
    clock.advance(31.0)
    get(transport, f"{vendor.base_url}/personal-link/")

    first, second, third = [call.connection for call in vendor.calls("personal-link")]
    assert first == second != third


def test_a_connection_outlives_the_deadline_of_the_request_that_opened_it(vendor: CustomerGaugeSandbox) -> None:
    transport = Transport(SystemClock())
    get(transport, f"{vendor.base_url}/personal-link/", seconds=1.1)
    threading.Event().wait(1.2)
    get(transport, f"{vendor.base_url}/personal-link/")

    first, second = [call.connection for call in vendor.calls("personal-link")]
    assert first == second


def test_a_host_that_is_asked_rarely_costs_another_no_connection(vendor: CustomerGaugeSandbox) -> None:
    clock = FakeClock()
    transport = Transport(clock)
    with CustomerGaugeSandbox() as token_server:
        get(transport, f"{token_server.base_url}/oauth2/token")
        for _ in range(4):
            get(transport, f"{vendor.base_url}/personal-link/")
            clock.advance(20.0)
        get(transport, f"{token_server.base_url}/oauth2/token")
        get(transport, f"{vendor.base_url}/personal-link/")

    assert len({call.connection for call in vendor.calls("personal-link")}) == 1


def test_many_at_once_after_a_long_rest_all_get_through(vendor: CustomerGaugeSandbox) -> None:
    clock = FakeClock()
    transport = Transport(clock)
    for _ in range(20):
        with ThreadPoolExecutor(10) as threads:
            answers = threads.map(get, [transport] * 10, [f"{vendor.base_url}/personal-link/"] * 10)
            assert {answer.status for answer in answers} == {405}
        clock.advance(31.0)


def test_connections_that_are_to_be_forgotten_are_not_used_again(vendor: CustomerGaugeSandbox) -> None:
    transport = Transport(SystemClock())
    get(transport, f"{vendor.base_url}/personal-link/")
    transport.forget_connections()
    get(transport, f"{vendor.base_url}/personal-link/")

    first, second = [call.connection for call in vendor.calls("personal-link")]
    assert first != second


def test_the_machines_authorities_are_read_once_for_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    server_tls, _authority = tls_for("127.0.0.1")
    reads: list[ssl.SSLContext] = []
    read = ssl.SSLContext.load_default_certs

    def count(context: ssl.SSLContext) -> None:
        reads.append(context)
        read(context)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", count)
    with CustomerGaugeSandbox(tls=server_tls) as vendor:
        transport = Transport(SystemClock())
        for _ in range(3):
            with pytest.raises(NotProcessed):
                get(transport, f"{vendor.base_url}/personal-link/")

    assert len(reads) == 1


def test_an_answer_shows_its_sizes_and_nothing_of_what_it_says(transport: Transport) -> None:
    with answering(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: Joe\r\n\r\n"Joe"') as url:
        assert repr(get(transport, url)) == "Response(status=200, 5 bytes, complete=True)"


def test_once_time_is_up_nothing_more_is_read_even_if_it_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, closing(_TimedReader(ours, ends_at=time.monotonic() - 0.001)) as reader:
        theirs.sendall(b"late")

        with pytest.raises(TimeoutError):
            reader.read(4)


def test_a_request_needs_no_thread_of_its_own(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url:
        monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("a thread was started"))

        assert get(transport, url).body == b"{}"


def test_a_name_that_is_not_found_at_once_is_looked_up_once_more(
    transport: Transport, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, tries = socket.getaddrinfo, iter([False, True])

    def second_time_lucky(*name: Any, **options: Any) -> Any:
        if not next(tries):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(*name, **options)

    monkeypatch.setattr(socket, "getaddrinfo", second_time_lucky)

    assert get(transport, f"{vendor.base_url}/personal-link/").status == 405


def tls_for(host: str) -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context, authority


def test_a_reset_in_the_handshake_is_certainly_not_processed(transport: Transport) -> None:
    with answering(b"this is no TLS") as url, pytest.raises(NotProcessed):
        get(transport, url.replace("http:", "https:"))


def test_a_token_may_take_its_own_time_and_no_more_of_the_invocations(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "TOKEN_LIMIT", 1.2)
    vendor.script("token", Reply(fault="hang"))

    with pytest.raises(NotProcessed):
        gauge.fetch_token(credentials, deadline)

    assert deadline.remaining() > 8.0


def test_a_link_may_take_its_own_time_and_no_more_of_the_invocations(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "LINK_LIMIT", 1.2)
    vendor.script("personal-link", Reply(fault="hang"))

    with pytest.raises(Unanswered):
        gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, deadline)

    assert deadline.remaining() > 8.0
