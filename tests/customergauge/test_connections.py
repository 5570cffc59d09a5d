"""Connections that break, lie or fall silent: one request on the wire, and an honest end by the deadline."""

import gc
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable

import pytest
import trustme

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import (
    Code,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    RequestError,
    Unanswered,
    Unauthorized,
)
from sandbox.customergauge import CustomerGaugeSandbox
from tests.customergauge.scripted_lines import Line, Talk, a_link, answer, serving, unanswered
from tests.fake_clock import FakeClock

LINK = "https://survey.eu.customergauge.com/r/"
TOKEN = AccessToken("token", 3600, time.time(), time.monotonic())


def gauge_at(url: str, tls: ssl.SSLContext | None = None) -> CustomerGauge:
    clock = SystemClock()
    return CustomerGauge(Transport(clock, tls), clock, auth_base_url=url, imports_base_url=url)


def create(gauge: CustomerGauge, seconds: float = 5.0) -> str:
    deadline = Deadline.after(seconds, SystemClock())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, TOKEN, deadline).survey_link


def get(transport: Transport, url: str, seconds: float = 5.0) -> bytes:
    return transport.request("GET", url, headers={}, body=b"", deadline=Deadline.after(seconds, SystemClock())).body


def trusted(host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return both ends' contexts for a host that the client trusts."""
    authority = trustme.CA()
    server_tls, client_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(host).configure_cert(server_tls)
    authority.configure_trust(client_tls)
    return server_tls, client_tls


def saying(text: bytes, then: Callable[[Line], None] = lambda _line: None) -> Talk:
    """Hear one request, say this, and hang up unless something else is to follow."""

    def talk(line: Line) -> None:
        line.hear()
        line.say(text)
        then(line)

    return talk


# An answer that is cut


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"422 Unprocessable Content"])
@pytest.mark.parametrize(
    "end", [b"", b"\r\n", b"\r\nContent-Ty", b"\r\nContent-Type: application/json\r\n", b"\r\nContent-Length: 0\r\n"]
)
def test_a_refusal_cut_in_its_headers_may_have_been_any_refusal_and_is_no_answer(status: bytes, end: bytes) -> None:
    with serving(saying(b"HTTP/1.1 " + status + end)) as server:
        with pytest.raises(RequestError) as caught:
            create(gauge_at(server.url))

        assert (type(caught.value), caught.value.code) == (Unanswered, Code.NO_ANSWER)
        assert len(server.requests) == 1


@pytest.mark.parametrize("end", [b"", b"\r\nContent-Ty", b"\r\nContent-Length: 5"])
def test_a_success_cut_in_its_headers_is_unknown_and_asked_for_once(end: bytes) -> None:
    with serving(saying(b"HTTP/1.1 200 OK" + end)) as server:
        with pytest.raises(OutcomeUnknown) as caught:
            create(gauge_at(server.url))

        assert caught.value.code is Code.BAD_RESPONSE
        assert len(server.requests) == 1


@pytest.mark.parametrize("text", [b"", b"HT", b"HTTP/1.1", b"HTTP/1.1 2"])
def test_an_answer_cut_in_its_first_line_is_no_answer(text: bytes) -> None:
    with serving(saying(text)) as server:
        with pytest.raises(Unanswered):
            create(gauge_at(server.url))

        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"", Unanswered),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Unanswered),
        (answer(b'{"data": {}}')[:-4], OutcomeUnknown),
        (answer(b'{"message": "No campaign filter"}', "400 Bad Request")[:-4], Unanswered),
    ],
    ids=["before a byte", "in the headers", "in the body of a success", "in the body of a refusal"],
)
def test_a_reset_in_mid_answer_leaves_one_request_on_the_wire(sent: bytes, kind: type[RequestError]) -> None:
    heard_all = threading.Event()

    def break_off(line: Line) -> None:
        heard_all.wait(0.2)  # the bytes before a reset are lost unless the client has read them
        line.reset()

    with serving(saying(sent, break_off)) as server:
        with pytest.raises(RequestError) as caught:
            create(gauge_at(server.url))

        assert type(caught.value) is kind
        assert len(server.requests) == 1


