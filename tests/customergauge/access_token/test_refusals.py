"""A refused token is dropped, refusals are remembered, and nothing is shown."""

import threading
from collections.abc import Callable

import pytest

from personal_link.customergauge.access_token import AccessToken, TokenCache, run_in_background
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, CredentialsRefused, NotProcessed, TryAgain, Unauthorized
from tests.customergauge.access_token.conftest import TokenServer, unauthorized
from tests.fake_clock import FakeClock

# --- dropped ----------------------------------------------------------------------------------------------------------


def test_a_dropped_token_is_replaced(cache: TokenCache, deadline: Deadline) -> None:
    cache.drop(cache.get(deadline))

    assert cache.get(deadline).value == "token-2"


def test_dropping_a_token_that_was_replaced_already_leaves_the_new_one(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    old = cache.get(deadline)
    cache.drop(old)
    cache.get(deadline)

    cache.drop(old)

    assert cache.get(deadline).value == "token-2"
    assert server.fetches == 2


# --- authorised calls -------------------------------------------------------------------------------------------------


def test_an_authorised_call_returns_what_the_call_makes_of_the_token(cache: TokenCache, deadline: Deadline) -> None:
    assert cache.authorised(lambda token: f"called with {token.value}", deadline) == "called with token-1"


def test_a_call_whose_token_is_refused_is_replayed_once_with_another(cache: TokenCache, deadline: Deadline) -> None:
    tried: list[str] = []

    def call(token: AccessToken) -> str:
        tried.append(token.value)
        if token.value == "token-1":
            raise unauthorized()
        return "done"

    assert cache.authorised(call, deadline) == "done"
    assert tried == ["token-1", "token-2"]


def test_a_call_whose_second_token_is_refused_too_is_not_replayed_again(cache: TokenCache, deadline: Deadline) -> None:
    tried: list[str] = []

    def call(token: AccessToken) -> str:
        tried.append(token.value)
        raise unauthorized()

    with pytest.raises(Unauthorized):
        cache.authorised(call, deadline)

    assert tried == ["token-1", "token-2"]


def test_a_call_that_fails_otherwise_is_not_replayed_and_its_token_stays(
    cache: TokenCache, server: TokenServer, deadline: Deadline
) -> None:
    def call(_token: AccessToken) -> str:
        raise NotProcessed(Code.FORBIDDEN, "forbidden")

    with pytest.raises(NotProcessed, match="forbidden"):
        cache.authorised(call, deadline)

    assert cache.get(deadline).value == "token-1"
    assert server.fetches == 1


# --- refusals are remembered ------------------------------------------------------------------------------------------


def test_a_refused_second_token_is_remembered_for_thirty_seconds(
    cache: TokenCache, server: TokenServer, clock: FakeClock, deadline: Deadline
) -> None:
    def call(_token: AccessToken) -> str:
        raise unauthorized()

    with pytest.raises(Unauthorized):
        cache.authorised(call, deadline)
    clock.advance(29.0)
    with pytest.raises(NotProcessed) as caught:
        cache.get(deadline)
    fetches_meanwhile = server.fetches
    clock.advance(1.0)

    assert (caught.value.code, caught.value.message) == (Code.CREDENTIALS_REFUSED, "the API refuses the token")
    assert fetches_meanwhile == 2
    assert cache.get(deadline).value == "token-3"


def test_a_token_refused_once_and_replaced_well_is_not_remembered(cache: TokenCache, deadline: Deadline) -> None:
    def call(token: AccessToken) -> str:
        if token.value == "token-1":
            raise unauthorized()
        return token.value

    cache.authorised(call, deadline)
    cache.drop(cache.get(deadline))

    assert cache.get(deadline).value == "token-3"


@pytest.mark.parametrize(
    "failure",
    [
        CredentialsRefused(Code.CREDENTIALS_REFUSED, "refused"),
        NotProcessed(Code.CREDENTIALS_REFUSED, "refused"),
        NotProcessed(Code.CREDENTIALS_MISSING, "refused"),
    ],
)
def test_a_dead_credential_hammers_nobody_for_thirty_seconds_and_is_then_tried_again(
    cache: TokenCache, server: TokenServer, clock: FakeClock, deadline: Deadline, failure: TryAgain
) -> None:
    server.failure = failure
    with pytest.raises(NotProcessed):
        cache.get(deadline)
    clock.advance(29.0)
    with pytest.raises(NotProcessed) as caught:
        cache.get(deadline)
    fetches_meanwhile = server.fetches
    clock.advance(1.0)
    server.failure = None

    assert (caught.value.code, caught.value.message) == (failure.code, "refused")
    assert fetches_meanwhile == 1
    assert cache.get(deadline).value == "token-2"


@pytest.mark.parametrize("code", ["unavailable", "rate_limited", "internal_error"])
def test_a_failure_that_passes_by_itself_is_not_remembered(
    cache: TokenCache, server: TokenServer, deadline: Deadline, code: str
) -> None:
    server.failure = NotProcessed(Code(code), "passing")
    with pytest.raises(NotProcessed, match="passing"):
        cache.get(deadline)
    server.failure = None

    assert cache.get(deadline).value == "token-2"


def test_a_fetch_that_breaks_down_leaves_the_way_free_for_the_next(
    cache: TokenCache, server: TokenServer, deadline: Deadline, clock: FakeClock
) -> None:
    server.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        cache.get(deadline)
    server.failure = None

    assert cache.get(Deadline.after(0.05, clock)).value == "token-2"


# --- and the rest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_token_shows_its_life_and_never_its_value(show: Callable[[object], str]) -> None:
    shown = show(AccessToken("eyJhidden", 3600.0, 0.0, 0.0))

    assert shown == "AccessToken(***, life=3600)"


def test_work_beside_a_request_runs_in_a_thread_that_keeps_no_process_alive() -> None:
    threads: list[threading.Thread] = []
    done = threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        done.set()

    run_in_background(work)

    assert done.wait(10.0)
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_a_bug_met_beside_a_request_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise ValueError("Bearer eyJhidden")

    before = set(threading.enumerate())
    run_in_background(work)
    for thread in set(threading.enumerate()) - before:
        thread.join(10.0)

    (record,) = caplog.records
    assert record.__dict__["error"] == "ValueError"
    assert "eyJhidden" not in str(record.__dict__) + "".join(capfd.readouterr())
