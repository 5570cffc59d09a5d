"""Undocumented answers of CustomerGauge: statuses, broken bodies, links, messages, and token server failures."""

import time
from collections.abc import Callable

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.answers import personal_link
from personal_link.customergauge.transport import Response
from personal_link.domain.errors import (
    Blocked,
    Code,
    CredentialsRefused,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    RequestError,
    Unanswered,
    Unauthorized,
)
from sandbox.customergauge.replies import Reply
from tests.customergauge.conftest import Api
from tests.customergauge.scripted_lines import TOKEN
from tests.tables import table

LINK = "https://survey.eu.customergauge.com/r/1"
A_LINK = {"data": {"survey_link": LINK}}


# The API


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply.error(401), Unauthorized, Code.CREDENTIALS_REFUSED),
        (Reply.error(403), NotProcessed, Code.FORBIDDEN),
        (Reply(403, {"message": "No."}, fault="truncated"), NotProcessed, Code.FORBIDDEN),
        (Reply.html(403), Blocked, Code.FORBIDDEN),
        (Reply(403), Blocked, Code.FORBIDDEN),
        (Reply(403, {"error": "Request blocked."}), Blocked, Code.FORBIDDEN),
        (Reply.error(425), NotProcessed, Code.UNAVAILABLE),
        (Reply.error(429), NotProcessed, Code.RATE_LIMITED),
        (Reply.error(503, retry_after=3), NotProcessed, Code.UNAVAILABLE),
        (Reply.error(503), Unanswered, Code.UNAVAILABLE),
        (Reply.error(500), Unanswered, Code.UNAVAILABLE),
        (Reply.html(502), Unanswered, Code.UNAVAILABLE),
        (Reply.html(504), Unanswered, Code.UNAVAILABLE),
        *[(Reply(status, A_LINK), Unanswered, Code.UNAVAILABLE) for status in (300, 304, 399, 501, 520, 599, 999)],
        (Reply.error(408), Unanswered, Code.NO_ANSWER),
        *[(Reply.html(status), Unanswered, Code.NO_ANSWER) for status in (400, 404, 422)],  # a proxy's
        (Reply(fault="reset"), Unanswered, Code.NO_ANSWER),
        (Reply(fault="close"), Unanswered, Code.NO_ANSWER),
        (Reply(400, {"message": "No campaign filter."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        (Reply(404, {"message": "No such mapping."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        (Reply(422, {"message": "Not valid."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        *[(Reply(status, A_LINK), Refused, Code.BAD_REQUEST) for status in (402, 405, 413, 418, 499)],
        (Reply.error(400, "Something new."), Refused, Code.BAD_REQUEST),
        (Reply.error(400, "Record duplicates" + "!" * 1024), Refused, Code.DUPLICATE_RECORD),
        (Reply(422, {"message": "x" * 70_000}), Refused, Code.VALIDATION_FAILED),
        (Reply(404, {"message": "x" * 70_000}), Refused, Code.BAD_REQUEST),
        (Reply(400, {"message": "x" * 70_000}), OutcomeUnknown, Code.BAD_RESPONSE),
        *[(Reply(status), OutcomeUnknown, Code.BAD_RESPONSE) for status in (204, 205, 299)],
        (Reply.html(200), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b""), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b"\xff\xfe"), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b'{"data": NaN}'), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b"[" * 60_000), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, A_LINK, fault="truncated"), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, A_LINK | {"more": "x" * 70_000}), OutcomeUnknown, Code.BAD_RESPONSE),
    ],
)
def test_each_undocumented_answer_has_its_defined_error_and_code_and_is_not_retried(
    api: Api, reply: Reply, kind: type[RequestError], code: Code
) -> None:
    error = api.error(reply)

    assert (type(error), error.code) == (kind, code)


def firewall(api: Api, email: str, reply: Reply) -> tuple[type[RequestError], str]:
    """Return what comes of a request that a firewall answers: what is raised, and what it says behind the status."""
    error = api.error(reply, record={"Email": email})
    return type(error), error.message.partition("403: ")[2]


ONE_RECORD = (Blocked, "it refuses this record")
OTHERS_TOO = (NotProcessed, "it refuses every record")


@pytest.mark.parametrize("reply", [Reply.html(403), Reply(403, {"message": "Forbidden"})], ids=["HTML", "AWS WAF"])
def test_a_403_of_a_firewall_concerns_one_record_until_two_different_records_in_a_row_get_it(
    api: Api, reply: Reply
) -> None:
    seen = [firewall(api, f"{name}@a.example", reply) for name in ("ann", "ann", "bob", "bob", "ann")]

    assert seen == [ONE_RECORD, ONE_RECORD, OTHERS_TOO, ONE_RECORD, OTHERS_TOO]


@pytest.mark.parametrize("between", [Reply(), Reply.error(429), Reply.error(422), Reply.error(500), Reply.error(403)])
def test_a_403_of_a_firewall_concerns_one_record_when_the_api_answered_in_between(api: Api, between: Reply) -> None:
    assert firewall(api, "ann@a.example", Reply.html(403)) == ONE_RECORD
    if between == Reply():
        api.create()
    else:
        api.error(between)

    assert firewall(api, "cyd@a.example", Reply.html(403)) == ONE_RECORD


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        *(("7", 7.0), ("120.5", 120.5), ("0", 0.0), ("999999999", 43_200.0), ("9" * 6000, 43_200.0)),
        *(("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 43_200.0)),
        *((unreadable, None) for unreadable in ("soon", "-5", "", "²", "1e3", "\xff", "7, 8")),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date_and_limited_to_twelve_hours(
    api: Api, retry_after: str, seconds: float | None
) -> None:
    assert api.error(Reply.error(429, retry_after=retry_after)).retry_after == seconds


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_the_retry_after_of_an_answer_that_leaves_the_end_open_counts(api: Api, status: int) -> None:
    assert api.error(Reply.error(status, retry_after=120)).retry_after == 120.0


# Links


@table(
    "link",
    ("null", None),
    ("another scheme", "javascript:alert(1)"),
    ("http", "http://survey.eu.customergauge.com/r/1"),
    ("no host", "https:///r/1"),
    ("no authority", "https:r/1"),
    ("a query instead of a host", "https://?r=1"),
    ("a host of dots alone", "https://.../r/1"),
    ("user information", "https://customergauge.com@evil.example/r/1"),
    ("a port", "https://survey.customergauge.com:8443/r/1"),
    ("an empty port", "https://survey.customergauge.com:/r/1"),
    ("a backslash in the host", "https://evil.example\\.customergauge.com/r/1"),
    ("a backslash in the path", "https://survey.customergauge.com/r\\1"),
    ("a quote", 'https://survey.customergauge.com/r/1"onclick="alert(1)'),
    ("a single quote", "https://survey.customergauge.com/r/1'"),
    ("a blank", "https://survey.customergauge.com/r/ 1"),
    ("a blank that does not break", "https://survey.customergauge.com/r/\u00a01"),
    ("an end of line", "https://survey.customergauge.com/r/\u20281"),
    ("a header", "https://survey.customergauge.com/r/1\r\nX: y"),
    ("a Cyrillic letter in the host", "https://s\u0443rvey.customergauge.com/r/1"),
    ("an underscore in the host", "https://survey_eu.customergauge.com/r/1"),
    ("a percent sign in the host", "https://%73urvey.customergauge.com/r/1"),
    ("an IPv6 address", "https://[2001:db8::1]/r/1"),
    ("half an IPv6 address", "https://[::1/r/1"),
    ("http on a host that begins like loopback", "http://localhost.evil.example/r/1"),
    ("http with loopback as a user", "http://127.0.0.1@evil.example/r/1"),
    ("2049 characters", LINK + "x" * (2049 - len(LINK))),
)
def test_an_answer_with_an_unsafe_link_is_a_bad_response_without_link(api: Api, link: str | None) -> None:
    error = api.error(Reply(200, {"data": {"number_customergauge": 4711, "survey_link": link}}))

    assert error.code is Code.BAD_RESPONSE
    assert "Its number is 4711." in error.message


@pytest.mark.parametrize(
    "link",
    [
        "https://survey.eu.customergauge.com",
        "https://cust.xx/9876",
        "HTTPS://Survey-1.CustomerGauge.com/r/987656abcdef?lang=pt-BR&x=%20(1)#top",
        "https://survey.eu.customergauge.com/r/é",
        pytest.param(LINK + "x" * (2048 - len(LINK)), id="2048 characters"),
    ],
)
def test_an_https_link_of_any_host_is_returned_unchanged(api: Api, link: str) -> None:
    api.vendor.script("personal-link", Reply(200, {"data": {"survey_link": link}}))

    assert api.create().survey_link == link


def test_an_http_link_on_loopback_is_returned_only_if_the_api_is_on_loopback() -> None:
    answer = Response(200, {}, b'{"data": {"survey_link": "http://127.0.0.1:8099/r/1"}}', complete=True)

    assert personal_link(answer, plain_links_allowed=True).survey_link == "http://127.0.0.1:8099/r/1"
    with pytest.raises(OutcomeUnknown):
        personal_link(answer, plain_links_allowed=False)


# Messages of CustomerGauge


@pytest.mark.parametrize("body", [b"no", b'{"message": ""}', b'{"message": 7}', b"\xff\xfe", b"[" * 60_000])
def test_a_400_without_a_known_message_is_a_bad_request_and_is_not_quoted(api: Api, body: bytes) -> None:
    error = api.error(Reply(400, body))

    assert (error.code, error.message) == (Code.BAD_REQUEST, "CustomerGauge answered HTTP 400.")
    assert error.vendor_message is None


def test_field_errors_of_customergauge_are_returned_up_to_ten_of_1024_characters_each(api: Api) -> None:
    errors = {"Email": ["x" * 1024] * 20, "Name": ["x" * 1025, 7], "Phone": 7, "Fax": "No.", "City": {"1": "No."}}

    assert api.error(Reply(422, {"message": "No.", "errors": errors})).errors == {
        "Email": ["x" * 1024] * 10,
        "Name": ["is not valid"] * 2,
        "Fax": ["No."],
        "City": ["No."],
    }


@table(
    "value, words, told",
    ("three letters, as a word", "Zoë", "ZOË is no name.", False),
    ("three letters, by chance within a word", "Zoë", "Zoëlogy is no name.", True),
    ("a single character", "5", "Between 1 and 5.", True),
    ("four letters, within a word", "Anna", "Annabel is no name.", False),
    ("a number", 447700900461, "447700900461 is no name.", False),
    ("a boolean", True, "True is no name.", True),
    ("a phone number in another notation", "+44 7700 900461", "+447700900461 is no phone.", False),
    ("as HTML", "Zoë Ray", "Zo&euml; Ray is no name.", False),
    ("as in a URL", "Zoë Ray", "Zo%C3%AB+Ray is no name.", False),
    ("as in JSON", "Zoë Ray", "Zo\\u00eb Ray is no name.", False),
    ("another e-mail address", "Anna", "Somebody%40else.example has that name.", False),
    ("a country code", "BE", "The Email must be a valid email address.", True),
    ("two digits", 42, "The score 42 is too high.", False),
    ("a link", "Anna", "See https://survey.example/r/1.", False),
    ("a client id", "Anna", "Client 1h57kf5cpq17m0eml12EXAMPLE may not.", False),
    ("the access token", "Anna", "tok-1 may not.", False),
    ("a long word", "Anna", "Kundenzufriedenheitsumfrage is missing.", True),
    ("a mapping", "Anna", "Mapping 9dd58237-c913-4073-9c76-07da0b49ff50 is wrong.", True),
)
def test_a_message_of_customergauge_is_returned_unless_it_quotes_a_value_of_the_record(
    api: Api, value: str | int, words: str, told: bool
) -> None:
    api.token = AccessToken("tok-1", 60, 0, 0)

    error = api.error(Reply(422, {"message": words, "errors": {words: [words, "Too bad."]}}), record={"Name": value})

    assert error.vendor_message == (words if told else None)
    assert error.errors == ({words: [words, "Too bad."]} if told else {"record": ["is not valid", "Too bad."]})


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "Could not match any campaign filter for Anna.", Code.NO_MATCHING_CAMPAIGN),
        (400, "Record duplicates with another record of Anna.", Code.DUPLICATE_RECORD),
        (404, "The inbound mapping [Anna] was not found.", Code.MAPPING_NOT_FOUND),
    ],
)
def test_a_refusal_that_quotes_a_value_keeps_its_code_and_loses_its_message(
    api: Api, status: int, words: str, code: Code
) -> None:
    error = api.error(Reply.error(status, words), record={"First Name": "Anna"})

    assert (type(error), error.code, error.vendor_message) == (Refused, code, None)


