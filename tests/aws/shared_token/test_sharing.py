"""The shared token: one environment fetches it, the others wait for it, and no stale one is used."""

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from personal_link.aws.token_lease import TokenLease
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed
from tests.aws.account import answering, doing_before, one_write_at_a_time, watched
from tests.aws.shared_token.conftest import Shared, TokenServer
from tests.tables import table

# Sharing


def test_an_environment_that_finds_a_shared_token_uses_it_reads_no_credentials_and_writes_nothing(
    shared: Shared,
) -> None:
    shared.fetch()

    with (
        watched(shared.account.secretsmanager, "GetSecretValue") as reads,
        watched(shared.account.secretsmanager, "PutSecretValue") as puts,
        watched(shared.account.dynamodb, "UpdateItem") as updates,
    ):
        assert shared.fetch() == "token-1"

    assert [read["SecretId"] for read in reads] == [shared.account.token_secret_arn]
    assert (puts, updates) == ([], [])


def test_a_shared_token_has_the_same_age_in_the_second_environment_as_in_the_first(shared: Shared) -> None:
    shared.fetch()
    shared.clock.advance(600.0)
    second = shared.environment().fetch(Deadline.after(14.0, shared.clock))

    assert (second.life, second.age(shared.clock)) == (3600.0, 600.0)
    shared.clock.advance_wall(-7200.0)
    assert second.age(shared.clock) == 600.0, "by the monotonic clock too"


def test_fifty_environments_that_start_at_once_fetch_one_token(shared: Shared) -> None:
    all_fifty, clock = threading.Barrier(50), SystemClock()
    in_real_time = replace(shared, server=TokenServer(clock))

    def start(_: int) -> str:
        environment = in_real_time.environment(clock=clock, sleep=time.sleep)
        all_fifty.wait(timeout=30)
        return environment.fetch(Deadline.after(30.0, clock)).value

    with one_write_at_a_time(shared.account), ThreadPoolExecutor(50) as threads:
        tokens = set(threads.map(start, range(50)))

    assert tokens == {"token-1"}
    assert in_real_time.server.fetches == 1


@table(
    "passed, origin, token",
    ("three quarters of its life", 2699.0, "https://auth.example arn:credentials", "token-1"),
    ("another credentials secret", 600.0, "https://auth.example arn:another", "token-2"),
    ("the last thirty seconds but one", 3569.0, "https://auth.example arn:credentials", "token-1"),
    ("the last thirty seconds", 3570.0, "https://auth.example arn:credentials", "token-2"),
)
def test_a_new_environment_uses_a_shared_token_of_its_stack_until_thirty_seconds_before_its_end(
    shared: Shared, passed: float, origin: str, token: str
) -> None:
    shared.fetch()
    shared.clock.advance(passed)

    assert shared.fetch(shared.environment(origin=origin)) == token


def test_a_token_past_three_quarters_of_its_life_is_replaced_once_for_all_environments(shared: Shared) -> None:
    first, second = shared.environment(), shared.environment()
    shared.fetch(first)
    shared.fetch(second)
    shared.clock.advance(2700.0)

    assert [shared.fetch(first), shared.fetch(second)] == ["token-2", "token-2"]
    assert shared.server.fetches == 2


@pytest.mark.parametrize(("life", "writes"), [(0.0, 0), (30.0, 1)])
def test_a_short_lived_token_is_written_at_most_once_in_ten_minutes(shared: Shared, life: float, writes: int) -> None:
    shared.server.life = life
    one = shared.environment()

    with watched(shared.account.secretsmanager, "PutSecretValue") as puts:
        for _ in range(20):
            shared.fetch(one)
            shared.clock.advance(29.0)  # 580 s in all

    assert (shared.server.fetches, len(puts)) == (20, writes)


# Waiting for the fetch of another environment


def test_an_environment_waits_for_the_token_that_another_one_is_fetching(shared: Shared) -> None:
    shared.lease(until=shared.clock.wall() + 5.0)
    looks = itertools.count(1)

    def sleep(seconds: float) -> None:
        shared.clock.advance(seconds)
        if next(looks) == 3:
            shared.lease(until=0.0)  # given back
            shared.fetch()

    assert shared.fetch(shared.environment(sleep=sleep)) == "token-1"
    assert next(looks) == 4
    assert shared.server.fetches == 1


def test_after_the_lease_of_a_dead_environment_expires_the_next_one_fetches_for_all(shared: Shared) -> None:
    shared.lease(until=shared.clock.wall() + 5.0)
    began = shared.clock.monotonic()

    assert shared.fetch() == "token-1"
    assert 5.0 <= shared.clock.monotonic() - began < 6.0
    assert shared.fetch() == "token-1"
    assert shared.server.fetches == 1


