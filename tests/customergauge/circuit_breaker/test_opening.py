"""What opens the circuit breaker, for how long, and half-open."""

from typing import Literal

import pytest

from personal_link.domain.errors import Code, NotProcessed, NotStarted, TryAgain
from tests.customergauge.circuit_breaker.conftest import DOWN, Environment

ANSWERED = (True,)


# What opens it


def test_at_first_as_many_calls_are_made_at_once_as_the_setting_allows(environment: Environment) -> None:
    assert environment.at_once() == 10


@pytest.mark.parametrize("share", [1 / 20, 1 / 5, 2 / 5])
def test_a_vendor_that_fails_in_part_never_opens_the_circuit(environment: Environment, share: float) -> None:
    failing = round(1 / share * 2)  # two in so many, in a row

    for number in range(400):
        environment.call(DOWN if number % failing < 2 else True)

    assert environment.rest() == 0.0


@pytest.mark.parametrize(("failures", "rest"), [(7, 0.0), (8, 5.0)])
def test_eight_different_requests_that_all_fail_open_it(environment: Environment, failures: int, rest: float) -> None:
    environment.call(*[DOWN] * failures)

    assert environment.rest() == rest


@pytest.mark.parametrize(("failures", "rest"), [(10, 0.0), (11, 5.0)])
def test_among_successes_eleven_of_the_last_twelve_requests_have_to_fail(
    environment: Environment, failures: int, rest: float
) -> None:
    environment.call(*[True] * 100)

    environment.call(*[DOWN] * failures)

    assert environment.rest() == rest


def test_one_record_that_always_fails_does_not_stop_the_others(environment: Environment) -> None:
    environment.call(*[DOWN] * 500, key="the same request")

    assert environment.rest() == 0.0
    assert environment.at_once() >= 9


def test_what_happened_more_than_five_minutes_ago_does_not_count(environment: Environment) -> None:
    environment.call(*[DOWN] * 7)
    environment.clock.advance(301)

    environment.call(DOWN)

    assert environment.rest() == 0.0


@pytest.mark.parametrize(
    "code", ["unavailable", "no_answer", "rate_limited", "credentials_missing", "credentials_refused", "forbidden"]
)
def test_it_opens_for_what_the_vendor_does_to_all_requests_and_names_it(environment: Environment, code: str) -> None:
    environment.call(*[NotProcessed(Code(code), "our own words")] * 8)

    with pytest.raises(NotStarted) as caught, environment.breaker.permit("next", environment.deadline()):
        pass

    assert caught.value.code == code


@pytest.mark.parametrize(
    "error",
    [
        NotProcessed(Code.INTERNAL_ERROR, "the ledger failed (ThrottlingException)"),
        NotProcessed(Code.IN_PROGRESS, "another attempt is in flight"),
        NotStarted(Code.UNAVAILABLE, "too little time was left to start"),
    ],
)
def test_what_says_nothing_of_the_vendor_neither_opens_it_nor_cuts_the_limit(
    environment: Environment, error: TryAgain
) -> None:
    environment.call(*[error] * 50)

    assert environment.rest() == 0.0
    assert environment.at_once() == 10


# How long it stays open


@pytest.mark.parametrize(("probes", "rest"), [(0, 5.0), (1, 10.0), (2, 20.0), (3, 40.0), (4, 60.0), (500, 60.0)])
def test_a_rest_doubles_with_each_probe_that_fails_up_to_a_minute(
    environment: Environment, probes: int, rest: float
) -> None:
    environment.call(*[DOWN] * 8)

    for _probe in range(probes):
        environment.clock.advance(environment.rest())
        environment.call(DOWN)

    assert environment.rest() == rest


def test_chance_adds_up_to_a_quarter_so_that_environments_do_not_reopen_together() -> None:
    environment = Environment(jitter=1.0)
    environment.call(*[DOWN] * 8)

    environment.clock.advance(6.2)
    assert environment.rest() > 0.0
    environment.clock.advance(0.1)
    assert environment.rest() == 0.0


def test_what_is_put_back_comes_again_up_to_as_long_after_the_rest() -> None:
    environment = Environment(jitter=1.0)
    environment.call(*[DOWN] * 8)

    assert environment.rest() == 2 * 6.25


def test_a_rest_is_as_long_as_the_vendor_asks_but_five_minutes_at_most(environment: Environment) -> None:
    environment.call(*[NotProcessed(Code.UNAVAILABLE, "HTTP 503", retry_after=40_000.0)] * 8)

    assert environment.rest() == 300.0


def test_a_rest_ends_by_the_wall_clock_in_an_environment_that_was_frozen(environment: Environment) -> None:
    environment.call(*[DOWN] * 8)

    environment.clock.advance_wall(5.0)

    assert environment.rest() == 0.0


def test_a_wall_clock_that_is_set_back_does_not_make_a_rest_longer(environment: Environment) -> None:
    environment.call(*[DOWN] * 8)
    environment.clock.advance_wall(-3600.0)

    environment.clock.advance(5.0)

    assert environment.rest() == 0.0


def test_a_restored_snapshot_starts_fresh(environment: Environment) -> None:
    environment.call(*[DOWN] * 8)

    environment.breaker.forget()

    assert environment.rest() == 0.0
    assert environment.at_once() == 10


def half_open() -> Environment:
    environment = Environment()
    environment.together([DOWN] * 8)  # which alone would cut the limit by half
    environment.clock.advance(5.0)
    return environment


def test_half_open_one_call_at_a_time_is_made() -> None:
    assert half_open().at_once() == 1


def test_a_probe_that_succeeds_closes_the_circuit_and_the_limit_grows_from_one() -> None:
    environment = half_open()

    environment.call(*ANSWERED)

    assert environment.breaker.is_closed
    assert environment.at_once() == 1
    environment.call(*ANSWERED)
    assert environment.at_once() == 2


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(False, id="a replay, or a refusal of ours"),
        NotProcessed(Code.IN_PROGRESS, "another attempt is in flight"),
        NotStarted(Code.UNAVAILABLE, "too little time was left to start"),
        NotProcessed(Code.INTERNAL_ERROR, "the ledger failed (ThrottlingException)"),
    ],
)
def test_a_probe_that_says_nothing_neither_closes_the_circuit_nor_holds_it(
    end: TryAgain | Literal[False],
) -> None:
    environment = half_open()

    environment.call(end)

    assert not environment.breaker.is_closed
    assert environment.at_once() == 1


def test_a_probe_that_is_killed_gives_its_permit_back() -> None:
    environment = half_open()

    with pytest.raises(SystemExit), environment.breaker.permit("killed", environment.deadline()):
        raise SystemExit

    assert environment.at_once() == 1


def test_answers_to_calls_of_before_it_opened_do_not_close_it(environment: Environment) -> None:
    environment.together([*[DOWN] * 8, True])

    assert environment.rest() == 5.0


def test_failures_of_calls_of_before_it_opened_do_not_make_its_rest_longer(environment: Environment) -> None:
    environment.together([DOWN] * 10)

    assert environment.rest() == 5.0
