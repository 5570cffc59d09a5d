"""Fetching a token; refused credentials are read again, in case they were rotated."""

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.fetch_token import fetch_token
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, CredentialsRefused, NotProcessed
from tests.fake_clock import FakeClock
from tests.tables import table

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


@table(
    "secret, server, tried, asked_for_newer_than",
    ("accepted", Secret(OLD), TokenServer(accepted=OLD), [OLD], [None]),
    ("rotated", Secret(OLD, rotated=NEW), TokenServer(accepted=NEW), [OLD, NEW], [None, OLD]),
)
def test_refused_credentials_are_read_again_and_the_rotated_ones_fetch_a_token(
    secret: Secret, server: TokenServer, tried: list[ClientCredentials], asked_for_newer_than: object
) -> None:
    deadline = Deadline.after(10.0, FakeClock())

    token = fetch_token(secret, server, deadline)

    assert token.value == f"token for {tried[-1].client_secret}"
    assert server.tried == tried
    assert secret.asked_for_newer_than == asked_for_newer_than
    assert server.deadlines == [deadline] * len(tried)


@pytest.mark.parametrize(
    ("secret", "server", "tried"),
    [
        pytest.param(Secret(OLD), TokenServer(accepted=NEW), [OLD], id="not rotated"),
        pytest.param(
            Secret(OLD, rotated=NEW), TokenServer(accepted=None), [OLD, NEW], id="the rotated ones refused too"
        ),
        *[
            pytest.param(Secret(OLD, rotated=NEW), TokenServer(NEW, NotProcessed(Code(code), "failed")), [OLD], id=code)
            for code in ("unavailable", "rate_limited", "credentials_refused")
        ],
    ],
)
def test_the_same_credentials_are_not_tried_twice_and_only_refused_ones_are_read_again(
    secret: Secret, server: TokenServer, tried: list[ClientCredentials]
) -> None:
    with pytest.raises(NotProcessed):
        fetch_token(secret, server, Deadline.after(10.0, FakeClock()))

    assert server.tried == tried
