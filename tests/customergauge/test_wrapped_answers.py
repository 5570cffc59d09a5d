"""Complete answers in any encoding, over a real socket: the link, the refusal or the token is read."""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping

import pytest

from personal_link.customergauge.answer_bytes import decompressed
from personal_link.domain.errors import Code, OutcomeUnknown, Unanswered
from personal_link.domain.outcome import PersonalLink
from tests.customergauge.scripted_lines import Line, error_in, fetch_token, gauge_at, read, saying, serving

LINK = "https://survey.eu.customergauge.com/r/1"
SHORT = "https://cust.xx/1"
LINK_BODY = json.dumps({"data": {"number_customergauge": 4711, "survey_link": LINK, "survey_link_short": SHORT}})
DUPLICATE_BODY = '{"message": "Personal link record could not be created because it duplicates with another record."}'


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


def wrapped(wrapping: str, text: str) -> bytes:
    """Return what follows the status line."""
    return WRAPPINGS[wrapping](text.encode()) if wrapping in WRAPPINGS else with_length(BODIES[wrapping](text))


@pytest.mark.parametrize("wrapping", [*WRAPPINGS, *BODIES])
def test_a_link_is_read_in_any_transfer_or_content_encoding(wrapping: str) -> None:
    assert read(b"HTTP/1.1 200 OK\r\n" + wrapped(wrapping, LINK_BODY)) == PersonalLink(4711, LINK, SHORT)


@pytest.mark.parametrize("wrapping", ["no length, and the connection ends", "gzip", "a bad byte in one"])
def test_a_refusal_is_read_in_any_transfer_or_content_encoding(wrapping: str) -> None:
    assert error_in(b"HTTP/1.1 400 Bad Request\r\n" + wrapped(wrapping, DUPLICATE_BODY)).code is Code.DUPLICATE_RECORD


@pytest.mark.parametrize("wrapping", ["no length, and the connection ends", "gzip", "a byte order mark"])
def test_a_token_is_read_in_any_transfer_or_content_encoding(wrapping: str) -> None:
    body = '{"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}'
    with serving(saying(b"HTTP/1.1 201 Created\r\n" + wrapped(wrapping, body))) as server:
        token = fetch_token(gauge_at(server.url))

    assert (token.value, token.life) == ("abc", 3600)


def test_a_body_that_is_both_json_and_raw_deflate_is_read_as_json() -> None:
    assert decompressed(b'{"a":1, "data":{}}', "deflate") == b'{"a":1, "data":{}}'


@pytest.mark.parametrize(
    "first_line",
    [
        *("HTTP/1.1 201 Created", "HTTP/1.1 206 Partial Content", "HTTP/1.1 299 New"),
        *("HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 " + "OK" * 50_000),
    ],
    ids=["201", "206", "299", "HTTP/1.0", "no reason", "a reason of 100 KB"],
)
def test_any_2xx_answer_with_a_link_returns_the_link(first_line: str) -> None:
    assert read(f"{first_line}\r\n\r\n{LINK_BODY}".encode()).survey_link == LINK


@pytest.mark.parametrize(
    "body",
    [
        f'{{"survey_link": "{LINK}"}}',
        f'{{"data": null, "survey_link": "{LINK}"}}',
        f'{{"data": [{{"survey_link": "{LINK}"}}]}}',
        f'[{{"data": {{"survey_link": "{LINK}"}}}}]',
    ],
    ids=["alone", "beside null", "in a list", "all in a list"],
)
def test_a_link_is_read_outside_of_data_and_as_the_only_item_of_a_list(body: str) -> None:
    assert read(f"HTTP/1.1 201 Created\r\n\r\n{body}".encode()).survey_link == LINK


