"""A clock that a test moves: both of its hands, or one alone."""


class FakeClock:
    """Stands still until told; `wall` starts at 2027-01-15 08:00 UTC, `monotonic` somewhere else."""

    def __init__(self, wall: float = 1_800_000_000.0, monotonic: float = 5_000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, as in an environment that runs."""
        self.advance_wall(seconds)
        self.advance_monotonic(seconds)

    def advance_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as a frozen environment sees it, or a correction (then maybe backwards)."""
        self._wall += seconds

    def advance_monotonic(self, seconds: float) -> None:
        """Move the monotonic clock alone."""
        self._monotonic += seconds
