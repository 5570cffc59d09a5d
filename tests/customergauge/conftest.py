import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Transport
from personal_link.domain.clock import Deadline, SystemClock
from sandbox.customergauge.server import CustomerGaugeSandbox


@pytest.fixture
def deadline() -> Deadline:
    return Deadline.after(10, SystemClock())


@pytest.fixture
def transport() -> Transport:
    return Transport(SystemClock())


@pytest.fixture
def gauge(vendor: CustomerGaugeSandbox, transport: Transport) -> CustomerGauge:
    return CustomerGauge(
        transport, SystemClock(), auth_base_url=vendor.base_url, imports_base_url=vendor.base_url, encoding="json"
    )


@pytest.fixture
def form_gauge(vendor: CustomerGaugeSandbox, transport: Transport) -> CustomerGauge:
    return CustomerGauge(
        transport, SystemClock(), auth_base_url=vendor.base_url, imports_base_url=vendor.base_url, encoding="form"
    )


@pytest.fixture
def credentials(vendor: CustomerGaugeSandbox) -> ClientCredentials:
    return ClientCredentials(vendor.client_id, vendor.client_secret)


@pytest.fixture
def token(gauge: CustomerGauge, credentials: ClientCredentials, deadline: Deadline) -> AccessToken:
    return gauge.fetch_token(credentials, deadline)
