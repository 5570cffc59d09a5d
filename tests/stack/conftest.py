from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from operate.commands import operate
from sandbox.aws.emulator import running_emulator
from sandbox.aws.http_caller import HttpCaller, permitted_caller
from sandbox.aws.stack import Stack, deploy
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.deployed import create_stack


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


@pytest.fixture
def run(stack: Stack) -> Callable[..., Result]:
    """Run a command of the operator's, as in another terminal of `make local`."""

    def run_it(*arguments: str) -> Result:
        return CliRunner(env=stack.emulator.environment()).invoke(operate, arguments)

    return run_it


@contextmanager
def companion(stack: Stack, name: str, template: str, parameters: Mapping[str, str]) -> Iterator[str]:
    """Deploy a template of at most one output beside the stack; return the output."""
    yield "".join(create_stack(stack.emulator, name, template, parameters).values())
    cloudformation = stack.emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