# An answer that is odd


HEADERS = {
    "one of 100 KB": "X-Large: " + "x" * 100_000,
    "a cookie of 300 KB in folded lines": "Set-Cookie: a" + "\r\n ".join(["b" * 1000] * 300),
    "two hundred": "\r\n".join(f"X-{number}: x" for number in range(200)),
    "five thousand": "\r\n".join(f"X-{number}: {'x' * 100}" for number in range(5000)),
    "two hundred that are read": "\r\n".join(["Connection: keep-alive"] * 200),
    "one of 100 KB that is read": "Retry-After: " + "7" * 100_000,
    "a line that is none": "HTTP/1.1 filtered by a proxy",
    "a name with a blank": "X Y: z",
    "a return in a value": "Retry-After: 1\rContent-Length: 3",
    "no value": "Connection:",
    "other bytes than ASCII": "X-Name: \u00fc",
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("position", ["before the length", "behind it"])
def test_headers_do_not_hide_an_answer_however_many_they_are(headers: str, position: str) -> None:
    head, _end, body = a_link("1").partition(b"\r\n\r\n")
    status, _end, rest = head.partition(b"\r\n")
    extra = headers.encode()
    lines = [status, extra, rest] if position == "before the length" else [status, rest, extra]
    with serving(saying(b"\r\n".join(lines) + b"\r\n\r\n" + body)) as server:
        assert create(gauge_at(server.url)) == LINK + "1"
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("200 OK", OutcomeUnknown, Code.BAD_RESPONSE),
        ("201 Created", OutcomeUnknown, Code.BAD_RESPONSE),
        ("400 Bad Request", OutcomeUnknown, Code.BAD_RESPONSE),
        ("422 Unprocessable Content", Refused, Code.VALIDATION_FAILED),
        ("429 Too Many Requests", NotProcessed, Code.RATE_LIMITED),
        ("502 Bad Gateway", Unanswered, Code.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize(
    "headers", ["X-Large: " + "x" * 2_000_000, "Content-Length: " + "9" * 9_000], ids=["two megabytes", "no length"]
)
def test_headers_that_cannot_be_read_leave_what_the_status_says(
    status: str, kind: type[RequestError], code: Code, headers: str
) -> None:
    with serving(saying(answer(b'{"message": "No."}', status, headers))) as server:
        with pytest.raises(RequestError) as caught:
            create(gauge_at(server.url))

        assert (type(caught.value), caught.value.code) == (kind, code)
        assert len(server.requests) == 1


def test_two_lengths_that_differ_are_no_answer_to_build_on() -> None:
    with serving(saying(a_link("1").replace(b"\r\n\r\n", b"\r\nContent-Length: 7\r\n\r\n", 1))) as server:
        with pytest.raises(OutcomeUnknown):
            create(gauge_at(server.url))

        assert len(server.requests) == 1


def test_a_length_given_twice_alike_does_no_harm() -> None:
    body = a_link("1").partition(b"\r\n\r\n")[2]
    with serving(saying(answer(body, "200 OK", f"Content-Length: {len(body)}"))) as server:
        assert create(gauge_at(server.url)) == LINK + "1"


def test_a_retry_after_given_twice_is_taken_for_none() -> None:
    with serving(saying(answer(b"{}", "429 Too Many Requests", "Retry-After: 7", "Retry-After: 9"))) as server:
        with pytest.raises(NotProcessed) as caught:
            create(gauge_at(server.url))

        assert (caught.value.code, caught.value.retry_after) == (Code.RATE_LIMITED, None)


# An answer after hints


@pytest.mark.parametrize(
    "hints",
    [
        ["100 Continue"],
        ["102 Processing"],
        ["103 Early Hints"],
        ["199 Something New"],
        ["100 Continue", "102 Processing", "103 Early Hints", "103 Early Hints"],
        ["102 Processing"] * 200,
    ],
    ids=["100", "102", "103", "199", "several", "two hundred"],
)
def test_hints_are_not_taken_for_the_answer_that_follows_them(hints: list[str]) -> None:
    link = "Link: </style.css>; rel=preload\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"

    def talk(line: Line) -> None:
        line.hear()
        for hint in hints:
            line.say(f"HTTP/1.1 {hint}\r\n{link}\r\n\r\n".encode())
        line.server.over.wait(0.3)
        line.say(a_link("1"))
        if line.hear():
            line.say(a_link("2"))

    with serving(talk) as server:
        gauge = gauge_at(server.url)

        assert create(gauge) == LINK + "1"
        assert create(gauge) == LINK + "2"
        assert (len(server.requests), server.connections) == (2, 1)


def test_hints_that_never_end_end_by_the_deadline() -> None:
    def talk(line: Line) -> None:
        line.hear()
        while not line.server.over.wait(0.05):
            line.say(b"HTTP/1.1 102 Processing\r\n\r\n")

    with serving(talk) as server:
        began = time.monotonic()
        with pytest.raises(Unanswered):
            create(gauge_at(server.url), seconds=1.2)

        assert time.monotonic() - began < 1.7
        assert len(server.requests) == 1


def test_a_flood_of_hints_is_no_answer() -> None:
    with serving(saying(b"HTTP/1.1 102 Processing\r\n\r\n" * 50_000)) as server:
        with pytest.raises(Unanswered):
            create(gauge_at(server.url))

        assert len(server.requests) == 1


def test_a_change_of_protocol_that_nobody_asked_for_is_no_answer() -> None:
    with serving(saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + a_link("1"))) as server:
        with pytest.raises(Unanswered):
            create(gauge_at(server.url))

        assert len(server.requests) == 1


# An answer that is another request's


@pytest.mark.parametrize("status", ["102 Processing", "103 Early Hints"])
def test_a_hint_before_a_late_answer_does_not_hand_that_answer_to_the_next_request(status: str) -> None:
    hung_up = threading.Event()

    def talk(line: Line) -> None:
        line.hear()
        line.say(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if line.hear():  # the next request, if it comes this way at all
            line.say(a_link("of-the-first"))
        else:
            hung_up.set()

    with serving(talk, saying(a_link("of-the-second"))) as server:
        gauge = gauge_at(server.url)
        with pytest.raises(Unanswered):
            create(gauge, seconds=1.5)

        assert hung_up.wait(5)
        assert create(gauge) == LINK + "of-the-second"


def test_a_second_answer_nobody_asked_for_is_not_handed_to_the_next_request() -> None:
    def talk(line: Line) -> None:
        line.hear()
        line.say(a_link("of-the-first") + a_link("of-nobody"))
        if line.hear():
            line.say(a_link("of-the-second"))

    with serving(talk, saying(a_link("of-the-second"))) as server:
        gauge = gauge_at(server.url)

        assert create(gauge) == LINK + "of-the-first"
        assert create(gauge) == LINK + "of-the-second"


def test_what_follows_the_length_of_an_answer_is_not_handed_to_the_next_request() -> None:
    cut = answer(b'{"message": "No."}', "403 Forbidden").replace(b"Content-Length: 18", b"Content-Length: 5")

    def talk(line: Line) -> None:
        line.hear()
        line.say(cut + a_link("of-nobody"))  # in one piece: what comes later still, no client can tell from an answer
        if line.hear():
            line.say(a_link("of-the-second"))

    with serving(talk, saying(a_link("of-the-second"))) as server:
        gauge = gauge_at(server.url)
        with pytest.raises(NotProcessed):
            create(gauge)

        assert create(gauge) == LINK + "of-the-second"


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
