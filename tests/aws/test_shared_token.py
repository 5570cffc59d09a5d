"""One token for all environments: leased, stored, taken by the others; and no worse than alone when the table fails."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from personal_link.access_token import AccessToken
from personal_link.client_credentials import ClientCredentials
from personal_link.clock import Clock, Deadline, SystemClock
from personal_link.errors import Code, NotProcessed
from personal_link.shared_token import SharedToken
from tests.aws.account import Account, losing_answer, one_write_at_a_time, refusing, watched
from tests.fake_clock import FakeClock

KEY = {"pk": {"S": "access-token/1"}}


@dataclass
class Secret:
    """Credentials that a test rotates."""

    credentials: ClientCredentials = field(default_factory=lambda: ClientCredentials("client-7f3a", "s3cret"))

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:  # noqa: ARG002
        return self.credentials


class TokenServer:
    """Gives token-1, token-2 and so on, or fails as it is set to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counting = threading.Lock()
        self.fetches = 0
        self.failure: NotProcessed | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, _deadline: Deadline) -> AccessToken:
        with self._counting:
            self.fetches += 1
            number = self.fetches
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token-{number}", 3600.0, self._clock.wall(), self._clock.monotonic())


@pytest.fixture
def server(clock: FakeClock) -> TokenServer:
    return TokenServer(clock)


@pytest.fixture
def secret() -> Secret:
    return Secret()


@pytest.fixture
def environment(account: Account, server: TokenServer, secret: Secret, clock: FakeClock) -> Callable[[], SharedToken]:
    """A new environment with each call."""
    return lambda: SharedToken(account.dynamodb, account.ledger_table, secret, server, clock, sleep=clock.advance)


def fetch(environment: SharedToken, clock: FakeClock, seconds: float = 14.0) -> AccessToken:
    return environment.fetch(Deadline.after(seconds, clock))


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


def test_the_second_environment_gets_the_token_of_the_first(
    environment: Callable[[], SharedToken], server: TokenServer, clock: FakeClock
) -> None:
    first = fetch(environment(), clock)
    clock.advance(600.0)
    second = fetch(environment(), clock)

    assert (first.value, second.value) == ("token-1", "token-1")
    assert server.fetches == 1


