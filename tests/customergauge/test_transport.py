"""The transport over urllib3: kept connections, connecting, deadlines; each request is sent once."""

import gc
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from personal_link.customergauge import client
from personal_link.customergauge.answer_bytes import _TimedReader
from personal_link.customergauge.transport import Response, Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, OutcomeUnknown, Unanswered, Unauthorized
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.customergauge.conftest import Api
from tests.customergauge.scripted_lines import (
    LINK,
    TOKEN,
    Line,
    Talk,
    a_link,
    answer,
    create,
    gauge_at,
    resolve,
    saying,
    serving,
    unanswered,
)
from tests.fake_clock import FakeClock


def get(transport: Transport, url: str, seconds: float = 5.0) -> Response:
    deadline = Deadline.after(seconds, SystemClock())
    return transport.request("GET", url, headers={}, body=b"", deadline=deadline)


class Kept:
    """A transport by a fake clock, and the connection of each of its calls of a server."""

    def __init__(self, vendor: CustomerGaugeSandbox) -> None:
        self._vendor = vendor
        self.clock = FakeClock()
        self.transport = Transport(self.clock)

    def call(self, at_once: int = 1) -> None:
        with ThreadPoolExecutor(at_once) as threads:
            url = f"{self._vendor.base_url}/personal-link/"
            calls = [threads.submit(get, self.transport, url) for _ in range(at_once)]
            assert {call.result().status for call in calls} == {405}

    @property
    def connections(self) -> list[int]:
        return [call.connection for call in self._vendor.calls("personal-link")]


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    def talk(line: Line) -> None:
        while line.hear():
            line.say(answer(b"", f"{status} Moved", f"Location: {line.server.url}/personal-link/"))

    with serving(talk, talk) as server:
        with pytest.raises(Unanswered) as caught:
            create(gauge_at(server.url))

        assert caught.value.code is Code.UNAVAILABLE
        assert len(server.requests) == 1


# Kept connections


@pytest.mark.parametrize("end", [Line.reset, lambda line: line.sock.close()], ids=["reset", "closed"])
def test_an_idle_connection_closed_by_the_server_is_replaced_before_the_next_request(end: Talk) -> None:
    answered, gone = threading.Event(), threading.Event()

    def end_it(line: Line) -> None:
        answered.wait(5)
        end(line)
        gone.set()

    with serving(saying(a_link("1"), end_it), saying(a_link("2"))) as server:
        gauge = gauge_at(server.url)
        create(gauge)
        answered.set()
        assert gone.wait(5)

        assert create(gauge).survey_link == LINK + "2"
        assert len(server.requests) == 2


def test_a_request_on_a_kept_connection_that_stays_silent_gets_no_answer_by_the_deadline() -> None:
    def fall_silent(line: Line) -> None:
        line.hear()
        line.hold()

    with serving(saying(a_link("1"), fall_silent), saying(a_link("3"))) as server:
        gauge = gauge_at(server.url)
        create(gauge)
        with ending_within(2.2), pytest.raises(Unanswered) as caught:
            create(gauge, seconds=1.1)

        assert caught.value.code is Code.NO_ANSWER
        assert len(server.requests) == 2
        assert create(gauge).survey_link == LINK + "3"  # over a connection of its own


def test_a_connection_idle_for_more_than_thirty_seconds_or_forgotten_is_not_reused(
    vendor: CustomerGaugeSandbox,
) -> None:
    kept = Kept(vendor)
    for seconds in (29.0, 31.0, 0.0):
        kept.call()
        kept.clock.advance(seconds)
    kept.transport.forget_connections()
    kept.call()

    first, second, third, fourth = kept.connections
    assert first == second
    assert len({second, third, fourth}) == 3


