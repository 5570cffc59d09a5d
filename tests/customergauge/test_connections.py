"""Answers that are cut, odd, after hints, or of another request: one request on the wire, and an honest end."""

import threading
import time

import pytest

from personal_link.domain.errors import (
    Code,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    RequestError,
    Unanswered,
)
from tests.customergauge.calls import LINK, create, gauge_at, saying
from tests.customergauge.scripted_lines import Line, a_link, answer, serving

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
