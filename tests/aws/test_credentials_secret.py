"""The credentials secret: its content, its cache, and failures of Secrets Manager."""

import traceback

import pytest

from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain.errors import NotProcessed
from tests.aws.account import Account, answering, refusing, unreachable, watched
from tests.fake_clock import FakeClock

ROTATED = '{"client_id": "client-7f3a", "client_secret": "rotated-Wm9uZQ"}'


@pytest.fixture
def secret(account: Account, clock: FakeClock) -> CredentialsSecret:
    return CredentialsSecret(account.secretsmanager, account.secret_arn, clock)


def rotate(account: Account, secret: str = ROTATED) -> None:
    account.secretsmanager.put_secret_value(SecretId=account.secret_arn, SecretString=secret)


# Content of the secret


@pytest.mark.parametrize(
    ("secret", "credentials"),
    [
        pytest.param('"client_id": "ID", "client_secret": "s3cret-8"', ("ID", "s3cret-8"), id="filled in"),
        pytest.param(
            '"client_id": "ID", "client_secret": "s3cret-8", "owner": 1', ("ID", "s3cret-8"), id="more fields"
        ),
        pytest.param('"client_id": 4711, "client_secret": 98765432109876543210', ("4711", "98765432109876543210")),
        pytest.param('"client_id": 0, "client_secret": "s3cret-8"', ("0", "s3cret-8"), id="zero"),
    ],
)
def test_a_number_in_the_credentials_secret_is_read_as_its_digits(secret: str, credentials: tuple[str, str]) -> None:
    assert ClientCredentials.parse(f"\ufeff{{{secret}}}") == ClientCredentials(*credentials)


MISSING = "has no {}: fill it in"
ILLEGAL = "has a {} with blanks, control or non-ASCII characters"
NO_OBJECT = 'is not a JSON object {"client_id": …, "client_secret": …}'
UNUSABLE = {
    "as the stack makes it": ('{"client_id": "", "client_secret": ""}', MISSING.format("client_id")),
    "no id": ('{"client_secret": "SECRET"}', MISSING.format("client_id")),
    "no secret": ('{"client_id": "ID"}', MISSING.format("client_secret")),
    "null": ('{"client_id": "ID", "client_secret": null}', MISSING.format("client_secret")),
    "a trailing newline": ('{"client_id": "ID", "client_secret": "SECRET\\n"}', ILLEGAL.format("client_secret")),
    "a leading blank": ('{"client_id": " ID", "client_secret": "SECRET"}', ILLEGAL.format("client_id")),
    "non-ASCII": ('{"client_id": "ID", "client_secret": "SECRÉT"}', ILLEGAL.format("client_secret")),
    **{
        f"the secret {secret}": (
            f'{{"client_id": "ID", "client_secret": {secret}}}',
            "has a client_secret of less than 8 characters",
        )
        for secret in ("1234567", '"SECRET7"')
    },
    **{
        f"the id {value}": (
            f'{{"client_id": {value}, "client_secret": "SECRETSECRET"}}',
            "has a client_id that is neither text nor a whole number",
        )
        for value in ("4711.5", "true", "[4711]")
    },
    "not JSON": ("SECRET", NO_OBJECT),
    "empty": ("", NO_OBJECT),
    "an array": ('["ID", "SECRET"]', NO_OBJECT),
    "twice": ('{"client_id": "ID", "client_secret": "SECRET", "client_secret": "SECRET2"}', NO_OBJECT),
    "nested": ("[" * 100_000 + "SECRET", NO_OBJECT),
}


