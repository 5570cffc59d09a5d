"""A circuit breaker that a test makes calls through."""

from collections.abc import Iterable
from contextlib import ExitStack

from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotStarted, TryAgain
from tests.fake_clock import FakeClock


class Environment:
    """A breaker and its clock, with ways to make calls one after the other or together."""

    def __init__(self, most: int = 10, jitter: float = 0.0) -> None:
        self.clock = FakeClock()
        self.breaker = CircuitBreaker(self.clock, most, lambda: jitter)
        self._requests = 0

    def call(self, *ends: TryAgain | bool, key: str | None = None) -> None:
        """Make calls one after the other; True is an answer, False says nothing (a replay)."""
        for end in ends:
            self.together([end], key)

    def together(self, ends: Iterable[TryAgain | bool], key: str | None = None) -> None:
        """Make calls that are in flight together; they end in their order."""
        with ExitStack() as in_flight:
            calls = []
            for _end in ends:
                self._requests += 1
                name = key or f"request-{self._requests}"
                permit = ExitStack()
                calls.append((permit, permit.enter_context(self.breaker.permit(name, self.deadline()))))
                in_flight.push(permit)
            for (permit, call), end in zip(calls, ends, strict=True):
                if isinstance(end, TryAgain):
                    call.error = end
                else:
                    call.answered = end
                permit.close()

    def deadline(self, seconds: float = 0.0) -> Deadline:
        return Deadline.after(seconds, self.clock)

    def rest(self, *, overdue: bool = False) -> float:
        """The seconds that are left, 0 if a call may be made."""
        try:
            with self.breaker.permit("a request that is only tried", self.deadline(), overdue=overdue):
                return 0.0
        except NotStarted as error:
            return error.retry_after or 0.0

    def at_once(self) -> int:
        """How many permits are given at the same time."""
        with ExitStack() as held:
            for number in range(100):
                try:
                    held.enter_context(self.breaker.permit(f"held-{number}", self.deadline()))
                except NotStarted:
                    return number
        return 100
