"""A whole answer in an odd wrapping, over a real socket: its link, its refusal or its token is read all the same."""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.answer_bytes import decompressed
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, OutcomeUnknown, Refused, Unanswered
from personal_link.domain.outcome import PersonalLink
from tests.customergauge.scripted_lines import Line, Talk, serving

LINK = "https://survey.eu.customergauge.com/r/1"
SHORT = "https://cust.xx/1"
LINK_BODY = json.dumps({"data": {"number_customergauge": 4711, "survey_link": LINK, "survey_link_short": SHORT}})
DUPLICATE_BODY = '{"message": "Personal link record could not be created because it duplicates with another record."}'
TOKEN_BODY = '{"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}'


def create(url: str, seconds: float = 5.0) -> PersonalLink:
    clock = SystemClock()
    gauge = CustomerGauge(Transport(clock), clock, auth_base_url=url, imports_base_url=url)
    token = AccessToken("token", 3600, time.time(), time.monotonic())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, Deadline.after(seconds, clock))


def fetch_token(url: str) -> AccessToken:
    clock = SystemClock()
    gauge = CustomerGauge(Transport(clock), clock, auth_base_url=url, imports_base_url=url)
    return gauge.fetch_token(ClientCredentials("id", "secret"), Deadline.after(5.0, clock))


def saying(answer: bytes, *, hold: bool = False) -> Talk:
    def talk(line: Line) -> None:
        line.hear()
        line.say(answer)
        if hold:
            line.hold()

    return talk


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


def with_length(body: bytes, *headers: str) -> bytes:
    return "\r\n".join([*headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


# What follows the status line, made of the body.
WRAPPINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "a length": with_length,
    "no length, and the connection ends": lambda body: b"\r\n" + body,
    "no length, Connection: close": lambda body: b"Connection: close\r\n\r\n" + body,
    "a length that is no number": lambda body: b"Content-Length: unknown\r\n\r\n" + body,
    "a length beyond the end": lambda body: b"Content-Length: 5000\r\n\r\n" + body,
    "lines that end without a return": lambda body: b"Content-Length: %d\n\n" % len(body) + body,
    "chunks": lambda body: b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body),
    "chunks, in capitals": lambda body: b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + chunked(body),
    "chunks, and a length": lambda body: b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + chunked(body),
    "chunks without their end": lambda body: b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)[:-5],
    "a transfer encoding of identity": lambda body: with_length(body, "Transfer-Encoding: identity"),
    "a transfer of compressed chunks": lambda body: (
        b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(gzip.compress(body))
    ),
    "Content-Encoding: identity": lambda body: with_length(body, "Content-Encoding: identity"),
    "Content-Encoding: utf-8": lambda body: with_length(body, "Content-Encoding: utf-8"),
    "Content-Encoding of nothing": lambda body: with_length(body, "Content-Encoding:"),
    "gzip": lambda body: with_length(gzip.compress(body), "Content-Encoding: gzip"),
    "x-gzip": lambda body: with_length(gzip.compress(body), "Content-Encoding: X-GZIP"),
    "gzip in chunks": lambda body: (
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(gzip.compress(body))
    ),
    "gzip, and the connection ends": lambda body: b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(body),
    "gzip in two parts": lambda body: with_length(
        gzip.compress(body[:9]) + gzip.compress(body[9:]), "Content-Encoding: gzip"
    ),
    "gzip twice": lambda body: with_length(gzip.compress(gzip.compress(body)), "Content-Encoding: gzip, gzip"),
    "gzip without a label": lambda body: with_length(gzip.compress(body)),
    "gzip, its checksum cut off": lambda body: with_length(gzip.compress(body)[:-8], "Content-Encoding: gzip"),
    "gzip, with zeros behind it": lambda body: with_length(gzip.compress(body) + b"\0" * 9, "Content-Encoding: gzip"),
    "a label of gzip on plain text": lambda body: with_length(body, "Content-Encoding: gzip"),
    "a label of br on plain text": lambda body: with_length(body, "Content-Encoding: br"),
    "deflate": lambda body: with_length(zlib.compress(body), "Content-Encoding: deflate"),
    "deflate without its frame": lambda body: with_length(raw_deflate(body), "Content-Encoding: deflate"),
    "a label of deflate on plain text": lambda body: with_length(body, "Content-Encoding: deflate"),
    "another media type": lambda body: with_length(body, "Content-Type: text/html"),
}
# The body itself, made of the documented one.
BODIES: Mapping[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "two byte order marks": lambda text: b"\xef\xbb\xbf\xef\xbb\xbf" + text.encode(),
    "a byte order mark behind blank lines": lambda text: b"\r\n\n\xef\xbb\xbf " + text.encode(),
    "blank lines around": lambda text: f"\r\n\n {text} \r\n\n".encode(),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "UTF-16 without": lambda text: text.encode("utf-16-le"),
    "encoded twice": lambda text: json.dumps(text).encode(),
    "NaN in a field that nobody needs": lambda text: ('{"score": NaN, ' + text[1:]).encode(),
    "Infinity in one": lambda text: ('{"score": [-Infinity, {"a": Infinity}], ' + text[1:]).encode(),
    "a bad byte in one": lambda text: b'{"name": "J\xf6rg", ' + text[1:].encode(),
    "a bad byte in the name of one": lambda text: b'{"Stra\xdfe": 1, ' + text[1:].encode(),
    "half a character in one": lambda text: b'{"name": "\\ud83d", ' + text[1:].encode(),
    "a raw line break in one": lambda text: b'{"name": "a\nb\0", ' + text[1:].encode(),
    "one that is given twice": lambda text: ('{"a": 1, "a": 2, ' + text[1:]).encode(),
    "a number of five thousand digits in one": lambda text: ('{"a": ' + "9" * 5000 + ", " + text[1:]).encode(),
    "a number beyond all floats in one": lambda text: ('{"a": 1e999, ' + text[1:]).encode(),
}
ANSWERS = {
    **{name: lambda text, wrap=wrap: wrap(text.encode()) for name, wrap in WRAPPINGS.items()},
    **{name: lambda text, make=make: with_length(make(text)) for name, make in BODIES.items()},
}
each_wrapping = pytest.mark.parametrize("wrapped", ANSWERS.values(), ids=ANSWERS.keys())