# The token server


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        *[
            (reply, NotProcessed, Code.UNAVAILABLE)
            for reply in (
                *(Reply.error(status) for status in (404, 405, 500, 503, 504, 520)),
                *(Reply.redirect("/oauth2/token", status) for status in (302, 307)),
                *(Reply.html(status) for status in (200, 400, 403)),
                *(Reply(200, {"access_token": token}) for token in (None, 7, "", "a b", "a\r\nX-Injected: b")),
                *(Reply(400, {"error": error}) for error in ("temporarily_unavailable", "slow_down")),
                *(Reply(400, {"__type": "TooManyRequestsException", **more}) for more in ({}, {"message": "Too fast"})),
                Reply(204),
                Reply(200, b"[" * 60_000),
                Reply(200, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}),
                Reply(200, {"error": "temporarily_unavailable"}),
                Reply(200, {"access_token": "t"}, fault="truncated"),
                Reply(200, {"access_token": "t" * 10_000}),
                Reply(200, {"access_token": "abc", "token_type": "MAC"}),
                Reply(fault="reset"),
                Reply(fault="close"),
                Reply.error(503, retry_after=7),
            )
        ],
        (Reply.error(429, retry_after=7), NotProcessed, Code.RATE_LIMITED),
        (Reply.error(403), NotProcessed, Code.CREDENTIALS_REFUSED),
        (Reply(400, {"error": "a new kind"}), NotProcessed, Code.CREDENTIALS_REFUSED),
        (Reply(401), CredentialsRefused, Code.CREDENTIALS_REFUSED),
        (Reply(200, {"error": "invalid_client"}), CredentialsRefused, Code.CREDENTIALS_REFUSED),
        (Reply(500, {"error": " Invalid_Client ", "access_token": None}), CredentialsRefused, Code.CREDENTIALS_REFUSED),
        *[
            (Reply(status, {"error": error}), NotProcessed, Code.CREDENTIALS_REFUSED)
            for status, error in ((200, "unauthorized_client"), (400, "invalid_scope"), (500, "invalid_grant"))
        ],
    ],
)
def test_a_token_server_that_gives_no_token_is_asked_once_and_its_answer_decides_the_error(
    api: Api, reply: Reply, kind: type[RequestError], code: Code
) -> None:
    api.vendor.script("token", reply)

    with pytest.raises(NotProcessed) as caught:
        api.fetch_token()

    assert (type(caught.value), caught.value.code) == (kind, code)
    assert caught.value.retry_after == (7.0 if "Retry-After" in reply.headers else None)
    assert len(api.vendor.calls("token")) == 1


@pytest.mark.parametrize(
    "reply", [Reply(fault="hang"), Reply(fault="drip_body", interval=0.2)], ids=["silent", "dripping"]
)
def test_a_fetch_from_a_slow_token_server_ends_at_the_deadline(api: Api, reply: Reply) -> None:
    api.vendor.script("token", reply)
    began = time.monotonic()

    with pytest.raises(NotProcessed) as caught:
        api.fetch_token(seconds=1.2)

    assert caught.value.code is Code.UNAVAILABLE
    assert time.monotonic() - began < 2.2


@pytest.mark.parametrize("called", [Api.fetch_token, Api.create], ids=["token", "personal-link"])
def test_a_request_whose_connection_is_refused_is_not_processed(api: Api, called: Callable[[Api], object]) -> None:
    api.token = TOKEN
    api.vendor.stop()

    with pytest.raises(NotProcessed) as caught:
        called(api)

    assert caught.value.code is Code.UNAVAILABLE
