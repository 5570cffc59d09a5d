"""The token cache: one fetch, renewal in the background, expiry, and refused tokens."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache, run_in_background
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, CredentialsRefused, NotProcessed, TryAgain, Unauthorized
from tests.fake_clock import FakeClock


class TokenServer:
    """Gives token-1, token-2 and so on, of the life it is set to, or fails as it is set to; counts the calls."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.life = 3600.0
        self.failure: Exception | None = None
        self.seconds_to_answer = 0.0
        self.given = threading.Event()  # cleared: the answer waits
        self.given.set()
        self.asked = threading.Event()
        self.deadlines: list[Deadline] = []

    def __call__(self, deadline: Deadline) -> AccessToken:
        self.deadlines.append(deadline)
        number = len(self.deadlines)
        self.asked.set()
        time.sleep(self.seconds_to_answer)
        assert self.given.wait(10.0)
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token-{number}", self.life, self._clock.wall(), self._clock.monotonic())

    @property
    def fetches(self) -> int:
        return len(self.deadlines)


class Environment:
    """A token cache, its clock and its token server; nothing runs beside a request until the test says so."""

    def __init__(self, run_in_background: Callable[[Callable[[], None]], None] | None = None) -> None:
        self.clock = FakeClock()
        self.deadline = Deadline.after(10.0, FakeClock())  # a clock of its own: it never runs out
        self.server = TokenServer(self.clock)
        self.aside: list[Callable[[], None]] = []
        self.cache = TokenCache(self.server, self.clock, run_in_background or self.aside.append)

    def get(self) -> str:
        return self.cache.get(self.deadline).value

    def run_in_background(self) -> None:
        while self.aside:
            self.aside.pop(0)()


@pytest.fixture
def env() -> Environment:
    return Environment()


def unauthorized() -> Unauthorized:
    return Unauthorized(Code.CREDENTIALS_REFUSED, "the API refuses the token")


# One fetch for many threads


def test_fifty_threads_with_an_empty_cache_share_one_fetch(env: Environment) -> None:
    env.server.seconds_to_answer = 0.05
    start = threading.Barrier(50)

    def get(_thread: int) -> str:
        start.wait(10.0)
        return env.get()

    with ThreadPoolExecutor(50) as threads:
        values = set(threads.map(get, range(50)))

    assert values == {"token-1"}
    assert env.server.fetches == 1


def test_fifty_threads_whose_token_is_refused_share_one_more_fetch(env: Environment) -> None:
    env.get()
    env.server.seconds_to_answer = 0.05
    all_are_refused = threading.Barrier(50)

    def call(token: AccessToken) -> str:
        if token.value == "token-1":
            all_are_refused.wait(10.0)
            raise unauthorized()
        return token.value

    with ThreadPoolExecutor(50) as threads:
        values = set(threads.map(lambda _thread: env.cache.authorised(call, env.deadline), range(50)))

    assert values == {"token-2"}
    assert env.server.fetches == 2


def test_threads_that_wait_for_a_fetch_share_its_failure(env: Environment) -> None:
    env.server.failure, env.server.seconds_to_answer = NotProcessed(Code.UNAVAILABLE, "down"), 0.3

    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(env.cache.get, env.deadline) for _thread in range(5)]

    assert sorted(type(one.exception()).__name__ for one in waiting) == ["NotProcessed", *["NotStarted"] * 4]
    assert env.server.fetches == 1


def test_a_thread_waiting_for_the_fetch_of_another_thread_gives_up_at_its_deadline(env: Environment) -> None:
    env.server.given.clear()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(env.cache.get, env.deadline)
        assert env.server.asked.wait(10.0)

        with pytest.raises(NotProcessed) as caught:
            env.cache.get(Deadline.after(0.05, env.clock))

        env.server.given.set()
        assert slow.result(10.0).value == "token-1"
    assert caught.value.code is Code.UNAVAILABLE
    assert env.server.fetches == 1


# Renewal in the background


