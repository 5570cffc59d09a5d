"""The shared token: refusals, failures of AWS, rotated and foreign credentials, and its stored form."""

import json

import pytest

from personal_link.domain.clock import Deadline
from tests.aws.account import refusing, watched
from tests.aws.shared_token.conftest import KEY, ORIGIN, Shared
from tests.tables import table

ROTATED = '{"client_id": "client-7f3a", "client_secret": "rotated-Wm9uZQ"}'
OF_ANOTHER_TENANT = '{"client_id": "client-other", "client_secret": "s3cret-QkVBUkVS"}'


def forge(shared: Shared, **fields: object) -> None:
    """Write the token secret as somebody else would, with these fields changed."""
    shared.store(json.dumps({**json.loads(shared.stored()["SecretString"]), **fields}))


# A refused token


def test_a_token_refused_within_ten_minutes_is_replaced_at_once_by_one_that_is_not_shared(shared: Shared) -> None:
    one = shared.environment()
    tokens, times = [shared.fetch(one)], []
    shared.clock.advance(120.0)

    with watched(shared.account.secretsmanager, "PutSecretValue") as puts:
        for _ in range(3):
            times.append(shared.clock.monotonic())
            tokens.append(shared.fetch(one))

    assert tokens == ["token-1", "token-2", "token-3", "token-4"]
    assert times == [times[0]] * 3
    assert puts == []


def test_a_token_refused_after_ten_minutes_is_replaced_for_all_environments(shared: Shared) -> None:
    one, other = shared.environment(), shared.environment()
    shared.fetch(one)
    shared.fetch(other)
    shared.clock.advance(600.0)

    assert [shared.fetch(one), shared.fetch(other)] == ["token-2", "token-2"]
    assert shared.server.fetches == 2


# AWS failures


@table(
    "operation, code, calls",
    ("the table is denied", "UpdateItem", "AccessDeniedException", 1),
    ("the secret is denied", "GetSecretValue", "AccessDeniedException", 1),
    ("the secret's key fails", "GetSecretValue", "DecryptionFailure", 1),
)
def test_each_environment_fetches_its_own_token_and_logs_it_when_it_cannot_share_one(
    shared: Shared, operation: str, code: str, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = shared.account.dynamodb if operation == "UpdateItem" else shared.account.secretsmanager
    for token in ("token-1", "token-2"):
        environment = shared.environment()
        with refusing(client, operation, code, calls=calls):  # the credentials are read with the next call
            assert shared.fetch(environment) == token

    assert shared.server.fetches == 2
    assert shared.stored()["SecretString"] == "{}"
    assert caplog.messages == ["token not shared", "token not shared"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceeded"])
def test_a_token_that_cannot_be_written_is_still_used_and_the_next_environment_writes_one(
    shared: Shared, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with refusing(shared.account.secretsmanager, "PutSecretValue", code):
        assert shared.fetch() == "token-1"
    assert caplog.messages == ["token not shared"]
    assert "owner" not in shared.item()
    shared.clock.advance(10.0)

    assert [shared.fetch(), shared.fetch()] == ["token-2", "token-2"]
    assert shared.server.fetches == 2


@table(
    "text",
    ("not JSON", "token-0"),
    ("a list", "[1]"),
    ("deeply nested", "[" * 60_000),
    ("a token alone", '{"access_token": "token-0"}'),
)
def test_a_token_secret_without_a_usable_token_is_overwritten_with_a_fetched_one(shared: Shared, text: str) -> None:
    shared.store(text)

    assert shared.fetch() == "token-1"
    assert json.loads(shared.stored()["SecretString"])["access_token"] == "token-1"


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
def test_a_shared_token_with_a_forged_or_foreign_field_is_not_used(shared: Shared, fields: dict[str, object]) -> None:
    shared.fetch()
    forge(shared, **fields)

    assert shared.fetch(seconds=32.0) == "token-2"


def test_a_shared_token_is_used_although_the_clock_that_dated_it_was_a_minute_ahead(shared: Shared) -> None:
    shared.fetch()
    forge(shared, asked_at=1_795_428_060.0)

    taken = shared.environment().fetch(Deadline.after(14.0, shared.clock))
    assert taken.value == "token-1"
    assert taken.age(shared.clock) == 0.0


# Rotated and foreign credentials


@pytest.mark.parametrize("credentials", [ROTATED, OF_ANOTHER_TENANT], ids=["rotated", "of another tenant"])
def test_a_token_of_the_old_credentials_is_not_used_once_the_new_credentials_are_known(
    shared: Shared, credentials: str
) -> None:
    shared.clock.advance(-700.0)
    shared.fetch()
    shared.clock.advance(700.0)
    shared.store(credentials, shared.account.secret_arn)
    known = shared.credentials()
    known.get()  # as after a refusal of the old credentials

    assert shared.fetch(shared.environment(credentials=known)) == "token-2"
    assert shared.fetch() == "token-2"
    assert shared.server.fetches == 2


def test_ten_environments_that_know_the_old_credentials_fetch_one_token_after_a_rotation(shared: Shared) -> None:
    secrets = [shared.credentials() for _ in range(10)]
    environments = [shared.environment(credentials=secret) for secret in secrets]
    for one, secret in zip(environments, secrets, strict=True):
        shared.fetch(one)
        secret.get()  # all of them know the old credentials
    shared.clock.advance(2700.0)
    shared.store(ROTATED, shared.account.secret_arn)

    assert {shared.fetch(one) for one in environments} == {"token-2"}
    assert shared.server.fetches == 2


# Stored form


def test_the_secret_holds_the_token_without_client_credentials_and_the_table_its_version_for_a_day(
    shared: Shared,
) -> None:
    shared.fetch()

    version = shared.account.secretsmanager.get_secret_value(SecretId=shared.account.secret_arn)["VersionId"]
    client = "fbd9b0e0db8c4a251c330b4354a183927961f02d24db03262840c4086c62728b"
    assert json.loads(shared.stored()["SecretString"]) == {
        "access_token": "token-1",
        "asked_at": 1_795_428_000.0,
        "life": 3600.0,
        "origin": ORIGIN,
        "credentials": f"{version} {client}",
    }
    assert shared.item() == {
        **KEY,
        "version": {"S": shared.stored()["VersionId"]},
        "stored_at": {"N": "1795428000.000"},
        "expires_at": {"N": str(1_795_428_000 + 86_400)},
    }
