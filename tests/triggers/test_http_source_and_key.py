"""HTTP calls: base64, source and key."""

import base64

import pytest

from personal_link.domain.errors import Code, InvalidRequest, Unreadable
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check
from personal_link.triggers.http_request import open_http
from tests.triggers.deliveries import FORM, http_event

SHOP = "iam arn:aws:iam::123456789012:user/shop"


# --- HTTP: base64 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "media_type"),
    [('{"record": {"Name": "André"}}', "application/json"), ("record[Name]=Andr%C3%A9", FORM)],
)
def test_a_body_in_base64_is_read_like_any_other(body: str, media_type: str) -> None:
    encoded = base64.b64encode(body.encode()).decode()

    delivery = open_http(http_event(encoded, {"Content-Type": media_type}, base64_encoded=True))

    assert delivery.content == {"record": {"Name": "André"}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("e30", id="padding missing"),
        pytest.param("e30=!", id="foreign character"),
        pytest.param('{"record": {}}', id="not encoded at all"),
        pytest.param("é", id="not ASCII"),
    ],
)
def test_a_body_that_is_no_base64_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_http(http_event(body, base64_encoded=True))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.message == "The body is not valid base64."


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param(b'{"record": {"Name": "J\xf6rg"}}', "application/json", id="JSON in Latin-1"),
        pytest.param(b'{"record": {"Note": "Joe\x92s"}}', "application/json", id="JSON in Windows-1252"),
        pytest.param(b'{"record": {"Name": "J\xf6rg"}}', "application/json; charset=iso-8859-1", id="and it says so"),
        pytest.param('{"record": {"Name": "Jörg"}}'.encode("utf-16"), "application/json", id="JSON in UTF-16"),
        pytest.param(b"record[Name]=J\xf6rg", FORM, id="a form in Latin-1"),
        pytest.param(b"record[Pr\xe9nom]=Joe", FORM, id="a heading of a form"),
    ],
)
@pytest.mark.parametrize("by", ["bytes", "text"])
def test_a_body_that_is_not_utf_8_is_refused_by_naming_the_encoding(body: bytes, media_type: str, by: str) -> None:
    # As text it comes with U+FFFD for each byte that API Gateway could not read.
    sent = base64.b64encode(body).decode() if by == "bytes" else body.decode("utf-8", "replace")

    with pytest.raises(Unreadable) as caught:
        open_http(http_event(sent, {"Content-Type": media_type}, base64_encoded=by == "bytes"))

    assert caught.value.message == "The body is not UTF-8. Send it in UTF-8."


@pytest.mark.parametrize("body", ["record[Name]=J%F6rg", "record[Pr%E9nom]=x", "%FF=1", "record[Email]=%C3%28"])
def test_a_form_that_writes_bytes_of_another_encoding_is_refused_the_same_way(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_http(http_event(body, {"Content-Type": FORM}))

    assert caught.value.message == "The body is not UTF-8. Send it in UTF-8."


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ('{"record": {"Name": "J\\ufffdrg"}}', "application/json"),
        ("record[Name]=J%EF%BF%BDrg", FORM),
    ],
)
def test_the_replacement_character_itself_can_still_be_written(body: str, media_type: str) -> None:
    assert open_http(http_event(body, {"Content-Type": media_type})).content == {"record": {"Name": "J\ufffdrg"}}


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param('\ufeff{"record": {"A": "1"}}', "application/json", id="JSON"),
        pytest.param('\ufeff\r\n{"record": {"A": "1"}}\r\n', "application/json; charset=utf-8", id="JSON on a line"),
        pytest.param("\ufeffrecord[A]=1", FORM, id="a form that begins with the record"),
        pytest.param("\ufeffrecord[A]=1&submit=x", FORM, id="a form of more"),
    ],
)
@pytest.mark.parametrize("base64_encoded", [False, True])
def test_a_byte_order_mark_before_the_body_is_no_part_of_it(
    body: str,
    media_type: str,
    base64_encoded: bool,  # noqa: FBT001
) -> None:
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body

    delivery = open_http(http_event(sent, {"Content-Type": media_type}, base64_encoded=base64_encoded))

    assert delivery.content == {"record": {"A": "1"}}


