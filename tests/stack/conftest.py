from collections.abc import Iterator

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import HttpCaller, permitted_caller
from sandbox.stack import Stack, deploy


@pytest.fixture(scope="session")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def stack(vendor: CustomerGaugeSandbox) -> Iterator[Stack]:
    with running_emulator() as emulator:
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        deployed = deploy(emulator, LogLevel="DEBUG", Tracing="Active", **urls)  # as much is logged as can be
        deployed.fill_secret(vendor.client_id, vendor.client_secret)
        yield deployed


@pytest.fixture(scope="session")
def caller(stack: Stack) -> HttpCaller:
    return permitted_caller(stack)
