"""A token is fetched once, renewed ahead of need, and not used past its end."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, CredentialsRefused, NotProcessed
from tests.customergauge.access_token.conftest import Aside, TokenServer, unauthorized
from tests.fake_clock import FakeClock


def credentials_refused() -> CredentialsRefused:
    return CredentialsRefused(Code.CREDENTIALS_REFUSED, "the token server refuses the client")


# --- one fetch --------------------------------------------------------------------------------------------------------


def test_a_thousand_requests_take_one_fetch(cache: TokenCache, server: TokenServer, deadline: Deadline) -> None:
    values = {cache.get(deadline).value for _ in range(1_000)}

    assert values == {"token-1"}
    assert server.fetches == 1


def test_fifty_threads_on_a_cold_cache_take_one_fetch(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    server.seconds_to_answer = 0.05
    start = threading.Barrier(50)

    def get(_thread: int) -> str:
        start.wait(10.0)
        return cache.get(deadline).value

    with ThreadPoolExecutor(50) as threads:
        values = set(threads.map(get, range(50)))

    assert values == {"token-1"}
    assert server.fetches == 1


def test_fifty_threads_whose_token_is_refused_take_one_more_fetch(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    cache.get(deadline)
    server.seconds_to_answer = 0.05
    all_are_refused = threading.Barrier(50)

    def call(token: AccessToken) -> str:
        if token.value == "token-1":
            all_are_refused.wait(10.0)
            raise unauthorized()
        return token.value

    with ThreadPoolExecutor(50) as threads:
        values = set(threads.map(lambda _thread: cache.authorised(call, deadline), range(50)))

    assert values == {"token-2"}
    assert server.fetches == 2


def test_the_fetch_keeps_the_deadline_of_the_request_that_needs_it(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    cache.get(deadline)

    assert server.deadlines == [deadline]


def test_a_thread_that_waits_for_anothers_fetch_longer_than_its_deadline_gives_up(
    cache: TokenCache, server: TokenServer, deadline: Deadline, clock: FakeClock
) -> None:
    server.given.clear()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(cache.get, deadline)
        assert server.asked.wait(10.0)

        with pytest.raises(NotProcessed) as caught:
            cache.get(Deadline.after(0.05, clock))

        server.given.set()
        assert slow.result(10.0).value == "token-1"
    assert caught.value.code is Code.UNAVAILABLE
    assert server.fetches == 1


# --- ahead of need ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "young", "ageing"), [(3600.0, 2699.0, 2700.0), (86_400.0, 64_799.0, 64_800.0), (100.0, 74.0, 75.0)]
)
def test_a_token_is_renewed_aside_from_three_quarters_of_its_life(
    cache: TokenCache,
    server: TokenServer,
    aside: Aside,
    clock: FakeClock,
    deadline: Deadline,
    life: float,
    young: float,
    ageing: float,
) -> None:
    server.life = life
    cache.get(deadline)

    clock.advance(young)
    cache.get(deadline)
    before = len(aside.waiting)
    clock.advance(ageing - young)
    cache.get(deadline)

    assert (before, len(aside.waiting)) == (0, 1)


def test_the_old_token_serves_at_once_while_its_renewal_runs_aside(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)

    during = [cache.get(deadline).value for _ in range(3)]
    fetches_during = server.fetches
    aside.run()

    assert during == ["token-1", "token-1", "token-1"]
    assert fetches_during == 1
    assert cache.get(deadline).value == "token-2"
    assert server.fetches == 2


def test_a_renewal_may_take_fifteen_seconds_whatever_the_request_has_left(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)
    cache.get(Deadline.after(0.1, clock))

    aside.run()

    assert server.deadlines[1].remaining() == 15.0


def test_a_failed_renewal_leaves_the_old_token_in_force(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)
    server.failure = NotProcessed(Code.UNAVAILABLE, "down")

    cache.get(deadline)
    aside.run()

    assert cache.get(deadline).value == "token-1"


def test_a_failed_renewal_is_not_repeated_for_a_minute(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)
    server.failure = NotProcessed(Code.UNAVAILABLE, "down")
    cache.get(deadline)
    aside.run()

    clock.advance(59.0)
    cache.get(deadline)
    before = len(aside.waiting)
    clock.advance(1.0)
    cache.get(deadline)

    assert (before, len(aside.waiting)) == (0, 1)


def test_a_renewal_that_the_token_server_refuses_leaves_the_old_token_in_force(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)
    server.failure = credentials_refused()

    cache.get(deadline)
    aside.run()

    assert cache.get(deadline).value == "token-1"


def test_a_renewal_of_a_token_that_was_dropped_meanwhile_fetches_nothing(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    token = cache.get(deadline)
    clock.advance(2700.0)
    cache.get(deadline)

    cache.drop(token)
    aside.run()

    assert server.fetches == 1


def test_a_renewal_that_cannot_be_started_leaves_the_old_token_in_force(
    server: TokenServer, clock: FakeClock, deadline: Deadline
) -> None:
    def no_thread_to_be_had(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    cache = TokenCache(server, clock, no_thread_to_be_had)
    cache.get(deadline)
    clock.advance(2700.0)

    assert cache.get(deadline).value == "token-1"


def test_a_renewal_that_cannot_be_started_does_not_stand_in_the_way_of_the_next_fetch(
    server: TokenServer, clock: FakeClock, deadline: Deadline
) -> None:
    def no_thread_to_be_had(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    cache = TokenCache(server, clock, no_thread_to_be_had)
    cache.get(deadline)
    clock.advance(2700.0)
    with suppress(RuntimeError):
        cache.get(deadline)

    clock.advance(900.0)

    assert cache.get(Deadline.after(0.05, clock)).value == "token-2"


# --- at its end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "age", "served"),
    [
        (3600.0, 3569.0, "token-1"),
        (3600.0, 3570.0, "token-2"),
        (200.0, 179.0, "token-1"),
        (200.0, 180.0, "token-2"),
        (30.0, 26.0, "token-1"),
        (30.0, 27.0, "token-2"),
    ],
)
def test_a_token_is_spent_thirty_seconds_or_a_tenth_of_a_short_life_before_its_end(
    cache: TokenCache,
    server: TokenServer,
    clock: FakeClock,
    deadline: Deadline,
    life: float,
    age: float,
    served: str,
) -> None:
    server.life = life
    cache.get(deadline)

    clock.advance(age)

    assert cache.get(deadline).value == served


def test_a_request_whose_token_is_spent_during_its_renewal_waits_for_that_one(
    cache: TokenCache, server: TokenServer, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(2700.0)
    cache.get(deadline)
    server.asked.clear()
    server.given.clear()

    with ThreadPoolExecutor(2) as threads:
        renewal = threads.submit(aside.run)
        assert server.asked.wait(10.0)
        clock.advance(870.0)
        waiting = threads.submit(cache.get, deadline)
        server.given.set()
        renewal.result(10.0)

    assert waiting.result().value == "token-2"
    assert server.fetches == 2


def test_a_request_waits_for_the_new_token_when_the_old_one_is_spent(
    cache: TokenCache, aside: Aside, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)

    clock.advance(3570.0)

    assert cache.get(deadline).value == "token-2"
    assert aside.waiting == []


def test_a_spent_token_is_not_served_even_if_no_other_can_be_had(
    cache: TokenCache, server: TokenServer, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)
    clock.advance(3570.0)
    server.failure = NotProcessed(Code.UNAVAILABLE, "down")

    with pytest.raises(NotProcessed, match="down"):
        cache.get(deadline)


def test_a_token_ages_by_the_wall_clock_while_a_frozen_environments_own_clock_stands(
    cache: TokenCache, clock: FakeClock, deadline: Deadline
) -> None:
    cache.get(deadline)

    clock.advance_wall(3570.0)

    assert cache.get(deadline).value == "token-2"


@pytest.mark.parametrize("correction", [0.0, -86_400.0])
def test_a_token_ages_by_the_monotonic_clock_while_the_wall_clock_is_set_back(
    cache: TokenCache, clock: FakeClock, deadline: Deadline, correction: float
) -> None:
    cache.get(deadline)

    clock.advance_wall(correction)
    clock.advance_monotonic(3570.0)

    assert cache.get(deadline).value == "token-2"


def test_a_token_without_a_life_serves_one_request_alone(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    server.life = 0.0

    values = [cache.get(deadline).value for _ in range(3)]

    assert values == ["token-1", "token-2", "token-3"]
