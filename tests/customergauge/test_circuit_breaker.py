"""The circuit breaker: opening, half-open probes, Retry-After, the concurrency limit and the rate limit."""

import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Literal

import pytest

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, NotStarted, TryAgain, Unanswered
from tests.fake_clock import FakeClock
from tests.tables import table

ASKED_30 = NotProcessed(Code.RATE_LIMITED, "CustomerGauge answered HTTP 429", retry_after=30.0)
ASKED_10 = NotProcessed(Code.RATE_LIMITED, "CustomerGauge answered HTTP 429", retry_after=10.0)
DOWN = Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 500")
SAYS_NOTHING: list[TryAgain] = [
    NotProcessed(Code.INTERNAL_ERROR, "the ledger failed (ThrottlingException)"),
    NotProcessed(Code.IN_PROGRESS, "another attempt is in flight"),
    NotStarted(Code.UNAVAILABLE, "too little time was left to start"),
]


# Calls one after the other, calls in flight together, or seconds that pass.
type Step = list[TryAgain | bool] | tuple[TryAgain | bool, ...] | float


class Environment:
    """A breaker and its clock, with ways to make calls one after the other or together."""

    def __init__(self, most: int = 10, jitter: float = 0.0, calls_a_second: float = 0.0) -> None:
        self.clock = FakeClock()
        self.breaker = CircuitBreaker(self.clock, most, lambda: jitter, calls_a_second)
        self._requests = 0

    def call(self, *ends: TryAgain | bool) -> None:
        """Make calls one after the other; True is an answer, False says nothing (a replay)."""
        for end in ends:
            self.together([end])

    def together(self, ends: Iterable[TryAgain | bool]) -> None:
        """Make calls that are in flight together; they end in their order."""
        with ExitStack() as in_flight:
            calls = []
            for _end in ends:
                self._requests += 1
                permit = ExitStack()
                calls.append(
                    (permit, permit.enter_context(self.breaker.permit(f"request-{self._requests}", self.deadline())))
                )
                in_flight.push(permit)
            for (permit, call), end in zip(calls, ends, strict=True):
                if isinstance(end, TryAgain):
                    call.error = end
                else:
                    call.answered = end
                permit.close()

    def take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, list):
                self.call(*step)
            elif isinstance(step, tuple):
                self.together(step)
            else:
                self.clock.advance(step)

    def deadline(self, seconds: float = 17.0) -> Deadline:  # a whole call, and no time to wait
        return Deadline.after(seconds, self.clock)

    def rest(self, *, overdue: bool = False) -> float:
        """The seconds that are left, 0 if a call may be made."""
        try:
            with self.breaker.permit("a request that is only tried", self.deadline(), overdue=overdue):
                return 0.0
        except NotStarted as error:
            return error.retry_after or 0.0

    def at_once(self) -> int:
        """How many permits are given at the same time."""
        with ExitStack() as held:
            for number in range(100):
                try:
                    held.enter_context(self.breaker.permit(f"held-{number}", self.deadline()))
                except NotStarted:
                    return number
        return 100


@pytest.fixture
def env() -> Environment:
    return Environment()


# Opening

AGAIN = Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 500")
AGAIN.attempt = 2  # of a request whose earlier attempt failed, too
ASKED_LONG = NotProcessed(Code.UNAVAILABLE, "HTTP 503", retry_after=40_000.0)


@table(
    "steps, rest",
    ("two of every five calls fail", [[DOWN, DOWN, True, True, True] * 80], 0.0),
    ("seven failures", [[DOWN] * 7], 0.0),
    ("eight failures", [[DOWN] * 8], 5.0),
    ("ten failures after successes", [[True] * 100, [DOWN] * 10], 0.0),
    ("eleven failures after successes", [[True] * 100, [DOWN] * 11], 5.0),
    ("seven failures, and the eighth after five minutes", [[DOWN] * 7, 301, [DOWN]], 0.0),
    ("one failed probe", [[DOWN] * 8, 5.0, [DOWN]], 10.0),
    ("a failed probe of a record that failed before", [[DOWN] * 8, 5.0, [AGAIN]], 10.0),
    ("three failed probes", [[DOWN] * 8, 5.0, [DOWN], 10.0, [DOWN], 20.0, [DOWN]], 40.0),
    ("very many failed probes", [[DOWN] * 8, *[60.0, [DOWN]] * 50], 60.0),
    ("closed again, and seven new failures", [[DOWN] * 8, 5.0, [True], [DOWN] * 7], 0.0),
    ("closed again, and eight new failures", [[DOWN] * 8, 5.0, [True], [DOWN] * 8], 5.0),
    ("repeated failures of a record", [[True], [AGAIN] * 500], 0.0),
    ("those, within five minutes of a success", [100, [True], 299, [AGAIN] * 8], 0.0),
    ("those, after five minutes without success", [100, [True], 299, [AGAIN] * 8, 2, [AGAIN] * 8], 5.0),
    ("one 503 with Retry-After, which asks for its own request alone", [[ASKED_LONG]], 0.0),
    ("eight of them, up to five minutes", [[ASKED_LONG] * 8], 300.0),
    ("answers to calls begun before it opened", [(*[DOWN] * 8, True, True)], 5.0),
    ("failures of calls begun before it opened", [(*[DOWN] * 8, DOWN, DOWN)], 5.0),
    ("the longest Retry-After of calls together, which no success ends", [(ASKED_30, ASKED_10, True)], 30.0),
)
def test_the_circuit_opens_by_the_recent_failures_and_for_longer_after_each_failed_probe(
    env: Environment, steps: list[Step], rest: float
) -> None:
    env.take(steps)

    assert env.rest() == rest


