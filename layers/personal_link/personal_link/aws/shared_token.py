"""One access token for all environments, so that a burst of new ones costs one fetch.

The vendor's token server is shared by all its customers and throttles. The token lies in a secret (token_secret.py).
An environment takes it from there. If it is missing, spent or refused, one environment takes the lease
(token_lease.py), fetches and stores; the others wait for that. Whatever fails here costs no more than the sharing: the
environment then fetches a token of its own.
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
from personal_link.domain.clock import LONGEST_AWS_CALL, Clock, Deadline
from personal_link.domain.errors import NotProcessed, TryAgain

PATIENCE: Final = 9.0  # seconds to wait for another environment's token: longer than a lease that nobody ends
FIRST_PAUSE: Final = 0.05  # seconds between two looks; doubles
LONGEST_PAUSE: Final = 0.5
CLOCK_SKEW: Final = 60.0  # seconds by which another environment's clock may be ahead


class Credentials(Protocol):
    """The credentials secret, as far as it is needed to tell whose a stored token is."""

    @property
    def known(self) -> ClientCredentials | None:
        """The credentials that were read last; None if none were."""
        ...

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials, read again if they are still those of `newer_than`."""
        ...


class SharedToken:
    """Gets tokens for one environment's cache: another environment's, or a new one from `fetch`.

    `origin` names the token server and the credentials secret: a token from elsewhere is not taken.
    """

    def __init__(  # noqa: PLR0913  # each of them a seam
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
        self._had = 0.0  # when the last token given out here was asked for: it, and any before it, did not do

    def fetch(self, deadline: Deadline) -> AccessToken:
        """Return a token that this environment has not had yet. Raises what `fetch` raises."""
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
        """Return the stored token; True if this environment is to fetch for all, False if it is to fetch for itself."""
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
                break  # what was stored does not do, and may not be written again so soon
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
        """Store a token for all. PutSecretValue has no condition, so the lease is renewed first."""
        version, known = uuid.uuid4().hex, self._credentials.known
        if known is None or token.life <= 0 or not self._lease.renew(owner, version):
            return
        stored = StoredToken.of(token, self._origin, known.mark)
        self._try(lambda: self._secret.write(stored, version), deadline)
        self._try(lambda: self._lease.end(owner), deadline)

    def _is_fresh(self, stored: StoredToken) -> bool:
        """Tell whether a token is from this origin, newer than the last one, and still serves."""
        age = self._clock.wall() - stored.asked_at
        newer = stored.asked_at > self._had
        return newer and stored.origin == self._origin and -CLOCK_SKEW <= age < usable_life(stored.life)

    def _is_of_these_credentials(self, stored: StoredToken) -> bool:
        """Tell whether a token is of the current credentials, as far as they are known here.

        If it is of others, either may be the older ones. Only the secret tells, so it is read again.
        """
        known = self._credentials.known
        if known is None or stored.credentials == known.mark:
            return True
        return stored.credentials == self._credentials.get(newer_than=known).mark

    def _try(self, step: Callable[[], None], deadline: Deadline) -> None:
        """Take a step of the sharing if there is time; if it fails, the token here is good all the same."""
        if _there_is_time(deadline):
            try:
                step()
            except NotProcessed as failure:
                observability.report_token_not_shared(failure)


def _there_is_time(deadline: Deadline) -> bool:
    """Tell whether an AWS call may be made: it ends before the deadline even if it hangs."""
    return deadline.remaining() > LONGEST_AWS_CALL
