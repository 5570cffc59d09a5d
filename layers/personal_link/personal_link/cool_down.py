"""A rest for a vendor that is down or asks for one: what is not started goes back to the queue untouched.

With partial batch responses Lambda does not poll more slowly when invocations fail, so without it every waiting message
would cost a call, again and again, for as long as an outage lasts.
"""

import threading
from typing import Final

from personal_link import observability
from personal_link.clock import Clock
from personal_link.errors import SETUP_FAULTS, Blocked, Code, NotStarted, TryAgain

FIRST_REST: Final = 5.0  # seconds; doubles with each failure in a row
LONGEST_REST: Final = 60.0  # seconds without a call, unless the vendor asks for more: then somebody has to try again
LONGEST_ASKED: Final = 300.0  # seconds of a Retry-After that are kept; it was meant for one request, not for all
DOUBTFUL: Final = frozenset({Code.UNAVAILABLE, Code.NO_ANSWER})  # once may be one record's fault, twice in a row not
CERTAIN: Final = SETUP_FAULTS | {Code.RATE_LIMITED}  # they would meet every other request too


class CoolDown:
    """Counts failures in a row and says when to try again; one for all messages and threads of an environment.

    Calls that were on their way together are one piece of news: only what began after the last failure counts on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._cause = Code.UNAVAILABLE
        self._news = 0  # counts the failures that counted: what began before the last of them is stale

    @property
    def in_doubt(self) -> bool:
        """Return whether the last news is bad: then one call at a time is enough to find out more."""
        return self._failures > 0

    def begin(self) -> int:
        """Return a mark of now, for the call that is about to be made.

        Raises NotStarted, with the seconds that are left, while the vendor is left alone.
        """
        with self._lock:
            left = self._until - self._clock.monotonic()
            if left > 0:
                raise NotStarted(self._cause, "not started: CustomerGauge is left alone for a while", retry_after=left)
            return self._news

    def succeeded(self, begun: int) -> None:
        """Note that the vendor answered as it should, be it with a refusal."""
        with self._lock:
            if begun == self._news:
                self._failures, self._until = 0, 0.0

    def failed(self, begun: int, error: TryAgain) -> None:
        """Note a failure; what says nothing of the vendor as a whole does not count."""
        if isinstance(error, NotStarted | Blocked) or error.code not in DOUBTFUL | CERTAIN:
            return
        with self._lock:
            now, asked = self._clock.monotonic(), min(error.retry_after or 0.0, LONGEST_ASKED)
            if begun != self._news:
                self._until = max(self._until, now + asked)
                return
            self._news += 1
            self._failures += 1
            if self._failures == 1 and (asked or error.code in DOUBTFUL):
                rest = asked
            else:
                rest = max(asked, min(LONGEST_REST, FIRST_REST * 2 ** min(self._failures - 1, 8)))
            self._until, self._cause = now + rest, error.code
            if rest:
                observability.count_cool_down()
