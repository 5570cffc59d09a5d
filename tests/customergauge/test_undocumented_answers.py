"""What the vendor does not document, over a real socket: statuses, broken bodies, links, connections."""

import socket
import time

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.answers import personal_link
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Response
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import (
    Blocked,
    Code,
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
from tests.customergauge.undocumented import create

LINK = "https://survey.eu.customergauge.com/r/1"


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
    [
        *(("7", 7.0), ("0", 0.0), ("999999999", 43_200.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)),
        *(("soon", None), ("-5", None), ("", None)),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date_and_kept_within_twelve_hours(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, token: AccessToken, retry_after: str, seconds: float | None
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=retry_after))

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.retry_after == seconds


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