@each_wrapping
def test_a_link_is_read_in_any_wrapping(wrapped: Callable[[str], bytes]) -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\n" + wrapped(LINK_BODY))) as server:
        assert create(server.url) == PersonalLink(4711, LINK, SHORT)
        assert len(server.requests) == 1


@each_wrapping
def test_a_refusal_is_read_in_any_wrapping(wrapped: Callable[[str], bytes]) -> None:
    with serving(saying(b"HTTP/1.1 400 Bad Request\r\n" + wrapped(DUPLICATE_BODY))) as server:
        with pytest.raises(Refused) as caught:
            create(server.url)

        assert caught.value.code is Code.DUPLICATE_RECORD
        assert len(server.requests) == 1


@each_wrapping
def test_a_token_is_read_in_any_wrapping(wrapped: Callable[[str], bytes]) -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\n" + wrapped(TOKEN_BODY))) as server:
        token = fetch_token(server.url)

        assert (token.value, token.life) == ("abc", 3600)
        assert len(server.requests) == 1


def test_json_that_could_pass_for_raw_deflate_is_taken_for_json() -> None:
    assert decompressed(b'{"a":1, "data":{}}', "deflate") == b'{"a":1, "data":{}}'


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 207, 226, 299])
def test_any_2xx_with_a_link_is_created(status: int) -> None:
    with serving(saying(b"HTTP/1.1 %d Fine\r\n" % status + with_length(LINK_BODY.encode()))) as server:
        assert create(server.url).survey_link == LINK


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_any_2xx_with_a_token_gives_it(status: int) -> None:
    with serving(saying(b"HTTP/1.1 %d Fine\r\n" % status + with_length(TOKEN_BODY.encode()))) as server:
        assert fetch_token(server.url).value == "abc"


@pytest.mark.parametrize("first_line", ["HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 " + "OK" * 50_000])
def test_the_first_line_needs_no_more_than_its_status(first_line: str) -> None:
    with serving(saying(f"{first_line}\r\n\r\n{LINK_BODY}".encode())) as server:
        assert create(server.url).survey_link == LINK


