"""Fetch an access token: read the secret, ask the token server, and read a rotated secret again."""

from typing import Protocol

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import CredentialsRefused


class Secret(Protocol):
    """The source of the credentials."""

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials; read them again if they still equal `newer_than`."""
        ...


class TokenServer(Protocol):
    """The server that gives a token for credentials."""

    def fetch_token(self, credentials: ClientCredentials, deadline: Deadline) -> AccessToken:
        """Return a new token."""
        ...


def fetch_token(secret: Secret, server: TokenServer, deadline: Deadline) -> AccessToken:
    """Return a new token; read a refused secret again once, so that a rotation needs no redeployment.

    Raises NotProcessed for every failure: without a token no request was sent.
    """
    credentials = secret.get()
    try:
        return server.fetch_token(credentials, deadline)
    except CredentialsRefused:
        rotated = secret.get(newer_than=credentials)
        if rotated == credentials:
            raise
    return server.fetch_token(rotated, deadline)
