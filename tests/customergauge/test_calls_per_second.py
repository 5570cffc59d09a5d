"""The rate limit of `VendorCallsPerSecond`, which all environments share: slots, and turns of waiting requests."""

import threading
import time

import pytest

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import NotStarted
from tests.fake_clock import FakeClock


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


def test_a_request_whose_turn_under_the_rate_limit_comes_late_is_put_back_until_its_turn() -> None:
    clock = FakeClock()
    breaker, deadline = CircuitBreaker(clock, 10, lambda: 0.0, 0.2), Deadline.after(0.0, clock)
    clock.advance(1.0)
    waits = []
    for number in range(3):
        with pytest.raises(NotStarted) as caught, breaker.permit(f"request-{number}", deadline):
            pass
        waits.append(caught.value.retry_after)

    assert waits == [10.25, 16.5, 22.75]  # turns are 6.25 s apart, a slot is free every 5 s


def test_a_request_with_too_little_time_for_a_call_does_not_wait_for_its_turn() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock, 10, lambda: 0.0, 1.0)  # the first slot is free after a second

    with pytest.raises(NotStarted) as caught, breaker.permit("late", Deadline.after(17.0, clock)):
        pass

    assert caught.value.message == "not started: VendorCallsPerSecond is reached"


def test_a_request_is_put_back_for_fifteen_minutes_at_most_and_up_to_twice_as_long_by_jitter() -> None:
    clock = FakeClock()
    breaker, deadline = CircuitBreaker(clock, 10, lambda: 0.5, 0.001), Deadline.after(0.0, clock)

    with pytest.raises(NotStarted) as caught, breaker.permit("late", deadline):
        pass

    assert caught.value.retry_after == 1350.0