@pytest.mark.parametrize("length", ["", "Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_complete_link_is_read_although_the_connection_stays_open(length: str) -> None:
    body = LINK_BODY if "chunked" not in length else f"{len(LINK_BODY):x}\r\n{LINK_BODY}\r\n"
    began = time.monotonic()

    assert read(f"HTTP/1.1 200 OK\r\n{length}\r\n{body}".encode(), Line.hold, seconds=1.1).survey_link == LINK
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("length", [b"", b"Content-Length: 500\r\n"], ids=["no length", "a length"])
def test_a_truncated_answer_with_a_link_is_unknown(length: bytes) -> None:
    cut = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + LINK_BODY.encode()[:-1]

    assert type(error_in(cut)) is OutcomeUnknown


def test_a_truncated_refusal_counts_as_no_answer() -> None:
    assert type(error_in(b"HTTP/1.1 400 Bad Request\r\n\r\n" + DUPLICATE_BODY.encode()[:-1])) is Unanswered


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
def test_a_damaged_200_answer_is_unknown(answer: bytes) -> None:
    assert error_in(b"HTTP/1.1 200 OK\r\n" + answer).code is Code.BAD_RESPONSE


@pytest.mark.parametrize(
    ("data", "link"),
    [
        ({"survey_link": f" \u00a0{LINK}\r\n", "survey_link_short": f"{SHORT}\t"}, PersonalLink(None, LINK, SHORT)),
        ({"survey_link": LINK, "survey_link_short": "javascript:alert(1)"}, PersonalLink(None, LINK, None)),
        *[
            ({"survey_link": unusable, "survey_link_short": SHORT}, PersonalLink(None, SHORT, SHORT))
            for unusable in (None, 7, "http://survey.example/r/1")
        ],
        *[
            ({"number_customergauge": number, "survey_link": LINK}, PersonalLink(told, LINK, None))
            for number, told in ((4711, 4711), (" 4711\n", 4711), (4711.0, 4711), (-1, -1))
        ],
        *[
            ({"number_customergauge": odd, "survey_link": LINK}, PersonalLink(None, LINK, None))
            for odd in ("4,711", "", 4711.5, 10**30, True, [4711])
        ],
    ],
)
def test_a_link_with_blanks_around_or_odd_fields_beside_it_is_read(
    data: Mapping[str, object], link: PersonalLink
) -> None:
    assert read(b"HTTP/1.1 200 OK\r\n" + with_length(json.dumps({"data": data}).encode())) == link


@pytest.mark.parametrize(
    "message",
    [
        b"It duplicates with another record of J\xf6rg.",
        b"\\n It duplicates with another record.\\n",
        b"It duplicates\\nwith another record.",
        b"It duplicates with another record: \\ud83d",
    ],
)
def test_a_refusal_is_recognised_by_the_words_of_its_message_despite_odd_characters(message: bytes) -> None:
    refusal = error_in(b"HTTP/1.1 400 Bad Request\r\n" + with_length(b'{"message": "%b"}' % message))

    assert refusal.code is Code.DUPLICATE_RECORD


@pytest.mark.parametrize(
    ("more", "life"),
    [
        ("", 600),
        (', "token_type": "bearer "', 600),
        (', "token_type": null, "error": null', 600),
        *((f', "expires_in": {odd}', 600) for odd in ("NaN", "Infinity", "null", "true", '"abc"')),
        *((f', "expires_in": {hour}', 3600) for hour in ("3600", '" 3600 "', '"3600.0"')),
        *((f', "expires_in": {ended}', 0) for ended in ("0", "-1")),
        (', "expires_in": 5', 30),
        *((f', "expires_in": {endless}', 86_400) for endless in ("1e12", "1e999", "1" + "0" * 4000)),
    ],
)
def test_a_token_with_odd_fields_beside_it_is_read(more: str, life: float) -> None:
    with serving(
        saying(b"HTTP/1.1 200 OK\r\n" + with_length(f'{{"access_token": " abc\\n"{more}}}'.encode()))
    ) as server:
        token = fetch_token(gauge_at(server.url))

    assert (token.value, token.life) == ("abc", life)
