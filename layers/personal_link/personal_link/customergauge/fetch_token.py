"""How an access token is got: the secret, the token server, and the secret once more when it was rotated."""

from typing import Protocol

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import CredentialsRefused


class Secret(Protocol):
    """Where credentials come from."""

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials, read again if they are still those of `newer_than`."""
        ...


class TokenServer(Protocol):
    """Who gives a token for credentials."""

    def fetch_token(self, credentials: ClientCredentials, deadline: Deadline) -> AccessToken:
        """Return a new token."""
        ...


def fetch_token(secret: Secret, server: TokenServer, deadline: Deadline) -> AccessToken:
    """Return a new token; a refused secret is read again once, so that a rotation needs no redeploy.

    Raises NotProcessed, whatever failed: without a token no request was sent.
    """
    credentials = secret.get()
    try:
        return server.fetch_token(credentials, deadline)
    except CredentialsRefused:
        rotated = secret.get(newer_than=credentials)
        if rotated == credentials:
            raise
    return server.fetch_token(rotated, deadline)
