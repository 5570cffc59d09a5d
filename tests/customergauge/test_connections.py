"""Truncated, odd and endless answers, 1xx answers, and answers of another request: each request is sent once."""

import gzip
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from personal_link.customergauge.client import CustomerGauge
from personal_link.domain.errors import Code, NotProcessed, OutcomeUnknown, Refused, RequestError, Unanswered
from tests.customergauge.scripted_lines import (
    LINK,
    Line,
    a_link,
    answer,
    create,
    error_in,
    fetch_token,
    gauge_at,
    read,
    saying,
    serving,
)

# Truncated answers


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        *((text, Unanswered, Code.NO_ANSWER) for text in (b"", b"HTTP/1.1", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH_9.2\r\n")),
        (b"HTTP/1.1 400 Bad Request", Unanswered, Code.NO_ANSWER),
        (b"HTTP/1.1 404 Not Found\r\nContent-Ty", Unanswered, Code.NO_ANSWER),
        (b"HTTP/1.1 422 Unprocessable Content\r\nContent-Length: 0\r\n", Unanswered, Code.NO_ANSWER),
        (b"HTTP/1.1 200 OK", OutcomeUnknown, Code.BAD_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", OutcomeUnknown, Code.BAD_RESPONSE),
    ],
)
def test_an_answer_cut_before_its_body_is_unknown_after_a_200_and_otherwise_no_answer(
    text: bytes, kind: type[RequestError], code: Code
) -> None:
    error = error_in(text)

    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", Unanswered),
        (answer(b'{"data": {}}')[:-4], OutcomeUnknown),
        (answer(b'{"message": "No campaign filter"}', "400 Bad Request")[:-4], Unanswered),
    ],
    ids=["in the headers", "in the body of a success", "in the body of a refusal"],
)
def test_a_request_whose_answer_is_cut_by_a_reset_is_not_sent_again(sent: bytes, kind: type[RequestError]) -> None:
    def break_off(line: Line) -> None:
        line.server.over.wait(0.2)  # the bytes before a reset are lost unless the client has read them
        line.reset()

    assert type(error_in(sent, break_off)) is kind


# Odd headers


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
def test_an_answer_with_very_many_or_odd_headers_is_read(headers: str) -> None:
    head, _end, body = a_link("1").partition(b"\r\n\r\n")
    status, _end, rest = head.partition(b"\r\n")
    lines = [status, headers.encode(), rest, *([headers.encode()] if len(headers) < 200_000 else [])]

    assert read(b"\r\n".join(lines) + b"\r\n\r\n" + body).survey_link == LINK + "1"


TWO_MEGABYTES = "X-Large: " + "x" * 2_000_000


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code"),
    [
        ("200 OK", TWO_MEGABYTES, OutcomeUnknown, Code.BAD_RESPONSE),
        ("200 OK", "Content-Length: " + "9" * 9_000, OutcomeUnknown, Code.BAD_RESPONSE),
        ("400 Bad Request", TWO_MEGABYTES, OutcomeUnknown, Code.BAD_RESPONSE),
        ("422 Unprocessable Content", TWO_MEGABYTES, Refused, Code.VALIDATION_FAILED),
        ("429 Too Many Requests", TWO_MEGABYTES, NotProcessed, Code.RATE_LIMITED),
        ("502 Bad Gateway", TWO_MEGABYTES, Unanswered, Code.UNAVAILABLE),
    ],
    ids=["200", "200 with no length", "400", "422", "429", "502"],
)
def test_an_answer_with_unreadable_headers_is_classified_by_its_status(
    status: str, headers: str, kind: type[RequestError], code: Code
) -> None:
    error = error_in(answer(b'{"message": "No."}', status, headers))

    assert (type(error), error.code) == (kind, code)


def test_an_answer_with_the_same_content_length_twice_is_read() -> None:
    body = a_link("1").partition(b"\r\n\r\n")[2]

    assert read(answer(body, "200 OK", f"Content-Length: {len(body)}")).survey_link == LINK + "1"


def test_a_retry_after_header_given_twice_is_ignored() -> None:
    error = error_in(answer(b"{}", "429 Too Many Requests", "Retry-After: 7", "Retry-After: 9"))

    assert (error.code, error.retry_after) == (Code.RATE_LIMITED, None)


# Endless answers


MEGABYTE = 1_000_000
PART = b" " * 50_000
FULL = gzip.compress(b" " * (64 * 1024 + 1))
A_LINK = b'{"data": {"survey_link": "https://survey.eu.customergauge.com/r/1"}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def endless(start: bytes, part: bytes, times: int = 1_000_000) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.say(start)
        for _ in range(times):
            if line.server.over.is_set():
                break
            line.say(part)

    return talk


def a_bomb(encoding: str, body: bytes) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.say(OK + f"Content-Encoding: {encoding}\r\n".encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        line.hold()

    return talk


ENDLESS = {
    "a hundred megabytes": endless(OK + b"Content-Length: 100000000\r\n\r\n", PART, times=2000),
    "chunks without end": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"c350\r\n" + PART + b"\r\n"),
    "one chunk of a terabyte": endless(OK + b"Transfer-Encoding: chunked\r\n\r\ne8d4a51000\r\n", PART),
    "a body without end": endless(OK + b"Connection: close\r\n\r\n", PART),
    "headers without end": endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 500),
    "a compressed bomb": a_bomb("gzip", gzip.compress(b" " * 100 * MEGABYTE)),
    "a compressed bomb of less than the limit": a_bomb("gzip", gzip.compress(A_LINK + b" " * 50 * MEGABYTE)),
    "one of zlib": a_bomb("deflate", zlib.compress(A_LINK + b" " * 50 * MEGABYTE)),
    "one that was compressed twice": a_bomb("gzip, gzip", gzip.compress(gzip.compress(b" " * 100 * MEGABYTE))),
    "one without a label": a_bomb("identity", gzip.compress(b" " * 50 * MEGABYTE)),
    "one of many parts": a_bomb("gzip", gzip.compress(b" " * 60_000) * 500),
    "one that is full before its last part": a_bomb("gzip", FULL + gzip.compress(b" " * 50 * MEGABYTE)),
    "a link a byte beyond the limit": a_bomb("gzip", gzip.compress(A_LINK.ljust(64 * 1024 + 1))),
}


