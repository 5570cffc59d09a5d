"""What the vendor's page does not document, over a real socket: statuses, broken bodies, broken connections."""

import socket
import time

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.customergauge.answers import personal_link
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Response
from personal_link.domain.clock import Deadline, SystemClock
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
from personal_link.domain.outcome import PersonalLink
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.vendor_replies import Reply

LINK = "https://survey.eu.customergauge.com/r/1"


def create(gauge: CustomerGauge, token: AccessToken, seconds: float = 10) -> PersonalLink:
    deadline = Deadline.after(seconds, SystemClock())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, deadline)


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply.error(401), Unauthorized, Code.CREDENTIALS_REFUSED),
        (Reply.error(403), NotProcessed, Code.FORBIDDEN),
        (Reply.error(425), NotProcessed, Code.UNAVAILABLE),
        (Reply.error(429), NotProcessed, Code.RATE_LIMITED),
        (Reply.error(503, retry_after=3), NotProcessed, Code.UNAVAILABLE),
        (Reply.error(503), Unanswered, Code.UNAVAILABLE),
        (Reply.error(500), Unanswered, Code.UNAVAILABLE),
        (Reply.html(502), Unanswered, Code.UNAVAILABLE),
        (Reply.html(504), Unanswered, Code.UNAVAILABLE),
        (Reply.error(408), Unanswered, Code.NO_ANSWER),
        (Reply(fault="reset"), Unanswered, Code.NO_ANSWER),
        (Reply(fault="close"), Unanswered, Code.NO_ANSWER),
        (Reply(400, {"message": "No campaign filter."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        (Reply(404, {"message": "No such mapping."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        (Reply(422, {"message": "Not valid."}, fault="truncated"), Unanswered, Code.NO_ANSWER),
        (Reply(403, {"message": "No."}, fault="truncated"), NotProcessed, Code.FORBIDDEN),
        (Reply.html(403), Blocked, Code.FORBIDDEN),
        (Reply(403), Blocked, Code.FORBIDDEN),
        (Reply(403, {"error": "Request blocked."}), Blocked, Code.FORBIDDEN),
        (Reply(403, b"Request blocked."), Blocked, Code.FORBIDDEN),
        (Reply(299), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(300), Unanswered, Code.UNAVAILABLE),
        (Reply.error(499), Refused, Code.BAD_REQUEST),
        (Reply.error(400, "Something new."), Refused, Code.BAD_REQUEST),
        (Reply.html(404), Refused, Code.BAD_REQUEST),
        (Reply.error(405), Refused, Code.BAD_REQUEST),
        (Reply.error(413), Refused, Code.BAD_REQUEST),
        (Reply(204), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(205), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(201, {"data": {"number_customergauge": 7}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply.html(200), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b""), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b'{"data": NaN}'), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b"[" * 60_000), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, b'{"data": "' + b"x" * 70_000 + b'"}'), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": LINK}}, fault="truncated"), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": None}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": "javascript:alert(1)"}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (
            Reply(200, {"data": {"survey_link": "http://survey.eu.customergauge.com/r/1"}}),
            OutcomeUnknown,
            Code.BAD_RESPONSE,
        ),
        (Reply(200, {"data": {"survey_link": LINK + "\r\nX: y"}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": "https://[::1/r/1"}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": LINK + " 2"}}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(200, {"data": {"survey_link": LINK}, "more": "x" * 70_000}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply(422, {"message": "x" * 70_000}), Refused, Code.VALIDATION_FAILED),
        (Reply(404, {"message": "x" * 70_000}), Refused, Code.BAD_REQUEST),
        (Reply(400, {"message": "x" * 70_000}), OutcomeUnknown, Code.BAD_RESPONSE),
        (Reply.error(400, "No campaign filter" + "!" * 1024), Refused, Code.BAD_REQUEST),
        (Reply(200, {"data": {"survey_link": LINK + "x" * 2048}}), OutcomeUnknown, Code.BAD_RESPONSE),
    ],
)
def test_each_undocumented_answer_is_read_as_decided_and_asked_for_once(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    reply: Reply,
    kind: type[RequestError],
    code: Code,
) -> None:
    vendor.script("personal-link", reply)

    with pytest.raises(RequestError) as caught:
        create(gauge, token)

    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(vendor.calls("personal-link")) == 1


def refusals(gauge: CustomerGauge, token: AccessToken, *emails: str) -> list[tuple[type[RequestError], str]]:
    """Return what comes of a request for each e-mail: what was raised, and what it says behind the status."""
    seen: list[tuple[type[RequestError], str]] = []
    for email in emails:
        try:
            gauge.create_personal_link("contact", {"Email": email}, token, Deadline.after(10, SystemClock()))
        except RequestError as error:
            seen.append((type(error), error.message.partition("403: ")[2]))
    return seen


ONE_RECORD = (Blocked, "it refuses this record")
OTHERS_TOO = (NotProcessed, "it refuses every record")


def test_a_firewall_refuses_one_record_until_it_refuses_two_in_a_row(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    vendor.script("personal-link", *[Reply.html(403)] * 5)

    seen = refusals(gauge, token, "ann@a.example", "ann@a.example", "bob@a.example", "bob@a.example", "ann@a.example")

    assert seen == [ONE_RECORD, ONE_RECORD, OTHERS_TOO, ONE_RECORD, OTHERS_TOO]


@pytest.mark.parametrize("between", [Reply(), Reply.error(429), Reply.error(422), Reply.error(500), Reply.error(403)])
def test_an_answer_of_the_api_shows_that_its_firewall_refuses_one_record_alone(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, between: Reply
) -> None:
    vendor.script("personal-link", Reply.html(403), between, Reply.html(403))

    seen = refusals(gauge, token, "ann@a.example", "bob@a.example", "cyd@a.example")

    assert (seen[0], seen[-1]) == (ONE_RECORD, ONE_RECORD)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, status: int
) -> None:
    with CustomerGaugeSandbox() as elsewhere:
        vendor.script("personal-link", Reply.redirect(f"{elsewhere.base_url}/personal-link/", status))

        with pytest.raises(Unanswered):
            create(gauge, token)

        assert elsewhere.calls("personal-link") == []
    assert len(vendor.calls("personal-link")) == 1


def test_a_redirect_of_the_token_request_does_not_carry_the_secret_elsewhere(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline
) -> None:
    with CustomerGaugeSandbox() as elsewhere:
        vendor.script("token", Reply.redirect(f"{elsewhere.base_url}/oauth2/token", 307))

        with pytest.raises(NotProcessed):
            gauge.fetch_token(credentials, deadline)

        assert elsewhere.calls("token") == []


def test_the_longest_link_that_is_handed_on_has_2048_characters(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    longest = LINK + "x" * (2048 - len(LINK))
    vendor.script("personal-link", Reply(200, {"data": {"survey_link": longest}}))

    assert create(gauge, token).survey_link == longest


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https:///r/1", id="no host"),
        pytest.param("https:r/1", id="no authority"),
        pytest.param("https://?r=1", id="a query instead of a host"),
        pytest.param("https://.../r/1", id="a host of dots alone"),
        pytest.param("https://customergauge.com@evil.example/r/1", id="user information"),
        pytest.param("https://user:pass@survey.customergauge.com/r/1", id="user and password"),
        pytest.param("https://survey.customergauge.com:8443/r/1", id="a port"),
        pytest.param("https://survey.customergauge.com:/r/1", id="an empty port"),
        pytest.param("https://evil.example\\.customergauge.com/r/1", id="a backslash in the host"),
        pytest.param("https://survey.customergauge.com/r\\1", id="a backslash in the path"),
        pytest.param('https://survey.customergauge.com/r/1"onclick="alert(1)', id="a quote"),
        pytest.param("https://survey.customergauge.com/r/1'", id="a single quote"),
        pytest.param("https://survey.customergauge.com/r/ 1", id="a blank"),
        pytest.param("https://survey.customergauge.com/r/\u00a01", id="a blank that does not break"),
        pytest.param("https://survey.customergauge.com/r/\u20281", id="an end of line"),
        pytest.param("https://s\u0443rvey.customergauge.com/r/1", id="a Cyrillic letter in the host"),
        pytest.param("https://survey_eu.customergauge.com/r/1", id="an underscore in the host"),
        pytest.param("https://%73urvey.customergauge.com/r/1", id="a percent sign in the host"),
        pytest.param("https://[2001:db8::1]/r/1", id="an IPv6 address"),
        pytest.param("http://localhost.evil.example/r/1", id="http on a host that begins like loopback"),
        pytest.param("http://127.0.0.1@evil.example/r/1", id="http with loopback as a user"),
    ],
)
def test_a_link_that_could_pass_for_another_one_is_not_handed_on(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, link: str
) -> None:
    vendor.script("personal-link", Reply(200, {"data": {"number_customergauge": 7, "survey_link": link}}))

    with pytest.raises(OutcomeUnknown) as caught:
        create(gauge, token)

    assert caught.value.code is Code.BAD_RESPONSE


@pytest.mark.parametrize(
    "link",
    [
        "https://survey.eu.customergauge.com",
        "https://cust.xx/9876",
        "HTTPS://Survey-1.CustomerGauge.com/r/987656abcdef?lang=pt-BR&x=%20(1)#top",
        "https://survey.eu.customergauge.com/r/é",
    ],
)
def test_a_link_of_any_host_is_handed_on_as_it_is(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, link: str
) -> None:
    vendor.script("personal-link", Reply(200, {"data": {"survey_link": link}}))

    assert create(gauge, token).survey_link == link


def test_a_plain_link_on_loopback_is_handed_on_by_an_api_on_loopback_alone() -> None:
    body = b'{"data": {"survey_link": "http://127.0.0.1:8099/r/1"}}'
    answer = Response(200, {}, body, complete=True)

    assert personal_link(answer, plain_links_allowed=True).survey_link == "http://127.0.0.1:8099/r/1"
    with pytest.raises(OutcomeUnknown):
        personal_link(answer, plain_links_allowed=False)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply.error(403), Code.CREDENTIALS_REFUSED),
        (Reply.error(404), Code.UNAVAILABLE),
        (Reply.html(400), Code.CREDENTIALS_REFUSED),
        (Reply(401), Code.CREDENTIALS_REFUSED),
        (Reply.html(502), Code.UNAVAILABLE),
        (Reply(fault="reset"), Code.UNAVAILABLE),
        (Reply(fault="close"), Code.UNAVAILABLE),
    ],
)
def test_a_token_that_is_not_given_is_certainly_not_processed_whatever_the_reason(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    reply: Reply,
    code: Code,
) -> None:
    vendor.script("token", reply)

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(credentials, deadline)

    assert caught.value.code is code