def test_a_token_is_as_old_for_the_second_environment_as_for_the_first(
    environment: Callable[[], SharedToken], clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(600.0)
    second = fetch(environment(), clock)

    assert second.life == 3600.0
    assert second.age(clock) == 600.0
    clock.advance_wall(-7200.0)
    assert second.age(clock) == 600.0, "by the monotonic clock too"


def test_fifty_environments_that_start_at_once_cost_one_token(account: Account, secret: Secret) -> None:
    all_fifty, clock = threading.Barrier(50), SystemClock()
    server = TokenServer(clock)

    def start(_: int) -> str:
        environment = SharedToken(account.dynamodb, account.ledger_table, secret, server, clock)
        all_fifty.wait(timeout=30)
        return environment.fetch(Deadline.after(30.0, clock)).value

    with one_write_at_a_time(account), ThreadPoolExecutor(50) as threads:
        tokens = set(threads.map(start, range(50)))

    assert tokens == {"token-1"}
    assert server.fetches == 1


def test_a_token_that_one_environment_had_and_found_wanting_is_replaced_for_all(
    environment: Callable[[], SharedToken], server: TokenServer, clock: FakeClock
) -> None:
    first, second = environment(), environment()
    fetch(first, clock)
    fetch(second, clock)

    assert fetch(first, clock).value == "token-2"
    assert fetch(second, clock).value == "token-2"
    assert server.fetches == 2


def test_a_token_is_given_to_nobody_in_its_last_half_minute(
    environment: Callable[[], SharedToken], server: TokenServer, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(3569.0)
    assert fetch(environment(), clock).value == "token-1"
    clock.advance(1.0)
    assert fetch(environment(), clock).value == "token-2"
    assert server.fetches == 2


# Waiting for another


def test_who_comes_while_another_fetches_waits_for_its_token(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock, secret: Secret
) -> None:
    hold_the_lease(account, clock.wall() + 5.0)
    looks = itertools.count(1)

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if next(looks) == 3:
            hold_the_lease(account, until=0.0)  # given back
            fetch(environment(), clock)

    waiting = SharedToken(account.dynamodb, account.ledger_table, secret, server, clock, sleep=sleep)

    assert fetch(waiting, clock).value == "token-1"
    assert next(looks) == 4
    assert server.fetches == 1


def test_a_token_that_was_refused_is_not_taken_again_while_another_environment_fetches_the_next(
    environment: Callable[[], SharedToken], account: Account, clock: FakeClock
) -> None:
    first = environment()
    fetch(first, clock)
    hold_the_lease(account, clock.wall() + 5.0)

    assert fetch(first, clock).value == "token-2"


def test_the_lease_of_an_environment_that_died_runs_out_and_the_next_one_fetches_for_all(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 5.0)
    began = clock.monotonic()

    assert fetch(environment(), clock).value == "token-1"
    assert 5.0 <= clock.monotonic() - began < 6.0
    assert fetch(environment(), clock).value == "token-1"
    assert server.fetches == 1


def test_who_has_waited_six_seconds_fetches_a_token_of_its_own(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    began = clock.monotonic()

    assert fetch(environment(), clock).value == "token-1"
    assert 6.0 <= clock.monotonic() - began < 7.0
    assert server.fetches == 1


def test_who_has_no_time_to_wait_does_not(
    environment: Callable[[], SharedToken], account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    began = clock.monotonic()

    with watched(account.dynamodb, "UpdateItem") as writes:
        assert fetch(environment(), clock, seconds=7.0).value == "token-1"

    assert clock.monotonic() == began
    assert writes == []


def test_a_fetch_that_fails_lets_the_next_one_try_at_once(
    environment: Callable[[], SharedToken], server: TokenServer, clock: FakeClock
) -> None:
    server.failure = NotProcessed(Code.UNAVAILABLE, "no access token")
    with pytest.raises(NotProcessed) as caught:
        fetch(environment(), clock)
    assert caught.value is server.failure
    server.failure, began = None, clock.monotonic()

    assert fetch(environment(), clock).value == "token-2"
    assert clock.monotonic() == began


def test_a_token_that_came_after_its_lease_had_run_out_is_used_and_not_stored(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock
) -> None:
    server.meanwhile = lambda: hold_the_lease(account, clock.wall() + 5.0)

    assert fetch(environment(), clock).value == "token-1"
    assert "sealed" not in account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY)["Item"]


def test_a_token_that_came_too_late_to_be_stored_is_used_all_the_same(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock
) -> None:
    server.meanwhile = lambda: clock.advance(7.5)

    assert fetch(environment(), clock, seconds=14.0).value == "token-1"
    assert "sealed" not in account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY)["Item"]


# A table that fails


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_without_the_table_each_environment_fetches_its_own(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock, code: str
) -> None:
    with refusing(account.dynamodb, "UpdateItem", code):
        assert fetch(environment(), clock).value == "token-1"
        assert fetch(environment(), clock).value == "token-2"

    assert server.fetches == 2


def test_a_token_that_cannot_be_stored_is_used_all_the_same(
    environment: Callable[[], SharedToken], server: TokenServer, account: Account, clock: FakeClock
) -> None:
    failing = refusing(account.dynamodb, "UpdateItem", "InternalServerError")
    server.meanwhile = failing.__enter__

    assert fetch(environment(), clock).value == "token-1"


def test_a_lease_whose_answer_got_lost_is_known_again(
    environment: Callable[[], SharedToken], account: Account, clock: FakeClock
) -> None:
    began = clock.monotonic()

    with losing_answer(account.dynamodb, "UpdateItem"):
        assert fetch(environment(), clock).value == "token-1"

    assert clock.monotonic() == began


# What is stored


def test_the_table_never_sees_the_token_or_the_secret(
    environment: Callable[[], SharedToken], account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    item = account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY)["Item"]
    assert "token-1" not in repr(item)
    assert "s3cret" not in repr(item)
    assert set(item) == {"pk", "version", "sealed", "fetched_at", "life", "spent_at", "expires_at"}
    assert len(item["sealed"]["B"]) == 16 + len("token-1") + 32


def test_the_item_is_left_to_dynamodbs_time_to_live_after_a_day(
    environment: Callable[[], SharedToken], account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    item = account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY)["Item"]
    assert item["expires_at"] == {"N": str(1_795_428_000 + 86_400)}


def test_a_token_sealed_with_another_secret_is_replaced(
    environment: Callable[[], SharedToken], server: TokenServer, secret: Secret, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    secret.credentials = ClientCredentials("client-7f3a", "rotated")

    assert fetch(environment(), clock).value == "token-2"
    assert fetch(environment(), clock).value == "token-2"
    assert server.fetches == 2


def test_a_secret_that_was_rotated_during_the_fetch_seals_what_came_of_it(
    environment: Callable[[], SharedToken], server: TokenServer, secret: Secret, clock: FakeClock
) -> None:
    def rotate() -> None:
        secret.credentials = ClientCredentials("client-7f3a", "rotated")

    server.meanwhile = rotate
    fetch(environment(), clock)

    assert fetch(environment(), clock).value == "token-1"


def test_the_token_of_another_client_is_not_taken(
    environment: Callable[[], SharedToken], secret: Secret, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    secret.credentials = ClientCredentials("client-other", "s3cret")

    assert fetch(environment(), clock).value == "token-2"
