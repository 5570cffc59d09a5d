"""`make soak`: send thousands of requests by every trigger while CustomerGauge fails and workers are killed.

It ends with a report, and with an error unless every check holds. The seed decides the requests and the reply to each
attempt; the timing depends on the machine.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sandbox.aws.emulator import SandboxError
from sandbox.aws.lambda_workers import workers
from sandbox.customergauge.server import TOKEN_PATH, Call, CustomerGaugeSandbox, Reply
from sandbox.environment import Environment, run, running_environment, say
from sandbox.soak.report import Report
from sandbox.soak.traffic import Traffic, make_requests

# The faults of a fifth of the calls: how many in a thousand, and the reply.
FAULTS: Sequence[tuple[int, str, Reply]] = (
    (40, "503, Retry-After", Reply.error(503, retry_after=1)),
    (40, "503", Reply.error(503)),
    (30, "reset, nothing done", Reply(fault="reset")),
    (25, "reset, record made", Reply(fault="reset", commit=True)),
    (30, "HTML 502, nothing done", Reply.html(502)),
    (10, "HTML 502, record made", Reply(502, "<html>", commit=True)),
    (15, "truncated", Reply(fault="truncated")),
)
HANGS: tuple[int, str, Reply] = (3, "hang", Reply(fault="hang"))  # few, because each takes 10 s
REVOKED = 7  # in a thousand calls: revoke all tokens
TOKEN_FAULTS = 200  # in a thousand token calls: 502

HTTP_FUNCTION = "HttpApiFunction"  # its logical id

_PAUSE_AFTER_REVOKING = 10.0  # seconds; two refusals in a row count as a set-up fault, with a long back-off
_SECONDS_BETWEEN_KILLS = 5.0
_CALLS_BEFORE_THE_FIRST_KILL = 25  # the workers have started by then
_SECONDS_HELD = 1.0
_SECONDS_TO_DRAIN = 900.0
_SECONDS_TO_DRAIN_SHORT = 240.0
_VISIBILITY = 60  # seconds


@dataclass(frozen=True)
class Plan:
    """The plan of a run. A short run, for CI, has no hangs and kills only the HTTP function's workers, once.

    A killed worker's lease expires with the function's timeout: after 22 s for HTTP, after a minute for the queue.
    """

    requests: int
    seed: int
    short: bool = False


class Misbehaviour:
    """Choose each call's fault by the seed, the request and the attempt."""

    def __init__(self, vendor: CustomerGaugeSandbox, plan: Plan) -> None:
        self.done: Counter[str] = Counter()
        self.holding = False  # hold the answers, so that a killed worker waits for one
        self._vendor = vendor
        self._seed = plan.seed
        self._faults = FAULTS if plan.short else (*FAULTS, HANGS)
        self._tries: Counter[str] = Counter()
        self._revoked_at = 0.0

    def __call__(self, call: Call) -> Reply | None:
        """Return the fault of a call; None serves it."""
        who = "token" if call.path == TOKEN_PATH else str(json.loads(call.body)["record"]["Order"])
        if self.holding:
            return Reply(delay=_SECONDS_HELD)
        self._tries[who] += 1
        draw = random.Random(f"{self._seed}/{who}/{self._tries[who]}").randrange(1000)
        if who == "token":
            return self._note("502 for a token", Reply.html(502)) if draw < TOKEN_FAULTS else None
        for share, name, reply in self._faults:
            if draw < share:
                return self._note(name, reply)
            draw -= share
        if draw < REVOKED and time.monotonic() - self._revoked_at > _PAUSE_AFTER_REVOKING:
            self._revoked_at = time.monotonic()
            self._vendor.revoke_tokens()
            return self._note("tokens revoked", None)
        return None

    def _note(self, name: str, reply: Reply | None) -> Reply | None:
        self.done[name] += 1
        return reply


class Killer:
    """Kill workers of the emulator's Lambda functions, like a crash of the environment. Needs Linux (/proc)."""

    def __init__(self, environment: Environment, faults: Misbehaviour, plan: Plan) -> None:
        self.killed: Counter[str] = Counter()
        self._emulator = environment.stack.emulator
        self._vendor = environment.vendor
        self._faults = faults
        self._short = plan.short
        self._dice = random.Random(f"{plan.seed}/kills")
        self._next = 0.0

    def tick(self) -> None:
        """When it is time, make CustomerGauge hold its answers; the next time, kill a worker."""
        if time.monotonic() < self._next or (self._short and self.killed):
            return
        if len(self._vendor.calls("personal-link")) < _CALLS_BEFORE_THE_FIRST_KILL:
            return
        if not self._faults.holding:
            self._faults.holding = True
            self._next = time.monotonic() + _SECONDS_HELD / 2
            return
        found = workers(self._emulator)
        if self._short:
            doomed = [worker for worker in found if worker[1] == HTTP_FUNCTION]
        else:
            doomed = self._dice.sample(found, min(1, len(found)))
        for number, function in doomed:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
                self.killed[function] += 1
        self._faults.holding = False
        self._next = time.monotonic() + self._dice.uniform(0.5, 1.5) * _SECONDS_BETWEEN_KILLS