def test_connections_of_a_burst_are_not_reused_when_calls_one_by_one_kept_only_one_of_them_busy(
    vendor: CustomerGaugeSandbox,
) -> None:
    kept = Kept(vendor)
    vendor.latency = 0.2
    kept.call(at_once=3)
    before = set(kept.connections)
    for _ in range(2):
        kept.clock.advance(20.0)
        kept.call()
    kept.call(at_once=3)

    assert len(before) == 3
    assert len(before & set(kept.connections[-3:])) == 1


def test_each_host_has_its_own_connections_with_their_own_idle_time(vendor: CustomerGaugeSandbox) -> None:
    kept = Kept(vendor)
    with CustomerGaugeSandbox() as token_server:
        get(kept.transport, f"{token_server.base_url}/oauth2/token")
        for _ in range(4):
            kept.call()
            kept.clock.advance(20.0)
        get(kept.transport, f"{token_server.base_url}/oauth2/token")
        kept.call()

        assert len({call.connection for call in token_server.calls("token")}) == 2
    assert len(set(kept.connections)) == 1


def test_a_connection_is_reused_after_the_deadline_of_the_request_that_opened_it(vendor: CustomerGaugeSandbox) -> None:
    transport = Transport(SystemClock())
    get(transport, f"{vendor.base_url}/personal-link/", seconds=1.05)
    threading.Event().wait(1.1)
    get(transport, f"{vendor.base_url}/personal-link/")

    assert len({call.connection for call in vendor.calls("personal-link")}) == 1


def test_ten_concurrent_requests_after_a_long_idle_time_all_get_an_answer(vendor: CustomerGaugeSandbox) -> None:
    kept = Kept(vendor)
    for _ in range(10):
        kept.call(at_once=10)
        kept.clock.advance(31.0)


# Connecting


def test_the_certificate_authorities_are_read_once_for_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[ssl.SSLContext] = []

    def count(context: ssl.SSLContext) -> None:
        reads.append(context)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", count)
    transport = Transport(SystemClock())
    with serving() as server:
        for _ in range(3):
            with pytest.raises(NotProcessed):
                get(transport, server.tls_url)

    assert len(reads) == 1


