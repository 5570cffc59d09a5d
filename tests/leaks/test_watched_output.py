"""That what every test prints is looked through, and that a test which lets something be seen fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.template import REPOSITORY


def run_a_test_that(does: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_planted.py").write_text(f"import logging, sys\n\ndef test_planted():\n    {does}\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.watched_output", "-p", "no:cacheprovider", folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("print('joe@acme.example')", "an e-mail address (Captured stdout call)"),
        ("print('x/r/0123456789abcdef01234567', file=sys.stderr)", "a survey link (Captured stderr call)"),
        ("logging.error('s3cret-%s', 'QkVBUkVS')", "a client secret (Captured log call)"),
        ("print({'Authorization': 'Bearer 0123456789abcdef'})", "a token (Captured stdout call)"),
        ("print(b'canarySecretQ4zL0'.hex())", "client secret (hexadecimal) (Captured stdout call)"),
    ],
)
def test_a_test_that_lets_something_be_seen_fails(does: str, told: str, tmp_path: Path) -> None:
    run = run_a_test_that(does, tmp_path)

    assert run.returncode == 1
    assert f"this test lets be seen: {told}" in run.stdout


def test_a_test_that_prints_what_may_be_seen_passes(tmp_path: Path) -> None:
    run = run_a_test_that("print('created, 12345, joe at example'); logging.error('no outcome')", tmp_path)

    assert run.returncode == 0, run.stdout
