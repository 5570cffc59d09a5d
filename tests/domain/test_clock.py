"""Deadlines that keep a reserve, and timestamps of a fixed format."""

import pytest

from personal_link.domain.clock import Deadline, timestamp
from personal_link.domain.errors import Code, NotProcessed
from tests.fake_clock import FakeClock
from tests.lambda_environment import Context


@pytest.mark.parametrize(("seconds", "left"), [(4.0, 6.0), (11.0, 0.0)])
def test_a_deadline_counts_down_to_zero_with_the_monotonic_clock(seconds: float, left: float) -> None:
    clock = FakeClock()
    deadline = Deadline.after(10.0, clock)

    clock.advance_monotonic(seconds)

    assert deadline.remaining() == left


@pytest.mark.parametrize("correction", [3600.0, -3600.0])
def test_a_correction_of_the_wall_clock_does_not_move_a_deadline(correction: float) -> None:
    clock = FakeClock()
    deadline = Deadline.after(10.0, clock)

    clock.advance_wall(correction)

    assert deadline.remaining() == 10.0


@pytest.mark.parametrize(("limit", "left"), [(3.0, 3.0), (10.0, 10.0), (60.0, 10.0)])
def test_a_limit_can_shorten_a_deadline_and_never_lengthens_it(limit: float, left: float) -> None:
    deadline = Deadline.after(10.0, FakeClock())

    limited = deadline.within(limit)

    assert limited.remaining() == left


def test_require_accepts_work_that_just_fits_the_deadline_and_refuses_longer_work() -> None:
    Deadline.after(2.0, FakeClock()).require(2.0)
    with pytest.raises(NotProcessed) as caught:
        Deadline.after(1.9, FakeClock()).require(2.0)

    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize(("seconds", "most"), [(20, 6.0), (13, 0.0)])
def test_an_invocation_deadline_reserves_seven_seconds_per_later_aws_call(seconds: float, most: float) -> None:
    deadline = Deadline.of_invocation(Context(seconds), aws_calls_after=2)

    assert max(0.0, most - 0.5) <= deadline.remaining() <= most


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_800_000_000.999, "2027-01-15T08:00:00.999Z"),
        (951_825_600.5, "2000-02-29T12:00:00.500Z"),
    ],
)
def test_a_timestamp_is_utc_with_milliseconds_and_has_a_fixed_length(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text
