from functools import cached_property

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge, Encoding
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import RequestError
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import Scalar
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.customergauge.scripted_lines import NO_AUTHORITIES, create


class Api:
    """CustomerGauge's token server and API in a sandbox, and a client of both."""

    def __init__(self, vendor: CustomerGaugeSandbox) -> None:
        self.vendor = vendor
        self.gauge = self.client("json")
        self.credentials = ClientCredentials(vendor.client_id, vendor.client_secret)

    @cached_property
    def token(self) -> AccessToken:
        return self.fetch_token()

    def client(self, encoding: Encoding) -> CustomerGauge:
        clock, url = SystemClock(), self.vendor.base_url
        transport = Transport(clock, NO_AUTHORITIES)
        return CustomerGauge(transport, clock, auth_base_url=url, imports_base_url=url, encoding=encoding)

    def fetch_token(self, seconds: float = 10) -> AccessToken:
        return self.gauge.fetch_token(self.credentials, Deadline.after(seconds, SystemClock()))

    def create(self, record: dict[str, Scalar] | None = None, seconds: float = 10) -> PersonalLink:
        return create(self.gauge, self.token, seconds, record)

    def error(self, reply: Reply, record: dict[str, Scalar] | None = None) -> RequestError:
        """Return what a request ends with if the API answers this; fail if it is sent twice."""
        before = len(self.vendor.calls("personal-link"))
        self.vendor.script("personal-link", reply)
        with pytest.raises(RequestError) as caught:
            self.create(record)
        assert len(self.vendor.calls("personal-link")) == before + 1
        return caught.value


@pytest.fixture
def api(vendor: CustomerGaugeSandbox) -> Api:
    return Api(vendor)