# --- HTTP: source and key ---------------------------------------------------------------------------------------------


def test_an_http_request_is_known_by_its_request_id_and_its_time() -> None:
    delivery = open_http(http_event('{"record": {"A": 1}}'))

    assert delivery == Delivery(
        source=Source("http", "request-1"),
        content={"record": {"A": 1}},
        key=None,
        received_at=1_800_000_000.5,
        owner=SHOP,
    )


@pytest.mark.parametrize("header", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_key_of_an_http_request_comes_in_the_header(header: str) -> None:
    request = check(open_http(http_event('{"record": {"A": 1}}', {header: "order-7"})))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"order-3"', "order-3"),
        (' "order-3" ', "order-3"),
        ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"back\\slash"', "back\\slash"),
        ('"order 3"', "order 3"),
        pytest.param('"order-3', '"order-3', id="not closed"),
        pytest.param('order-"3"', 'order-"3"', id="quotes within"),
        pytest.param('"a" "b"', '"a" "b"', id="two strings"),
        pytest.param(r'"a\b"', r'"a\b"', id="an escape that there is not"),
        pytest.param("'order-3'", "'order-3'", id="other quotes"),
    ],
)
def test_a_key_in_quotes_as_the_draft_of_the_header_writes_it_is_the_key_without_them(header: str, key: str) -> None:
    request = check(open_http(http_event('{"record": {"A": 1}}', {"Idempotency-Key": header})))

    assert request.key == IdempotencyKey("caller", key, SHOP)


def test_a_key_in_quotes_is_the_same_as_the_bodys_without() -> None:
    body = '{"record": {"A": 1}, "idempotency_key": "order-7"}'

    request = check(open_http(http_event(body, {"Idempotency-Key": '"order-7"'})))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


def test_the_header_names_the_key_of_a_form_too() -> None:
    headers = {"Content-Type": FORM, "Idempotency-Key": "order-7"}

    request = check(open_http(http_event("record[A]=1", headers)))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


def test_a_key_in_the_body_counts_where_no_header_names_one() -> None:
    request = check(open_http(http_event('{"record": {"A": 1}, "idempotency_key": "order-7"}')))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


def test_an_http_request_without_a_key_gets_its_content_as_its_key() -> None:
    request = check(open_http(http_event('{"record": {"A": 1}}')))

    assert request.key.scope == "content"


def test_the_same_key_in_header_and_body_is_one_key() -> None:
    body = '{"record": {"A": 1}, "idempotency_key": "order-7"}'

    request = check(open_http(http_event(body, {"Idempotency-Key": "order-7"})))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


def test_a_null_key_in_the_body_is_none_and_leaves_the_headers_in_force() -> None:
    body = '{"record": {"A": 1}, "idempotency_key": null}'

    request = check(open_http(http_event(body, {"Idempotency-Key": "order-7"})))

    assert request.key == IdempotencyKey("caller", "order-7", SHOP)


@pytest.mark.parametrize("in_body", ['"order-8"', "7", "{}"])
def test_another_key_in_the_body_than_in_the_header_is_refused(in_body: str) -> None:
    body = f'{{"record": {{"A": 1}}, "idempotency_key": {in_body}}}'

    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event(body, {"Idempotency-Key": "order-7"}))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.errors == {"idempotency_key": ["differs from the Idempotency-Key header"]}


@pytest.mark.parametrize("key", ["", '""', "x" * 257])
def test_a_header_that_is_no_key_is_refused_by_the_keys_name(key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(open_http(http_event('{"record": {"A": 1}}', {"Idempotency-Key": key})))

    assert caught.value.errors == {"idempotency_key": ["must have 1 to 256 characters"]}