@pytest.mark.parametrize(
    ("life", "age", "renewals"), [(3600.0, 2699.0, 0), (3600.0, 2700.0, 1), (100.0, 74.0, 0), (100.0, 75.0, 1)]
)
def test_a_token_is_renewed_in_the_background_after_three_quarters_of_its_life(
    env: Environment, life: float, age: float, renewals: int
) -> None:
    env.server.life = life
    env.get()

    env.clock.advance(age)
    env.get()

    assert len(env.aside) == renewals


def test_the_old_token_is_used_without_waiting_while_its_renewal_runs_in_the_background(env: Environment) -> None:
    env.get()
    env.clock.advance(2700.0)

    during = [env.get() for _ in range(2)]
    env.clock.advance(61.0)  # the next renewal may start, but this one has not ended
    during.append(env.get())
    fetches_during = env.server.fetches
    env.run_in_background()

    assert during == ["token-1", "token-1", "token-1"]
    assert fetches_during == 1
    assert env.get() == "token-2"
    assert env.server.fetches == 2


def test_a_renewal_has_fifteen_seconds_although_the_request_has_less_time_left(env: Environment) -> None:
    env.get()
    env.clock.advance(2700.0)
    env.cache.get(Deadline.after(0.1, env.clock))

    env.run_in_background()

    assert env.server.deadlines[1].remaining() == 15.0


def test_a_renewal_fetches_nothing_when_its_token_was_dropped_before_it_runs(env: Environment) -> None:
    token = env.cache.get(env.deadline)
    env.clock.advance(2700.0)
    env.get()

    env.cache.drop(token)
    env.run_in_background()

    assert env.server.fetches == 1


@pytest.mark.parametrize(
    "failure",
    [NotProcessed(Code.UNAVAILABLE, "down"), CredentialsRefused(Code.CREDENTIALS_REFUSED, "refused")],
)
def test_after_a_failed_renewal_the_old_token_is_used_and_the_next_renewal_starts_a_minute_later(
    env: Environment, failure: TryAgain
) -> None:
    env.get()
    env.clock.advance(2700.0)
    env.server.failure = failure
    env.get()
    env.run_in_background()

    env.clock.advance(59.0)
    assert env.get() == "token-1"
    before = len(env.aside)
    env.clock.advance(1.0)
    env.get()

    assert (before, len(env.aside)) == (0, 1)


def test_when_no_renewal_thread_can_start_the_old_token_is_used_and_the_next_fetch_is_not_blocked() -> None:
    def no_thread_to_be_had(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    env = Environment(no_thread_to_be_had)
    env.get()
    env.clock.advance(2700.0)
    assert env.get() == "token-1"

    env.clock.advance(900.0)

    assert env.cache.get(Deadline.after(0.05, env.clock)).value == "token-2"


# Expiry


@pytest.mark.parametrize(
    ("life", "age", "served"),
    [(3600.0, 3569.0, "token-1"), (3600.0, 3570.0, "token-2"), (30.0, 26.0, "token-1"), (30.0, 27.0, "token-2")],
)
def test_a_token_is_replaced_thirty_seconds_or_a_tenth_of_its_life_before_it_expires(
    env: Environment, life: float, age: float, served: str
) -> None:
    env.server.life = life
    env.get()

    env.clock.advance(age)

    assert env.get() == served


def test_a_request_whose_token_expires_during_its_renewal_waits_for_the_renewal(env: Environment) -> None:
    env.get()
    env.clock.advance(2700.0)
    env.get()
    env.server.asked.clear()
    env.server.given.clear()

    with ThreadPoolExecutor(2) as threads:
        renewal = threads.submit(env.run_in_background)
        assert env.server.asked.wait(10.0)
        env.clock.advance(870.0)
        waiting = threads.submit(env.cache.get, env.deadline)
        env.server.given.set()
        renewal.result(10.0)

    assert waiting.result().value == "token-2"
    assert env.server.fetches == 2


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(3570.0, 0.0), (-86_400.0, 3570.0)], ids=["wall clock ahead", "wall clock set back"]
)
def test_a_token_ages_by_the_clock_that_advanced_more(env: Environment, wall: float, monotonic: float) -> None:
    env.get()

    env.clock.advance_wall(wall)
    env.clock.advance_monotonic(monotonic)

    assert env.get() == "token-2"


