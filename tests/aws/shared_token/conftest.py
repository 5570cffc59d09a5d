"""Environments that share a token, and the token server that they ask."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import TokenSecret
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.domain.clock import Clock, Deadline
from tests.aws.account import Account
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from personal_link.domain.errors import NotProcessed

KEY = {"pk": {"S": "access-token/2"}}


ORIGIN = "https://auth.example arn:credentials"


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


def new_environment(
    account: Account, server: TokenServer, clock: Clock, credentials: CredentialsSecret | None = None, **named: Any
) -> SharedToken:
    credentials = credentials or credentials_of(account, clock)
    return SharedToken(
        TokenLease(account.dynamodb, account.ledger_table, clock),
        TokenSecret(account.secretsmanager, account.token_secret_arn),
        credentials,
        lambda deadline: fetch_token(credentials, server, deadline),
        **{"origin": ORIGIN, "clock": clock, **named},
    )


def credentials_of(account: Account, clock: Clock) -> CredentialsSecret:
    return CredentialsSecret(account.secretsmanager, account.secret_arn, clock)


def fetch(environment: SharedToken, clock: FakeClock, seconds: float = 14.0) -> str:
    return environment.fetch(Deadline.after(seconds, clock)).value


def item(account: Account) -> dict[str, Any]:
    return account.dynamodb.get_item(TableName=account.ledger_table, Key=KEY).get("Item", {})


def secret_text(account: Account) -> str:
    return account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)["SecretString"]
