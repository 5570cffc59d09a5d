"""An emulator and a CustomerGauge for each file. The files of `given` share theirs."""

from collections.abc import Iterator

import pytest

from sandbox.aws.emulator import Emulator, running_emulator
from sandbox.customergauge.server import CustomerGaugeSandbox


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox
