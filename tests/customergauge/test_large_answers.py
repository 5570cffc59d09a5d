"""Answers of a hundred megabytes, compressed or not: read as far as an answer may be long, and no further."""

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, OutcomeUnknown
from tests.customergauge.scripted_lines import Line, a_link, serving

MEGABYTE = 1_000_000
PART = b" " * 50_000
FULL = gzip.compress(b" " * (64 * 1024 + 1))
A_LINK = b'{"data": {"survey_link": "https://survey.eu.customergauge.com/r/1"}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def a_hundred_megabytes(line: Line) -> None:
    line.say(OK + b"Content-Length: 100000000\r\n\r\n")
    for _ in range(2000):
        line.say(PART)


def chunks_without_end(line: Line) -> None:
    line.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while not line.server.over.is_set():
        line.say(b"c350\r\n" + PART + b"\r\n")


def one_chunk_of_a_terabyte(line: Line) -> None:
    line.say(OK + b"Transfer-Encoding: chunked\r\n\r\ne8d4a51000\r\n")
    while not line.server.over.is_set():
        line.say(PART)


def a_body_without_end(line: Line) -> None:
    line.say(OK + b"Connection: close\r\n\r\n")
    while not line.server.over.is_set():
        line.say(PART)


def a_bomb(encoding: str, body: bytes) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.say(OK + f"Content-Encoding: {encoding}\r\n".encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        line.hold()

    return talk


LARGE = {
    "a hundred megabytes": a_hundred_megabytes,
    "chunks without end": chunks_without_end,
    "one chunk of a terabyte": one_chunk_of_a_terabyte,
    "a body without end": a_body_without_end,
    "a compressed bomb": a_bomb("gzip", gzip.compress(b" " * 100 * MEGABYTE)),
}
SMALL_ON_THE_WIRE = {
    "a compressed bomb of less than the limit": a_bomb("gzip", gzip.compress(A_LINK + b" " * 50 * MEGABYTE)),
    "one of zlib": a_bomb("deflate", zlib.compress(A_LINK + b" " * 50 * MEGABYTE)),
    "one that was compressed twice": a_bomb("gzip, gzip", gzip.compress(gzip.compress(b" " * 100 * MEGABYTE))),
    "one without a label": a_bomb("identity", gzip.compress(b" " * 50 * MEGABYTE)),
    "one of many parts": a_bomb("gzip", gzip.compress(b" " * 60_000) * 500),
    "one that is full before its last part": a_bomb("gzip", FULL + gzip.compress(b" " * 50 * MEGABYTE)),
    "a link a byte beyond the limit": a_bomb("gzip", gzip.compress(A_LINK.ljust(64 * 1024 + 1))),
}


def after_the_request(talk: Callable[[Line], None]) -> Callable[[Line], None]:
    def heard(line: Line) -> None:
        line.hear()
        talk(line)

    return heard


def gauge_at(url: str) -> CustomerGauge:
    clock = SystemClock()
    return CustomerGauge(Transport(clock), clock, auth_base_url=url, imports_base_url=url)


def create(gauge: CustomerGauge) -> None:
    token = AccessToken("token", 3600, time.time(), time.monotonic())
    gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, Deadline.after(5, SystemClock()))


@pytest.mark.parametrize("talk", (LARGE | SMALL_ON_THE_WIRE).values(), ids=(LARGE | SMALL_ON_THE_WIRE).keys())
def test_an_answer_of_a_hundred_megabytes_adds_less_than_five_of_memory_and_is_unknown(
    talk: Callable[[Line], None],
) -> None:
    with serving(after_the_request(talk)) as server:
        gauge = gauge_at(server.url)
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknown) as caught:
                create(gauge)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert caught.value.code is Code.BAD_RESPONSE
        assert peak < 5 * MEGABYTE
        assert len(server.requests) == 1


@pytest.mark.parametrize("talk", LARGE.values(), ids=LARGE.keys())
def test_the_connection_of_an_answer_that_was_not_read_to_its_end_is_not_used_again(
    talk: Callable[[Line], None],
) -> None:
    with serving(after_the_request(talk), after_the_request(lambda line: line.say(a_link("1")))) as server:
        gauge = gauge_at(server.url)
        with pytest.raises(OutcomeUnknown):
            create(gauge)
        create(gauge)

        assert server.connections == 2


def test_headers_without_end_are_unknown_and_add_less_than_five_megabytes() -> None:
    def talk(line: Line) -> None:
        line.say(b"HTTP/1.1 200 OK\r\n")
        while not line.server.over.is_set():
            line.say(b"X-More: and more\r\n" * 500)

    with serving(after_the_request(talk)) as server:
        gauge = gauge_at(server.url)
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknown):
                create(gauge)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 5 * MEGABYTE


@pytest.mark.parametrize("talk", (LARGE | SMALL_ON_THE_WIRE).values(), ids=(LARGE | SMALL_ON_THE_WIRE).keys())
def test_a_token_answer_of_a_hundred_megabytes_is_no_token_and_adds_less_than_five_megabytes(
    talk: Callable[[Line], None],
) -> None:
    with serving(after_the_request(talk)) as server:
        gauge = gauge_at(server.url)
        tracemalloc.start()
        try:
            with pytest.raises(NotProcessed) as caught:
                gauge.fetch_token(ClientCredentials("id", "secret"), Deadline.after(5, SystemClock()))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert caught.value.code is Code.UNAVAILABLE
        assert peak < 5 * MEGABYTE
