"""Circuit breaker with an adaptive limit of concurrent calls; one for all messages and threads of an environment.

With partial batch responses Lambda does not poll more slowly when invocations fail. Without a breaker every waiting
message would cost a call, again and again, for as long as an outage lasts.

    closed      calls at once: at most the limit, which grows with successes and is cut with failures (AIMD)
    open        nearly all recent requests failed: no call until the rest ends
    half-open   the rest ended: one call at a time; a success closes the circuit, a failure opens it for longer
"""

import math
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from personal_link import observability
from personal_link.customergauge.client import LINK_LIMIT
from personal_link.domain.clock import LONGEST_AWS_CALL, Clock, Deadline
from personal_link.domain.errors import SETUP_FAULTS, Blocked, Code, NotStarted, TryAgain

RECENT: Final = 12  # requests whose last call counts; a request that fails again and again counts once
FEWEST: Final = 8  # of them before the circuit may open
MEMORY: Final = 300.0  # seconds for which a call counts: as long as the longest back-off of a message
OPENS_AT: Final = 0.9  # of the recent requests have failed
FIRST_REST: Final = 5.0  # seconds; doubles with each probe that fails
LONGEST_REST: Final = 60.0  # seconds without a call, unless the vendor asks for more
LONGEST_ASKED: Final = 300.0  # seconds of a Retry-After that are kept; it was meant for one request, not for all
SHORT_WAIT: Final = 1.5  # seconds that are waited for in the invocation; a receive costs more
LONGEST_TURN: Final = 900.0  # seconds that a request waits for its turn under a given rate, then it asks again
SPREAD: Final = 0.25  # of a rest, added by chance: environments must not reopen together
WHOLE_CALL: Final = LONGEST_AWS_CALL + LINK_LIMIT  # seconds: whoever waited for a permit still has all of its time
FAILURES: Final = SETUP_FAULTS | {Code.UNAVAILABLE, Code.NO_ANSWER, Code.RATE_LIMITED}  # the vendor's, not AWS's


@dataclass(slots=True)
class Call:
    """A permit. Whoever holds it notes what the call says of the vendor; a replay or a refusal of ours says nothing."""

    number: int
    key: str
    answered: bool = False  # as the vendor should, be it with a refusal
    error: TryAgain | None = None