@pytest.mark.parametrize(
    "code", ["unavailable", "no_answer", "rate_limited", "credentials_missing", "credentials_refused", "forbidden"]
)
def test_the_circuit_opens_for_each_code_of_a_vendor_failure_and_reports_it(env: Environment, code: str) -> None:
    env.call(*[NotProcessed(Code(code), "our own words")] * 8)

    with pytest.raises(NotStarted) as caught, env.breaker.permit("next", env.deadline()):
        pass

    assert caught.value.code == code


@pytest.mark.parametrize("error", SAYS_NOTHING)
def test_failures_not_of_the_vendor_neither_open_the_circuit_nor_cut_the_limit(
    env: Environment, error: TryAgain
) -> None:
    env.call(*[error] * 50)

    assert env.rest() == 0.0
    assert env.at_once() == 10


def test_jitter_adds_up_to_a_quarter_to_the_open_time() -> None:
    env = Environment(jitter=1.0)
    env.call(*[DOWN] * 8)

    assert env.rest() == 2 * 6.25  # what is put back comes again up to as long after the rest
    env.clock.advance(6.2)
    assert env.rest() > 0.0
    env.clock.advance(0.1)
    assert env.rest() == 0.0


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(5.0, 0.0), (-3595.0, 5.0)], ids=["wall clock ahead", "wall clock set back"]
)
def test_the_open_time_ends_by_the_wall_or_the_monotonic_clock_whichever_advanced_more(
    env: Environment, wall: float, monotonic: float
) -> None:
    env.call(*[DOWN] * 8)

    env.clock.advance_wall(wall)
    env.clock.advance_monotonic(monotonic)

    assert env.rest() == 0.0


def test_forget_closes_the_circuit_and_restores_the_concurrency_limit(env: Environment) -> None:
    env.call(*[DOWN] * 8)

    env.breaker.forget()

    assert env.rest() == 0.0
    assert env.at_once() == 10


def half_open() -> Environment:
    env = Environment()
    env.together([DOWN] * 8)  # which alone would cut the limit by half
    env.clock.advance(5.0)
    return env


def test_a_half_open_circuit_allows_one_call_at_a_time_and_after_its_success_the_limit_grows_from_one() -> None:
    env = half_open()
    assert env.at_once() == 1

    env.call(*[True])

    assert env.breaker.is_closed
    assert env.at_once() == 1
    env.call(*[True])
    assert env.at_once() == 2


@pytest.mark.parametrize("end", [pytest.param(False, id="a replay or a request that is refused here"), *SAYS_NOTHING])
def test_a_probe_that_made_no_call_neither_closes_the_circuit_nor_keeps_its_permit(
    end: TryAgain | Literal[False],
) -> None:
    env = half_open()

    env.call(end)

    assert not env.breaker.is_closed
    assert env.at_once() == 1


def test_a_probe_that_is_killed_returns_its_permit() -> None:
    env = half_open()

    with pytest.raises(SystemExit), env.breaker.permit("killed", env.deadline()):
        raise SystemExit

    assert env.at_once() == 1


def test_a_429_stops_all_calls_for_exactly_its_retry_after(env: Environment) -> None:
    env.call(ASKED_30)

    assert env.rest() == 30.0
    env.clock.advance(30.0)
    assert env.at_once() == 9


def test_jitter_lengthens_a_retry_after_by_a_quarter_and_a_wait_for_its_end_to_twice_as_long() -> None:
    env = Environment(jitter=1.0)
    env.call(ASKED_30)

    assert env.rest() == 75.0


@table(
    "env, message",
    ("a Retry-After", Environment(), "not started: CustomerGauge asked to wait"),
    ("a turn", Environment(calls_a_second=1.0), "not started: VendorCallsPerSecond is reached"),
)
def test_a_request_with_too_little_time_for_a_call_does_not_wait(env: Environment, message: str) -> None:
    if "asked" in message:
        env.call(NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=1.0))

    with pytest.raises(NotStarted, match=f"^rate_limited: {message}$"), env.breaker.permit("late", env.deadline(17.0)):
        pass


