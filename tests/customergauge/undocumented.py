"""A request for a link."""

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.outcome import PersonalLink


def create(gauge: CustomerGauge, token: AccessToken, seconds: float = 10) -> PersonalLink:
    deadline = Deadline.after(seconds, SystemClock())
    return gauge.create_personal_link("contact", {"Email": "joe@example.com"}, token, deadline)
