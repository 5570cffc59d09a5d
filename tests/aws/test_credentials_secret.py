"""The credentials: errors name the field and never the value, and one read serves for a while."""

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


# What the secret may hold


def test_a_filled_in_secret_is_read() -> None:
    credentials = ClientCredentials.parse('{"client_id": "client-7f3a", "client_secret": "s3cret-8"}')

    assert credentials == ClientCredentials("client-7f3a", "s3cret-8")


@pytest.mark.parametrize("client_id", [4711, 0, 12345678901234567890123])
def test_a_number_in_a_secret_is_taken_as_its_digits(client_id: int) -> None:
    credentials = ClientCredentials.parse(f'{{"client_id": {client_id}, "client_secret": 98765432109876543210}}')

    assert credentials == ClientCredentials(str(client_id), "98765432109876543210")


def test_other_fields_of_a_secret_are_left_alone() -> None:
    credentials = ClientCredentials.parse(
        '{"owner": "crm team", "client_id": "client-7f3a", "client_secret": "s3cret-8"}'
    )

    assert credentials == ClientCredentials("client-7f3a", "s3cret-8")


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        pytest.param(
            '{"client_id": "", "client_secret": ""}', "has no client_id: fill it in", id="as the stack makes it"
        ),
        pytest.param('{"client_secret": "SECRET"}', "has no client_id: fill it in", id="no id"),
        pytest.param('{"client_id": "ID"}', "has no client_secret: fill it in", id="no secret"),
        pytest.param('{"client_id": "ID", "client_secret": ""}', "has no client_secret: fill it in", id="empty secret"),
        pytest.param('{"client_id": "ID", "client_secret": null}', "has no client_secret: fill it in", id="null"),
        *(
            pytest.param(
                f'{{"client_id": {value}, "client_secret": "SECRETSECRET"}}',
                "has a client_id that is neither text nor a whole number",
                id=value,
            )
            for value in ("4711.5", "true", "false", "[4711]", "{}")
        ),
        pytest.param(
            '{"client_id": "ID", "client_secret": 1234567}',
            "has a client_secret of less than 8 characters",
            id="a number that is too short",
        ),
        pytest.param(
            '{"client_id": "ID", "client_secret": "SECRET\\n"}',
            "has a client_secret with blanks, control or non-ASCII characters",
            id="trailing newline",
        ),
        pytest.param(
            '{"client_id": " ID", "client_secret": "SECRET"}',
            "has a client_id with blanks, control or non-ASCII characters",
            id="leading blank",
        ),
        pytest.param(
            '{"client_id": "ID", "client_secret": "SECRÉT"}',
            "has a client_secret with blanks, control or non-ASCII characters",
            id="non-ASCII",
        ),
        pytest.param(
            '{"client_id": "ID", "client_secret": "SECR"}',
            "has a client_secret of less than 8 characters",
            id="too short",
        ),
        pytest.param(
            '{"client_id": "ID", "client_secret": "SECRET7"}',
            "has a client_secret of less than 8 characters",
            id="one character too short",
        ),
        *(
            pytest.param(text, 'is not a JSON object {"client_id": …, "client_secret": …}', id=name)
            for name, text in {
                "not JSON": "SECRET",
                "empty": "",
                "array": '["ID", "SECRET"]',
                "string": '"SECRET"',
                "byte order mark": '\ufeff{"client_id": "ID", "client_secret": "SECRET"}',
                "cut short": '{"client_id": "ID", "client_secret": "SECRET',
                "twice": '{"client_id": "ID", "client_secret": "SECRET", "client_secret": "SECRET2"}',
                "nested": "[" * 100_000 + "SECRET",
            }.items()
        ),
    ],
)
def test_a_secret_that_cannot_be_used_names_the_field_and_never_the_value(secret: str, problem: str) -> None:
    with pytest.raises(NotProcessed) as refusal:
        ClientCredentials.parse(secret)

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == f"The credentials secret {problem}."
    assert "SECR" not in "".join(traceback.format_exception(refusal.value))
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def test_credentials_are_masked_wherever_they_are_shown() -> None:
    credentials = ClientCredentials("client-7f3a", "s3cret")

    assert repr(credentials) == "ClientCredentials(***)"
    assert str([credentials]) == "[ClientCredentials(***)]"
    assert f"{credentials}" == "ClientCredentials(***)"


