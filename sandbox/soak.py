"""`make soak`: thousands of requests through every trigger while CustomerGauge misbehaves and workers are killed.

It ends with the conservation sheet, and with an error unless every check on it holds. The seed decides what is sent and
how CustomerGauge answers each try of each request; when what happens is up to the machine.
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

from sandbox.customergauge import TOKEN_PATH, Call, CustomerGaugeSandbox, Reply
from sandbox.emulator import SandboxError
from sandbox.environment import Environment, run, running_environment, say
from sandbox.lambda_workers import workers
from sandbox.soak_report import Sheet, take_all
from sandbox.soak_traffic import Traffic, make_requests

# How a fifth of the calls go wrong: how many in a thousand, and what CustomerGauge does then.
FAULTS: Sequence[tuple[int, str, Reply]] = (
    (40, "503, Retry-After", Reply.error(503, retry_after=1)),
    (40, "503", Reply.error(503)),
    (30, "reset, nothing done", Reply(fault="reset")),
    (25, "reset, record made", Reply(fault="reset", commit=True)),
    (30, "HTML 502, nothing done", Reply.html(502)),
    (10, "HTML 502, record made", Reply(502, "<html>", commit=True)),
    (15, "truncated", Reply(fault="truncated")),
)
HANGS: tuple[int, str, Reply] = (3, "hang", Reply(fault="hang"))  # a few: each takes the connector's 10 s
REVOKED = 7  # in a thousand calls: all tokens issued so far are refused
TOKEN_FAULTS = 200  # in a thousand token calls: 502

HTTP_FUNCTION = "HttpApiFunction"  # as the template calls it

_PAUSE_AFTER_REVOKING = 10.0  # seconds: refused twice at once, a token counts as a fault of the set-up, and waits long
_SECONDS_BETWEEN_KILLS = 5.0
_CALLS_BEFORE_THE_FIRST_KILL = 25  # by then the workers have started
_SECONDS_HELD = 1.0
_SECONDS_TO_DRAIN = 900.0
_SECONDS_TO_DRAIN_SHORT = 240.0
_VISIBILITY = 60  # seconds


@dataclass(frozen=True)
class Plan:
    """What a run does. A short one, for CI, has no hangs, and kills the HTTP function's workers once and nothing else.

    The lease of what a killed worker had in hand ends with the function's time-out: after 22 s there, after a minute
    for the queue's worker.
    """

    requests: int
    seed: int
    short: bool = False


class Misbehaviour:
    """Decides each call's fault from the seed, the request and how often it was tried."""

    def __init__(self, vendor: CustomerGaugeSandbox, plan: Plan) -> None:
        self.done: Counter[str] = Counter()
        self.holding = False  # answers, so that a kill meets workers that wait for one
        self._vendor = vendor
        self._seed = plan.seed
        self._faults = FAULTS if plan.short else (*FAULTS, HANGS)
        self._tries: Counter[str] = Counter()
        self._revoked_at = 0.0

    def __call__(self, call: Call) -> Reply | None:
        """Return the fault of a call, or None if it is to be served."""
        who = "token" if call.path == TOKEN_PATH else str(json.loads(call.body)["record"]["Order"])
        if self.holding:
            return Reply(delay=_SECONDS_HELD)
        self._tries[who] += 1
        draw = random.Random(f"{self._seed}/{who}/{self._tries[who]}").randrange(1000)  # noqa: S311
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
    """Kills workers of the emulator's Lambda functions, as a crash of the environment would; needs /proc, so Linux."""

    def __init__(self, environment: Environment, faults: Misbehaviour, plan: Plan) -> None:
        self.killed: Counter[str] = Counter()
        self._emulator = environment.stack.emulator
        self._vendor = environment.vendor
        self._faults = faults
        self._short = plan.short
        self._dice = random.Random(f"{plan.seed}/kills")  # noqa: S311
        self._next = 0.0

    def tick(self) -> None:
        """Have CustomerGauge hold its answers if it is time to; next time, kill a worker that may wait for one."""
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
    """Set the environment, send everything, heal CustomerGauge, wait until the queue is empty, and reckon up."""
    started = time.monotonic()
    with running_environment() as environment:
        # A killed worker's messages come back after this. It is the worker's own time-out, a sixth of the template's.
        environment.stack.sqs.set_queue_attributes(
            QueueUrl=environment.stack.requests_queue_url, Attributes={"VisibilityTimeout": str(_VISIBILITY)}
        )
        say(f"Sending {plan.requests} requests, seed {plan.seed} ...")
        sheet = send_and_reckon(environment, plan)
        say("\n".join(sheet.lines()))
        failed = [name for name, references in sheet.failures().items() if references]
        if failed:
            raise SandboxError(f"{len(failed)} of the checks failed, with seed {plan.seed}")
    say(f"\nNothing is lost, and nothing was guessed: {time.monotonic() - started:.0f} s.")


def send_and_reckon(environment: Environment, plan: Plan) -> Sheet:
    """Send everything under faults, let it settle without them, and return the sheet."""
    stack, vendor = environment.stack, environment.vendor
    requests = make_requests(plan.requests, plan.seed)
    faults = Misbehaviour(vendor, plan)
    killer = Killer(environment, faults, plan)
    vendor.duplicate_rule, vendor.misbehave = "campaign", faults
    traffic = Traffic(stack, environment.caller, requests, plan.seed)
    try:
        _send(traffic, environment, killer, seconds=60 + plan.requests / 2)
        vendor.misbehave = lambda _call: None
        say("All is sent and CustomerGauge is well again; waiting for what is still in the queue ...")
        _drain(environment, _SECONDS_TO_DRAIN_SHORT if plan.short else _SECONDS_TO_DRAIN)
    finally:
        traffic.give_up()
    return Sheet(
        requests=requests,
        http_ends=traffic.http_ends,
        results=take_all(stack, stack.results_queue_url),
        parked=take_all(stack, stack.parked_queue_url),
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
    """Wait until the requests queue is empty, and stays so: an event may be on its way to it."""
    started = said = time.monotonic()
    empty = 0
    while empty < 3:
        now = time.monotonic()
        if now - started > seconds:
            return  # the sheet says what is left
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
    """Read the arguments and soak."""
    parser = argparse.ArgumentParser("python -m sandbox.soak", description="Soak the stack, and reckon up.")
    parser.add_argument("--requests", type=int, default=3000, help="how many (default: 3000)")
    parser.add_argument("--seed", type=int, help="decides what is sent and what goes wrong (default: a new one)")
    parser.add_argument("--short", action="store_true", help="as CI does it: no hangs, few kills")
    chosen = parser.parse_args(arguments)
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed  # noqa: S311
    soak(Plan(chosen.requests, seed, chosen.short))


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))
