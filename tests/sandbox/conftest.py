from collections.abc import Iterator

import pytest

from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.sandbox.sandbox_client import Client


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(vendor: CustomerGaugeSandbox) -> Iterator[Client]:
    a_client = Client(vendor)
    yield a_client
    a_client.wire.close()
