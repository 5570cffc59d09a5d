"""How a request comes out of what API Gateway, SQS and EventBridge wrap around it."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from personal_link.domain.errors import Code, InvalidRequest, Unreadable
from personal_link.domain.outcome import outcome_id, refused_on_arrival
from personal_link.domain.request import Delivery, IdempotencyKey, Source, check
from personal_link.triggers.deliveries import first_sent_at, no_mapping, open_direct, open_sqs, origin
from personal_link.triggers.http_request import open_http

FORM = "application/x-www-form-urlencoded"
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


def sqs_record(body: str) -> dict[str, Any]:
    return {
        "messageId": "message-1",
        "receiptHandle": "handle-1",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1800000000500"},
    }


def eventbridge_event(detail: object, event_id: object = "event-1") -> dict[str, object]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Personal Link Requested",
        "source": "shop",
        "account": "123456789012",
        "time": "2027-01-15T08:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


# --- HTTP: media types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "application/json"}, id="JSON"),
        pytest.param({"content-type": "application/json"}, id="header in small letters"),
        pytest.param({"CONTENT-TYPE": "Application/JSON"}, id="all in capitals"),
        pytest.param({"Content-Type": "application/json; charset=utf-8"}, id="with charset"),
        pytest.param({"Content-Type": "application/json ;charset=UTF-8"}, id="with a blank before its charset"),
        pytest.param({"Content-Type": "application/vnd.api+json"}, id="+json"),
        pytest.param({"Content-Type": ""}, id="empty"),
        pytest.param({"Accept": "*/*"}, id="not named"),
        pytest.param({}, id="no headers"),
        pytest.param(None, id="headers are null"),
    ],
)
def test_json_is_read_under_its_media_types_and_where_none_is_named(headers: Mapping[str, str] | None) -> None:
    delivery = open_http(http_event('{"record": {"Email": "joe@example.com"}}', headers))

    assert delivery.content == {"record": {"Email": "joe@example.com"}}


def test_a_form_is_read_as_the_vendors_page_writes_it() -> None:
    body = (
        "configuration=12305294-0b20-4009-b95d-c8123301d66"
        "&record%5BAccount+Name%5D=ACME"
        "&record[First%20Name]=Joe"
        "&record[Last Name]=Doe"
        "&record[Email]=joe.doe%2Bsurvey@example.com"
    )

    delivery = open_http(http_event(body, {"Content-Type": FORM}))

    assert delivery.content == {
        "configuration": "12305294-0b20-4009-b95d-c8123301d66",
        "record": {
            "Account Name": "ACME",
            "First Name": "Joe",
            "Last Name": "Doe",
            "Email": "joe.doe+survey@example.com",
        },
    }


def test_a_form_may_carry_reference_and_key_and_say_its_charset() -> None:
    body = "record[Email]=a@b.c&reference=order-7&idempotency_key=key-7"

    delivery = open_http(http_event(body, {"Content-Type": f"{FORM}; charset=UTF-8"}))

    assert delivery.content == {"record": {"Email": "a@b.c"}, "reference": "order-7", "idempotency_key": "key-7"}


def test_a_forms_blank_value_is_kept() -> None:
    delivery = open_http(http_event("record[Email]=a@b.c&record[Phone]=", {"Content-Type": FORM}))

    assert delivery.content["record"] == {"Email": "a@b.c", "Phone": ""}


def test_a_forms_numbers_stay_strings_as_the_vendor_would_get_them() -> None:
    delivery = open_http(http_event("record[Phone]=0049123", {"Content-Type": FORM}))

    assert delivery.content["record"] == {"Phone": "0049123"}


def test_a_form_without_a_record_is_opened_for_the_check_to_say_so() -> None:
    delivery = open_http(http_event("configuration=map-1", {"Content-Type": FORM}))

    assert delivery.content == {"configuration": "map-1", "record": {}}


@pytest.mark.parametrize("media_type", ["text/plain", "text/xml", "multipart/form-data; boundary=x", "json", "*/*"])
def test_another_media_type_is_refused_by_naming_the_two_that_are_read(media_type: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event('{"record": {"A": 1}}', {"Content-Type": media_type}))

    assert caught.value.code is Code.UNSUPPORTED_MEDIA_TYPE
    assert caught.value.message == f"Content-Type must be application/json or {FORM}."


# --- HTTP: bodies that hold no request --------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [None, "", " ", "{", "record=1", '{"record": NaN}', '{"a": 1, "a": 2}'])
def test_a_body_that_is_not_json_is_unreadable(body: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        open_http(http_event(body, {"Content-Type": "application/json"}))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.message.startswith("The body is not valid JSON")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("configuration=map-1&record[Email]=a@b.c&", id="behind the last field"),
        pytest.param("&configuration=map-1&record[Email]=a@b.c", id="before the first"),
        pytest.param("configuration=map-1&&record[Email]=a@b.c", id="twice between two"),
        pytest.param("&&configuration=map-1&&&record[Email]=a@b.c&&", id="everywhere"),
        pytest.param("configuration=map-1&=&record[Email]=a@b.c&=x", id="with a nameless field"),
        pytest.param("configuration=map-1&record[Email]=a@b.c&stray", id="with a name that is not ours"),
    ],
)
def test_a_forms_stray_separators_mean_nothing_as_to_php(body: str) -> None:
    assert open_http(http_event(body, {"Content-Type": FORM})).content == {
        "configuration": "map-1",
        "record": {"Email": "a@b.c"},
    }


@pytest.mark.parametrize("body", ["record[Email]=a@b.c&record[Phone]", "record[Phone]&record[Email]=a@b.c&"])
def test_a_forms_name_without_an_equals_sign_has_an_empty_value_as_to_php(body: str) -> None:
    assert open_http(http_event(body, {"Content-Type": FORM})).content == {"record": {"Email": "a@b.c", "Phone": ""}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("configuration=map-1&record[Email]=a@b.c\n", id="LF at the end"),
        pytest.param("configuration=map-1&record[Email]=a@b.c\r\n", id="CRLF at the end"),
        pytest.param("configuration=map-1&record[Email]=a@b.c\n\n", id="two of them"),
        pytest.param("configuration=map-1&record[Email]=a@b.c&\n", id="behind a separator"),
        pytest.param("configuration=map-1&\nrecord[Email]=a@b.c\n", id="a field a line"),
        pytest.param("configuration=map-1\r\n&record[Email]=a@b.c\r\n", id="a separator at each line's head"),
    ],
)
@pytest.mark.parametrize("base64_encoded", [False, True])
def test_a_forms_line_breaks_beside_a_separator_or_at_the_end_are_the_files_and_of_no_value(
    body: str,
    base64_encoded: bool,  # noqa: FBT001
) -> None:
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body

    delivery = open_http(http_event(sent, {"Content-Type": FORM}, base64_encoded=base64_encoded))

    assert delivery.content == {"configuration": "map-1", "record": {"Email": "a@b.c"}}


def test_a_forms_line_breaks_that_are_written_as_such_are_kept() -> None:
    delivery = open_http(http_event("record[Comment]=one%0D%0Atwo%0A\n", {"Content-Type": FORM}))

    assert delivery.content == {"record": {"Comment": "one\r\ntwo\n"}}


@pytest.mark.parametrize("body", [None, ""])
def test_an_empty_form_is_told_that_it_lacks_a_record(body: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(open_http(http_event(body, {"Content-Type": FORM})))

    assert list(caught.value.errors) == ["record"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"record": {"Email": "joe@example.com"}}', id="plain"),
        pytest.param('{"record": {"Page": "https://shop.example/?order=7"}}', id="with an equals sign"),
        pytest.param('{"record": {"Page": "https://shop.example/?order=7&item=8"}}', id="that looks like two fields"),
    ],
)
@pytest.mark.parametrize("base64_encoded", [False, True])
def test_json_that_is_sent_as_a_form_gets_a_hint(body: str, base64_encoded: bool) -> None:  # noqa: FBT001
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body

    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event(sent, {"Content-Type": FORM}, base64_encoded=base64_encoded))

    assert caught.value.code is Code.INVALID_REQUEST
    assert "It looks like JSON: send Content-Type: application/json." in caught.value.message


@pytest.mark.parametrize(
    "field", ["record", "record[]", "record[a][b]", "record[Email]x", "record[Email", "record[", "record[]x"]
)
def test_a_forms_field_that_is_of_the_record_and_cannot_be_read_is_refused_and_not_lost(field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event(urlencode({"record[Email]": "a@b.c", field: "x"}), {"Content-Type": FORM}))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.errors == {"record": ["a field of the record is not written record[Heading]"]}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([("_method", "PUT")], id="the method that a browser cannot send"),
        pytest.param([("_token", "x"), ("csrf_token", "x"), ("authenticity_token", "x"), ("utf8", "✓")], id="tokens"),
        pytest.param([("submit", "Send"), ("button.x", "7"), ("button.y", "9")], id="buttons"),
        pytest.param([("g-recaptcha-response", "x"), ("Email", "x"), ("records[Email]", "x")], id="of a page"),
        pytest.param([("tags[]", "a"), ("tags[]", "b"), ("submit", "1"), ("submit", "2")], id="given twice"),
        pytest.param([(f"field {number}", "x") for number in range(300)], id="very many"),
    ],
)
def test_a_forms_fields_that_are_not_ours_are_ignored_as_in_json(more: list[tuple[str, str]]) -> None:
    body = urlencode([("record[Email]", "a@b.c"), *more, ("reference", "order-7")])

    delivery = open_http(http_event(body, {"Content-Type": FORM}))

    assert delivery.content == {"record": {"Email": "a@b.c"}, "reference": "order-7"}


def test_a_form_of_such_fields_alone_is_told_that_it_lacks_a_record() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(open_http(http_event("Email=a@b.c&submit=Send", {"Content-Type": FORM})))

    assert caught.value.errors == {"record": ["is required: an object of at least one heading and its value"]}


@pytest.mark.parametrize("field", ["record[Email]", "configuration"])
def test_a_form_that_gives_a_field_twice_is_refused(field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event(urlencode([(field, "a"), (field, "b")]), {"Content-Type": FORM}))

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.message == "The form gives a field twice."


@pytest.mark.parametrize("headings", [201, 204, 1_000])
def test_a_form_of_more_than_200_headings_is_too_large_as_the_same_in_json_is(headings: int) -> None:
    body = urlencode({f"record[Field {number}]": "x" for number in range(headings)})

    with pytest.raises(InvalidRequest) as caught:
        check(open_http(http_event(body, {"Content-Type": FORM})))

    assert caught.value.code is Code.TOO_LARGE


def test_a_body_that_cannot_be_a_request_of_the_allowed_size_is_not_even_read() -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_http(http_event("{" * 1_000_000))

    assert caught.value.code is Code.TOO_LARGE
    assert caught.value.message == "The body is too large: a request has at most 65536 bytes."


def test_a_request_of_the_allowed_size_is_read_even_if_every_character_is_escaped() -> None:
    body = json.dumps({"record": {"A": "x" * 60_000}}).replace("x", "\\u0078")

    delivery = open_http(http_event(body))

    assert delivery.content == {"record": {"A": "x" * 60_000}}


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


# --- SQS and EventBridge ----------------------------------------------------------------------------------------------


def test_a_bare_request_is_known_by_its_message_id() -> None:
    delivery = open_sqs(sqs_record('{"record": {"A": 1}}'))

    assert delivery == Delivery(
        source=Source("sqs", "message-1"),
        content={"record": {"A": 1}},
        key=IdempotencyKey("message", "message-1"),
        received_at=1_800_000_000.5,
    )


def test_a_whole_eventbridge_event_is_known_by_its_event_id() -> None:
    delivery = open_sqs(sqs_record(json.dumps(eventbridge_event({"record": {"A": 1}}))))

    assert delivery == Delivery(
        source=Source("eventbridge", "event-1"),
        content={"record": {"A": 1}},
        key=IdempotencyKey("event", "event-1"),
        received_at=1_800_000_000,
    )


@pytest.mark.parametrize(
    "time",
    [
        *(None, "yesterday", "2027-01-15T08:00:00", 1_800_000_000, ["2027-01-15T08:00:00Z"]),
        pytest.param("0001-01-01T00:00:00+2359", id="before the year 1 in UTC"),
        pytest.param("9999-12-31T23:59:59-0001", id="after the year 9999 in UTC"),
        pytest.param("10000-01-01T00:00:00Z", id="the year 10000"),
        pytest.param("2027-01-15T08:00:00+9959", id="an offset of four days"),
    ],
)
def test_an_event_without_a_time_arrived_when_its_message_was_sent(time: object) -> None:
    event = eventbridge_event({"record": {"A": 1}}) | {"time": time}

    assert open_sqs(sqs_record(json.dumps(event))).received_at == 1_800_000_000.5


def test_a_message_that_was_parked_and_redriven_keeps_its_first_id() -> None:
    record = sqs_record('{"record": {"A": 1}}') | {
        "messageAttributes": {"original_message_id": {"stringValue": "message-0", "dataType": "String"}}
    }

    delivery = open_sqs(record)

    assert delivery.source == Source("sqs", "message-0")
    assert delivery.key == IdempotencyKey("message", "message-0")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param({"record": {"A": 1}}, IdempotencyKey("message", "message-1"), id="bare"),
        pytest.param(
            {"record": {"A": 1}, "idempotency_key": "order-7"}, IdempotencyKey("caller", "order-7"), id="bare with key"
        ),
        pytest.param(eventbridge_event({"record": {"A": 1}}), IdempotencyKey("event", "event-1"), id="event"),
        pytest.param(
            eventbridge_event({"record": {"A": 1}, "idempotency_key": "order-7"}),
            IdempotencyKey("caller", "order-7"),
            id="event with key",
        ),
        pytest.param(
            {**eventbridge_event({"record": {"A": 1}}), "idempotency_key": "outside"},
            IdempotencyKey("event", "event-1"),
            id="event with a key beside its detail",
        ),
    ],
)
def test_a_queued_request_goes_by_the_callers_key_then_the_events_id_then_the_messages(
    body: object, key: IdempotencyKey
) -> None:
    request = check(open_sqs(sqs_record(json.dumps(body))))

    assert request.key == key


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"record": {"A": 1}, "id": "event-1"}, id="an id alone"),
        pytest.param({"record": {"A": 1}, "detail-type": "x"}, id="a detail type alone"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": ""}, id="an empty id"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": 7}, id="an id that is no string"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": "x" * 257}, id="an endless id"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": "a\nb"}, id="an id with a line break"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": "\ud800"}, id="an id with a lone surrogate"),
        pytest.param({"record": {"A": 1}, "detail-type": "x", "id": "event-1"}, id="no detail"),
    ],
)
def test_what_lacks_an_events_marks_is_a_bare_request(body: Mapping[str, object]) -> None:
    request = check(open_sqs(sqs_record(json.dumps(body))))

    assert request.source == Source("sqs", "message-1")


@pytest.mark.parametrize("body", ["", "hello", "{", '{"record": NaN}', "record[Email]=a", '{"a": 1, "a": 2}'])
def test_a_message_that_is_not_json_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_sqs(sqs_record(body))

    assert caught.value.code is Code.INVALID_REQUEST


def test_a_message_that_was_parked_and_redriven_keeps_the_id_under_which_it_first_came() -> None:
    record = sqs_record('{"record": {"A": 1}}')
    record["messageAttributes"] = {"original_message_id": {"stringValue": "message-0", "dataType": "String"}}

    request = check(open_sqs(record))

    assert request.key == IdempotencyKey("message", "message-0")
    assert request.source == Source("sqs", "message-0")


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({}, id="none"),
        pytest.param({"color": {"stringValue": "red", "dataType": "String"}}, id="another"),
        pytest.param({"original_message_id": {"binaryValue": "AA==", "dataType": "Binary"}}, id="of another type"),
        pytest.param({"original_message_id": {"stringValue": "", "dataType": "String"}}, id="empty"),
        pytest.param({"original_message_id": {"stringValue": "x" * 257, "dataType": "String"}}, id="endless"),
        pytest.param({"original_message_id": {"stringValue": "a\nb", "dataType": "String"}}, id="no plain text"),
    ],
)
def test_a_message_without_a_usable_first_id_goes_by_its_own(attributes: Mapping[str, object]) -> None:
    record = {**sqs_record('{"record": {"A": 1}}'), "messageAttributes": attributes}

    request = check(open_sqs(record))

    assert request.key == IdempotencyKey("message", "message-1")


# --- direct invocation ------------------------------------------------------------------------------------------------

BY_LAMBDA: Mapping[str, Any] = {
    "RequestID": {"stringValue": "invocation-1", "dataType": "String"},
    "ErrorCode": {"stringValue": "200", "dataType": "Number"},
    "ErrorMessage": {"stringValue": "unavailable: no connection", "dataType": "String"},
}
BY_US: Mapping[str, Any] = {"original_invocation_id": {"stringValue": "invocation-1", "dataType": "String"}}


def invoked(payload: object, invocation: str = "invocation-1") -> Delivery:
    return open_direct(payload, invocation, 1_800_000_000.0, no_mapping)


def parked(attributes: Mapping[str, Any], body: object = None) -> dict[str, Any]:
    request = {"record": {"A": 1}} if body is None else body
    return {**sqs_record(json.dumps(request)), "messageAttributes": attributes}


def test_a_bare_request_that_is_invoked_with_goes_by_its_content_whatever_the_invocation() -> None:
    first, second = (check(invoked({"record": {"A": 1}}, name)) for name in ("i-1", "i-2"))

    assert (first.source, second.source) == (Source("direct", "i-1"), Source("direct", "i-2"))
    assert first.key == second.key
    assert first.key.scope == "content"
    assert first.received_at == 1_800_000_000.0


def test_an_event_that_is_invoked_with_goes_by_its_id() -> None:
    delivery = invoked(eventbridge_event({"record": {"A": 1}}))

    assert (delivery.source, delivery.key) == (
        Source("eventbridge", "event-1"),
        IdempotencyKey("event", "event-1", "direct invocation"),
    )


def test_an_invocation_that_was_redriven_goes_by_the_same_key_as_before() -> None:
    before = check(invoked({"record": {"A": 1}}))

    request = check(open_sqs(parked(BY_US)))

    assert (request.key, request.source) == (before.key, Source("direct", "invocation-1"))


def test_an_event_that_was_parked_by_an_invocation_goes_by_its_id_too() -> None:
    delivery = open_sqs(parked(BY_US, eventbridge_event({"record": {"A": 1}})))

    assert (delivery.source, delivery.key) == (
        Source("eventbridge", "event-1"),
        IdempotencyKey("event", "event-1", "direct invocation"),
    )


def test_a_message_whose_sender_wrote_lambdas_attributes_is_a_message_like_any_other() -> None:
    delivery = open_sqs(parked(BY_LAMBDA))

    assert (delivery.source, delivery.key) == (Source("sqs", "message-1"), IdempotencyKey("message", "message-1"))


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb"])
def test_an_invocation_without_a_usable_id_is_a_message_like_any_other(name: str) -> None:
    attributes = {"original_invocation_id": {"stringValue": name, "dataType": "String"}}

    assert open_sqs(parked(attributes)).key == IdempotencyKey("message", "message-1")


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({}, {"original_message_id": "message-1"}),
        (
            {"original_message_id": {"stringValue": "message-0", "dataType": "String"}},
            {"original_message_id": "message-0"},
        ),
        (BY_LAMBDA, {"original_message_id": "message-1"}),
        (BY_US, {"original_invocation_id": "invocation-1"}),
    ],
)
def test_attributes_keep_the_key_and_the_first_date_of_a_message_that_is_sent_again(
    attributes: Mapping[str, Any], kept: Mapping[str, str]
) -> None:
    assert origin(parked(attributes)) == {**kept, "first_sent_at": "1800000000500"}


@pytest.mark.parametrize(
    ("told", "first"), [("1700000000000", 1_700_000_000.0), ("9999999999999", None), ("", None), ("1e3", None)]
)
def test_a_message_is_as_old_as_its_first_sending_and_never_younger_than_its_last(
    told: str, first: float | None
) -> None:
    record = parked({"first_sent_at": {"stringValue": told, "dataType": "String"}})

    assert first_sent_at(record) == (1_800_000_000.5 if first is None else first)


# --- no input can break it --------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters())  # lone surrogates and control characters among them
NAMES = st.sampled_from(["record", "configuration", "reference", "idempotency_key", "id", "detail", "detail-type"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | ANY_TEXT, inner, max_size=6),
    max_leaves=20,
).map(json.dumps)


def outcome_of(delivery: Delivery) -> str:
    """Return what stands for the delivery from here on; raise whatever its keys and its message raise."""
    try:
        request = check(delivery)
    except InvalidRequest as refusal:
        try:
            message = refused_on_arrival(delivery, refusal).message(echo_record=True)
        except Unreadable as error:
            return error.message
        assert message.isascii()
        assert json.loads(message)["status"] == "rejected"
        return message
    return request.key.digest + request.fingerprint + outcome_id(request)


@given(body=ANY_TEXT | ANY_JSON)
@example(body=json.dumps(eventbridge_event({"record": {"A": 1}}, event_id="\ud800")))
@example(body=json.dumps(eventbridge_event({}, event_id="\ud800")))
@example(body='{"record": {"A": 1e999}}')
@example(body='{"record": {"\\ud800": "\\u0000"}, "reference": "\\ud800"}')
def test_no_message_makes_anything_but_an_outcome_or_an_error_of_ours(body: str) -> None:
    try:
        delivery = open_sqs(sqs_record(body))
    except Unreadable:
        return

    assert outcome_of(delivery)


@given(
    body=st.none() | ANY_TEXT | ANY_JSON,
    media_type=st.sampled_from(["application/json", FORM]) | ANY_TEXT,
    base64_encoded=st.booleans(),
)
@example(body="é", media_type="application/json", base64_encoded=True)
@example(body="record[\ud800]=\x00", media_type=FORM, base64_encoded=False)
def test_no_http_body_makes_anything_but_an_outcome_or_an_error_of_ours(
    body: str | None,
    media_type: str,
    base64_encoded: bool,  # noqa: FBT001
) -> None:
    try:
        delivery = open_http(http_event(body, {"Content-Type": media_type}, base64_encoded=base64_encoded))
    except InvalidRequest:
        return

    assert outcome_of(delivery)


@given(payload=ANY_JSON.map(json.loads))
@example(payload={"record": {"A": float("nan")}})
def test_no_payload_makes_anything_but_an_outcome_or_an_error_of_ours(payload: object) -> None:
    try:
        delivery = invoked(payload)
    except Unreadable:
        return

    assert outcome_of(delivery)