def test_an_environment_that_waited_nine_seconds_reads_once_more_and_fetches_its_own_token(shared: Shared) -> None:
    shared.lease(until=shared.clock.wall() + 3600.0)
    began, pauses = shared.clock.monotonic(), list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        shared.clock.advance(seconds)

    with (
        watched(shared.account.secretsmanager, "GetSecretValue") as reads,
        watched(shared.account.dynamodb, "UpdateItem") as leases,
    ):
        assert shared.fetch(shared.environment(sleep=sleep), seconds=32.0) == "token-1"

    assert 9.0 <= shared.clock.monotonic() - began == sum(pauses) < 10.0
    looks = [read for read in reads if read["SecretId"] == shared.account.token_secret_arn]
    assert len(looks) == len(leases) + 1
    assert shared.server.fetches == 1


@table(
    "seconds, least_left, looks",
    ("an HTTP request of fourteen seconds", 14.0, 6.0, True),
    ("no more than seven seconds", 7.0, 6.99, False),
)
def test_an_environment_waits_for_a_token_only_while_more_than_seven_seconds_are_left(
    shared: Shared, seconds: float, least_left: float, looks: bool
) -> None:
    shared.lease(until=shared.clock.wall() + 3600.0)
    deadline = Deadline.after(seconds, shared.clock)

    with watched(shared.account.dynamodb, "UpdateItem") as writes:
        assert shared.environment().fetch(deadline).value == "token-1"

    assert least_left < deadline.remaining() <= 7.0
    assert bool(writes) is looks


def test_a_failed_fetch_frees_the_lease_so_that_the_next_fetch_starts_at_once(shared: Shared) -> None:
    shared.server.failure = NotProcessed(Code.UNAVAILABLE, "no access token")
    with pytest.raises(NotProcessed) as caught:
        shared.fetch()
    assert caught.value is shared.server.failure
    shared.server.failure, began = None, shared.clock.monotonic()

    assert shared.fetch() == "token-2"
    assert shared.clock.monotonic() == began


# Late writes and stale reads


def another_takes_the_lease(shared: Shared) -> None:
    shared.lease(until=shared.clock.wall() + 5.0)


def time_runs_out(shared: Shared) -> None:
    shared.clock.advance(7.5)


def the_table_is_gone(shared: Shared) -> None:
    shared.account.dynamodb.delete_table(TableName=shared.account.ledger_table)


@pytest.mark.parametrize("meanwhile", [another_takes_the_lease, time_runs_out, the_table_is_gone])
def test_a_token_that_arrives_too_late_to_be_stored_is_still_used(
    shared: Shared, meanwhile: Callable[[Shared], None]
) -> None:
    shared.server.meanwhile = lambda: meanwhile(shared)

    assert shared.fetch() == "token-1"
    assert shared.stored()["SecretString"] == "{}"


def test_no_environment_returns_to_an_older_token_that_was_written_late(shared: Shared) -> None:
    one = shared.environment()
    shared.fetch(one)
    older = shared.stored()["SecretString"]
    shared.clock.advance(2700.0)
    assert shared.fetch(one) == "token-2"
    shared.store(older)  # as if its writer froze

    assert shared.fetch() == "token-1", "it still serves"
    shared.clock.advance(700.0)
    assert [shared.fetch(one), shared.fetch()] == ["token-3", "token-3"]
    assert shared.server.fetches == 3


def test_a_stale_read_of_the_token_secret_is_repeated(shared: Shared) -> None:
    def sleep(seconds: float) -> None:
        shared.clock.advance(seconds)
        stale_reads.__exit__(None, None, None)

    one, other = shared.environment(), shared.environment(sleep=sleep)  # only its second look is to show the write
    shared.fetch(one)
    shared.fetch(other)
    before = shared.stored()
    shared.clock.advance(2700.0)
    assert shared.fetch(one) == "token-2"
    stale = {"VersionId": before["VersionId"], "SecretString": before["SecretString"]}
    stale_reads = answering(shared.account.secretsmanager, "GetSecretValue", stale)
    stale_reads.__enter__()

    assert shared.fetch(other) == "token-2"
    assert shared.server.fetches == 2


def test_a_write_that_succeeds_but_reports_failure_shares_the_token_and_its_writer_does_not_reuse_it(
    shared: Shared,
) -> None:
    one = shared.environment()

    def write_and_fail(params: dict[str, Any]) -> None:
        writing.__exit__(None, None, None)
        shared.account.secretsmanager.put_secret_value(**params)
        params["SecretId"] = "no-such-secret"

    writing = doing_before(shared.account.secretsmanager, "PutSecretValue", write_and_fail)
    writing.__enter__()
    assert shared.fetch(one) == "token-1"

    assert [shared.fetch(), shared.fetch(one)] == ["token-1", "token-2"]


# The lease


def test_while_a_shown_token_is_renewed_others_wait_and_a_renewed_lease_lasts_for_eight_seconds(shared: Shared) -> None:
    lease = TokenLease(shared.account.dynamodb, shared.account.ledger_table, shared.clock)
    lease.take("first", "v-0")
    lease.renew("first", "v-1")
    shared.clock.advance(7.9)
    assert lease.take("second", "v-0") is False
    shared.clock.advance(0.2)
    assert lease.take("second", "v-0") is True

    lease.end("second")
    shared.clock.advance(600.0)
    assert [lease.take("second", "v-1"), lease.take("third", "v-1")] == [True, False]
