"""Time, injected: the two clocks, and the deadline that every network call keeps."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from personal_link.domain.errors import Code, NotStarted

LONGEST_AWS_CALL: Final = 7.0  # seconds, with the time-outs and the one retry that `wiring` sets


class LambdaContext(Protocol):
    """What is used of the context object that Lambda passes to a handler."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        ...


class Clock(Protocol):
    """Both clocks, since a frozen environment stops the monotonic one and a correction moves the wall clock."""

    def wall(self) -> float:
        """Return seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which work must have ended, on the monotonic clock."""

    clock: Clock
    ends_at: float
    reserve: float = 0.0  # seconds after it that are kept for AWS calls

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    @classmethod
    def of_invocation(cls, context: "LambdaContext", *, aws_calls_after: int) -> "Deadline":
        """Return the end of a Lambda invocation, less the AWS calls that may have to follow the vendor's answer."""
        reserve = aws_calls_after * LONGEST_AWS_CALL
        clock = SystemClock()
        return cls(clock, clock.monotonic() + context.get_remaining_time_in_millis() / 1000 - reserve, reserve)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.ends_at - self.clock.monotonic())

    def allows_aws_calls(self, calls: int) -> bool:
        """Tell whether so many AWS calls end within the invocation, even if each of them hangs."""
        return self.ends_at + self.reserve - self.clock.monotonic() >= calls * LONGEST_AWS_CALL

    def within(self, seconds: float) -> "Deadline":
        """Return this deadline, or the one `seconds` from now if that is sooner."""
        return Deadline(self.clock, min(self.ends_at, self.clock.monotonic() + seconds))

    def require(self, seconds: float) -> None:
        """Raise NotStarted unless `seconds` are left: what cannot finish is not started."""
        if self.remaining() < seconds:
            raise NotStarted(Code.UNAVAILABLE, "too little time was left to start")


def timestamp(seconds: float) -> str:
    """Return epoch seconds as the results write them: UTC, milliseconds, `2026-11-23T10:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
