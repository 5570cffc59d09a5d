"""Memory and processor time of a process, and the slope of a curve."""

import os
import time

import pytest

from benchmarks.growth import slope
from benchmarks.workloads import processor_seconds, resident


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({1_000: 8.0, 10_000: 80.0}, 1.0),
        ({1_000: 8.0, 10_000: 800.0}, 2.0),
        ({1_000: 8.0, 10_000: 8.0}, 0.0),
        ({1_000: 8.0, 10_000: 160.0}, 1.30103),
    ],
)
def test_a_slope_of_one_is_ten_times_the_time_for_ten_times_the_requests(
    points: dict[int, float], expected: float
) -> None:
    assert slope(points, 1_000, 10_000) == pytest.approx(expected, abs=1e-5)


def test_resident_memory_is_in_megabytes() -> None:
    before = resident()
    filled = bytearray(os.urandom(1)) * (64 * 1024 * 1024)

    assert resident() - before == pytest.approx(64, abs=4)
    assert len(filled) == 64 * 1024 * 1024


def test_processor_time_is_in_seconds() -> None:
    before, until = processor_seconds(os.getpid()), time.process_time() + 0.3
    while time.process_time() < until:
        pass

    assert processor_seconds(os.getpid()) - before == pytest.approx(0.3, abs=0.1)
