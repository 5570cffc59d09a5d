"""Statuses that the vendor does not document, and its token server at its worst."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache, run_in_background
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import (
    Code,
    CredentialsRefused,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    RequestError,
    Unanswered,
)
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import CLIENT_ID, CLIENT_SECRET
from tests.customergauge.scripted_lines import unanswered
from tests.fake_clock import FakeClock

GOOD = ClientCredentials(CLIENT_ID, CLIENT_SECRET)
A_LINK = {"data": {"survey_link": "https://survey.eu.customergauge.com/r/1"}}


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds, SystemClock())


def create(gauge: CustomerGauge, token: AccessToken) -> str:
    return gauge.create_personal_link("contact", {"Email": "joe@acme.example"}, token, soon()).survey_link


# The API


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        *[(status, Refused, Code.BAD_REQUEST) for status in (402, 406, 409, 410, 411, 414, 415, 417, 418, 423)],
        *[(status, Refused, Code.BAD_REQUEST) for status in (424, 426, 428, 431, 451, 499)],
        *[(status, Unanswered, Code.UNAVAILABLE) for status in (300, 304, 305, 399, 501, 505, 507, 508, 511)],
        *[(status, Unanswered, Code.UNAVAILABLE) for status in (520, 521, 522, 523, 524, 525, 526, 527, 530, 599)],
        *[(status, Unanswered, Code.UNAVAILABLE) for status in (600, 999)],
    ],
)
def test_every_other_status_means_what_its_class_means_even_with_a_link_in_its_body(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, status: int, kind: type[RequestError], code: Code
) -> None:
    token = gauge.fetch_token(GOOD, soon())
    vendor.script("personal-link", Reply(status, A_LINK))

    with pytest.raises(RequestError) as caught:
        create(gauge, token)

    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": ""}', b'{"message": 7}', b"\xff\xfe", b"[" * 60_000])
def test_a_400_without_words_we_know_is_a_bad_request_that_quotes_none(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, body: bytes
) -> None:
    token = gauge.fetch_token(GOOD, soon())
    vendor.script("personal-link", Reply(400, body))

    with pytest.raises(Refused) as caught:
        create(gauge, token)

    assert (caught.value.code, caught.value.message) == (Code.BAD_REQUEST, "CustomerGauge answered HTTP 400.")
    assert caught.value.vendor_message is None


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"data": {"survey_link": "https://\xff"}}'])
def test_a_200_whose_link_cannot_be_read_is_unknown(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, body: bytes
) -> None:
    token = gauge.fetch_token(GOOD, soon())
    vendor.script("personal-link", Reply(200, body))

    with pytest.raises(OutcomeUnknown):
        create(gauge, token)

    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("retry_after", ["²", "1e3", "Wed, 21 Oct 99999 07:28:00 GMT", "\xff", "9" * 6000, "7, 8"])
def test_a_retry_after_that_nobody_can_read_breaks_nothing(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, retry_after: str
) -> None:
    token = gauge.fetch_token(GOOD, soon())
    vendor.script("personal-link", Reply.error(503, retry_after=retry_after))

    with pytest.raises(NotProcessed) as caught:
        create(gauge, token)

    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after in {None, 43_200.0}


# The token server


@pytest.mark.parametrize(
    "reply",
    [
        *[
            pytest.param(Reply.error(status), id=str(status))
            for status in (404, 405, 500, 501, 502, 503, 504, 520, 599)
        ],
        pytest.param(Reply(204), id="204"),
        pytest.param(Reply.html(200), id="a page"),
        pytest.param(Reply.html(503), id="a page of the load balancer"),
        pytest.param(Reply(200, b""), id="an empty body"),
        pytest.param(Reply(200, {"access_token": "t"}, fault="truncated"), id="cut short"),
        pytest.param(Reply(200, b"\xff\xfe\xfd"), id="no UTF-8"),
        pytest.param(Reply(200, b"[" * 60_000), id="deep"),
        pytest.param(Reply(200, {"access_token": "t" * 100_000}), id="a token of 100 KB"),
        pytest.param(Reply(200, {"access_token": "t" * 10_000}), id="a token of 10 KB"),
        pytest.param(Reply(200, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}), id="compressed and cut"),
        pytest.param(Reply(200, {"error": "temporarily_unavailable"}), id="200 with a passing error"),
        pytest.param(Reply(fault="reset"), id="reset"),
        pytest.param(Reply(fault="close"), id="closed"),
    ],
)
def test_a_token_server_that_fails_is_asked_once_and_no_request_is_sent(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, reply: Reply
) -> None:
    vendor.script("token", reply)

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(GOOD, soon())

    assert (type(caught.value), caught.value.code) == (NotProcessed, Code.UNAVAILABLE)
    assert len(vendor.calls("token")) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(fault="hang"), id="no byte"),
        pytest.param(Reply(fault="drip_headers", interval=0.2), id="a first line that drips"),
        pytest.param(Reply(fault="drip_body", interval=0.2), id="a body that drips"),
    ],
)
def test_a_token_server_that_is_slow_ends_by_the_deadline(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, reply: Reply
) -> None:
    vendor.script("token", reply)
    began = time.monotonic()

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(GOOD, soon(1.2))

    assert caught.value.code is Code.UNAVAILABLE
    assert time.monotonic() - began < 1.7


def test_a_token_server_that_refuses_connections_is_certainly_not_processed(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge
) -> None:
    vendor.stop()

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(GOOD, soon())

    assert caught.value.code is Code.UNAVAILABLE


def test_a_token_server_that_takes_no_connection_ends_by_the_deadline() -> None:
    with unanswered() as port:
        base_url, clock = f"http://127.0.0.1:{port}", SystemClock()
        gauge = CustomerGauge(Transport(clock), clock, auth_base_url=base_url, imports_base_url=base_url)
        began = time.monotonic()
        with pytest.raises(NotProcessed):
            gauge.fetch_token(GOOD, soon(1.2))

    assert time.monotonic() - began < 1.7


def test_an_ageing_token_serves_on_while_the_token_server_is_down(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge
) -> None:
    clock = FakeClock()
    fetched = AccessToken(gauge.fetch_token(GOOD, soon()).value, 3600.0, clock.wall(), clock.monotonic())
    replies = iter([fetched])

    def fetch(_deadline: Deadline) -> AccessToken:
        return next(replies, None) or gauge.fetch_token(GOOD, soon())

    tokens = TokenCache(fetch, clock, lambda work: work())
    tokens.get(soon())
    vendor.script("token", Reply.error(503))
    clock.advance(3000.0)  # past three quarters of its life: it would be renewed by now

    link = tokens.authorised(lambda token: create(gauge, token), soon())

    assert link == vendor.links[0].survey_link
    assert len(vendor.calls("token")) == 2


@pytest.mark.parametrize(("status", "code"), [(429, Code.RATE_LIMITED), (503, Code.UNAVAILABLE)])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        ("86400", 43_200.0),
        ("-5", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 43_200.0),
    ],
)
def test_a_token_server_may_say_when_in_seconds_or_by_a_date(
    vendor: CustomerGaugeSandbox,
    gauge: CustomerGauge,
    status: int,
    code: Code,
    retry_after: str,
    seconds: float | None,
) -> None:
    vendor.script("token", Reply.error(status, retry_after=retry_after))

    with pytest.raises(NotProcessed) as caught:
        gauge.fetch_token(GOOD, soon())

    assert (caught.value.code, caught.value.retry_after) == (code, seconds)
    assert len(vendor.calls("token")) == 1


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 500])
@pytest.mark.parametrize(
    "content",
    [
        {"error": "invalid_client"},
        {"error": "invalid_client", "access_token": None},
        {"error": " Invalid_Client ", "error_description": "Client authentication failed"},
    ],
    ids=["alone", "beside no token", "described"],
)
def test_a_refused_client_is_told_by_any_status(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, status: int, content: dict[str, object]
) -> None:
    vendor.script("token", Reply(status, content))

    with pytest.raises(CredentialsRefused):
        gauge.fetch_token(GOOD, soon())

    assert len(vendor.calls("token")) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_of_the_token_server_is_followed(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge, status: int
) -> None:
    with CustomerGaugeSandbox() as elsewhere:
        vendor.script("token", Reply.redirect(f"{elsewhere.base_url}/oauth2/token", status))

        with pytest.raises(NotProcessed):
            gauge.fetch_token(GOOD, soon())

        assert elsewhere.calls("token") == []
    assert len(vendor.calls("token")) == 1


def test_fifty_threads_on_a_cold_environment_fetch_one_token_over_the_wire(
    vendor: CustomerGaugeSandbox, gauge: CustomerGauge
) -> None:
    vendor.script("token", Reply(delay=0.3))
    tokens = TokenCache(lambda deadline: gauge.fetch_token(GOOD, deadline), SystemClock(), run_in_background)

    with ThreadPoolExecutor(50) as threads:
        got = set(threads.map(lambda _: tokens.get(soon()), range(50)))

    assert len(got) == 1
    assert len(vendor.calls("token")) == 1