@pytest.mark.parametrize(("secret", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_the_error_for_an_unusable_secret_names_the_field_and_never_the_value(secret: str, problem: str) -> None:
    with pytest.raises(NotProcessed) as refusal:
        ClientCredentials.parse(secret)

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == f"The credentials secret {problem}."
    assert "SECR" not in "".join(traceback.format_exception(refusal.value))
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_credentials_are_masked_in_their_repr_and_in_formatted_text() -> None:
    credentials = ClientCredentials("client-7f3a", "s3cret")

    assert repr(credentials) == "ClientCredentials(***)"
    assert f"{credentials} {[credentials]}" == "ClientCredentials(***) [ClientCredentials(***)]"


# Cache


def test_the_secret_is_read_again_after_five_minutes_so_that_a_rotation_is_noticed(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    assert secret.get().client_secret == "s3cret-QkVBUkVS"
    rotate(account)

    with watched(account.secretsmanager, "GetSecretValue") as reads:
        clock.advance(299)
        assert secret.get().client_secret == "s3cret-QkVBUkVS"
        assert reads == []
        clock.advance(2)
        assert secret.get().client_secret == "rotated-Wm9uZQ"


def test_refused_credentials_are_read_again_at_once_but_not_those_that_another_thread_has_read_since(
    account: Account, secret: CredentialsSecret
) -> None:
    refused = secret.get()
    rotate(account)

    with watched(account.secretsmanager, "GetSecretValue") as reads:
        rotated = [secret.get(newer_than=refused).client_secret for _thread in range(2)]

    assert rotated == ["rotated-Wm9uZQ", "rotated-Wm9uZQ"]
    assert len(reads) == 1


def test_credentials_are_read_again_when_the_wall_clock_is_set_back(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    secret.get()
    rotate(account)
    clock.advance_wall(-600)

    assert secret.get().client_secret == "rotated-Wm9uZQ"


# Secrets Manager failures


def test_cached_credentials_are_used_for_an_hour_while_secrets_manager_is_down(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    secret.get()

    with refusing(account.secretsmanager, "GetSecretValue", "InternalServiceError"):
        clock.advance(3599)
        assert secret.get().client_secret == "s3cret-QkVBUkVS"
        clock.advance(2)
        with pytest.raises(NotProcessed) as refusal:
            secret.get()

    assert refusal.value.code == "internal_error"


def test_an_outage_of_secrets_manager_is_a_retryable_error_when_no_credentials_are_cached(
    account: Account, secret: CredentialsSecret
) -> None:
    with unreachable(account.secretsmanager, "GetSecretValue"), pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "internal_error"
    assert secret.get().client_id == "client-7f3a"


def test_cached_credentials_are_not_used_after_access_to_the_secret_is_denied(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    secret.get()
    clock.advance(301)

    with (
        refusing(account.secretsmanager, "GetSecretValue", "AccessDeniedException"),
        pytest.raises(NotProcessed) as refusal,
    ):
        secret.get()

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == "The credentials secret cannot be read (AccessDeniedException)."


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no-such-secret", "cannot be read (ResourceNotFoundException)."),
        ("about-to-be-deleted", "cannot be read (InvalidRequestException)."),
        ("binary", "is binary: store it as a string."),
    ],
)
def test_a_secret_that_does_not_exist_or_is_binary_is_reported_as_credentials_missing(
    account: Account, clock: FakeClock, name: str, problem: str
) -> None:
    account.secretsmanager.create_secret(Name="binary", SecretBinary=b'{"client_id": "ID", "client_secret": "SECRET"}')
    account.secretsmanager.create_secret(Name="about-to-be-deleted", SecretString="{}")
    account.secretsmanager.delete_secret(SecretId="about-to-be-deleted")

    with pytest.raises(NotProcessed) as refusal:
        CredentialsSecret(account.secretsmanager, name, clock).get()

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == f"The credentials secret {problem}"


def test_an_answer_not_from_secrets_manager_is_a_retryable_error(account: Account, secret: CredentialsSecret) -> None:
    with answering(account.secretsmanager, "GetSecretValue", {}), pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "internal_error"


def test_a_corrected_credentials_secret_is_used_at_once(account: Account, secret: CredentialsSecret) -> None:
    rotate(account, '{"client_id": "", "client_secret": ""}')
    with pytest.raises(NotProcessed):
        secret.get()

    rotate(account)

    assert secret.get().client_secret == "rotated-Wm9uZQ"
