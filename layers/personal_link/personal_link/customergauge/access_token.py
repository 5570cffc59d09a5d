"""The access token and its cache: one fetch per life of a token, with any number of threads."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from personal_link import observability
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import Code, NotProcessed, NotStarted, TryAgain, Unauthorized

BEARER: Final = re.compile(r"[\x21-\x7e]{1,8192}")  # any other text could break or forge a header
RENEW_AT: Final = 0.75  # of its life; AWS's advice for Cognito, probably the vendor's token server
SPARE: Final = 30.0  # seconds before its end in which a token is not used; at most a tenth of its life
RENEWAL_PAUSE: Final = 60.0  # seconds between early renewals
REFUSAL_PAUSE: Final = 30.0  # seconds without a retry of refused credentials
RENEWAL_LIMIT: Final = 15.0  # seconds that an early renewal may take, waiting for other environments included
LONGEST_LIFE: Final = 86_400.0  # seconds; a longer life is not believed


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AccessToken:
    """A bearer token with its life in seconds and both clock times of its request."""

    value: str
    life: float
    wall: float
    monotonic: float

    def age(self, clock: Clock) -> float:
        """Return the age in seconds by the clock that says more: a frozen environment stops the monotonic clock."""
        return max(clock.wall() - self.wall, clock.monotonic() - self.monotonic)

    def __repr__(self) -> str:
        return f"AccessToken(***, life={self.life:g})"


def usable_life(life: float) -> float:
    """Return the part of a token's life, in seconds, in which it is used."""
    return life - min(SPARE, life / 10)


class TokenCache:
    """Cache one token; `fetch` gets a new one before the given deadline."""

    def __init__(
        self,
        fetch: Callable[[Deadline], AccessToken],
        clock: Clock,
        run_in_background: Callable[[Callable[[], None]], None],
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._run_in_background = run_in_background
        self._token: AccessToken | None = None
        self._fetching = threading.Lock()  # held during a fetch
        self._changing = threading.Lock()  # held briefly
        self._fetches = 0  # number of ended fetches
        self._failure: TryAgain | None = None  # of the last fetch
        self._next_renewal = 0.0
        self._refusal: TryAgain | None = None
        self._refused_until = 0.0

    def authorised[T](self, call: Callable[[AccessToken], T], deadline: Deadline) -> T:
        """Return the result of `call` with a token; if the API refuses the token, drop it and call once with a new one.

        Raises what `call` and the fetch raise. A second refusal is remembered, like refused credentials.
        """
        token = self.get(deadline)
        try:
            return call(token)
        except Unauthorized:
            self.drop(token)
        token = self.get(deadline)
        try:
            return call(token)
        except Unauthorized as refusal:
            self.drop(token)
            self._remember(refusal)
            raise

    def get(self, deadline: Deadline) -> AccessToken:
        """Return a usable token; renew an ageing one in the background. Raises what the fetch raises."""
        token = self._token
        if token is None or self._is_spent(token):
            return self._replace(token, deadline)
        if token.age(self._clock) >= token.life * RENEW_AT:
            self._renew_ahead(token)
        return token

    def drop(self, token: AccessToken) -> None:
        """Drop exactly this token; keep one that another thread has fetched since."""
        with self._changing:
            if self._token is token:
                self._token = None

    def forget(self) -> None:
        """Drop the cached token, because a restored snapshot must not use it."""
        with self._changing:
            self._token, self._refusal = None, None

    def _is_spent(self, token: AccessToken) -> bool:
        return token.age(self._clock) >= usable_life(token.life)

    def _replace(self, spent: AccessToken | None, deadline: Deadline) -> AccessToken:
        fetches = self._fetches
        if not self._fetching.acquire(timeout=deadline.remaining()):
            raise NotProcessed(Code.UNAVAILABLE, "another thread's token fetch took too long")
        try:
            current = self._token
            if current is not None and current is not spent and not self._is_spent(current):
                return current
            if self._failure is not None and self._fetches != fetches:  # this thread waited for that fetch
                raise NotStarted(self._failure.code, self._failure.message, retry_after=self._failure.retry_after)
            return self._fetch_now(deadline)
        finally:
            self._fetching.release()

    def _fetch_now(self, deadline: Deadline) -> AccessToken:
        if self._refusal is not None and self._clock.monotonic() < self._refused_until:
            raise NotProcessed(self._refusal.code, self._refusal.message)
        self._failure = None
        try:
            token = self._fetch(deadline)
        except TryAgain as error:
            self._failure = error
            if error.code in {Code.CREDENTIALS_REFUSED, Code.CREDENTIALS_MISSING}:
                self._remember(error)
            raise
        finally:
            self._fetches += 1
        with self._changing:
            self._token = token
        return token

    def _remember(self, refusal: TryAgain) -> None:
        self._refusal, self._refused_until = refusal, self._clock.monotonic() + REFUSAL_PAUSE

    def _renew_ahead(self, ageing: AccessToken) -> None:
        if self._clock.monotonic() < self._next_renewal or not self._fetching.acquire(blocking=False):
            return
        self._next_renewal = self._clock.monotonic() + RENEWAL_PAUSE

        def renew() -> None:
            try:
                if self._token is ageing:
                    self._fetch_now(Deadline.after(RENEWAL_LIMIT, self._clock))
            except TryAgain:
                pass  # the old token is still usable; a later fetch reports the failure
            finally:
                self._fetching.release()

        try:
            self._run_in_background(renew)
        except RuntimeError:  # no thread available; the old token is still usable
            self._fetching.release()


def run_in_background(work: Callable[[], None]) -> None:
    """Run work in a thread. A frozen environment resumes it with its next invocation."""

    def run() -> None:
        try:
            work()
        except Exception as bug:  # noqa: BLE001  # the thread's entry point; its text may quote anything
            observability.report_bug(bug)

    threading.Thread(target=run, name="token-renewal", daemon=True).start()
