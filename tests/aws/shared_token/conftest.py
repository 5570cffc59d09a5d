"""Environments that share a token, and the token server that they ask."""

import threading
from dataclasses import dataclass
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
    from collections.abc import Callable

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


@dataclass(frozen=True)
class Shared:
    """What environments share: the AWS account and the token server."""

    account: Account
    server: TokenServer
    clock: FakeClock

    def environment(self, credentials: CredentialsSecret | None = None, **named: Any) -> SharedToken:
        """Return a new environment, which sleeps by the fake clock."""
        credentials = credentials or self.credentials()
        named = {"origin": ORIGIN, "clock": self.clock, "sleep": self.clock.advance, **named}
        return SharedToken(
            TokenLease(self.account.dynamodb, self.account.ledger_table, named["clock"]),
            TokenSecret(self.account.secretsmanager, self.account.token_secret_arn),
            credentials,
            lambda deadline: fetch_token(credentials, self.server, deadline),
            **named,
        )

    def fetch(self, environment: SharedToken | None = None, seconds: float = 14.0) -> str:
        """Let an environment, by default a new one, fetch a token."""
        return (environment or self.environment()).fetch(Deadline.after(seconds, self.clock)).value

    def credentials(self) -> CredentialsSecret:
        return CredentialsSecret(self.account.secretsmanager, self.account.secret_arn, self.clock)

    def item(self) -> dict[str, Any]:
        return self.account.dynamodb.get_item(TableName=self.account.ledger_table, Key=KEY).get("Item", {})

    def stored(self) -> Any:
        """Return the token secret's version and text."""
        return self.account.secretsmanager.get_secret_value(SecretId=self.account.token_secret_arn)

    def store(self, text: str, arn: str | None = None) -> None:
        """Write the token secret, or another one."""
        self.account.secretsmanager.put_secret_value(SecretId=arn or self.account.token_secret_arn, SecretString=text)

    def lease(self, until: float) -> None:
        """Let another environment have the right to fetch, of which nobody has heard since."""
        self.account.dynamodb.update_item(
            TableName=self.account.ledger_table,
            Key=KEY,
            UpdateExpression="SET #owner = :owner, lease_until = :end",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": "somebody"}, ":end": {"N": str(until)}},
        )


@pytest.fixture
def shared(account: Account, clock: FakeClock) -> Shared:
    return Shared(account, TokenServer(clock), clock)
