"""TLS with real certificates: a server with an invalid one gets no request and no secret."""

import datetime as dt
import ssl
import time
import warnings
from collections.abc import Callable

import pytest
import trustme

from personal_link.customergauge.client import CustomerGauge
from personal_link.domain.errors import Code, NotProcessed, Unanswered
from tests.customergauge.scripted_lines import (
    LINK,
    Line,
    Talk,
    a_link,
    create,
    fetch_token,
    gauge_at,
    resolve,
    saying,
    serving,
)

YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
TOMORROW = YESTERDAY + dt.timedelta(days=2)
AUTHORITY = trustme.CA()


def server_tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def only_tls_1_0(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = server_tls(certificate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


GOOD = server_tls(AUTHORITY.issue_cert("127.0.0.1"))
BAD = {
    "of nobody we trust": server_tls(trustme.CA().issue_cert("127.0.0.1")),
    "expired": server_tls(AUTHORITY.issue_cert("127.0.0.1", not_after=YESTERDAY)),
    "not valid yet": server_tls(
        AUTHORITY.issue_cert("127.0.0.1", not_before=TOMORROW, not_after=TOMORROW + dt.timedelta(days=9))
    ),
    "of another host": server_tls(AUTHORITY.issue_cert("imports.api.eu.customergauge.com")),
    "with TLS 1.0 only": only_tls_1_0(AUTHORITY.issue_cert("127.0.0.1")),
}


def trusting(url: str) -> CustomerGauge:
    """Return a client behind the context that urllib3 makes by itself, but for the authority it trusts."""
    trusted = ssl.create_default_context()
    AUTHORITY.configure_trust(trusted)
    return gauge_at(url, trusted)


def shaking_hands(then: Talk | Callable[[Line], bytes], context: ssl.SSLContext = GOOD, after: float = 0) -> Talk:
    def talk(line: Line) -> None:
        line.server.over.wait(after)
        line.start_tls(context)
        then(line)

    return talk


@pytest.mark.parametrize("context", BAD.values(), ids=BAD.keys())
def test_a_server_with_an_invalid_certificate_gets_no_request_no_secret_and_no_retry(
    context: ssl.SSLContext,
) -> None:
    with serving(*[shaking_hands(Line.hear, context)] * 3) as server:
        with pytest.raises(NotProcessed) as caught:
            create(trusting(server.tls_url))
        with pytest.raises(NotProcessed):
            fetch_token(trusting(server.tls_url))

        assert caught.value.code is Code.UNAVAILABLE
        assert (server.connections, server.requests) == (2, [])


def test_a_server_with_a_valid_certificate_gets_the_request() -> None:
    with serving(shaking_hands(saying(a_link("1")))) as server:
        assert create(trusting(server.tls_url)).survey_link == LINK + "1"


def test_the_default_tls_context_trusts_no_unknown_authority() -> None:
    with serving(*[shaking_hands(Line.hear)] * 2) as server:
        with pytest.raises(NotProcessed):
            create(gauge_at(server.tls_url))

        assert server.requests == []


# Duration of the handshake


def drip(line: Line) -> None:
    line.say(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KB, as if it were on its way
    while not line.server.over.wait(0.1):
        line.say(b"\x02")


@pytest.mark.parametrize("talk", [Line.hold, drip], ids=["silent", "drips"])
def test_an_endless_tls_handshake_is_aborted_at_the_deadline_and_no_request_was_sent(talk: Talk) -> None:
    with serving(talk, talk) as server:
        began = time.monotonic()
        with pytest.raises(NotProcessed) as caught:
            create(gauge_at(server.tls_url), seconds=1.2)

        assert caught.value.code is Code.UNAVAILABLE
        assert time.monotonic() - began < 2.2
        assert server.requests == []


def test_a_request_whose_tls_handshake_fails_is_not_processed() -> None:
    with serving(lambda line: line.say(b"this is no TLS")) as server, pytest.raises(NotProcessed):
        create(gauge_at(server.tls_url))


def test_a_slow_tls_handshake_counts_against_the_deadline_of_the_request() -> None:
    with serving(shaking_hands(saying(b"", Line.hold), after=1.2)) as server:
        began = time.monotonic()
        with pytest.raises(Unanswered):
            create(trusting(server.tls_url), seconds=2.0)

        assert time.monotonic() - began < 3.0


def test_a_tls_handshake_may_use_all_the_time_left_although_the_host_has_several_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(shaking_hands(saying(a_link("1")), after=1.2)) as server:
        resolve(monkeypatch, server.port, server.port)

        assert create(trusting("https://127.0.0.1")).survey_link == LINK + "1"
