"""The shared token: refusals, failures of AWS, rotated and foreign credentials, and its stored form."""

import json

import pytest

from personal_link.domain.clock import Deadline
from tests.aws.account import Account, refusing, watched
from tests.aws.shared_token.conftest import (
    KEY,
    ORIGIN,
    Environment,
    TokenServer,
    credentials_of,
    fetch,
    item,
    secret_text,
)
from tests.fake_clock import FakeClock
from tests.tables import table

ROTATED = '{"client_id": "client-7f3a", "client_secret": "rotated-Wm9uZQ"}'
OF_ANOTHER_TENANT = '{"client_id": "client-other", "client_secret": "s3cret-QkVBUkVS"}'


def write(account: Account, **fields: object) -> None:
    """Write the secret as somebody else would, with these fields changed."""
    content = {**json.loads(secret_text(account)), **fields}
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=json.dumps(content))


def rotate(account: Account, text: str = ROTATED) -> None:
    account.secretsmanager.put_secret_value(SecretId=account.secret_arn, SecretString=text)


# A refused token


def test_a_token_refused_within_ten_minutes_is_replaced_at_once_by_one_that_is_not_shared(
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


def test_a_refused_token_is_never_used_again_even_after_one_that_was_not_shared(
    environment: Environment, clock: FakeClock
) -> None:
    one = environment()

    tokens = []
    for _ in range(4):
        tokens.append(fetch(one, clock))
        clock.advance(1.0)

    assert tokens == ["token-1", "token-2", "token-3", "token-4"]


def test_a_token_refused_after_ten_minutes_is_replaced_for_all_environments(
    environment: Environment, server: TokenServer, clock: FakeClock
) -> None:
    one, other = environment(), environment()
    fetch(one, clock)
    fetch(other, clock)
    clock.advance(600.0)

    assert fetch(one, clock) == "token-2"
    assert fetch(other, clock) == "token-2"
    assert server.fetches == 2


# AWS failures


def test_each_environment_fetches_its_own_token_and_logs_it_when_the_table_is_denied(
    environment: Environment,
    server: TokenServer,
    account: Account,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "AccessDeniedException"):
        assert fetch(environment(), clock) == "token-1"
        assert fetch(environment(), clock) == "token-2"

    assert server.fetches == 2
    assert caplog.messages == ["token not shared", "token not shared"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "DecryptionFailure"])
def test_each_environment_fetches_its_own_token_when_the_token_secret_cannot_be_read(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, code: str
) -> None:
    first, second = environment(), environment()
    with refusing(account.secretsmanager, "GetSecretValue", code, calls=1):
        assert fetch(first, clock) == "token-1"
    with refusing(account.secretsmanager, "GetSecretValue", code, calls=1):
        assert fetch(second, clock) == "token-2"

    assert server.fetches == 2
    assert secret_text(account) == "{}"


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceeded"])
def test_a_token_that_cannot_be_written_is_still_used_and_the_next_environment_writes_one(
    environment: Environment,
    server: TokenServer,
    account: Account,
    clock: FakeClock,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with refusing(account.secretsmanager, "PutSecretValue", code):
        assert fetch(environment(), clock) == "token-1"
    assert caplog.messages == ["token not shared"]
    assert "owner" not in item(account)
    clock.advance(10.0)

    assert fetch(environment(), clock) == "token-2"
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


@table(
    "text",
    ("not JSON", "token-0"),
    ("a list", "[1]"),
    ("deeply nested", "[" * 60_000),
    ("a token alone", '{"access_token": "token-0"}'),
    ("byte order mark", '\ufeff{"access_token": "token-0"}'),
)
def test_a_token_secret_without_a_usable_token_is_overwritten_with_a_fetched_one(
    environment: Environment, account: Account, clock: FakeClock, text: str
) -> None:
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=text)

    assert fetch(environment(), clock) == "token-1"
    assert json.loads(secret_text(account))["access_token"] == "token-1"


@table(
    "fields",
    ("a forged header", {"access_token": "token\r\nX-Forged: yes"}),
    ("an empty token", {"access_token": ""}),
    ("a long token", {"access_token": "x" * 8193}),
    ("a number for a token", {"access_token": 5}),
    ("a life of more than a day", {"life": 86_401.0}),
    ("no life", {"life": 0}),
    ("a negative life", {"life": -5.0}),
    ("a boolean life", {"life": True}),
    ("a life in text", {"life": "3600"}),
    ("fetched in the future", {"asked_at": 1_795_428_120.0}),
    ("fetched at 1e300 seconds", {"asked_at": 1e300}),
    ("no date of the fetch", {"asked_at": None}),
    ("of another token server", {"origin": "https://auth.elsewhere arn:credentials"}),
    ("of no token server", {"origin": None}),
    ("a number for credentials", {"credentials": 7}),
)
def test_a_shared_token_with_a_forged_or_foreign_field_is_not_used(
    environment: Environment, account: Account, clock: FakeClock, fields: dict[str, object]
) -> None:
    fetch(environment(), clock)
    write(account, **fields)

    assert fetch(environment(), clock, seconds=32.0) == "token-2"


def test_a_shared_token_is_used_although_the_clock_that_dated_it_was_a_minute_ahead(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    write(account, asked_at=1_795_428_060.0)

    taken = environment().fetch(Deadline.after(14.0, clock))
    assert taken.value == "token-1"
    assert taken.age(clock) == 0.0


# Rotated and foreign credentials


@pytest.mark.parametrize("credentials", [ROTATED, OF_ANOTHER_TENANT], ids=["rotated", "of another tenant"])
def test_a_token_of_the_old_credentials_is_not_used_once_the_new_credentials_are_known(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock, credentials: str
) -> None:
    clock.advance(-700.0)
    fetch(environment(), clock)
    clock.advance(700.0)
    rotate(account, credentials)
    known = credentials_of(account, clock)
    known.get()  # as after a refusal of the old credentials
    knowing = environment(credentials=known)

    assert fetch(knowing, clock) == "token-2"
    assert fetch(environment(), clock) == "token-2"
    assert server.fetches == 2


def test_ten_environments_that_know_the_old_credentials_fetch_one_token_after_a_rotation(
    environment: Environment, server: TokenServer, account: Account, clock: FakeClock
) -> None:
    secrets = [credentials_of(account, clock) for _ in range(10)]
    environments = [environment(credentials=secret) for secret in secrets]
    for one, secret in zip(environments, secrets, strict=True):
        fetch(one, clock)
        secret.get()  # all of them know the old credentials
    clock.advance(2700.0)
    rotate(account)

    tokens = {fetch(one, clock) for one in environments}

    assert tokens == {"token-2"}
    assert server.fetches == 2


def test_a_stack_with_another_credentials_secret_does_not_use_a_token_of_the_old_secret(
    environment: Environment, clock: FakeClock
) -> None:
    fetch(environment(), clock)
    clock.advance(600.0)

    assert fetch(environment(origin="https://auth.example arn:another"), clock) == "token-2"


# Stored form


def test_the_token_secret_holds_the_token_and_no_client_credentials(
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


def test_the_table_holds_no_token_and_the_version_of_the_secret_expires_after_a_day(
    environment: Environment, account: Account, clock: FakeClock
) -> None:
    fetch(environment(), clock)

    written = account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)["VersionId"]
    assert item(account) == {
        **KEY,
        "version": {"S": written},
        "stored_at": {"N": "1795428000.000"},
        "expires_at": {"N": str(1_795_428_000 + 86_400)},
    }