def test_a_request_waits_within_the_call_for_a_retry_after_of_a_second() -> None:
    breaker = CircuitBreaker(SystemClock(), 10, lambda: 0.0)
    deadline = Deadline.after(30.0, SystemClock())
    with breaker.permit("limited", deadline) as call:
        call.error = NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=1.0)
    asked_at = time.monotonic()

    with breaker.permit("waits", deadline):
        waited = time.monotonic() - asked_at

    assert 0.9 < waited < 1.5


def test_a_request_past_its_retry_window_waits_for_retry_after_but_not_for_an_open_circuit(env: Environment) -> None:
    env.call(*[DOWN] * 8)
    assert env.rest(overdue=True) == 0.0

    env.clock.advance(5.0)
    env.call(ASKED_30)

    assert env.rest(overdue=True) == 30.0


@table(
    "steps, limit",
    ("a failure among many successes", [[True] * 11, (DOWN, *[True] * 8)], 10),
    ("ten together, by half at most", [[True] * 23, (DOWN,) * 10], 6),
    ("six together, half of the recent ones", [[True] * 12, (DOWN,) * 6], 8),
    ("one more after those", [[True] * 12, (DOWN,) * 6, [DOWN]], 7),
    ("six one by one", [[DOWN] * 6], 4),
    ("those, and as many successes as the limit", [[DOWN] * 6, [True] * 5], 5),
)
def test_failures_together_cut_the_concurrency_limit_once_and_it_grows_by_one_after_as_many_successes(
    env: Environment, steps: list[Step], limit: int
) -> None:
    env.take(steps)

    assert env.at_once() == limit


def test_the_concurrency_limit_stays_between_one_and_the_setting() -> None:
    env = Environment(most=2)
    env.call(*[DOWN] * 7)
    assert env.at_once() == 1

    env.call(*[True] * 100)
    assert env.at_once() == 2


def test_a_waiting_request_gets_the_permit_that_another_one_returns(env: Environment) -> None:
    env.call(*[DOWN] * 7)
    got = threading.Event()

    def wait() -> None:
        with env.breaker.permit("waits", env.deadline(40.0)):
            got.set()

    waiting = threading.Thread(target=wait)
    with ExitStack() as held:
        for number in range(env.at_once()):
            held.enter_context(env.breaker.permit(f"held-{number}", env.deadline()))
        waiting.start()
        assert not got.wait(0.1)
    waiting.join(timeout=10)

    assert got.is_set()


def test_a_request_with_too_little_time_for_a_call_does_not_wait_for_a_permit() -> None:
    env = Environment(most=1)

    with (
        env.breaker.permit("in flight", env.deadline()),
        pytest.raises(NotStarted) as caught,
        env.breaker.permit("waits", env.deadline(17.0)),
    ):
        pass

    assert caught.value.retry_after is None


# VendorCallsPerSecond, which all environments share


def begun(calls_a_second: float, seconds: float, latency: float = 0.1) -> list[float]:
    """Ask for permits in ten threads, as a worker does; return when calls were made, in seconds."""
    breaker = CircuitBreaker(SystemClock(), 10, lambda: 0.0, calls_a_second)
    began = time.monotonic()
    times: list[float] = []

    def work(number: int) -> None:
        while time.monotonic() - began < seconds:
            try:
                with breaker.permit(f"request-{number}", Deadline.after(30.0, SystemClock())) as call:
                    time.sleep(latency * (number % 3))  # ledger and token take their time before the call
                    times.append(time.monotonic() - began)
                    call.answered = True
            except NotStarted:
                time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)


def test_a_rate_of_3_7_calls_a_second_allows_three_calls_in_any_second() -> None:
    times = begun(3.7, seconds=2.2)

    in_a_second = [sum(start <= time < start + 1 for time in times) for start in times]
    assert max(in_a_second) == 3
    assert len(times) >= 6


def test_a_rate_of_0_8_calls_a_second_spaces_calls_by_1_25_seconds() -> None:
    times = begun(0.8, seconds=2.2)

    assert len(times) == 2
    assert times[1] - times[0] >= 1.25


@table(
    "env, waits",
    ("a slot every 5 s, turns 6.25 s apart", Environment(calls_a_second=0.2), [10.25, 16.5, 22.75]),
    ("at most fifteen minutes, and half of that by jitter", Environment(calls_a_second=0.001, jitter=0.5), [1350.0]),
)
def test_a_request_whose_turn_under_the_rate_limit_comes_late_is_put_back_until_its_turn(
    env: Environment, waits: list[float]
) -> None:
    env.clock.advance(1.0)

    assert [env.rest() for _ in waits] == waits