class CircuitBreaker:
    """Gives permits for calls to the vendor; `most` at once while it is well.

    With `calls_a_second`, this environment's share of a rate that all of them keep together, at most so many calls
    begin in any second (whole ones; a share below one is a call in so many seconds).
    """

    def __init__(
        self, clock: Clock, most: int, jitter: Callable[[], float] = random.random, calls_a_second: float = 0.0
    ) -> None:
        self._clock = clock
        self._most = most
        self._jitter = jitter
        self._slots = max(1, math.floor(calls_a_second)) if calls_a_second else 0
        self._pause = max(1.0, 1 / calls_a_second) if calls_a_second else 0.0
        self._freed = threading.Condition()
        self.forget()

    def forget(self) -> None:
        """Begin anew: a restored snapshot must not go on with the state of its original."""
        with self._freed:
            self._limit = self._uncut = float(self._most)
            self._recent: dict[str, tuple[float, bool]] = {}  # by key, oldest first: when it ended, whether it failed
            self._in_flight = self._calls = 0
            self._cut_at = 0  # the last call before the limit was cut: calls in flight together cut it once
            self._turned_at = 0  # the last call before the circuit opened or closed: earlier ones are old news
            self._rests = 0  # in a row; 0: closed
            self._cause = Code.UNAVAILABLE
            self._time = self._rest_ends = self._asked_until = 0.0
            self._wall, self._monotonic = self._clock.wall(), self._clock.monotonic()
            # A new environment may replace one that has just called: it begins as if it were that one.
            self._free_at = [self._pause] * self._slots  # of the slots that no call holds
            self._in_turn = 0  # requests that wait here for a slot
            self._turns_until = 0.0  # by when all that were put back have had their turn

    @property
    def is_closed(self) -> bool:
        """Return whether more than one call at a time may be made."""
        return self._rests == 0

    @contextmanager
    def permit(self, key: str, deadline: Deadline, *, overdue: bool = False) -> Iterator[Call]:
        """Hold a permit for a call for the request with this key; wait while the limit is reached.

        An overdue request, whose retry window is over, waits for what the vendor asked, but not for a rest of ours.

        Raises NotStarted while the circuit is open, with the seconds that are left, or when waiting would leave less
        time than a whole call may take.
        """
        call = self._acquire(key, deadline, overdue=overdue)
        try:
            yield call
        finally:
            self._release(call)

    def _acquire(self, key: str, deadline: Deadline, *, overdue: bool) -> Call:
        with self._freed:
            while True:
                self._wait_until_asked(deadline)
                left = self._rest_ends - self._now()
                if left > 0 and not overdue:
                    # Up to as long again: all that waits would come back at once.
                    left *= 1 + self._jitter()
                    raise NotStarted(self._cause, "not started: the circuit is open", retry_after=left)
                if self._in_flight >= int(self._limit):
                    self._wait_for_release(deadline)
                elif self._slots and (not self._free_at or min(self._free_at) > self._now()):
                    self._wait_in_turn(deadline)
                else:
                    break
            if self._slots:
                self._free_at.remove(min(self._free_at))
            self._in_flight += 1
            self._calls += 1
            return Call(self._calls, key)

    def _wait_for_release(self, deadline: Deadline) -> None:
        if not self._freed.wait(max(0.0, deadline.remaining() - WHOLE_CALL)):
            raise NotStarted(Code.UNAVAILABLE, "too little time was left to start")

    def _wait_in_turn(self, deadline: Deadline) -> None:
        """Wait for a slot if that is short, else send the request back to come again when it is its turn."""
        now = self._now()
        wait = (
            max(0.0, min(self._free_at, default=now + self._pause) - now) + self._in_turn // self._slots * self._pause
        )
        if wait > min(SHORT_WAIT, deadline.remaining() - WHOLE_CALL):
            # Turns are further apart than slots, so that most requests find one when they are back.
            self._turns_until = max(self._turns_until, now + wait) + self._pause / self._slots * (1 + SPREAD)
            left = min(self._turns_until - now, LONGEST_TURN * (1 + self._jitter()))
            raise NotStarted(Code.RATE_LIMITED, "not started: VendorCallsPerSecond is reached", retry_after=left)
        self._in_turn += 1
        try:
            self._freed.wait(wait)
        finally:
            self._in_turn -= 1

    def _wait_until_asked(self, deadline: Deadline) -> None:
        """Wait as a 429 asked, if that is short."""
        while (left := self._asked_until - self._now()) > 0:
            if left > min(SHORT_WAIT, deadline.remaining() - WHOLE_CALL):
                message = "not started: CustomerGauge asked to wait"
                raise NotStarted(Code.RATE_LIMITED, message, retry_after=left * (1 + self._jitter()))
            if not self._freed.wait(left):
                return

    def _release(self, call: Call) -> None:
        with self._freed:
            self._in_flight -= 1
            if self._slots:
                self._free_at.append(self._now() + self._pause)
            if call.answered:
                self._succeeded(call)
            elif (
                call.error is not None
                and not isinstance(call.error, NotStarted | Blocked)
                and call.error.code in FAILURES
            ):
                self._failed(call, call.error)
            self._freed.notify_all()

    def _succeeded(self, call: Call) -> None:
        if call.number <= self._turned_at:
            return
        if not self.is_closed:
            self._rests, self._rest_ends, self._turned_at = 0, 0.0, self._calls
            return
        self._note(call.key, failed=False)
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def _failed(self, call: Call, error: TryAgain) -> None:
        asked = min(error.retry_after or 0.0, LONGEST_ASKED)
        if error.code is Code.RATE_LIMITED:  # of a 503 it is the request's own: others may be served meanwhile
            self._asked_until = max(self._asked_until, self._now() + self._spread(asked))
        if call.number <= self._turned_at:
            return
        again = self._recent.get(call.key, (0.0, False))[1]  # one record's fault may be its own
        self._note(call.key, failed=True)
        failures = sum(failed for _at, failed in self._recent.values())
        rate = failures / max(len(self._recent), FEWEST)
        if not self.is_closed or rate >= OPENS_AT:
            self._open(error.code, asked)
        elif not again:
            if call.number > self._cut_at:
                self._uncut, self._cut_at = self._limit, self._calls
            # In proportion to the failures, as DCTCP does it: by half when all fail, hardly when few do.
            self._limit = max(1.0, min(self._limit, self._uncut * (1 - rate / 2)))

    def _open(self, cause: Code, asked: float) -> None:
        rest = max(asked, min(LONGEST_REST, FIRST_REST * 2 ** min(self._rests, 8)))
        self._rest_ends = self._now() + self._spread(rest)
        self._rests += 1
        self._cause = cause
        self._limit = 1.0  # probes come one at a time, and a success goes on from here
        self._turned_at = self._cut_at = self._calls
        self._recent.clear()
        observability.count_circuit_open()

    def _note(self, key: str, *, failed: bool) -> None:
        now = self._now()
        self._recent.pop(key, None)
        self._recent[key] = (now, failed)
        for old in list(self._recent)[:-RECENT]:
            del self._recent[old]
        for old in [old for old, (at, _failed) in self._recent.items() if at < now - MEMORY]:
            del self._recent[old]

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + SPREAD * self._jitter())

    def _now(self) -> float:
        """Return seconds by whichever clock moved more: in a frozen environment the monotonic one stands still."""
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        self._time += max(0.0, wall - self._wall, monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        return self._time
