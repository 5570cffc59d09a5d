"""HTTP calls: media types, forms, bodies that hold no request, encodings, source and key."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from personal_link.domain.errors import Code, InvalidRequest, NotProcessed, Unreadable
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check
from personal_link.triggers.http_request import open_http
from tests.tables import table

FORM = "application/x-www-form-urlencoded"
AS_FORM = {"Content-Type": FORM}
SHOP = "iam arn:aws:iam::123456789012:user/shop"


def http_event(
    body: str | None, headers: Mapping[str, str] | None = None, *, base64_encoded: bool = False
) -> dict[str, Any]:
    return {
        "httpMethod": "PUT",
        "headers": headers,
        "body": body,
        "isBase64Encoded": base64_encoded,
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": "request-1",
            "requestTimeEpoch": 1_800_000_000_500,
        },
    }


# Media types


@table(
    "headers",
    ("JSON", {"Content-Type": "application/json"}),
    ("header in small letters", {"content-type": "application/json"}),
    ("all in capitals", {"CONTENT-TYPE": "Application/JSON"}),
    ("with a blank before its charset", {"Content-Type": "application/json ;charset=UTF-8"}),
    ("+json", {"Content-Type": "application/vnd.api+json"}),
    ("text/json", {"Content-Type": "text/json"}),
    ("given twice", {"Content-Type": "application/json, application/json"}),
    ("empty", {"Content-Type": ""}),
    ("not named", {"Accept": "*/*"}),
    ("headers are null", None),
)
def test_a_body_is_read_as_json_under_a_json_media_type_or_without_one(headers: Mapping[str, str] | None) -> None:
    delivery = open_http(http_event('{"record": {"Email": "joe@example.com"}}', headers))

    assert delivery.content == {"record": {"Email": "joe@example.com"}}


# Forms


@table(
    "body, content",
    (
        "as the vendor's page writes it",
        "configuration=map-1&record%5BName%5D=AC&record[First%20Name]=Jo&record[Email]=joe.doe%2Bsurvey@example.com",
        {
            "configuration": "map-1",
            "record": {"Name": "AC", "First Name": "Jo", "Email": "joe.doe+survey@example.com"},
        },
    ),
    (
        "reference, key, and a number that stays a string",
        "record[Phone]=0049123&reference=order-7&idempotency_key=key-7",
        {"record": {"Phone": "0049123"}, "reference": "order-7", "idempotency_key": "key-7"},
    ),
    ("no record", "configuration=map-1", {"configuration": "map-1", "record": {}}),
    ("unknown fields only", "Email=a@b.c&submit=Send", {"record": {}}),
    ("empty", "", {"record": {}}),
    (
        "blank values, as to PHP",
        "record[Phone]&record[Fax]=&record[Email]=a@b.c&",
        {"record": {"Phone": "", "Fax": "", "Email": "a@b.c"}},
    ),
    ("line breaks as written", "record[Comment]=one%0D%0Atwo%0A\n", {"record": {"Comment": "one\r\ntwo\n"}}),
    ("stray separators", "&&record[A]=1&&=&record[B]=2&=x&&", {"record": {"A": "1", "B": "2"}}),
    ("a file's LF", "record[A]=1\n", {"record": {"A": "1"}}),
    ("a file of CRLF", "record[A]=1\r\n&record[B]=2\r\n\r\n", {"record": {"A": "1", "B": "2"}}),
    ("one field per line", "record[A]=1&\nrecord[B]=2&\n", {"record": {"A": "1", "B": "2"}}),
    (
        "blanks before a name",
        " configuration=map-1& record[A]=1&+record[ B]=2",
        {"configuration": "map-1", "record": {"A": "1", " B": "2"}},
    ),
    ("byte order marks", "\r\n\ufeff\ufeffrecord[A]=1", {"record": {"A": "1"}}),
)
@pytest.mark.parametrize("base64_encoded", [False, True], ids=["text", "base64"])
def test_a_form_is_read_as_php_reads_it(body: str, content: object, base64_encoded: bool) -> None:
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body
    headers = {"Content-Type": f"{FORM}; charset=UTF-8"}

    assert open_http(http_event(sent, headers, base64_encoded=base64_encoded)).content == content


@table(
    "more",
    ("the method that a browser cannot send", [("_method", "PUT")]),
    ("fields that a browser adds", [("_token", "x"), ("utf8", "✓"), ("submit", "Send"), ("button.x", "7")]),
    ("other fields of a page", [("g-recaptcha-response", "x"), ("Email", "x"), ("records[Email]", "x")]),
    ("unknown fields given twice", [("tags[]", "a"), ("tags[]", "b"), ("submit", "1"), ("submit", "2")]),
    ("very many", [(f"field {number}", "x") for number in range(300)]),
)
def test_unknown_fields_of_a_form_are_ignored(more: list[tuple[str, str]]) -> None:
    body = urlencode([("record[Email]", "a@b.c"), *more, ("reference", "order-7")])

    delivery = open_http(http_event(body, {"Content-Type": FORM}))

    assert delivery.content == {"record": {"Email": "a@b.c"}, "reference": "order-7"}


def test_a_request_of_the_allowed_size_is_read_even_if_every_character_is_escaped() -> None:
    body = json.dumps({"record": {"A": "x" * 60_000}}).replace("x", "\\u0078")

    delivery = open_http(http_event(body))

    assert delivery.content == {"record": {"A": "x" * 60_000}}


# Base64


@table(
    "body",
    ("padding missing", "e30"),
    ("foreign character", "e30=!"),
    ("not encoded at all", '{"record": {}}'),
    ("not ASCII", "é"),
)
def test_a_body_that_is_not_valid_base64_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_http(http_event(body, base64_encoded=True))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.message == "The body is not valid base64."


@table(
    "body, media_type",
    ("JSON in Latin-1", b'{"record": {"Name": "J\xf6rg"}}', "application/json"),
    ("JSON in Latin-1 with its charset", b'{"record": {"Name": "J\xf6rg"}}', "application/json; charset=iso-8859-1"),
    ("JSON in UTF-16", '{"record": {"Name": "Jörg"}}'.encode("utf-16"), "application/json"),
    ("UTF-16 without mark", '{"record": {"Name": "Joe"}}'.encode("utf-16-le"), "application/json"),
    ("a form in Latin-1", b"record[Name]=J\xf6rg", FORM),
    ("a heading of a form", b"record[Pr\xe9nom]=Joe", FORM),
    ("a form that writes them out", b"record[Name]=J%F6rg", FORM),
)
@pytest.mark.parametrize("by", ["bytes", "text"])
def test_a_body_that_is_not_utf_8_is_refused_with_the_encoding_named(body: bytes, media_type: str, by: str) -> None:
    # As text it comes with U+FFFD for each byte that API Gateway could not read.
    sent = base64.b64encode(body).decode() if by == "bytes" else body.decode("utf-8", "replace")

    with pytest.raises(Unreadable) as caught:
        open_http(http_event(sent, {"Content-Type": media_type}, base64_encoded=by == "bytes"))

    assert caught.value.message == "The body is not UTF-8. Send it in UTF-8, uncompressed."


@table(
    "body, media_type",
    ("JSON", '\ufeff{"record": {"A": "é\\ufffd"}}', "application/json"),
    ("JSON between line breaks", '\ufeff\r\n{"record": {"A": "é\\ufffd"}}\r\n', "application/json; charset=utf-8"),
    ("a form", "\ufeffrecord[A]=é%EF%BF%BD&submit=x", FORM),
)
@pytest.mark.parametrize("base64_encoded", [False, True])
def test_a_byte_order_mark_is_ignored_and_an_escaped_replacement_character_is_accepted(
    body: str,
    media_type: str,
    base64_encoded: bool,
) -> None:
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body

    delivery = open_http(http_event(sent, {"Content-Type": media_type}, base64_encoded=base64_encoded))

    assert delivery.content == {"record": {"A": "é\ufffd"}}


# Source and key


def test_the_source_of_an_http_request_is_its_request_id_and_time() -> None:
    delivery = open_http(http_event('{"record": {"A": 1}}'))

    assert delivery == Delivery(
        source=Source("http", "request-1"),
        content={"record": {"A": 1}},
        key=None,
        received_at=1_800_000_000.5,
        owner=SHOP,
    )


@table(
    "headers, body, key",
    ("header", {"Idempotency-Key": "order-7"}, '{"record": {"A": 1}}', "order-7"),
    ("capitals", {"IDEMPOTENCY-KEY": "order-7"}, '{"record": {"A": 1}}', "order-7"),
    ("form", {"Idempotency-Key": "order-7", "Content-Type": FORM}, "record[A]=1", "order-7"),
    ("body", {}, '{"record": {"A": 1}, "idempotency_key": "order-7"}', "order-7"),
    ("both", {"Idempotency-Key": '"order-7"'}, '{"record": {"A": 1}, "idempotency_key": "order-7"}', "order-7"),
    (
        "header, and null in the body",
        {"Idempotency-Key": "order-7"},
        '{"record": {"A": 1}, "idempotency_key": null}',
        "order-7",
    ),
    ("none: the content is the key", {}, '{"record": {"A": 1}}', None),
)
def test_the_key_of_an_http_request_is_read_from_the_header_or_the_body(
    headers: dict[str, str], body: str, key: str | None
) -> None:
    found = check(open_http(http_event(body, headers))).key

    assert (found.scope, found.owner) == ("content" if key is None else "caller", SHOP)
    assert key in {None, found.value}


@table(
    "identity, owner",
    ("a user", {"userArn": "arn:aws:iam::123456789012:user/shop", "apiKeyId": None}, SHOP),
    ("the root user", {"userArn": "arn:aws:iam::123456789012:root"}, "iam arn:aws:iam::123456789012:root"),
    (
        "a role, whose session is left out",
        {"userArn": "arn:aws-cn:sts::123456789012:assumed-role/shop/session"},
        "iam arn:aws-cn:sts::123456789012:assumed-role/shop",
    ),
    ("an API key", {"apiKeyId": "a1b2c3", "userArn": None}, "api key a1b2c3"),
    ("an API key of a signed call", {"userArn": "arn:aws:iam::123456789012:user/shop", "apiKeyId": "a1b2c3"}, SHOP),
)
def test_an_http_key_belongs_to_the_user_or_role_or_else_the_api_key(identity: dict[str, object], owner: str) -> None:
    event = http_event('{"record": {"A": 1}}')
    event["requestContext"]["identity"] = identity

    assert check(open_http(event)).key.owner == owner


@pytest.mark.parametrize(
    "identity", [None, {"sourceIp": "192.0.2.1", "userArn": None}, {"userArn": "", "apiKeyId": ""}]
)
def test_an_http_call_without_a_caller_is_refused(identity: dict[str, object] | None) -> None:
    event = http_event('{"record": {"A": 1}}')
    event["requestContext"]["identity"] = identity

    with pytest.raises(NotProcessed, match="API Gateway named no caller: the method has no authorization"):
        open_http(event)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"order-3"', "order-3"),
        (' "order-3" ', "order-3"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"back\\slash"', "back\\slash"),
        pytest.param('"order-3', '"order-3', id="not closed"),
        pytest.param('order-"3"', 'order-"3"', id="quotes within"),
        pytest.param('"a" "b"', '"a" "b"', id="two strings"),
        pytest.param(r'"a\b"', r'"a\b"', id="an escape that there is not"),
        pytest.param("'order-3'", "'order-3'", id="other quotes"),
    ],
)
def test_a_quoted_idempotency_key_header_is_read_without_its_quotes(header: str, key: str) -> None:
    request = check(open_http(http_event('{"record": {"A": 1}}', {"Idempotency-Key": header})))

    assert request.key == IdempotencyKey("caller", key, SHOP)


# Refused calls

BARE = '{"record": {"A": 1}}'
OTHER_TYPE = f"Content-Type must be application/json or {FORM}."
HINT = "The body is not a valid form. It looks like JSON: send Content-Type: application/json."
NO_JSON = "The body is not valid JSON"
TWICE = "The form gives a field twice."
UNREAD_FIELD = {"record": ["a field of the record is not written record[Heading]"]}
NO_KEY = {"idempotency_key": ["must have 1 to 256 characters"]}
OTHER_KEY = {"idempotency_key": ["differs from the Idempotency-Key header"]}


@pytest.mark.parametrize(
    ("body", "headers", "code", "told"),
    [
        (BARE, {"Content-Type": "text/plain"}, "unsupported_media_type", OTHER_TYPE),
        (BARE, {"Content-Type": "multipart/form-data; boundary=x"}, "unsupported_media_type", OTHER_TYPE),
        *((body, {}, "invalid_request", NO_JSON) for body in (None, "", "a=1", '{"record": NaN}', '{"a": 1, "a": 2}')),
        pytest.param("{" * 1_000_000, {}, "too_large", "The body is too large", id="a megabyte, not even read"),
        (BARE, AS_FORM, "invalid_request", HINT),
        ('{"record": {"Page": "https://shop.example/?a=7&b=8"}}', AS_FORM, "invalid_request", HINT),
        *(
            (f"record[A]=1&{field}=2", AS_FORM, "invalid_request", UNREAD_FIELD)
            for field in ("record", "record[]", "record[a][b]", "record[Email]x", "record[Email")
        ),
        ("record[A]=1&configuration[]=7", AS_FORM, "invalid_request", {"configuration": ["must be a string"]}),
        ("record[A]=1&idempotency_key[0]=7", AS_FORM, "invalid_request", {"idempotency_key": ["must be a string"]}),
        ("record[A]=1&record[A]=2", AS_FORM, "invalid_request", TWICE),
        ("configuration=1&configuration=2", AS_FORM, "invalid_request", TWICE),
        pytest.param(
            "&".join(f"record[{number}]=x" for number in range(201)),
            AS_FORM,
            "too_large",
            "The record has 201 headings",
            id="201 headings",
        ),
        *((BARE, {"Idempotency-Key": key}, "invalid_request", NO_KEY) for key in ("", '""', "x" * 257)),
        ('{"record": {"A": 1}, "idempotency_key": "b"}', {"Idempotency-Key": "a"}, "invalid_request", OTHER_KEY),
        ('{"record": {"A": 1}, "idempotency_key": 7}', {"Idempotency-Key": "7"}, "invalid_request", OTHER_KEY),
    ],
)
def test_an_http_call_that_cannot_be_read_is_refused_with_the_reason(
    body: str | None, headers: dict[str, str], code: str, told: str | dict[str, list[str]]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(open_http(http_event(body, headers)))

    assert caught.value.code == code
    if isinstance(told, dict):
        assert caught.value.errors == told
    else:
        assert caught.value.message.startswith(told)
