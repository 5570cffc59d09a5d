"""Retry-After, the limit of concurrent calls, and a rate that all environments keep together."""

import threading
import time
from contextlib import ExitStack

import pytest

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed, NotStarted
from tests.customergauge.circuit_breaker.conftest import DOWN, Environment
from tests.fake_clock import FakeClock

ASKED_30 = NotProcessed(Code.RATE_LIMITED, "CustomerGauge answered HTTP 429", retry_after=30.0)


# What a vendor asks for


def test_a_429_stops_all_calls_for_as_long_as_it_asks_and_not_longer(environment: Environment) -> None:
    environment.call(ASKED_30)

    assert environment.rest() == 30.0
    environment.clock.advance(30.0)
    assert environment.at_once() == 9


def test_a_wait_of_a_second_is_waited_for_and_costs_no_receive() -> None:
    breaker = CircuitBreaker(SystemClock(), 10, lambda: 0.0)
    deadline = Deadline.after(30.0, SystemClock())
    with breaker.permit("limited", deadline) as call:
        call.error = NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=1.0)
    asked_at = time.monotonic()

    with breaker.permit("waits", deadline):
        waited = time.monotonic() - asked_at

    assert 0.9 < waited < 1.5


def test_the_longest_wait_that_calls_in_flight_together_are_asked_for_counts(environment: Environment) -> None:
    asked = [NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=seconds) for seconds in (20.0, 50.0, 10.0)]

    environment.together(asked)

    assert environment.rest() == 50.0


def test_the_answer_to_a_call_of_before_does_not_end_the_wait_that_a_429_asked_for(environment: Environment) -> None:
    environment.together([ASKED_30, True])

    assert environment.rest() == 30.0


def test_a_503_asks_for_its_own_request_alone(environment: Environment) -> None:
    environment.call(NotProcessed(Code.UNAVAILABLE, "HTTP 503", retry_after=30.0))

    assert environment.rest() == 0.0


def test_a_request_whose_window_is_over_waits_for_what_was_asked_but_not_for_a_rest(environment: Environment) -> None:
    environment.call(*[DOWN] * 8)
    assert environment.rest(overdue=True) == 0.0

    environment.clock.advance(5.0)
    environment.call(ASKED_30)

    assert environment.rest(overdue=True) == 30.0


# The limit of concurrent calls


def test_calls_in_flight_together_cut_the_limit_once_by_half_at_most(environment: Environment) -> None:
    environment.call(*[True] * 12)

    environment.together([DOWN] * 10)

    assert environment.at_once() == 5


def test_the_next_calls_cut_it_again(environment: Environment) -> None:
    environment.call(*[True] * 12)
    environment.together([DOWN] * 6)  # half of the recent ones: cut by a quarter
    assert environment.at_once() == 7

    environment.call(DOWN)

    assert environment.at_once() == 5


def test_few_failures_among_many_successes_hardly_cut_it(environment: Environment) -> None:
    environment.call(*[True] * 11)

    environment.together([DOWN, *[True] * 8])

    assert environment.at_once() == 10


def test_it_grows_by_one_with_as_many_successes_as_it_allows_at_once(environment: Environment) -> None:
    environment.call(*[DOWN] * 6)
    cut = environment.at_once()

    environment.call(*[True] * (cut + 1))

    assert environment.at_once() == cut + 1


def test_it_never_falls_below_one_nor_grows_beyond_the_setting() -> None:
    environment = Environment(most=2)
    environment.call(*[DOWN] * 7)
    assert environment.at_once() == 1

    environment.call(*[True] * 100)
    assert environment.at_once() == 2


def test_who_waits_gets_the_permit_that_is_given_back(environment: Environment) -> None:
    environment.call(*[DOWN] * 7)
    got = threading.Event()

    def wait() -> None:
        with environment.breaker.permit("waits", environment.deadline(40.0)):
            got.set()

    waiting = threading.Thread(target=wait)
    with ExitStack() as held:
        for number in range(environment.at_once()):
            held.enter_context(environment.breaker.permit(f"held-{number}", environment.deadline()))
        waiting.start()
        assert not got.wait(0.1)
    waiting.join(timeout=10)

    assert got.is_set()


def test_who_would_have_too_little_time_left_for_a_whole_call_does_not_wait() -> None:
    environment = Environment(most=1)

    with (
        environment.breaker.permit("in flight", environment.deadline()),
        pytest.raises(NotStarted) as caught,
        environment.breaker.permit("waits", environment.deadline(17.0)),
    ):
        pass

    assert caught.value.retry_after is None


# A rate that all environments keep together


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


@pytest.mark.parametrize(("share", "most"), [(2.0, 2), (3.7, 3)])
def test_no_second_has_more_calls_than_the_whole_part_of_an_environments_share(share: float, most: int) -> None:
    times = begun(share, seconds=3.0)

    in_a_second = [sum(start <= time < start + 1 for time in times) for start in times]
    assert max(in_a_second) == most
    assert len(times) >= most * 2


def test_a_share_below_one_is_a_call_in_so_many_seconds() -> None:
    times = begun(0.5, seconds=4.5)

    assert len(times) == 2
    assert times[1] - times[0] >= 2.0


def test_a_request_that_has_to_wait_long_for_its_turn_is_put_back_until_then() -> None:
    breaker, deadline = CircuitBreaker(FakeClock(), 10, lambda: 0.0, 0.2), Deadline.after(0.0, FakeClock())
    waits = []
    for number in range(3):
        with pytest.raises(NotStarted) as caught, breaker.permit(f"request-{number}", deadline):
            pass
        waits.append(caught.value.retry_after)

    assert waits == [11.25, 17.5, 23.75]  # turns are 6.25 s apart, a slot is free every 5 s
    assert caught.value.message == "not started: VendorCallsPerSecond is reached"
