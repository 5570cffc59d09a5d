"""Signing in: the secret, the token server, and the secret once more when it was rotated."""

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, CredentialsRefused, NotProcessed
from tests.fake_clock import FakeClock

OLD = ClientCredentials("client", "old-secret")
NEW = ClientCredentials("client", "new-secret")


class Secret:
    """Holds credentials; `rotated` is what a second look finds."""

    def __init__(self, kept: ClientCredentials, rotated: ClientCredentials | None = None) -> None:
        self._kept = kept
        self._rotated = rotated or kept
        self.asked_for_newer_than: list[ClientCredentials | None] = []

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        self.asked_for_newer_than.append(newer_than)
        return self._kept if newer_than is None else self._rotated


class TokenServer:
    """Accepts one set of credentials, or fails in the way it is told."""

    def __init__(self, accepted: ClientCredentials | None, failure: NotProcessed | None = None) -> None:
        self._accepted = accepted
        self._failure = failure
        self.tried: list[ClientCredentials] = []
        self.deadlines: list[Deadline] = []

    def fetch_token(self, credentials: ClientCredentials, deadline: Deadline) -> AccessToken:
        self.tried.append(credentials)
        self.deadlines.append(deadline)
        if self._failure is not None:
            raise self._failure
        if credentials != self._accepted:
            raise CredentialsRefused(Code.CREDENTIALS_REFUSED, "refused")
        return AccessToken(f"token for {credentials.client_secret}", 3600.0, 0.0, 0.0)


@pytest.fixture
def deadline() -> Deadline:
    return Deadline.after(10.0, FakeClock())


def test_good_credentials_give_a_token_and_are_read_once(deadline: Deadline) -> None:
    secret, server = Secret(OLD), TokenServer(accepted=OLD)

    token = fetch_token(secret, server, deadline)

    assert token.value == "token for old-secret"
    assert secret.asked_for_newer_than == [None]


def test_refused_credentials_are_read_again_so_that_a_rotation_needs_no_redeploy(deadline: Deadline) -> None:
    secret, server = Secret(OLD, rotated=NEW), TokenServer(accepted=NEW)

    token = fetch_token(secret, server, deadline)

    assert token.value == "token for new-secret"
    assert secret.asked_for_newer_than == [None, OLD]


def test_a_secret_that_was_not_rotated_is_not_tried_twice(deadline: Deadline) -> None:
    secret, server = Secret(OLD), TokenServer(accepted=NEW)

    with pytest.raises(CredentialsRefused):
        fetch_token(secret, server, deadline)

    assert server.tried == [OLD]


def test_a_rotated_secret_that_is_refused_too_is_the_end_of_it(deadline: Deadline) -> None:
    secret, server = Secret(OLD, rotated=NEW), TokenServer(accepted=None)

    with pytest.raises(CredentialsRefused):
        fetch_token(secret, server, deadline)

    assert server.tried == [OLD, NEW]


@pytest.mark.parametrize("code", ["unavailable", "rate_limited", "credentials_refused"])
def test_any_other_failure_of_the_token_server_is_no_reason_to_read_the_secret_again(
    code: str, deadline: Deadline
) -> None:
    secret = Secret(OLD, rotated=NEW)
    server = TokenServer(accepted=NEW, failure=NotProcessed(Code(code), "failed"))

    with pytest.raises(NotProcessed, match="failed"):
        fetch_token(secret, server, deadline)

    assert server.tried == [OLD]
    assert secret.asked_for_newer_than == [None]


def test_every_try_keeps_the_one_deadline(deadline: Deadline) -> None:
    server = TokenServer(accepted=NEW)

    fetch_token(Secret(OLD, rotated=NEW), server, deadline)

    assert server.deadlines == [deadline, deadline]
