"""The environment of `make demo`, `local` and `soak`: sandbox CustomerGauge, AWS emulator, stack and callers."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.aws.emulator import BUILD, SandboxError, running_emulator
from sandbox.aws.http_caller import HttpCaller, anonymous_caller, permitted_caller
from sandbox.aws.stack import Stack, deploy
from sandbox.customergauge.server import CustomerGaugeSandbox


@dataclass(frozen=True)
class Environment:
    """The running vendor and stack, with a permitted and an anonymous HTTP caller."""

    vendor: CustomerGaugeSandbox
    stack: Stack
    caller: HttpCaller
    anonymous: HttpCaller


def say(line: str = "") -> None:
    """Print a line without buffering. Raises SandboxError if it cannot be written; a closed pipe ends the program."""
    try:
        print(line, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries it once more at its exit
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        raise SandboxError(f"the output cannot be written: {error.strerror}") from None


@contextmanager
def running_environment(port: int | None = None, kept: Path | None = None) -> Iterator[Environment]:
    """Start everything and print each step; stop everything at the end of the block.

    The emulator's certificate authority stays in the folder `kept`.
    """
    started = time.monotonic()
    with CustomerGaugeSandbox() as vendor:
        say(f"Sandbox CustomerGauge        {vendor.base_url}")
        with running_emulator(port, kept) as emulator:
            say(f"AWS emulator, IAM enforced   {emulator.url}")
            say("Building and deploying template.yaml ...")
            stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
            stack.fill_secret(vendor.client_id, vendor.client_secret)
            say(f"Deployed after {time.monotonic() - started:.0f} s.")
            try:
                yield Environment(vendor, stack, permitted_caller(stack), anonymous_caller(stack))
            except SandboxError as error:
                log = BUILD / "functions.log"
                log.write_text(stack.function_logs())
                raise SandboxError(f"{error}\nThe functions' logs are in {log}") from None


def run(program: Callable[[], None]) -> NoReturn:
    """Run a program and exit: code 130 after Ctrl-C, code 1 and a line after a SandboxError."""

    def terminate(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores SIGINT
    try:
        program()
    except KeyboardInterrupt:
        say("\nStopped. Nothing is left running.")
        sys.exit(130)
    except SandboxError as error:
        sys.exit(f"\nerror: {error}")
    sys.exit(0)