def test_the_number_and_the_short_link_may_be_odd_when_the_link_is_there(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    data = {"number_customergauge": "many", "survey_link": LINK, "survey_link_short": "javascript:alert(1)"}
    vendor.script("personal-link", Reply(200, {"data": data}))

    link = create(gauge, token)

    assert link == PersonalLink(number_customergauge=None, survey_link=LINK, survey_link_short=None)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("0", 0.0), ("999999999", 43_200.0), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after_is_read_in_seconds_and_kept_within_twelve_hours(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, retry_after: str, seconds: float | None
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=retry_after))

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.retry_after == seconds


def test_retry_after_may_be_a_date(vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.retry_after == 0.0


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(fault="hang"), id="no byte"),
        pytest.param(Reply(fault="drip_headers", interval=0.2), id="cut in the status line"),
        pytest.param(Reply(fault="drip_headers", interval=0.02), id="cut in the headers"),
    ],
)
def test_an_answer_that_does_not_come_ends_by_the_deadline(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, reply: Reply
) -> None:
    vendor.script("personal-link", reply)
    began = time.monotonic()

    with pytest.raises(Unanswered) as caught:
        create(gauge, token, seconds=1.5)

    assert caught.value.code is Code.NO_ANSWER
    assert time.monotonic() - began < 2.0


