"""Time as the connector uses it: deadlines that keep a reserve, and timestamps that everybody reads alike."""

import pytest

from personal_link.domain.clock import Deadline, SystemClock, timestamp
from personal_link.domain.errors import Code, NotProcessed
from tests.fake_clock import FakeClock


class Context:
    """The part of Lambda's context object that is used."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_a_deadline_counts_down_with_the_monotonic_clock() -> None:
    clock = FakeClock()
    deadline = Deadline.after(10.0, clock)

    clock.advance_monotonic(4.0)

    assert deadline.remaining() == 6.0


@pytest.mark.parametrize("correction", [3600.0, -3600.0])
def test_a_correction_of_the_wall_clock_moves_no_deadline(correction: float) -> None:
    clock = FakeClock()
    deadline = Deadline.after(10.0, clock)

    clock.advance_wall(correction)

    assert deadline.remaining() == 10.0


def test_a_deadline_that_has_passed_leaves_zero_seconds_and_never_fewer() -> None:
    clock = FakeClock()
    deadline = Deadline.after(10.0, clock)

    clock.advance(11.0)

    assert deadline.remaining() == 0.0


@pytest.mark.parametrize(("limit", "left"), [(3.0, 3.0), (10.0, 10.0), (60.0, 10.0)])
def test_a_limit_can_shorten_a_deadline_and_never_lengthens_it(limit: float, left: float) -> None:
    deadline = Deadline.after(10.0, FakeClock())

    limited = deadline.within(limit)

    assert limited.remaining() == left


def test_work_that_just_fits_may_start() -> None:
    Deadline.after(2.0, FakeClock()).require(2.0)


def test_work_that_cannot_finish_is_not_started() -> None:
    with pytest.raises(NotProcessed) as caught:
        Deadline.after(1.9, FakeClock()).require(2.0)

    assert caught.value.code is Code.UNAVAILABLE


def test_an_invocation_keeps_seven_seconds_for_each_aws_call_that_may_follow() -> None:
    deadline = Deadline.of_invocation(Context(20_000), aws_calls_after=2)

    assert 5.5 < deadline.remaining() <= 6.0


def test_an_invocation_that_is_nearly_over_leaves_no_time_at_all() -> None:
    deadline = Deadline.of_invocation(Context(13_000), aws_calls_after=2)

    assert deadline.remaining() == 0.0


def test_the_machines_monotonic_clock_never_runs_backwards() -> None:
    clock = SystemClock()

    earlier, later = clock.monotonic(), clock.monotonic()

    assert later >= earlier


def test_the_machines_wall_clock_tells_seconds_of_this_epoch() -> None:
    assert 1_700_000_000 < SystemClock().wall() < 10_000_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_800_000_000.0, "2027-01-15T08:00:00.000Z"),
        (1_800_000_000.123, "2027-01-15T08:00:00.123Z"),
        (1_800_000_000.999, "2027-01-15T08:00:00.999Z"),
        (951_825_600.5, "2000-02-29T12:00:00.500Z"),
    ],
)
def test_a_timestamp_is_utc_to_the_millisecond_and_always_of_one_length(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text
