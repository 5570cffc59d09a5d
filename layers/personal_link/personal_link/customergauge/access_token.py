"""The access token and its cache: one fetch per life of a token, under any number of threads."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from personal_link import observability
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import Code, NotProcessed, NotStarted, TryAgain, Unauthorized

BEARER: Final = re.compile(r"[\x21-\x7e]{1,8192}")  # a token that is anything else would break, or forge, a header
RENEW_AT: Final = 0.75  # of its life: AWS's advice for Cognito, which very probably is the vendor's token server
SPARE: Final = 30.0  # seconds before its end, or a tenth of a short life, in which a token is not used any more
RENEWAL_PAUSE: Final = 60.0  # seconds between two renewals ahead of need, when the first one failed
REFUSAL_PAUSE: Final = 30.0  # seconds in which a refused credential is not tried again
RENEWAL_LIMIT: Final = 15.0  # seconds that a renewal ahead of need may take, other environments' included


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AccessToken:
    """A bearer token with its life in seconds, and both clocks when it was asked for."""

    value: str
    life: float
    wall: float
    monotonic: float

    def age(self, clock: Clock) -> float:
        """Return its age in seconds by whichever clock says more: in a frozen environment the monotonic one stands."""
        return max(clock.wall() - self.wall, clock.monotonic() - self.monotonic)

    def __repr__(self) -> str:
        return f"AccessToken(***, life={self.life:g})"


def usable_life(life: float) -> float:
    """Return for how many of the seconds of a token's life it is used."""
    return life - min(SPARE, life / 10)


class TokenCache:
    """Keeps one token; `fetch` gets another, within the deadline it is given."""

    def __init__(
        self,
        fetch: Callable[[Deadline], AccessToken],
        clock: Clock,
        run_in_background: Callable[[Callable[[], None]], None],
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._run_aside = run_in_background
        self._token: AccessToken | None = None
        self._fetching = threading.Lock()  # held for the length of a fetch
        self._changing = threading.Lock()  # held for an instant
        self._fetches = 0  # that have ended
        self._failure: TryAgain | None = None  # of the last of them
        self._next_renewal = 0.0
        self._refusal: TryAgain | None = None
        self._refused_until = 0.0

    def authorised[T](self, call: Callable[[AccessToken], T], deadline: Deadline) -> T:
        """Return what `call` makes of a token; when the API refuses that token, drop it and replay once with another.

        Raises what `call` and the fetch raise. A refused second token is remembered like a refused credential.
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
        """Return a token that serves now; an ageing one is renewed aside. Raises what the fetch raises."""
        token = self._token
        if token is None or self._is_spent(token):
            return self._replace(token, deadline)
        if token.age(self._clock) >= token.life * RENEW_AT:
            self._renew_ahead(token)
        return token

    def drop(self, token: AccessToken) -> None:
        """Forget exactly this token; one that another thread has fetched since stays."""
        with self._changing:
            if self._token is token:
                self._token = None

    def forget(self) -> None:
        """Forget whatever token is kept: a restored snapshot must not go on with that of its original."""
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
            if self._failure is not None and self._fetches != fetches:  # this thread waited for it, and shares its end
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
                pass  # the old token still serves; the next renewal, or its end, tries again and then speaks up
            finally:
                self._fetching.release()

        try:
            self._run_aside(renew)
        except RuntimeError:  # no thread to be had: the old token still serves
            self._fetching.release()


def run_in_background(work: Callable[[], None]) -> None:
    """Run work beside the request. A frozen environment resumes it with its next invocation."""

    def run() -> None:
        try:
            work()
        except Exception as bug:  # noqa: BLE001  # a thread's own last words would print its text, whatever that quotes
            observability.report_bug(bug)

    threading.Thread(target=run, name="token-renewal", daemon=True).start()
