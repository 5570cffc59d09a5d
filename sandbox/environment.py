"""The scene of the demo and of `make local`: a CustomerGauge, an emulated AWS, the stack on it, and its callers."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import BUILD, SandboxError, running_emulator
from sandbox.http_caller import HttpCaller, anonymous_caller, permitted_caller
from sandbox.stack import Stack, deploy


@dataclass(frozen=True)
class Scene:
    """Everything that is up, and who may call it."""

    vendor: CustomerGaugeSandbox
    stack: Stack
    caller: HttpCaller
    anonymous: HttpCaller


def say(line: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


@contextmanager
def set_scene(port: int | None = None) -> Iterator[Scene]:
    """Start everything, saying what happens; stop it at the end of the block."""
    started = time.monotonic()
    with CustomerGaugeSandbox() as vendor:
        say(f"A CustomerGauge of our own    {vendor.base_url}")
        with running_emulator(port) as emulator:
            say(f"An AWS emulator, IAM enforced {emulator.url}")
            say("Building template.yaml and deploying it there ...")
            stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
            stack.fill_secret(vendor.client_id, vendor.client_secret)
            say(f"Deployed, credentials filled in, after {time.monotonic() - started:.0f} s.")
            try:
                yield Scene(vendor, stack, permitted_caller(stack), anonymous_caller(stack))
            except SandboxError as error:
                log = BUILD / "functions.log"
                log.write_text(stack.function_logs())
                raise SandboxError(f"{error}\nWhat the functions logged is in {log}") from None


def run(program: Callable[[], None]) -> NoReturn:
    """Run a program to its exit code: 130 if it was interrupted, 1 and a line if it cannot go on."""

    def terminate(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell in the background had it ignored
    try:
        program()
    except KeyboardInterrupt:
        say("\nStopped; nothing is left running.")
        sys.exit(130)
    except SandboxError as error:
        sys.exit(f"\nerror: {error}")
    sys.exit(0)
