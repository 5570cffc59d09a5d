"""The calls of the vendor's token server when fifty environments start at once, on the emulator's DynamoDB."""

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import workloads
from benchmarks.environment import Environment, emulated_account, running_vendor
from benchmarks.figures import Row
from sandbox.aws.emulator import running_emulator

TITLE = "Tokens for 50 environments started at once"
NOTES = ["A token takes 300 ms, and every environment is ready before the first message: all of them want one at once."]
ENVIRONMENTS = 50
RUNS = 3
LATENCY = 0.3  # seconds in which CustomerGauge answers


def measure() -> list[Row]:
    """Start fifty environments several times, with and without the shared token."""
    shared = [_tokens("true") for _ in range(RUNS)]
    return [
        Row.of("tokens for 50 environments, median", "", shared, goal=1),
        Row.of("tokens for 50 environments, at most", "", [max(shared)], goal=2),
        Row.of("tokens for 50 environments that do not share", "", [_tokens("false")]),
    ]


def _tokens(share: str) -> int:
    with running_vendor() as vendor, running_emulator() as emulator, ExitStack() as ending:
        environment = Environment(vendor, emulated_account(emulator, vendor.secret))
        processes = [
            ending.enter_context(
                environment.started("queue_worker", workloads.work_first_message, ShareAccessToken=share)
            )
            for _ in range(ENVIRONMENTS)
        ]
        vendor.latency = LATENCY
        _send_first_messages(processes)
        vendor.expect_records(ENVIRONMENTS)
        return len(vendor.calls("token"))


def _send_first_messages(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until every process is ready, then give all of them their message at the same moment."""
    for process in processes:
        if process.stdout is None or process.stdout.readline() != '"ready"\n':
            raise RuntimeError("an environment did not get ready; its error is above")
    for process in processes:
        if process.stdin:
            process.stdin.write("go\n")
            process.stdin.flush()
    for process in processes:
        process.communicate()
        if process.returncode:
            raise RuntimeError("an environment failed; its error is above")
