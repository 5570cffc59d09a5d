"""Calls of a server that plays the vendor."""

import ssl
import time
from collections.abc import Callable

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from tests.customergauge.scripted_lines import Line, Talk

LINK = "https://survey.eu.customergauge.com/r/"


TOKEN = AccessToken("token", 3600, time.time(), time.monotonic())


def gauge_at(url: str, tls: ssl.SSLContext | None = None) -> CustomerGauge:
    clock = SystemClock()
    return CustomerGauge(Transport(clock, tls), clock, auth_base_url=url, imports_base_url=url)


def create(gauge: CustomerGauge, seconds: float = 5.0) -> str:
    deadline = Deadline.after(seconds, SystemClock())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, TOKEN, deadline).survey_link


def saying(text: bytes, then: Callable[[Line], None] = lambda _line: None) -> Talk:
    """Hear one request, say this, and hang up unless something else is to follow."""

    def talk(line: Line) -> None:
        line.hear()
        line.say(text)
        then(line)

    return talk
