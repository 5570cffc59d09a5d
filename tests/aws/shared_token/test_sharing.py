"""The shared token: one environment fetches it, the others wait for it, and no stale one is used."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from personal_link.aws.token_lease import TokenLease
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed
from tests.aws.account import Account, answering, doing_before, one_write_at_a_time, watched
from tests.aws.shared_token.conftest import KEY, Environment, TokenServer, fetch, new_environment, secret_text
from tests.fake_clock import FakeClock


def hold_the_lease(account: Account, until: float) -> None:
    """Another environment leased the right to fetch, and nobody has heard of it since."""
    lease = {":owner": {"S": "somebody"}, ":end": {"N": str(until)}}
    account.dynamodb.update_item(
        TableName=account.ledger_table,
        Key=KEY,
        UpdateExpression="SET #owner = :owner, lease_until = :end",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues=lease,
    )


# Sharing


def test_an_environment_that_finds_a_shared_token_uses_it_reads_no_credentials_and_writes_nothing(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    with (
        watched(account.secretsmanager, "GetSecretValue") as reads,
        watched(account.secretsmanager, "PutSecretValue") as puts,
        watched(account.dynamodb, "UpdateItem") as updates,
    ):
        assert fetch(environment(), clock) == "token-1"

    assert [read["SecretId"] for read in reads] == [account.token_secret_arn]
    assert (puts, updates) == ([], [])


def test_a_shared_token_has_the_same_age_in_the_second_environment_as_in_the_first(
    environment: Environment, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(600.0)
    second = environment().fetch(Deadline.after(14.0, clock))

    assert second.life == 3600.0
    assert second.age(clock) == 600.0
    clock.advance_wall(-7200.0)
    assert second.age(clock) == 600.0, "by the monotonic clock too"


def test_fifty_environments_that_start_at_once_fetch_one_token(account: Account) -> None:
    all_fifty, clock = threading.Barrier(50), SystemClock()
    server = TokenServer(clock)

    def start(_: int) -> str:
        environment = new_environment(account, server, clock)
        all_fifty.wait(timeout=30)
        return environment.fetch(Deadline.after(30.0, clock)).value

    with one_write_at_a_time(account), ThreadPoolExecutor(50) as threads:
        tokens = set(threads.map(start, range(50)))

    assert tokens == {"token-1"}
    assert server.fetches == 1


def test_a_token_past_three_quarters_of_its_life_is_replaced_once_for_all_environments(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    first, second = environment(), environment()
    fetch(first, clock)
    fetch(second, clock)
    clock.advance(2700.0)

    assert fetch(first, clock) == "token-2"
    assert fetch(second, clock) == "token-2"
    assert server.fetches == 2


def test_a_shared_token_is_not_used_in_the_last_thirty_seconds_of_its_life(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(3569.0)
    assert fetch(environment(), clock) == "token-1"
    clock.advance(1.0)
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


@pytest.mark.parametrize("life", [0.0, 30.0])
def test_a_short_lived_token_is_written_at_most_once_in_ten_minutes(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, life: float
) -> None:
    server.life = life
    one = environment()

    with watched(account.secretsmanager, "PutSecretValue") as puts:
        for _ in range(20):
            fetch(one, clock)
            clock.advance(29.0)  # 580 s in all

    assert server.fetches == 20
    assert len(puts) == (1 if life else 0)


# Waiting for the fetch of another environment


def test_an_environment_waits_for_the_token_that_another_one_is_fetching(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 5.0)
    looks = itertools.count(1)

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if next(looks) == 3:
            hold_the_lease(account, until=0.0)  # given back
            fetch(environment(), clock)

    assert fetch(environment(sleep=sleep), clock) == "token-1"
    assert next(looks) == 4
    assert server.fetches == 1


def test_after_the_lease_of_a_dead_environment_expires_the_next_one_fetches_for_all(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 5.0)
    began = clock.monotonic()

    assert fetch(environment(), clock) == "token-1"
    assert 5.0 <= clock.monotonic() - began < 6.0
    assert fetch(environment(), clock) == "token-1"
    assert server.fetches == 1


def test_an_environment_that_waited_nine_seconds_reads_once_more_and_fetches_its_own_token(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    began, slept = clock.monotonic(), 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        clock.advance(seconds)

    with (
        watched(account.secretsmanager, "GetSecretValue") as reads,
        watched(account.dynamodb, "UpdateItem") as leases,
    ):
        assert fetch(environment(sleep=sleep), clock, seconds=32.0) == "token-1"

    assert 9.0 <= clock.monotonic() - began == slept < 10.0
    looks = [read for read in reads if read["SecretId"] == account.token_secret_arn]
    assert len(looks) == len(leases) + 1
    assert server.fetches == 1


def test_an_http_request_stops_waiting_for_a_token_while_seven_of_its_fourteen_seconds_are_left(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    deadline = Deadline.after(14.0, clock)

    assert environment().fetch(deadline).value == "token-1"
    assert 6.0 < deadline.remaining() <= 7.0


def test_an_environment_with_seven_seconds_left_fetches_its_own_token_without_waiting(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    began = clock.monotonic()

    with watched(account.dynamodb, "UpdateItem") as writes:
        assert fetch(environment(), clock, seconds=7.0) == "token-1"

    assert clock.monotonic() == began
    assert writes == []


def test_a_failed_fetch_frees_the_lease_so_that_the_next_fetch_starts_at_once(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    server.failure = NotProcessed(Code.UNAVAILABLE, "no access token")
    with pytest.raises(NotProcessed) as caught:
        fetch(environment(), clock)
    assert caught.value is server.failure
    server.failure, began = None, clock.monotonic()

    assert fetch(environment(), clock) == "token-2"
    assert clock.monotonic() == began


# Late writes and stale reads


def another_takes_the_lease(account: Account, clock: FakeClock) -> None:
    hold_the_lease(account, clock.wall() + 5.0)


def time_runs_out(_account: Account, clock: FakeClock) -> None:
    clock.advance(7.5)


def the_table_is_gone(account: Account, _clock: FakeClock) -> None:
    account.dynamodb.delete_table(TableName=account.ledger_table)


@pytest.mark.parametrize("meanwhile", [another_takes_the_lease, time_runs_out, the_table_is_gone])
def test_a_token_that_arrives_too_late_to_be_stored_is_still_used(
    environment: Environment,
    server: TokenServer,
    account: Account,
    clock: FakeClock,
    meanwhile: Callable[[Account, FakeClock], None],
) -> None:
    server.meanwhile = lambda: meanwhile(account, clock)

    assert fetch(environment(), clock) == "token-1"
    assert secret_text(account) == "{}"


def test_no_environment_returns_to_an_older_token_that_was_written_late(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    one = environment()
    fetch(one, clock)
    older = secret_text(account)
    clock.advance(2700.0)
    assert fetch(one, clock) == "token-2"
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=older)  # as if it froze

    assert fetch(environment(), clock) == "token-1", "it still serves"
    clock.advance(700.0)
    assert fetch(one, clock) == "token-3"
    assert fetch(environment(), clock) == "token-3"
    assert server.fetches == 3


def test_a_stale_read_of_the_token_secret_is_repeated(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        stale_reads.__exit__(None, None, None)

    one, other = environment(), environment(sleep=sleep)  # only its second look is to show the write
    fetch(one, clock)
    fetch(other, clock)
    before = account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)
    clock.advance(2700.0)
    assert fetch(one, clock) == "token-2"
    stale = {"VersionId": before["VersionId"], "SecretString": before["SecretString"]}
    stale_reads = answering(account.secretsmanager, "GetSecretValue", stale)
    stale_reads.__enter__()

    assert fetch(other, clock) == "token-2"
    assert server.fetches == 2


def test_a_write_that_succeeds_but_reports_failure_shares_the_token_and_its_writer_does_not_reuse_it(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    one = environment()

    def write_and_fail(params: dict[str, Any]) -> None:
        writing.__exit__(None, None, None)
        account.secretsmanager.put_secret_value(**params)
        params["SecretId"] = "no-such-secret"

    writing = doing_before(account.secretsmanager, "PutSecretValue", write_and_fail)
    writing.__enter__()
    assert fetch(one, clock) == "token-1"

    assert fetch(environment(), clock) == "token-1"
    assert fetch(one, clock) == "token-2"


# The lease


def test_while_a_shown_token_is_renewed_others_wait(account: Account, clock: FakeClock) -> None:
    lease = TokenLease(account.dynamodb, account.ledger_table, clock)
    lease.take("first", "v-0")
    lease.renew("first", "v-1")
    lease.end("first")
    clock.advance(600.0)

    assert lease.take("second", "v-1") is True
    assert lease.take("third", "v-1") is False


def test_a_renewed_lease_lasts_for_eight_seconds(account: Account, clock: FakeClock) -> None:
    lease = TokenLease(account.dynamodb, account.ledger_table, clock)
    lease.take("first", "v-0")
    lease.renew("first", "v-1")

    clock.advance(7.9)
    assert lease.take("second", "v-0") is False
    clock.advance(0.2)
    assert lease.take("second", "v-0") is True
