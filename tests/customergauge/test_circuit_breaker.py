"""The circuit breaker: opening, half-open probes, Retry-After and the concurrency limit."""

import threading
import time
from contextlib import ExitStack
from typing import Literal

import pytest

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, NotStarted, TryAgain, Unanswered
from tests.customergauge.called_breaker import Environment

ASKED_30 = NotProcessed(Code.RATE_LIMITED, "CustomerGauge answered HTTP 429", retry_after=30.0)
DOWN = Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 500")
SAYS_NOTHING: list[TryAgain] = [
    NotProcessed(Code.INTERNAL_ERROR, "the ledger failed (ThrottlingException)"),
    NotProcessed(Code.IN_PROGRESS, "another attempt is in flight"),
    NotStarted(Code.UNAVAILABLE, "too little time was left to start"),
]


@pytest.fixture
def env() -> Environment:
    return Environment()


# Opening


def test_the_circuit_stays_closed_while_two_of_every_five_calls_fail(env: Environment) -> None:
    for number in range(400):
        env.call(DOWN if number % 5 < 2 else True)

    assert env.rest() == 0.0


@pytest.mark.parametrize(("successes", "failures", "rest"), [(0, 7, 0.0), (0, 8, 5.0), (100, 10, 0.0), (100, 11, 5.0)])
def test_the_circuit_opens_after_eight_failures_or_after_eleven_that_follow_successes(
    env: Environment, successes: int, failures: int, rest: float
) -> None:
    env.call(*[True] * successes, *[DOWN] * failures)

    assert env.rest() == rest


def failed_again() -> TryAgain:
    """The failure of a request whose earlier attempt failed, too."""
    error = Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 500")
    error.attempt = 2
    return error


def test_repeated_failures_of_a_record_do_not_open_the_circuit(env: Environment) -> None:
    env.call(*[True], *[failed_again() for _ in range(500)])

    assert env.rest() == 0.0
    assert env.at_once() == 10


def test_repeated_failures_of_a_record_open_the_circuit_after_five_minutes_without_success(env: Environment) -> None:
    env.clock.advance(100)
    env.call(*[True])
    env.clock.advance(299)
    env.call(*[failed_again() for _ in range(8)])
    assert env.rest() == 0.0

    env.clock.advance(2)
    env.call(*[failed_again() for _ in range(8)])

    assert env.rest() == 5.0


def test_a_closed_circuit_opens_again_after_eight_new_failures(env: Environment) -> None:
    env.call(*[DOWN] * 8)
    env.clock.advance(5.0)
    env.call(*[True], *[DOWN] * 7)
    assert env.rest() == 0.0

    env.call(DOWN)

    assert env.rest() == 5.0


def test_a_failed_probe_of_a_record_that_failed_before_opens_the_circuit_for_longer(env: Environment) -> None:
    env.call(*[DOWN] * 8)
    env.clock.advance(5.0)

    env.call(failed_again())

    assert env.rest() == 10.0


def test_failures_older_than_five_minutes_do_not_open_the_circuit(env: Environment) -> None:
    env.call(*[DOWN] * 7)
    env.clock.advance(301)

    env.call(DOWN)

    assert env.rest() == 0.0


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


@pytest.mark.parametrize(("probes", "rest"), [(0, 5.0), (1, 10.0), (3, 40.0), (4, 60.0), (50, 60.0)])
def test_the_open_time_doubles_per_failed_probe_up_to_a_minute(env: Environment, probes: int, rest: float) -> None:
    env.call(*[DOWN] * 8)

    for _probe in range(probes):
        env.clock.advance(env.rest())
        env.call(DOWN)

    assert env.rest() == rest


def test_jitter_adds_up_to_a_quarter_to_the_open_time() -> None:
    env = Environment(jitter=1.0)
    env.call(*[DOWN] * 8)

    assert env.rest() == 2 * 6.25  # what is put back comes again up to as long after the rest
    env.clock.advance(6.2)
    assert env.rest() > 0.0
    env.clock.advance(0.1)
    assert env.rest() == 0.0


def test_the_open_time_follows_retry_after_up_to_five_minutes(env: Environment) -> None:
    asks = NotProcessed(Code.UNAVAILABLE, "HTTP 503", retry_after=40_000.0)
    env.call(asks)
    assert env.rest() == 0.0  # one 503 asks for its own request alone

    env.call(*[asks] * 7)

    assert env.rest() == 300.0


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


@pytest.mark.parametrize("end", [True, DOWN], ids=["answers", "failures"])
def test_calls_begun_before_the_circuit_opened_neither_close_it_nor_extend_its_open_time(
    env: Environment, end: TryAgain | Literal[True]
) -> None:
    env.together([*[DOWN] * 8, end, end])

    assert env.rest() == 5.0


def test_a_429_stops_all_calls_for_exactly_its_retry_after(env: Environment) -> None:
    env.call(ASKED_30)

    assert env.rest() == 30.0
    env.clock.advance(30.0)
    assert env.at_once() == 9


def test_jitter_lengthens_a_retry_after_by_a_quarter_and_a_wait_for_its_end_to_twice_as_long() -> None:
    env = Environment(jitter=1.0)
    env.call(ASKED_30)

    assert env.rest() == 75.0


def test_a_request_with_too_little_time_for_a_call_does_not_wait_for_a_retry_after(env: Environment) -> None:
    env.call(NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=1.0))

    with pytest.raises(NotStarted) as caught, env.breaker.permit("late", env.deadline(17.0)):
        pass

    assert caught.value.message == "not started: CustomerGauge asked to wait"


def test_the_longest_retry_after_of_concurrent_calls_counts_and_a_success_does_not_end_it(env: Environment) -> None:
    env.together([ASKED_30, NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=10.0), True])

    assert env.rest() == 30.0


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


def test_failures_of_concurrent_calls_cut_the_concurrency_limit_once_and_at_most_by_half(env: Environment) -> None:
    env.call(*[True] * 11)
    env.together([DOWN, *[True] * 8])
    assert env.at_once() == 10  # few failures among many successes hardly cut it

    env.call(*[True] * 12)
    env.together([DOWN] * 10)
    assert env.at_once() == 6


def test_a_failure_after_a_cut_cuts_the_concurrency_limit_again(env: Environment) -> None:
    env.call(*[True] * 12)
    env.together([DOWN] * 6)  # half of the recent ones: cut by an eighth
    assert env.at_once() == 8

    env.call(DOWN)

    assert env.at_once() == 7


def test_the_concurrency_limit_grows_by_one_after_as_many_successes_as_the_limit(env: Environment) -> None:
    env.call(*[DOWN] * 6)
    cut = env.at_once()

    env.call(*[True] * (cut + 1))

    assert env.at_once() == cut + 1


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
