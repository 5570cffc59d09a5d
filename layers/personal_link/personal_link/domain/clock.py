"""The injected clocks, and the deadline of every network call."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from personal_link.domain.errors import Code, NotStarted

LONGEST_AWS_CALL: Final = 7.0  # seconds, with the timeouts and the one retry that `wiring` sets


class LambdaContext(Protocol):
    """The part of Lambda's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        ...


class Clock(Protocol):
    """Both clocks: freezing an environment stops the monotonic one, and a time correction moves the wall clock."""

    def wall(self) -> float:
        """Return seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...


class SystemClock:
    """The clocks of the machine."""

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, on the monotonic clock, by which work has to end."""

    clock: Clock
    ends_at: float
    reserve: float = 0.0  # seconds after it that are reserved for AWS calls

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    @classmethod
    def of_invocation(cls, context: "LambdaContext", *, aws_calls_after: int) -> "Deadline":
        """Return the end of a Lambda invocation, less a reserve for the AWS calls after the vendor's answer."""
        reserve = aws_calls_after * LONGEST_AWS_CALL
        clock = SystemClock()
        return cls(clock, clock.monotonic() + context.get_remaining_time_in_millis() / 1000 - reserve, reserve)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.ends_at - self.clock.monotonic())

    def allows_aws_calls(self, calls: int) -> bool:
        """Tell whether this many AWS calls end within the invocation, even if each of them hangs."""
        return self.ends_at + self.reserve - self.clock.monotonic() >= calls * LONGEST_AWS_CALL

    def within(self, seconds: float) -> "Deadline":
        """Return this deadline, or the one `seconds` from now if that is sooner."""
        return Deadline(self.clock, min(self.ends_at, self.clock.monotonic() + seconds))

    def require(self, seconds: float) -> None:
        """Raise NotStarted unless `seconds` are left: work that cannot finish is not started."""
        if self.remaining() < seconds:
            raise NotStarted(Code.UNAVAILABLE, "too little time was left to start")


def timestamp(seconds: float) -> str:
    """Return epoch seconds as text in UTC with milliseconds: `2026-11-23T10:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
