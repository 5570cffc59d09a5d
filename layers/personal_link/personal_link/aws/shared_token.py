"""Share one access token between all environments, so that a burst of new ones costs one fetch.

The vendor's token server throttles, and all its customers share it. The token is stored in a secret (token_secret.py).
If it is missing, expired or refused, one environment takes the lease (token_lease.py), fetches a token and stores it,
while the others wait. If sharing fails, an environment fetches its own token.
"""

import time
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from personal_link import observability
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import StoredToken, TokenSecret
from personal_link.customergauge.access_token import AccessToken, usable_life
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.fetch_token import Secret
from personal_link.domain.clock import LONGEST_AWS_CALL, Clock, Deadline
from personal_link.domain.errors import NotProcessed, TryAgain

PATIENCE: Final = 9.0  # seconds to wait for another environment's token: longer than an abandoned lease
FIRST_PAUSE: Final = 0.05  # seconds between two reads; doubles
LONGEST_PAUSE: Final = 0.5
CLOCK_SKEW: Final = 60.0  # seconds that another environment's clock may be ahead


class Credentials(Secret, Protocol):
    """The credentials secret, which tells whether a stored token belongs to the current credentials."""

    @property
    def known(self) -> ClientCredentials | None:
        """The credentials that were read last; None before the first read."""
        ...


class SharedToken:
    """Get tokens for one environment's cache: the shared one, or a new one from `fetch`.

    `origin` names the token server and the credentials secret. A stored token of another origin is ignored.
    """

    def __init__(  # noqa: PLR0913  # each is injected
        self,
        lease: TokenLease,
        secret: TokenSecret,
        credentials: Credentials,
        fetch: Callable[[Deadline], AccessToken],
        *,
        origin: str,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lease = lease
        self._secret = secret
        self._credentials = credentials
        self._fetch = fetch
        self._origin = origin
        self._clock = clock
        self._sleep = sleep
        self._had = 0.0  # when the last token of this environment was requested; only a newer one may replace it

    def fetch(self, deadline: Deadline) -> AccessToken:
        """Return a token that is new to this environment. Raises what `fetch` raises."""
        owner = uuid.uuid4().hex
        found: StoredToken | bool = False
        try:
            found = self._take_or_lease(owner, deadline)
        except NotProcessed as failure:
            observability.report_token_not_shared(failure)
        if isinstance(found, StoredToken):
            age = max(0.0, self._clock.wall() - found.asked_at)
            token = AccessToken(found.value, found.life, found.asked_at, self._clock.monotonic() - age)
        else:
            token = self._fetch_for_all(owner, deadline) if found else self._fetch(deadline)
        self._had = token.wall
        return token

    def _take_or_lease(self, owner: str, deadline: Deadline) -> StoredToken | bool:
        """Return the stored token; True if this environment has to fetch for all, False if for itself only."""
        patience, pause, foreign = deadline.within(PATIENCE), FIRST_PAUSE, ""
        while _there_is_time(deadline):
            version, stored = self._secret.read()
            if stored is not None and stored.credentials != foreign and self._is_fresh(stored):
                if self._is_of_these_credentials(stored):
                    return stored
                foreign = stored.credentials
            if patience.remaining() == 0 or not _there_is_time(deadline):
                break
            leased = self._lease.take(owner, version)
            if leased is None:
                break  # the stored token is unusable, and it is too soon to write another one
            if leased:
                return True
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return False

    def _fetch_for_all(self, owner: str, deadline: Deadline) -> AccessToken:
        try:
            token = self._fetch(deadline)
        except TryAgain:
            self._try(lambda: self._lease.end(owner), deadline)
            raise
        self._try(lambda: self._store(token, owner, deadline), deadline)
        return token

    def _store(self, token: AccessToken, owner: str, deadline: Deadline) -> None:
        """Store a token for all. Renew the lease first, because PutSecretValue has no condition."""
        version, known = uuid.uuid4().hex, self._credentials.known
        if known is None or token.life <= 0 or not self._lease.renew(owner, version):
            return
        stored = StoredToken.of(token, self._origin, known.mark)
        self._try(lambda: self._secret.write(stored, version), deadline)
        self._try(lambda: self._lease.end(owner), deadline)

    def _is_fresh(self, stored: StoredToken) -> bool:
        """Tell whether a token has this origin, is newer than the last one, and is still usable."""
        age = self._clock.wall() - stored.asked_at
        newer = stored.asked_at > self._had
        return newer and stored.origin == self._origin and -CLOCK_SKEW <= age < usable_life(stored.life)

    def _is_of_these_credentials(self, stored: StoredToken) -> bool:
        """Tell whether a token belongs to the current credentials, as far as they are known.

        If they differ, the token's or the known ones may be outdated; only reading the secret again can tell.
        """
        known = self._credentials.known
        if known is None or stored.credentials == known.mark:
            return True
        return stored.credentials == self._credentials.get(newer_than=known).mark

    def _try(self, step: Callable[[], None], deadline: Deadline) -> None:
        """Run a step of sharing if there is time; ignore its failure, because this environment has its token."""
        if _there_is_time(deadline):
            try:
                step()
            except NotProcessed as failure:
                observability.report_token_not_shared(failure)


def _there_is_time(deadline: Deadline) -> bool:
    """Tell whether an AWS call ends before the deadline even if it hangs."""
    return deadline.remaining() > LONGEST_AWS_CALL
