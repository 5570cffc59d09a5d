"""Memory does not grow with the file: what is needed for 100,000 rows is what is needed for 1,000."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import REPOSITORY
from tests.operate.bulk_files import write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory of a program"),
]

MOST_GROWTH = 4 * 1024  # KiB for 99,000 rows: fewer bytes than a digest of each of them takes in a set


def peak(step: str, path: Path, rows: int) -> int:
    """Return the most memory that a process of its own needs for a step (KiB)."""
    write(path, rows)
    layer = REPOSITORY / "layers" / "personal_link"
    done = subprocess.run(
        [sys.executable, "-m", "tests.operate.bulk_memory", step, str(path), str(rows)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{layer}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("step", ["check", "send", "collect"])
def test_a_hundred_times_the_rows_need_the_same_memory(step: str, tmp_path: Path) -> None:
    small = peak(step, tmp_path / "small.csv", 1_000)
    large = peak(step, tmp_path / "large.csv", 100_000)

    assert large - small <= MOST_GROWTH