def peak_of(ask: Callable[[CustomerGauge], object], talk: Callable[[Line], None]) -> int:
    """Return the memory that an answer takes; fail if it is not asked for exactly once."""
    with serving(saying(b"", talk)) as server:
        gauge = gauge_at(server.url)
        tracemalloc.start()
        try:
            ask(gauge)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (server.connections, len(server.requests)) == (1, 1)
    return peak


@pytest.mark.parametrize("talk", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_answer_of_a_hundred_megabytes_is_unknown_and_uses_under_five_megabytes(
    talk: Callable[[Line], None],
) -> None:
    def ask(gauge: CustomerGauge) -> None:
        with pytest.raises(OutcomeUnknown) as caught:
            create(gauge, seconds=15)
        assert caught.value.code is Code.BAD_RESPONSE

    assert peak_of(ask, talk) < 5 * MEGABYTE


@pytest.mark.parametrize("name", ["chunks without end", "a compressed bomb of less than the limit"])
def test_a_token_answer_of_a_hundred_megabytes_is_refused_and_uses_under_five_megabytes(name: str) -> None:
    def ask(gauge: CustomerGauge) -> None:
        with pytest.raises(NotProcessed) as caught:
            fetch_token(gauge)
        assert caught.value.code is Code.UNAVAILABLE

    assert peak_of(ask, ENDLESS[name]) < 5 * MEGABYTE


@pytest.mark.parametrize("name", ["a hundred megabytes", "chunks without end"])
def test_a_connection_is_not_reused_after_an_answer_that_was_not_read_to_its_end(name: str) -> None:
    with serving(saying(b"", ENDLESS[name]), saying(a_link("1"))) as server:
        gauge = gauge_at(server.url)
        with pytest.raises(OutcomeUnknown):
            create(gauge)
        create(gauge)

        assert server.connections == 2


# 1xx answers


@pytest.mark.parametrize(
    "hints",
    [["103 Early Hints"], ["199 Something New"], ["100 Continue", *["102 Processing"] * 200]],
    ids=["103", "199", "two hundred"],
)
def test_an_informational_1xx_answer_is_skipped_and_the_final_answer_is_read(hints: list[str]) -> None:
    link = "Link: </style.css>; rel=preload\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"

    def talk(line: Line) -> None:
        line.hear()
        for hint in hints:
            line.say(f"HTTP/1.1 {hint}\r\n{link}\r\n\r\n".encode())
        line.server.over.wait(0.2)
        line.say(a_link("1"))
        if line.hear():
            line.say(a_link("2"))

    with serving(talk) as server:
        gauge = gauge_at(server.url)

        assert create(gauge).survey_link == LINK + "1"
        assert create(gauge).survey_link == LINK + "2"
        assert (len(server.requests), server.connections) == (2, 1)


def test_an_endless_series_of_1xx_answers_ends_at_the_deadline() -> None:
    def talk(line: Line) -> None:
        while not line.server.over.wait(0.05):
            line.say(b"HTTP/1.1 102 Processing\r\n\r\n")

    began = time.monotonic()

    assert type(error_in(b"", talk, seconds=1.1)) is Unanswered
    assert time.monotonic() - began < 2.2


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 102 Processing\r\n\r\n" * 50_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + a_link("1"),
    ],
    ids=["a flood of hints", "a change of protocol"],
)
def test_too_many_1xx_answers_or_a_101_count_as_no_answer(text: bytes) -> None:
    assert type(error_in(text)) is Unanswered


# Answers of another request


def test_a_late_answer_after_a_1xx_answer_is_not_read_as_that_of_the_next_request() -> None:
    hung_up = threading.Event()

    def talk(line: Line) -> None:
        line.hear()
        line.say(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        if line.hear():  # the next request, if it comes this way at all
            line.say(a_link("of-the-first"))
        else:
            hung_up.set()

    with serving(talk, saying(a_link("of-the-second"))) as server:
        gauge = gauge_at(server.url)
        with pytest.raises(Unanswered):
            create(gauge, seconds=1.1)

        assert hung_up.wait(5)
        assert create(gauge).survey_link == LINK + "of-the-second"


CUT = answer(b'{"message": "No."}', "403 Forbidden").replace(b"Content-Length: 18", b"Content-Length: 5")


@pytest.mark.parametrize("first", [a_link("1"), CUT], ids=["a second answer", "bytes beyond the content length"])
def test_what_follows_an_answer_is_not_read_as_the_answer_of_the_next_request(first: bytes) -> None:
    def talk(line: Line) -> None:
        line.hear()
        line.say(first + a_link("of-nobody"))  # in one piece: what comes later still, no client can tell from an answer
        if line.hear():
            line.say(a_link("of-the-second"))

    with serving(talk, saying(a_link("of-the-second"))) as server:
        gauge = gauge_at(server.url)
        with suppress(NotProcessed):
            create(gauge)

        assert create(gauge).survey_link == LINK + "of-the-second"
        assert len(server.requests) == 2