def soak(plan: Plan) -> None:
    """Start the environment, send everything, end the faults, wait until the queue is empty, and report."""
    started = time.monotonic()
    with running_environment() as environment:
        # A killed worker's messages return after this: the worker's timeout, a sixth of the template's value.
        environment.stack.sqs.set_queue_attributes(
            QueueUrl=environment.stack.requests_queue_url, Attributes={"VisibilityTimeout": str(_VISIBILITY)}
        )
        say(f"Sending {plan.requests} requests, seed {plan.seed} ...")
        report = send_and_report(environment, plan)
        say("\n".join(report.lines()))
        failed = [name for name, references in report.failures().items() if references]
        if failed:
            raise SandboxError(f"{len(failed)} of the checks failed, with seed {plan.seed}")
    say(f"\nEvery request ended exactly once: {time.monotonic() - started:.0f} s.")


def send_and_report(environment: Environment, plan: Plan) -> Report:
    """Send everything with faults, wait without faults, and return the report."""
    stack, vendor = environment.stack, environment.vendor
    requests = make_requests(plan.requests, plan.seed)
    faults = Misbehaviour(vendor, plan)
    killer = Killer(environment, faults, plan)
    vendor.duplicate_rule, vendor.misbehave = "campaign", faults
    traffic = Traffic(stack, environment.caller, requests, plan.seed)
    try:
        _send(traffic, environment, killer, seconds=60 + plan.requests / 2)
        vendor.misbehave = lambda _call: None
        say("Everything is sent and CustomerGauge works again; waiting for the queue ...")
        _drain(environment, _SECONDS_TO_DRAIN_SHORT if plan.short else _SECONDS_TO_DRAIN)
    finally:
        traffic.give_up()
    results, parked = (
        stack.take(url, stack.depth(url), within=600) for url in (stack.results_queue_url, stack.parked_queue_url)
    )
    return Report(
        requests=requests,
        http_ends=traffic.http_ends,
        results=results,
        parked=parked,
        records=vendor.links,
        left=stack.leftovers(within=0),
        counts={
            "HTTP calls": traffic.http_calls,
            "calls to CustomerGauge": len(vendor.calls("personal-link")),
            **{f"  {name}": number for name, number in sorted(faults.done.items())},
            "tokens fetched": len(vendor.calls("token")),
            "workers killed": killer.killed.total(),
            **{f"  {name}": number for name, number in sorted(killer.killed.items())},
        },
    )


def _send(traffic: Traffic, environment: Environment, killer: Killer, seconds: float) -> None:
    started = said = time.monotonic()
    while not traffic.is_over():
        now = time.monotonic()
        if now - started > seconds:
            raise SandboxError(f"not everything was sent and answered within {seconds:.0f} s")
        if now - said >= 10:
            said = now
            sent = ", ".join(f"{number} by {trigger}" for trigger, number in traffic.sent.items())
            say(f"{now - started:>6.0f} s  {sent}, {len(traffic.http_ends)} answered; {_state(environment)}")
        killer.tick()
        time.sleep(0.2)


def _drain(environment: Environment, seconds: float) -> None:
    """Wait until the requests queue stays empty: an event may be on its way to it."""
    started = said = time.monotonic()
    empty = 0
    while empty < 3:
        now = time.monotonic()
        if now - started > seconds:
            return  # the report says what is left
        if now - said >= 10:
            said = now
            say(f"{now - started:>6.0f} s  {_state(environment)}")
        empty = 0 if _waiting(environment) else empty + 1
        time.sleep(0.5)


def _waiting(environment: Environment) -> int:
    return environment.stack.leftovers(within=0).get("requests", 0)


def _state(environment: Environment) -> str:
    return (
        f"{_waiting(environment)} in the queue, {len(environment.vendor.calls('personal-link'))} calls to CustomerGauge"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the soak with the given arguments."""
    parser = argparse.ArgumentParser("python -m sandbox.soak.run", description="Soak the stack and report.")
    parser.add_argument("--requests", type=int, default=3000, help="number of requests (default: 3000)")
    parser.add_argument("--seed", type=int, help="decides the requests and the faults (default: a new one)")
    parser.add_argument("--short", action="store_true", help="as in CI: no hangs, few kills")
    chosen = parser.parse_args(arguments)
    if chosen.requests < 1:
        parser.error("--requests must be at least 1")
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed
    soak(Plan(chosen.requests, seed, chosen.short))


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))
