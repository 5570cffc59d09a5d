"""The rest of a vendor that is down: when it begins, how long it lasts, what ends it."""

import pytest

from personal_link.cool_down import CoolDown
from personal_link.errors import Blocked, Code, NotProcessed, NotStarted, TryAgain, Unanswered
from tests.fake_clock import FakeClock

DOWN = Unanswered(Code.UNAVAILABLE, "CustomerGauge answered HTTP 500")


def rest_of(cool_down: CoolDown) -> float:
    """The seconds that are left, 0 if work may be started."""
    try:
        cool_down.begin()
    except NotStarted as error:
        return error.retry_after or 0.0
    return 0.0


def fail(cool_down: CoolDown, clock: FakeClock, error: TryAgain) -> None:
    """Make a call as soon as one may be made, and let it fail."""
    clock.advance(rest_of(cool_down))
    cool_down.failed(cool_down.begin(), error)


def after(*errors: TryAgain) -> CoolDown:
    clock = FakeClock()
    cool_down = CoolDown(clock)
    for error in errors:
        fail(cool_down, clock, error)
    return cool_down


def test_at_first_work_may_be_started() -> None:
    assert rest_of(after()) == 0.0


def test_one_failure_may_be_its_own_records_fault() -> None:
    assert rest_of(after(DOWN)) == 0.0


@pytest.mark.parametrize(("failures", "rest"), [(2, 10.0), (3, 20.0), (4, 40.0), (5, 60.0), (500, 60.0)])
def test_failures_in_a_row_make_a_rest_that_doubles_up_to_a_minute(failures: int, rest: float) -> None:
    assert rest_of(after(*[DOWN] * failures)) == rest


def test_a_rest_that_the_vendor_asks_for_begins_at_once_and_lasts_as_long_as_it_asks() -> None:
    assert rest_of(after(NotProcessed(Code.UNAVAILABLE, "HTTP 503", retry_after=3.0))) == 3.0


def test_a_vendor_that_asks_for_two_seconds_for_ever_gets_longer_rests_all_the_same() -> None:
    assert rest_of(after(*[NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=2.0)] * 9)) == 60.0


def test_a_rest_that_the_vendor_asks_for_lasts_five_minutes_at_the_most() -> None:
    assert rest_of(after(NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=40_000.0))) == 300.0


@pytest.mark.parametrize("code", ["rate_limited", "credentials_missing", "credentials_refused", "forbidden"])
def test_what_would_meet_every_request_makes_a_rest_at_once(code: str) -> None:
    assert rest_of(after(NotProcessed(Code(code), "our own words"))) == 5.0


@pytest.mark.parametrize("code", ["in_progress", "internal_error"])
def test_what_says_nothing_of_the_vendor_makes_no_rest(code: str) -> None:
    assert rest_of(after(*[NotProcessed(Code(code), "our own words")] * 5)) == 0.0


def test_a_record_that_a_firewall_refuses_is_no_news_of_the_vendor() -> None:
    assert rest_of(after(DOWN, *[Blocked(Code.FORBIDDEN, "HTTP 403")] * 5)) == 0.0


def test_what_was_not_started_is_no_news_of_the_vendor() -> None:
    assert rest_of(after(DOWN, *[NotStarted(Code.UNAVAILABLE, "too little time was left")] * 5)) == 0.0


def test_the_rest_names_the_code_that_caused_it() -> None:
    with pytest.raises(NotStarted) as caught:
        after(NotProcessed(Code.FORBIDDEN, "HTTP 403")).begin()

    assert caught.value.code is Code.FORBIDDEN


def test_a_rest_ends_by_itself() -> None:
    clock = FakeClock()
    cool_down = CoolDown(clock)
    fail(cool_down, clock, DOWN)
    fail(cool_down, clock, DOWN)

    clock.advance(9.5)
    assert rest_of(cool_down) == 0.5
    clock.advance(0.5)
    assert rest_of(cool_down) == 0.0


def test_success_makes_the_next_failure_the_first_again() -> None:
    clock = FakeClock()
    cool_down = CoolDown(clock)
    fail(cool_down, clock, DOWN)
    cool_down.succeeded(cool_down.begin())
    fail(cool_down, clock, DOWN)

    assert rest_of(cool_down) == 0.0


# Calls at the same time


def test_calls_that_were_on_their_way_together_are_one_failure() -> None:
    cool_down = after()
    together = [cool_down.begin() for _ in range(10)]

    for begun in together:
        cool_down.failed(begun, DOWN)

    assert rest_of(cool_down) == 0.0
    cool_down.failed(cool_down.begin(), DOWN)
    assert rest_of(cool_down) == 10.0


def test_the_longest_rest_that_calls_at_the_same_time_are_told_counts() -> None:
    cool_down = after()
    first, second, third = (cool_down.begin() for _ in range(3))

    cool_down.failed(first, NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=20.0))
    cool_down.failed(second, NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=50.0))
    cool_down.failed(third, NotProcessed(Code.RATE_LIMITED, "HTTP 429"))

    assert rest_of(cool_down) == 50.0


def test_an_answer_to_a_call_of_before_the_failure_does_not_end_the_rest() -> None:
    cool_down = after()
    early, late = cool_down.begin(), cool_down.begin()
    cool_down.failed(late, NotProcessed(Code.RATE_LIMITED, "HTTP 429", retry_after=30.0))

    cool_down.succeeded(early)

    assert rest_of(cool_down) == 30.0


def test_the_vendor_is_in_doubt_from_a_failure_to_the_next_success() -> None:
    cool_down = after()
    assert not cool_down.in_doubt

    cool_down.failed(cool_down.begin(), DOWN)
    assert cool_down.in_doubt

    cool_down.succeeded(cool_down.begin())
    assert not cool_down.in_doubt
