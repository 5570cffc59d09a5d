"""One token for all environments: leased, stored, taken by the others; and no worse than alone when AWS fails."""

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import TokenSecret
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.domain.clock import Clock, Deadline, SystemClock
from personal_link.domain.errors import Code, NotProcessed
from tests.aws.account import Account, answering, doing_before, losing_answer, one_write_at_a_time, refusing, watched
from tests.fake_clock import FakeClock

KEY = {"pk": {"S": "access-token/2"}}
ORIGIN = "https://auth.example arn:credentials"
ROTATED = '{"client_id": "client-7f3a", "client_secret": "rotated-Wm9uZQ"}'
OF_ANOTHER_TENANT = '{"client_id": "client-other", "client_secret": "s3cret-QkVBUkVS"}'


class TokenServer:
    """Gives token-1, token-2 and so on, or fails as it is set to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counting = threading.Lock()
        self.fetches = 0
        self.life = 3600.0
        self.failure: NotProcessed | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def fetch_token(self, _credentials: ClientCredentials, _deadline: Deadline) -> AccessToken:
        with self._counting:
            self.fetches += 1
            number = self.fetches
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        return AccessToken(f"token-{number}", self.life, wall, monotonic)


type Environment = Callable[..., SharedToken]


@pytest.fixture
def server(clock: FakeClock) -> TokenServer:
    return TokenServer(clock)


@pytest.fixture
def environment(account: Account, server: TokenServer, clock: FakeClock) -> Environment:
    """A new environment with each call."""
    return lambda **named: new_environment(account, server, clock, **{"sleep": clock.advance, **named})


def new_environment(account: Account, server: TokenServer, clock: Clock, **named: Any) -> SharedToken:
    credentials = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    return SharedToken(
        TokenLease(account.dynamodb, account.ledger_table, clock),
        TokenSecret(account.secretsmanager, account.token_secret_arn),
        credentials,
        lambda deadline: fetch_token(credentials, server, deadline),
        **{"origin": ORIGIN, "clock": clock, **named},
    )


def fetch(environment: SharedToken, clock: FakeClock, seconds: float = 14.0) -> str:
    return environment.fetch(Deadline.after(seconds, clock)).value


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


def item(account: Account) -> dict[str, Any]:
    return account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY).get("Item", {})


def secret_text(account: Account) -> str:
    return account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)["SecretString"]


def write(account: Account, **fields: object) -> None:
    """Write the secret as somebody else would, with these fields changed."""
    content = {**json.loads(secret_text(account)), **fields}
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=json.dumps(content))


def rotate(account: Account, text: str = ROTATED) -> None:
    account.secretsmanager.put_secret_value(SecretId=account.secret_arn, SecretString=text)


# Sharing


def test_the_second_environment_gets_the_token_of_the_first(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    first = fetch(environment(), clock)
    clock.advance(600.0)
    second = fetch(environment(), clock)

    assert (first, second) == ("token-1", "token-1")
    assert server.fetches == 1


def test_an_environment_that_finds_a_token_reads_no_credentials_and_writes_nothing(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    with (
        watched(account.secretsmanager, "GetSecretValue") as reads,
        watched(account.secretsmanager, "PutSecretValue") as puts,
        watched(account.dynamodb, "UpdateItem") as updates,
    ):
        fetch(environment(), clock)

    assert [read["SecretId"] for read in reads] == [account.token_secret_arn]
    assert (puts, updates) == ([], [])


def test_a_token_is_as_old_for_the_second_environment_as_for_the_first(
    environment: Environment, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(600.0)
    second = environment().fetch(Deadline.after(14.0, clock))

    assert second.life == 3600.0
    assert second.age(clock) == 600.0
    clock.advance_wall(-7200.0)
    assert second.age(clock) == 600.0, "by the monotonic clock too"


def test_fifty_environments_that_start_at_once_cost_one_token(account: Account) -> None:
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


def test_a_token_that_grew_old_is_replaced_for_all(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    first, second = environment(), environment()
    fetch(first, clock)
    fetch(second, clock)
    clock.advance(2700.0)

    assert fetch(first, clock) == "token-2"
    assert fetch(second, clock) == "token-2"
    assert server.fetches == 2


def test_a_token_is_given_to_nobody_in_its_last_half_minute(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(3569.0)
    assert fetch(environment(), clock) == "token-1"
    clock.advance(1.0)
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


@pytest.mark.parametrize("life", [0.0, 30.0])
def test_a_token_that_lives_shortly_is_written_once_in_ten_minutes_at_most(
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


# Waiting for another


def test_who_comes_while_another_fetches_waits_for_its_token(
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


def test_the_lease_of_an_environment_that_died_runs_out_and_the_next_one_fetches_for_all(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 5.0)
    began = clock.monotonic()

    assert fetch(environment(), clock) == "token-1"
    assert 5.0 <= clock.monotonic() - began < 6.0
    assert fetch(environment(), clock) == "token-1"
    assert server.fetches == 1


def test_an_environment_that_died_before_its_write_costs_one_token_more(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    with (
        doing_before(account.secretsmanager, "PutSecretValue", lambda _params: die()),
        pytest.raises(KeyboardInterrupt),
    ):
        fetch(environment(), clock)

    assert fetch(environment(), clock, seconds=32.0) == "token-2"
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


def test_an_environment_that_died_between_its_write_and_the_end_of_its_lease_costs_nothing(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    third = doing_before(account.dynamodb, "UpdateItem", lambda _params: die(), call=3)
    with third, pytest.raises(KeyboardInterrupt):
        fetch(environment(), clock)
    began = clock.monotonic()

    assert fetch(environment(), clock) == "token-1"
    assert clock.monotonic() == began
    assert server.fetches == 1


def die() -> None:
    raise KeyboardInterrupt


def test_who_has_waited_nine_seconds_looks_once_more_and_then_fetches_a_token_of_its_own(
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


def test_http_which_has_fourteen_seconds_keeps_seven_for_a_token_and_a_link(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    deadline = Deadline.after(14.0, clock)

    assert environment().fetch(deadline).value == "token-1"
    assert 6.0 < deadline.remaining() <= 7.0


def test_who_has_no_time_to_wait_does_not(environment: Environment, account: Account, clock: FakeClock) -> None:
    hold_the_lease(account, clock.wall() + 3600.0)
    began = clock.monotonic()

    with watched(account.dynamodb, "UpdateItem") as writes:
        assert fetch(environment(), clock, seconds=7.0) == "token-1"

    assert clock.monotonic() == began
    assert writes == []


def test_a_fetch_that_fails_lets_the_next_one_try_at_once(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    server.failure = NotProcessed(Code.UNAVAILABLE, "no access token")
    with pytest.raises(NotProcessed) as caught:
        fetch(environment(), clock)
    assert caught.value is server.failure
    server.failure, began = None, clock.monotonic()

    assert fetch(environment(), clock) == "token-2"
    assert clock.monotonic() == began


# Late, stale and repeated


def test_a_token_that_came_after_another_took_the_lease_is_used_and_not_stored(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    server.meanwhile = lambda: hold_the_lease(account, clock.wall() + 5.0)

    assert fetch(environment(), clock) == "token-1"
    assert secret_text(account) == "{}"


def test_a_token_that_came_too_late_to_be_stored_is_used_all_the_same(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    server.meanwhile = lambda: clock.advance(7.5)

    assert fetch(environment(), clock, seconds=14.0) == "token-1"
    assert secret_text(account) == "{}"


def test_a_late_write_of_an_older_token_gives_nobody_a_token_back_that_he_had(
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


def test_a_read_that_shows_the_version_before_the_last_write_is_repeated(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    one, other = environment(), environment()
    fetch(one, clock)
    fetch(other, clock)
    before = account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)
    clock.advance(2700.0)
    assert fetch(one, clock) == "token-2"
    stale = {"VersionId": before["VersionId"], "SecretString": before["SecretString"]}
    stale_reads = answering(account.secretsmanager, "GetSecretValue", stale)
    stale_reads.__enter__()

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        stale_reads.__exit__(None, None, None)

    other._sleep = sleep  # noqa: SLF001  # only its second look is to show the write

    assert fetch(other, clock) == "token-2"
    assert server.fetches == 2


@pytest.mark.parametrize("call", [1, 2, 3], ids=["lease", "lease renewed for the write", "lease ended"])
def test_a_write_to_the_table_whose_answer_got_lost_changes_nothing(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, call: int
) -> None:
    began = clock.monotonic()

    with losing_answer(account.dynamodb, "UpdateItem", call=call):
        assert fetch(environment(), clock) == "token-1"

    assert fetch(environment(), clock) == "token-1"
    assert clock.monotonic() == began
    assert server.fetches == 1
    assert "owner" not in item(account)


def test_a_write_of_the_secret_whose_answer_got_lost_is_one_version(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    with losing_answer(account.secretsmanager, "PutSecretValue"):
        assert fetch(environment(), clock) == "token-1"

    versions = account.secretsmanager.list_secret_version_ids(SecretId=account.token_secret_arn, IncludeDeprecated=True)
    assert len(versions["Versions"]) == 2
    assert fetch(environment(), clock) == "token-1"
    assert server.fetches == 1


def test_a_write_that_was_done_and_reported_as_failed_shares_the_token_and_gives_it_to_nobody_twice(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    one = environment()

    def write_and_fail(params: dict[str, Any]) -> None:
        if "done" not in params["SecretString"]:
            account.secretsmanager.meta.events.unregister(name, hook)
            account.secretsmanager.put_secret_value(**params)
            params["SecretId"] = "no-such-secret"

    name = "provide-client-params.secrets-manager.PutSecretValue"

    def hook(params: dict[str, Any], **_: object) -> None:
        write_and_fail(params)

    account.secretsmanager.meta.events.register(name, hook)
    assert fetch(one, clock) == "token-1"

    assert fetch(environment(), clock) == "token-1"
    assert fetch(one, clock) == "token-2"


# A refused token


def test_a_token_refused_within_ten_minutes_is_replaced_by_one_for_oneself_at_once(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    one = environment()
    fetch(one, clock)
    clock.advance(120.0)
    began = clock.monotonic()

    with watched(account.secretsmanager, "PutSecretValue") as puts:
        assert fetch(one, clock) == "token-2"

    assert clock.monotonic() == began
    assert puts == []
    assert server.fetches == 2


def test_a_refused_token_never_comes_back_even_after_one_of_ones_own(
    environment: Environment, clock: FakeClock
) -> None:
    one = environment()

    tokens = []
    for _ in range(4):
        tokens.append(fetch(one, clock))
        clock.advance(1.0)

    assert tokens == ["token-1", "token-2", "token-3", "token-4"]


def test_a_token_refused_after_ten_minutes_is_replaced_for_all(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    one, other = environment(), environment()
    fetch(one, clock)
    fetch(other, clock)
    clock.advance(600.0)

    assert fetch(one, clock) == "token-2"
    assert fetch(other, clock) == "token-2"
    assert server.fetches == 2


# AWS fails


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_without_the_table_each_environment_fetches_its_own(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, code: str
) -> None:
    with refusing(account.dynamodb, "UpdateItem", code):
        assert fetch(environment(), clock) == "token-1"
        assert fetch(environment(), clock) == "token-2"

    assert server.fetches == 2


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ThrottlingException",
        "DecryptionFailure",
        "InternalServiceError",
    ],
)
def test_a_secret_that_can_be_read_once_only_costs_a_token_for_each_environment(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, code: str
) -> None:
    first, second = environment(), environment()
    with refusing(account.secretsmanager, "GetSecretValue", code, calls=1):
        assert fetch(first, clock) == "token-1"
    with refusing(account.secretsmanager, "GetSecretValue", code, calls=1):
        assert fetch(second, clock) == "token-2"

    assert server.fetches == 2
    assert secret_text(account) == "{}"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "EncryptionFailure", "LimitExceeded"])
def test_a_token_that_cannot_be_written_is_used_all_the_same_and_the_write_is_tried_again_soon(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, code: str
) -> None:
    with refusing(account.secretsmanager, "PutSecretValue", code):
        assert fetch(environment(), clock) == "token-1"
    assert "owner" not in item(account)
    clock.advance(10.0)

    assert fetch(environment(), clock) == "token-2"
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


def test_a_lease_that_cannot_be_renewed_keeps_the_token_from_the_secret(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    failing = refusing(account.dynamodb, "UpdateItem", "InternalServerError")
    server.meanwhile = failing.__enter__

    assert fetch(environment(), clock) == "token-1"
    assert secret_text(account) == "{}"
    failing.__exit__(None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("token-0", id="not JSON"),
        pytest.param("[1]", id="a list"),
        pytest.param("[" * 60_000, id="deep"),
        pytest.param('{"access_token": "token-0"}', id="a token alone"),
        pytest.param('\ufeff{"access_token": "token-0"}', id="byte order mark"),
    ],
)
def test_a_secret_without_a_token_counts_as_none_and_is_written_anew(
    environment: Environment, account: Account, clock: FakeClock, text: str
) -> None:
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=text)

    assert fetch(environment(), clock) == "token-1"
    assert json.loads(secret_text(account))["access_token"] == "token-1"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"access_token": "token\r\nX-Forged: yes"}, id="a forged header"),
        pytest.param({"access_token": ""}, id="an empty token"),
        pytest.param({"access_token": "x" * 8193}, id="a long token"),
        pytest.param({"access_token": 5}, id="a number for a token"),
        pytest.param({"life": 86_401.0}, id="a life of more than a day"),
        pytest.param({"life": 0}, id="no life"),
        pytest.param({"life": -5.0}, id="a negative life"),
        pytest.param({"life": True}, id="a boolean life"),
        pytest.param({"life": "3600"}, id="a life in text"),
        pytest.param({"asked_at": 1_795_428_120.0}, id="asked for in the future"),
        pytest.param({"asked_at": 1e300}, id="asked for at the end of time"),
        pytest.param({"asked_at": None}, id="asked for never"),
        pytest.param({"origin": "https://auth.elsewhere arn:credentials"}, id="of another token server"),
        pytest.param({"origin": None}, id="of no token server"),
        pytest.param({"credentials": 7}, id="of a number's credentials"),
    ],
)
def test_a_token_with_a_forged_or_foreign_field_is_not_taken(
    environment: Environment, account: Account, clock: FakeClock, fields: dict[str, object]
) -> None:
    fetch(environment(), clock)
    write(account, **fields)

    assert fetch(environment(), clock, seconds=32.0) == "token-2"


def test_a_token_of_a_clock_that_is_a_minute_ahead_is_taken(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    write(account, asked_at=1_795_428_060.0)

    taken = environment().fetch(Deadline.after(14.0, clock))
    assert taken.value == "token-1"
    assert taken.age(clock) == 0.0


# Rotated and foreign credentials


def test_once_the_new_secret_is_known_a_token_of_the_old_one_is_not_used(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    clock.advance(-700.0)
    fetch(environment(), clock)
    clock.advance(700.0)
    rotate(account)
    knowing = environment()
    knowing._credentials.get()  # noqa: SLF001  # as a refused credential makes it do

    assert fetch(knowing, clock) == "token-2"
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


def test_after_a_rotation_ten_environments_that_know_the_old_secret_cost_one_token(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    environments = [environment() for _ in range(10)]
    for one in environments:
        fetch(one, clock)
        one._credentials.get()  # noqa: SLF001  # all of them know the old secret
    clock.advance(2700.0)
    rotate(account)

    tokens = {fetch(one, clock) for one in environments}

    assert tokens == {"token-2"}
    assert server.fetches == 2


def test_an_environment_that_knows_its_credentials_takes_no_token_of_another_tenants(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    clock.advance(-700.0)
    fetch(environment(), clock)
    clock.advance(700.0)
    rotate(account, OF_ANOTHER_TENANT)
    knowing = environment()
    knowing._credentials.get()  # noqa: SLF001

    assert fetch(knowing, clock) == "token-2"


def test_a_stack_that_was_given_another_secret_takes_no_token_of_the_old_one(
    environment: Environment, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(600.0)

    assert fetch(environment(origin="https://auth.example arn:another"), clock) == "token-2"


# What is stored


def test_the_secret_holds_the_token_and_nothing_that_gives_the_client_away(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    version = account.secretsmanager.get_secret_value(SecretId=account.secret_arn)["VersionId"]
    client = "fbd9b0e0db8c4a251c330b4354a183927961f02d24db03262840c4086c62728b"
    assert json.loads(secret_text(account)) == {
        "access_token": "token-1",
        "asked_at": 1_795_428_000.0,
        "life": 3600.0,
        "origin": ORIGIN,
        "credentials": f"{version} {client}",
    }


def test_the_table_never_sees_the_token(environment: Environment, account: Account, clock: FakeClock) -> None:
    fetch(environment(), clock)

    stored = item(account)
    assert "token-1" not in repr(stored)
    assert set(stored) == {"pk", "version", "stored_at", "expires_at"}
    assert (
        stored["version"]["S"]
        == account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)["VersionId"]
    )


def test_the_item_is_left_to_dynamodbs_time_to_live_after_a_day(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    assert item(account)["expires_at"] == {"N": str(1_795_428_000 + 86_400)}