def test_a_body_that_drips_ends_by_the_deadline_and_is_unknown_since_the_status_was_200(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    vendor.script("personal-link", Reply(fault="drip_body", interval=0.2))
    began = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        create(gauge, token, seconds=1.5)

    assert time.monotonic() - began < 2.0


def test_nothing_is_started_when_too_little_time_is_left(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    with pytest.raises(NotProcessed):
        create(gauge, token, seconds=0.5)

    assert vendor.calls("personal-link") == []


def test_a_refused_connection_is_certainly_not_processed(
    gauge: CustomerGauge, token: AccessToken, vendor: CustomerGaugeSandbox
) -> None:
    vendor.stop()

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.code is Code.UNAVAILABLE


def test_an_unknown_host_is_certainly_not_processed(
    gauge: CustomerGauge, token: AccessToken, monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply(fault="close"))
    with pytest.raises(Unanswered):
        create(gauge, token)  # leaves no connection open, so that the name is looked up again

    def nowhere(*_name: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.code is Code.UNAVAILABLE


def test_calls_in_a_row_share_one_connection(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    for _ in range(20):
        create(gauge, token)

    connections = {call.connection for call in (*vendor.calls("token"), *vendor.calls("personal-link"))}
    assert len(connections) == 1


def test_a_refused_secret_is_told_from_a_failing_token_server(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, deadline: Deadline
) -> None:
    with pytest.raises(CredentialsRefused) as refused:
        gauge.fetch_token(ClientCredentials(vendor.client_id, "wrong"), deadline)
    vendor.script("token", Reply.html(503))
    with pytest.raises(NotProcessed) as failed:
        gauge.fetch_token(ClientCredentials(vendor.client_id, vendor.client_secret), deadline)

    assert refused.value.code is Code.CREDENTIALS_REFUSED
    assert failed.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_scope", "unsupported_grant_type"])
def test_a_client_that_is_not_set_up_for_this_is_refused_credentials_but_no_reason_to_read_the_secret_again(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline, error: str
) -> None:
    vendor.script("token", Reply(400, {"error": error}))

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(credentials, deadline)

    assert (type(caught.value), caught.value.code) == (NotProcessed, Code.CREDENTIALS_REFUSED)


@pytest.mark.parametrize(("status", "code"), [(429, Code.RATE_LIMITED), (503, Code.UNAVAILABLE)])
def test_a_token_server_that_asks_for_time_says_how_long(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    status: int,
    code: Code,
) -> None:
    vendor.script("token", Reply.error(status, retry_after=9))

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(credentials, deadline)

    assert (caught.value.code, caught.value.retry_after) == (code, 9.0)


def test_the_vendors_messages_are_passed_on_within_bounds(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    errors = {"Email": ["x" * 1024] * 20, "Name": ["x" * 1025, 7], "Phone": 7}
    vendor.script("personal-link", Reply(422, {"message": "No.", "errors": errors}))

    with pytest.raises(Refused) as caught:
        create(gauge, token)

    assert caught.value.errors == {"Email": ["x" * 1024] * 10, "Name": ["is not valid"] * 2}


def test_the_vendors_messages_are_not_passed_on_if_they_quote_the_record(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    quote = "Joe@Example.com is on the unsubscribe list."
    vendor.script("personal-link", Reply(422, {"message": quote, "errors": {"Email": [quote, "Too bad."]}}))

    with pytest.raises(Refused) as caught:
        create(gauge, token)

    assert caught.value.vendor_message is None
    assert caught.value.errors == {"Email": ["is not valid", "Too bad."]}


@pytest.mark.parametrize(
    ("value", "words", "told"),
    [
        pytest.param("Zoë", "ZOË is no name.", False, id="three letters, as a word"),
        pytest.param("Zoë", "Zoëlogy is no name.", True, id="three letters, by chance within a word"),
        pytest.param("5", "Between 1 and 5.", True, id="one letter says nothing of anybody"),
        pytest.param("Anna", "Annabel is no name.", False, id="four letters, within a word"),
        pytest.param(447700900461, "447700900461 is no name.", False, id="a number"),
        pytest.param(True, "True is no name.", True, id="true says nothing of anybody"),
        pytest.param("+44 7700 900461", "+447700900461 is no phone.", False, id="a phone number, written otherwise"),
        pytest.param("Zoë Ray", "Zo&euml; Ray is no name.", False, id="as HTML"),
        pytest.param("Zoë Ray", "Zo%C3%AB+Ray is no name.", False, id="as in an address"),
        pytest.param("Zoë Ray", "Zo\\u00eb Ray is no name.", False, id="as in JSON"),
        pytest.param("Anna", "Somebody%40else.example has that name.", False, id="somebody else's e-mail"),
        pytest.param("Anna", "See https://survey.example/r/1.", False, id="a link"),
        pytest.param("Anna", "Client 1h57kf5cpq17m0eml12EXAMPLE may not.", False, id="a client id"),
        pytest.param("Anna", "Kundenzufriedenheitsumfrage is missing.", True, id="a long word"),
        pytest.param("Anna", "Mapping 9dd58237-c913-4073-9c76-07da0b49ff50 is wrong.", True, id="a mapping"),
    ],
)
def test_the_vendors_words_are_passed_on_unless_they_quote_somebody(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    value: str | int,
    words: str,
    told: bool,  # noqa: FBT001
) -> None:
    vendor.script("personal-link", Reply(422, {"message": words, "errors": {words: [words]}}))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"First Name": value}, token, deadline)

    assert caught.value.vendor_message == (words if told else None)
    assert caught.value.errors == ({words: [words]} if told else {"record": ["is not valid"]})


def test_words_that_quote_the_access_token_are_not_passed_on(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, deadline: Deadline
) -> None:
    vendor.script("personal-link", Reply.error(422, "tok-1 may not."))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"Email": "a@b.example"}, AccessToken("tok-1", 60, 0, 0), deadline)

    assert caught.value.vendor_message is None


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "Could not match any campaign filter for Anna.", Code.NO_MATCHING_CAMPAIGN),
        (400, "Record duplicates with another record of Anna.", Code.DUPLICATE_RECORD),
        (404, "The inbound mapping [Anna] was not found.", Code.MAPPING_NOT_FOUND),
    ],
)
def test_a_refusal_that_quotes_somebody_means_the_same_and_is_told_in_our_words(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    token: AccessToken,
    deadline: Deadline,
    status: int,
    words: str,
    code: Code,
) -> None:
    vendor.script("personal-link", Reply.error(status, words))

    with pytest.raises(Refused) as caught:
        gauge.create_personal_link("contact", {"First Name": "Anna"}, token, deadline)

    assert (caught.value.code, caught.value.vendor_message) == (code, None)