@pytest.mark.parametrize("addresses", [1, 3])
def test_a_connection_attempt_without_an_answer_ends_at_the_deadline_and_nothing_is_sent(
    addresses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unanswered() as port:
        resolve(monkeypatch, *[port] * addresses)
        with ending_within(2.2), pytest.raises(NotProcessed) as caught:
            create(gauge_at(f"http://imports.test:{port}"), seconds=1.2)

    assert caught.value.code is Code.UNAVAILABLE


def test_a_connection_that_opens_late_but_before_the_deadline_is_used() -> None:
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
        assert create(gauge_at(f"http://127.0.0.1:{listener.getsockname()[1]}")).survey_link == LINK + "late"
        clearing.join()
        in_the_way.close()


def test_a_host_whose_first_address_does_not_answer_is_reached_at_its_second(
    monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    with unanswered() as port:
        resolve(monkeypatch, port, vendor.port)
        with pytest.raises(Unauthorized):  # the answer to a token of ours: it was reached
            create(gauge_at("http://imports.test"))

    assert len(vendor.calls("personal-link")) == 1


def test_a_host_whose_first_address_is_of_a_family_that_the_machine_lacks_is_reached_at_its_second(
    monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    addresses = [
        (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", vendor.port))
        for family in (socket.AF_APPLETALK, socket.AF_INET)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_options: addresses)

    with pytest.raises(Unauthorized):
        create(gauge_at("http://imports.test"))


def test_each_of_many_addresses_has_time_for_a_host_on_another_continent(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))] * 8
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_name, **_options: addresses)
    monkeypatch.setattr(socket.socket, "settimeout", lambda _socket, seconds: limits.append(seconds))

    with pytest.raises(NotProcessed):
        create(gauge_at("http://imports.test"))

    assert limits[:4] == [0.5] * 4


@pytest.mark.parametrize("failures", [1, 2])
def test_a_host_name_that_is_not_found_is_looked_up_once_more_before_the_request_fails(
    failures: int, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, look_ups = socket.getaddrinfo, []

    def failing(*name: Any, **options: Any) -> Any:
        look_ups.append(name)
        if len(look_ups) <= failures:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(*name, **options)

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    with pytest.raises(Unauthorized if failures == 1 else NotProcessed) as caught:
        create(gauge_at(vendor.base_url))

    assert caught.value.code is (Code.CREDENTIALS_REFUSED if failures == 1 else Code.UNAVAILABLE)
    assert len(look_ups) == 2


def test_a_host_name_that_is_looked_up_until_the_deadline_is_a_failed_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_name: Any, **_options: Any) -> Any:
        time.sleep(0.5)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    with pytest.raises(NotProcessed) as caught:
        create(gauge_at("http://imports.test"), seconds=1.2)

    assert caught.value.message == "no connection (NameResolutionError)"  # which counts for the circuit


# The deadline


def test_no_request_is_sent_when_too_little_time_is_left(vendor: CustomerGaugeSandbox) -> None:
    with pytest.raises(NotProcessed):
        create(gauge_at(vendor.base_url), seconds=0.9)

    assert vendor.calls("personal-link") == []


@pytest.mark.parametrize(
    ("limit", "called", "kind"),
    [("TOKEN_LIMIT", Api.fetch_token, NotProcessed), ("LINK_LIMIT", Api.create, Unanswered)],
    ids=["token", "link"],
)
def test_a_token_call_and_a_link_call_each_end_at_their_own_time_limit(
    api: Api, monkeypatch: pytest.MonkeyPatch, limit: str, called: Callable[[Api], object], kind: type[Exception]
) -> None:
    monkeypatch.setattr(client, limit, 1.1)
    api.token = TOKEN
    for path in ("token", "personal-link"):
        api.vendor.script(path, Reply(fault="hang"))

    with ending_within(2.2), pytest.raises(kind):
        called(api)


def dripping(start: bytes) -> Talk:
    def drip(line: Line) -> None:
        line.say(start)
        for _ in range(50):  # five seconds: the test ends, and fails, even if the deadline is not kept
            line.server.over.wait(0.1)
            line.say(b"x")

    return saying(b"", drip)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"HTTP/1.1 2", Unanswered),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", Unanswered),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;", OutcomeUnknown),
    ],
    ids=["first line", "headers", "body"],
)
def test_an_answer_that_drips_forever_ends_at_the_deadline_and_leaves_no_socket_open(
    start: bytes, kind: type[Unanswered | OutcomeUnknown]
) -> None:
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with serving(dripping(start)) as server:
            with ending_within(2.2), pytest.raises(kind):
                create(gauge_at(server.url), seconds=1.1)
            assert (server.connections, len(server.requests)) == (1, 1)
        gc.collect()

    assert [str(warning.message) for warning in left_open] == []


def test_an_answer_that_starts_late_and_stops_ends_at_the_deadline_of_the_request() -> None:
    def begin_late(line: Line) -> None:
        line.server.over.wait(0.8)
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        line.hold()

    with serving(saying(b"", begin_late)) as server, ending_within(1.9):
        response = get(Transport(SystemClock()), server.url, seconds=1.2)

    assert repr(response) == "Response(status=200, 0 bytes, complete=False)"


def test_after_the_deadline_no_more_bytes_are_read_even_if_they_have_arrived() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, closing(_TimedReader(ours, ends_at=time.monotonic() - 0.001)) as reader:
        theirs.sendall(b"late")

        with pytest.raises(TimeoutError):
            reader.read(4)


def test_a_request_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(line: Line) -> None:
        while line.hear():
            line.say(answer(b"{}"))

    transport = Transport(SystemClock())
    with serving(talk) as server:
        get(transport, server.url)  # the server's thread of this connection is there now
        monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("a thread was started"))

        assert get(transport, server.url).body == b"{}"