# How often it is read


def test_the_secret_is_read_once_in_five_minutes(account: Account, secret: CredentialsSecret, clock: FakeClock) -> None:
    with watched(account.secretsmanager, "GetSecretValue") as reads:
        for _ in range(10):
            secret.get()
            clock.advance(29)  # 290 s in all

    assert len(reads) == 1


def test_a_rotation_is_noticed_after_five_minutes(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    assert secret.get().client_secret == "s3cret-QkVBUkVS"
    rotate(account)

    clock.advance(299)
    assert secret.get().client_secret == "s3cret-QkVBUkVS"
    clock.advance(2)
    assert secret.get().client_secret == "rotated-Wm9uZQ"


def test_refused_credentials_are_read_again_at_once(account: Account, secret: CredentialsSecret) -> None:
    refused = secret.get()
    rotate(account)

    assert secret.get(newer_than=refused).client_secret == "rotated-Wm9uZQ"


def test_credentials_that_another_thread_has_read_since_are_not_read_again(
    account: Account, secret: CredentialsSecret
) -> None:
    refused = secret.get()
    rotate(account)
    secret.get(newer_than=refused)

    with watched(account.secretsmanager, "GetSecretValue") as reads:
        credentials = secret.get(newer_than=refused)

    assert credentials.client_secret == "rotated-Wm9uZQ"
    assert reads == []


def test_a_clock_set_back_does_not_keep_old_credentials(
    account: Account, secret: CredentialsSecret, clock: FakeClock
) -> None:
    secret.get()
    rotate(account)
    clock.advance_wall(-600)

    assert secret.get().client_secret == "rotated-Wm9uZQ"


# Secrets Manager out of order


def test_a_copy_serves_for_an_hour_while_secrets_manager_is_down(
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


def test_without_a_copy_an_outage_of_secrets_manager_passes_by_itself(
    account: Account, secret: CredentialsSecret
) -> None:
    with unreachable(account.secretsmanager, "GetSecretValue"), pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "internal_error"
    assert secret.get().client_id == "client-7f3a"


def test_no_copy_outlives_a_secret_that_somebody_took_away(
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


def test_a_secret_that_does_not_exist_is_missing(account: Account, clock: FakeClock) -> None:
    secret = CredentialsSecret(account.secretsmanager, "no-such-secret", clock)

    with pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == "The credentials secret cannot be read (ResourceNotFoundException)."


def test_a_secret_about_to_be_deleted_is_missing(account: Account, secret: CredentialsSecret) -> None:
    account.secretsmanager.delete_secret(SecretId=account.secret_arn)

    with pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "credentials_missing"


def test_a_binary_secret_asks_for_a_string(account: Account, clock: FakeClock) -> None:
    account.secretsmanager.create_secret(Name="binary", SecretBinary=b'{"client_id": "ID", "client_secret": "SECRET"}')
    secret = CredentialsSecret(account.secretsmanager, "binary", clock)

    with pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "credentials_missing"
    assert refusal.value.message == "The credentials secret is binary: store it as a string."


def test_an_answer_that_is_not_secrets_managers_passes_by_itself(account: Account, secret: CredentialsSecret) -> None:
    with answering(account.secretsmanager, "GetSecretValue", {}), pytest.raises(NotProcessed) as refusal:
        secret.get()

    assert refusal.value.code == "internal_error"


def test_a_mended_secret_is_used_at_once(account: Account, clock: FakeClock) -> None:
    rotate(account, '{"client_id": "", "client_secret": ""}')
    secret = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)
    with pytest.raises(NotProcessed):
        secret.get()

    rotate(account)

    assert secret.get().client_secret == "rotated-Wm9uZQ"
