"""HTTP calls: media types, and bodies that hold no request."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from personal_link.domain.errors import Code, InvalidRequest, Unreadable
from personal_link.domain.request import check
from personal_link.triggers.http_request import open_http
from tests.triggers.deliveries import FORM, http_event

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