def test_the_number_of_a_record_whose_link_is_lost_is_told(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken
) -> None:
    vendor.script("personal-link", Reply(200, {"data": {"number_customergauge": 4711}}))

    with pytest.raises(OutcomeUnknown) as caught:
        create(gauge, token)

    assert "Its number is 4711." in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"token_type": "Bearer"}',
        b'{"access_token": null}',
        b'{"access_token": 7}',
        b'{"access_token": ""}',
        b'{"access_token": "a\\r\\nX-Injected: b"}',
        b'{"access_token": "a b"}',
        b'{"access_token": "abc", "token_type": "MAC"}',
        b'{"access_token": "' + b"x" * 10_000 + b'"}',
    ],
)
def test_a_token_that_cannot_be_sent_in_a_header_is_no_token(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    body: bytes,
) -> None:
    vendor.script("token", Reply(200, body))

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(credentials, deadline)

    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        (b"3600", 3600),
        (b'"3600"', 3600),
        (b"3600.5", 3600.5),
        (b"null", 600),
        (b"true", 600),
        (b'"abc"', 600),
        (b"0", 0),
        (b"-1", 0),
        (b"5", 30),
        (b"1e12", 86_400),
        (b"1" + b"0" * 4000, 86_400),
    ],
)
def test_a_tokens_life_is_read_from_whatever_expires_in_says(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    credentials: ClientCredentials,
    deadline: Deadline,
    expires_in: bytes,
    life: float,
) -> None:
    vendor.script("token", Reply(200, b'{"access_token": "abc", "expires_in": ' + expires_in + b"}"))

    assert gauge.fetch_token(credentials, deadline).life == life


def test_a_revoked_token_costs_one_more_round_trip(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline
) -> None:
    tokens = TokenCache(lambda limit: gauge.fetch_token(credentials, limit), SystemClock(), lambda work: work())
    tokens.authorised(lambda token: create(gauge, token), deadline)
    vendor.revoke_tokens()

    link = tokens.authorised(lambda token: create(gauge, token), deadline)

    assert link.survey_link == vendor.links[1].survey_link
    assert (len(vendor.calls("token")), len(vendor.calls("personal-link"))) == (2, 3)
