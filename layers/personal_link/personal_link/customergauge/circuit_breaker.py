"""Circuit breaker with an adaptive limit of concurrent calls, shared by all threads of an environment.

With partial batch responses, Lambda does not poll more slowly when messages fail. Without a breaker each message would
cost a call at every retry during an outage.

    closed      concurrent calls up to a limit, which grows with successes and shrinks with failures (AIMD)
    open        nearly all recent requests failed: no call for some seconds
    half-open   they are over: one call at a time; a success closes the circuit, a failure opens it for longer
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

RECENT: Final = 12  # requests that count, each by its last call
FEWEST: Final = 8  # recent requests before the circuit may open
MEMORY: Final = 300.0  # seconds that a call counts: the longest back-off of a message
SILENCE: Final = 300.0  # seconds without a success, after which requests that failed before count too
OPENS_AT: Final = 0.9  # share of the recent requests that failed
FIRST_OPEN: Final = 5.0  # seconds; doubles with each failed probe
LONGEST_OPEN: Final = 60.0  # seconds, unless the vendor asks for more
LONGEST_ASKED: Final = 300.0  # seconds; a longer Retry-After is cut, because it was meant for one request
SHORT_WAIT: Final = 1.5  # seconds to wait inside the invocation, which is cheaper than another receive
LONGEST_TURN: Final = 900.0  # seconds that a request is put back under VendorCallsPerSecond
SPREAD: Final = 0.25  # random share added to that time, so that environments do not reopen together
WHOLE_CALL: Final = LONGEST_AWS_CALL + LINK_LIMIT  # seconds that have to be left for a permit
FAILURES: Final = SETUP_FAULTS | {Code.UNAVAILABLE, Code.NO_ANSWER, Code.RATE_LIMITED}  # of the vendor, not of AWS


@dataclass(slots=True)
class Call:
    """A permit for one call. Its holder sets `answered` or `error`; a replay or a local refusal sets neither."""

    number: int
    key: str
    answered: bool = False  # also with a refusal
    error: TryAgain | None = None


class CircuitBreaker:
    """Give permits for vendor calls, at most `most` at once.

    `calls_a_second` is this environment's share of a rate limit: that many calls, rounded down, begin in any second. A
    share below one is one call in several seconds. 0 means no limit.
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
        """Reset all state, because a restored snapshot must not use the state of its original."""
        with self._freed:
            self._limit = self._uncut = float(self._most)
            self._recent: dict[str, tuple[float, bool]] = {}  # by key, oldest first: end time, failed
            self._in_flight = self._calls = 0
            self._cut_at = 0  # last call before the limit was cut; concurrent calls cut it once
            self._turned_at = 0  # last call before the circuit opened or closed; earlier calls are outdated
            self._openings = 0  # in a row; 0: closed
            self._cause = Code.UNAVAILABLE
            self._succeeded_at = 0.0  # or since when this environment has waited for a success
            self._time = self._open_until = self._asked_until = 0.0
            self._wall, self._monotonic = self._clock.wall(), self._clock.monotonic()
            # A new environment may replace one that has just called, so its slots are not free at once.
            self._free_at = [self._pause] * self._slots  # of slots without a call
            self._in_turn = 0  # requests that wait for a slot
            self._turns_until = 0.0  # end of the turns of requests that were put back

    @property
    def is_closed(self) -> bool:
        """Return whether concurrent calls are allowed."""
        return self._openings == 0

    @contextmanager
    def permit(self, key: str, deadline: Deadline, *, overdue: bool = False) -> Iterator[Call]:
        """Hold a permit for one call for the request with this key; wait while the limit is reached.

        An overdue request, whose retry window is over, waits for the vendor's Retry-After but not for an open circuit.

        Raises NotStarted while the circuit is open, with the seconds that are left, or when too little time is left, or
        would be left after waiting, for a whole call.
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
                left = self._open_until - self._now()
                if left > 0 and not overdue:
                    # Up to twice as long, so that waiting messages do not all return at once.
                    left *= 1 + self._jitter()
                    raise NotStarted(self._cause, "not started: the circuit is open", retry_after=left)
                deadline.require(WHOLE_CALL)
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
        """Wait for a slot if that is short, otherwise put the request back until its turn."""
        now = self._now()
        next_slot = min(self._free_at, default=now + self._pause)
        rounds_before = self._in_turn // self._slots
        wait = max(0.0, next_slot - now) + rounds_before * self._pause
        if wait > min(SHORT_WAIT, deadline.remaining() - WHOLE_CALL):
            # Turns are further apart than slots, so that most requests find a free slot.
            self._turns_until = max(self._turns_until, now + wait) + self._pause / self._slots * (1 + SPREAD)
            left = min(self._turns_until - now, LONGEST_TURN * (1 + self._jitter()))
            raise NotStarted(Code.RATE_LIMITED, "not started: VendorCallsPerSecond is reached", retry_after=left)
        self._in_turn += 1
        try:
            self._freed.wait(wait)
        finally:
            self._in_turn -= 1

    def _wait_until_asked(self, deadline: Deadline) -> None:
        """Wait for the Retry-After of a 429 if that is short, otherwise raise NotStarted."""
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
        self._succeeded_at = self._now()
        if call.number <= self._turned_at:
            return
        if not self.is_closed:
            self._openings, self._open_until, self._turned_at = 0, 0.0, self._calls
            return
        self._note(call.key, failed=False)
        self._limit = min(self._most, self._limit + 1 / self._limit)

    def _failed(self, call: Call, error: TryAgain) -> None:
        asked = min(error.retry_after or 0.0, LONGEST_ASKED)
        if error.code is Code.RATE_LIMITED:  # the Retry-After of a 503 is for its own request only
            self._asked_until = max(self._asked_until, self._now() + self._spread(asked))
        if call.number <= self._turned_at:
            return
        # A record that failed before may fail by its own fault. Retries come together, so a few such records would
        # look like an outage.
        failed_before = (error.attempt or 1) > 1
        if self.is_closed and failed_before and self._now() - self._succeeded_at < SILENCE:
            return
        self._note(call.key, failed=True)
        failures = sum(failed for _at, failed in self._recent.values())
        rate = failures / max(len(self._recent), FEWEST)
        if not self.is_closed or rate >= OPENS_AT:
            self._open(error.code, asked)
            return
        if call.number > self._cut_at:
            self._uncut, self._cut_at = self._limit, self._calls
        # As in DCTCP, but with the square: by half when all fail, hardly when few fail.
        self._limit = max(1.0, min(self._limit, self._uncut * (1 - rate**2 / 2)))

    def _open(self, cause: Code, asked: float) -> None:
        seconds = max(asked, min(LONGEST_OPEN, FIRST_OPEN * 2 ** min(self._openings, 8)))
        self._open_until = self._now() + self._spread(seconds)
        self._openings += 1
        self._cause = cause
        self._limit = 1.0  # one probe at a time; after a success the limit grows from here
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
        """Return seconds by the clock that moved more: a frozen environment stops the monotonic clock."""
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        self._time += max(0.0, wall - self._wall, monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        return self._time
