"""TLS with real certificates: whoever cannot prove to be the vendor gets nothing, and is asked once."""

import datetime as dt
import ssl
import time
import warnings

import pytest
import trustme

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed
from tests.customergauge.scripted_lines import Line, a_link, serving

YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
TOMORROW = YESTERDAY + dt.timedelta(days=2)


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


AUTHORITY = trustme.CA()
BAD = {
    "of nobody we trust": server_tls(trustme.CA().issue_cert("127.0.0.1")),
    "expired": server_tls(AUTHORITY.issue_cert("127.0.0.1", not_after=YESTERDAY)),
    "not valid yet": server_tls(
        AUTHORITY.issue_cert("127.0.0.1", not_before=TOMORROW, not_after=TOMORROW + dt.timedelta(days=9))
    ),
    "of another host": server_tls(AUTHORITY.issue_cert("imports.api.eu.customergauge.com")),
    "with TLS 1.0 only": only_tls_1_0(AUTHORITY.issue_cert("127.0.0.1")),
}


def gauge_at(url: str) -> CustomerGauge:
    """Return the vendor's API behind the context that urllib3 makes by itself, but for the authority it trusts."""
    clock, trusted = SystemClock(), ssl.create_default_context()
    AUTHORITY.configure_trust(trusted)
    return CustomerGauge(Transport(clock, trusted), clock, auth_base_url=url, imports_base_url=url)


def create(gauge: CustomerGauge) -> str:
    token = AccessToken("token", 3600, time.time(), time.monotonic())
    deadline = Deadline.after(5, SystemClock())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, deadline).survey_link


@pytest.mark.parametrize("context", BAD.values(), ids=BAD.keys())
def test_a_certificate_that_proves_nothing_gets_no_request_and_is_asked_for_once(context: ssl.SSLContext) -> None:
    def talk(line: Line) -> None:
        line.start_tls(context)
        line.hear()

    with serving(talk, talk) as server:
        with pytest.raises(NotProcessed) as caught:
            create(gauge_at(server.tls_url))

        assert caught.value.code is Code.UNAVAILABLE
        assert (server.connections, server.requests) == (1, [])


@pytest.mark.parametrize("context", BAD.values(), ids=BAD.keys())
def test_a_token_server_that_proves_nothing_does_not_get_the_secret(context: ssl.SSLContext) -> None:
    def talk(line: Line) -> None:
        line.start_tls(context)
        line.hear()

    with serving(talk, talk) as server:
        with pytest.raises(NotProcessed):
            gauge_at(server.tls_url).fetch_token(ClientCredentials("id", "secret"), Deadline.after(5, SystemClock()))

        assert (server.connections, server.requests) == (1, [])


def test_a_good_certificate_gets_the_request() -> None:
    def talk(line: Line) -> None:
        line.start_tls(server_tls(AUTHORITY.issue_cert("127.0.0.1")))
        line.hear()
        line.say(a_link("1"))

    with serving(talk) as server:
        assert create(gauge_at(server.tls_url)) == "https://survey.eu.customergauge.com/r/1"


def test_without_a_context_of_our_own_nobody_unknown_is_trusted_either() -> None:
    def talk(line: Line) -> None:
        line.start_tls(server_tls(AUTHORITY.issue_cert("127.0.0.1")))
        line.hear()

    with serving(talk, talk) as server:
        clock = SystemClock()
        gauge = CustomerGauge(Transport(clock), clock, auth_base_url=server.tls_url, imports_base_url=server.tls_url)
        with pytest.raises(NotProcessed):
            create(gauge)

        assert server.requests == []