@pytest.mark.parametrize("length", ["", "Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_link_that_came_is_read_though_the_connection_does_not_end(length: str) -> None:
    body = LINK_BODY if "chunked" not in length else f"{len(LINK_BODY):x}\r\n{LINK_BODY}\r\n"
    with serving(saying(f"HTTP/1.1 200 OK\r\n{length}\r\n{body}".encode(), hold=True)) as server:
        began = time.monotonic()

        assert create(server.url, seconds=1.5).survey_link == LINK
        assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("length", [b"", b"Content-Length: 500\r\n"], ids=["no length", "a length"])
@pytest.mark.parametrize("kept", [1, 40, len(LINK_BODY) - 1])
def test_a_link_that_was_cut_is_unknown(length: bytes, kept: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + LINK_BODY.encode()[:kept]
    with serving(saying(answer)) as server:
        with pytest.raises(OutcomeUnknown):
            create(server.url)

        assert len(server.requests) == 1


def test_a_refusal_that_was_cut_is_no_answer() -> None:
    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n" + DUPLICATE_BODY.encode()[:-1]
    with serving(saying(answer)) as server, pytest.raises(Unanswered):
        create(server.url)


DAMAGED: Mapping[str, bytes] = {
    "gzip with a wrong checksum": with_length(gzip.compress(LINK_BODY.encode())[:-8] + b"\0" * 8),
    "gzip that was cut": with_length(gzip.compress(LINK_BODY.encode())[:40]),
    "brotli": with_length(b"\x8b\x02\x80" + b"\xa5" * 40, "Content-Encoding: br"),
    "gzip four times": with_length(gzip.compress(gzip.compress(gzip.compress(gzip.compress(LINK_BODY.encode()))))),
    "words behind the JSON": with_length(f"{LINK_BODY}<!-- 12 ms -->".encode()),
    "words before it": with_length(f"Warning: deprecated in index.php\n{LINK_BODY}".encode()),
    "two links": with_length(f"{LINK_BODY}{LINK_BODY}".encode()),
    "a link that is given twice, and differs": with_length(
        f'{{"data": {{"survey_link": "{LINK}", "survey_link": "{LINK}2"}}}}'.encode()
    ),
    "a bad byte in the link": with_length(b'{"data": {"survey_link": "https://survey.example/\xf6"}}'),
    "a lost character in the link": with_length('{"data": {"survey_link": "https://survey.example/\ufffd"}}'.encode()),
    "a line break in the link": with_length(b'{"data": {"survey_link": "https://survey.example/a\nb"}}'),
    "two lengths": b"Content-Length: 500\r\n" + with_length(LINK_BODY.encode()),
}


@pytest.mark.parametrize("answer", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_would_have_to_be_guessed_is_unknown(answer: bytes) -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\n" + answer)) as server:
        with pytest.raises(OutcomeUnknown) as caught:
            create(server.url)

        assert caught.value.code is Code.BAD_RESPONSE
        assert len(server.requests) == 1


def read(data: Mapping[str, Any]) -> PersonalLink:
    with serving(saying(b"HTTP/1.1 200 OK\r\n" + with_length(json.dumps({"data": data}).encode()))) as server:
        return create(server.url)


@pytest.mark.parametrize("around", [" ", "\n", "\r\n", "\t", "\u00a0"])
def test_blanks_around_a_link_are_no_part_of_it(around: str) -> None:
    data = {"survey_link": f"{around}{LINK}{around}", "survey_link_short": f"{SHORT}{around}"}

    assert read(data) == PersonalLink(None, LINK, SHORT)


@pytest.mark.parametrize(
    "long", [None, "", 7, "http://survey.example/r/1", "javascript:alert(1)", LINK + "x" * 2048, LINK + " 2"]
)
def test_a_short_link_stands_in_for_a_long_one_that_is_not_usable(long: object) -> None:
    assert read({"survey_link": long, "survey_link_short": SHORT}) == PersonalLink(None, SHORT, SHORT)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (4711, 4711),
        ("4711", 4711),
        (" 4711\n", 4711),
        (4711.0, 4711),
        (-1, -1),
        ("4,711", None),
        ("", None),
        (4711.5, None),
        (10**30, None),
        (True, None),
        ([4711], None),
    ],
)
def test_the_number_of_the_survey_may_be_text(number: object, told: int | None) -> None:
    assert read({"number_customergauge": number, "survey_link": LINK}).number_customergauge == told


@pytest.mark.parametrize(
    "message",
    [
        b"It duplicates with another record of J\xf6rg.",
        b"\\n It duplicates with another record.\\n",
        b"It duplicates\\nwith another record.",
        b"It duplicates with another record: \\ud83d",
    ],
)
def test_a_refusal_is_known_by_its_words_whatever_signs_are_between_them(message: bytes) -> None:
    answer = b"HTTP/1.1 400 Bad Request\r\n" + with_length(b'{"message": "%b"}' % message)
    with serving(saying(answer)) as server:
        with pytest.raises(Refused) as caught:
            create(server.url)

        assert caught.value.code is Code.DUPLICATE_RECORD


@pytest.mark.parametrize(
    ("token", "life"),
    [
        (b'{"access_token": "abc\\n"}', 600),
        (b'{"access_token": " abc", "token_type": "bearer "}', 600),
        (b'{"access_token": "abc", "token_type": null, "error": null}', 600),
        (b'{"access_token": "abc", "expires_in": NaN}', 600),
        (b'{"access_token": "abc", "expires_in": Infinity}', 600),
        (b'{"access_token": "abc", "expires_in": " 3600 "}', 3600),
        (b'{"access_token": "abc", "expires_in": "3600.0"}', 3600),
        (b'{"access_token": "abc", "expires_in": 1e999}', 86_400),
    ],
)
def test_a_token_is_read_with_what_is_odd_beside_it(token: bytes, life: float) -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\n" + with_length(token))) as server:
        got = fetch_token(server.url)

        assert (got.value, got.life) == ("abc", life)


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_grant"])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_error_of_the_client_is_no_outage_of_the_token_server(status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    with serving(saying(b"HTTP/1.1 %d Fine\r\n" % status + with_length(body))) as server:
        with pytest.raises(NotProcessed) as caught:
            fetch_token(server.url)

        assert (type(caught.value), caught.value.code) == (NotProcessed, Code.CREDENTIALS_REFUSED)