def test_a_token_with_a_lifetime_of_zero_is_used_for_one_request_only(env: Environment) -> None:
    env.server.life = 0.0

    assert [env.get() for _ in range(3)] == ["token-1", "token-2", "token-3"]


def test_an_expired_token_is_not_used_even_if_fetching_another_fails(env: Environment) -> None:
    env.get()
    env.clock.advance(3570.0)
    env.server.failure = NotProcessed(Code.UNAVAILABLE, "down")

    with pytest.raises(NotProcessed, match="down"):
        env.get()


# Refusals


def test_dropping_a_token_that_was_already_replaced_keeps_the_new_one(env: Environment) -> None:
    old = env.cache.get(env.deadline)
    env.cache.drop(old)
    env.get()

    env.cache.drop(old)

    assert env.get() == "token-2"
    assert env.server.fetches == 2


def test_a_call_that_fails_other_than_with_401_is_not_repeated_and_its_token_is_kept(env: Environment) -> None:
    def call(_token: AccessToken) -> str:
        raise NotProcessed(Code.FORBIDDEN, "forbidden")

    with pytest.raises(NotProcessed, match="forbidden"):
        env.cache.authorised(call, env.deadline)

    assert env.get() == "token-1"
    assert env.server.fetches == 1


def test_after_a_second_refused_token_calls_fail_for_thirty_seconds_without_a_fetch(env: Environment) -> None:
    tried: list[str] = []

    def call(token: AccessToken) -> str:
        tried.append(token.value)
        raise unauthorized()

    with pytest.raises(Unauthorized):
        env.cache.authorised(call, env.deadline)
    env.clock.advance(29.0)
    with pytest.raises(NotProcessed) as caught:
        env.get()
    fetches_meanwhile = env.server.fetches
    env.clock.advance(1.0)

    assert tried == ["token-1", "token-2"]
    assert (caught.value.code, caught.value.message) == (Code.CREDENTIALS_REFUSED, "the API refuses the token")
    assert fetches_meanwhile == 2
    assert env.get() == "token-3"


def test_after_a_refused_token_was_replaced_with_success_the_next_fetch_is_not_blocked(env: Environment) -> None:
    def call(token: AccessToken) -> str:
        if token.value == "token-1":
            raise unauthorized()
        return token.value

    env.cache.authorised(call, env.deadline)
    env.cache.drop(env.cache.get(env.deadline))

    assert env.get() == "token-3"


@pytest.mark.parametrize(
    "failure",
    [
        CredentialsRefused(Code.CREDENTIALS_REFUSED, "refused"),
        NotProcessed(Code.CREDENTIALS_REFUSED, "refused"),
        NotProcessed(Code.CREDENTIALS_MISSING, "refused"),
    ],
)
def test_refused_or_missing_credentials_are_not_tried_again_for_thirty_seconds(
    env: Environment, failure: TryAgain
) -> None:
    env.server.failure = failure
    with pytest.raises(NotProcessed):
        env.get()
    env.clock.advance(29.0)
    with pytest.raises(NotProcessed) as caught:
        env.get()
    fetches_meanwhile = env.server.fetches
    env.clock.advance(1.0)
    env.server.failure = None

    assert (caught.value.code, caught.value.message) == (failure.code, "refused")
    assert fetches_meanwhile == 1
    assert env.get() == "token-2"


@pytest.mark.parametrize("failure", [NotProcessed(Code.UNAVAILABLE, "passing"), ZeroDivisionError("passing")])
def test_a_temporary_failure_of_a_fetch_does_not_block_the_next_fetch(env: Environment, failure: Exception) -> None:
    env.server.failure = failure
    with pytest.raises(type(failure), match="passing"):
        env.get()
    env.server.failure = None

    assert env.cache.get(Deadline.after(0.05, env.clock)).value == "token-2"


def test_background_work_runs_in_a_daemon_thread_and_its_bug_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        raise ValueError("Bearer eyJhidden")

    before = set(threading.enumerate())
    run_in_background(work)
    for thread in set(threading.enumerate()) - before:
        thread.join(10.0)

    assert threads[0].daemon
    (record,) = caplog.records
    assert record.__dict__["error"] == "ValueError"
    assert "eyJhidden" not in str(record.__dict__) + "".join(capfd.readouterr())
