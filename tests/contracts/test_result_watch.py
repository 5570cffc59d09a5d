"""A test that makes a result of another shape fails, whatever it asserts."""

import subprocess
import sys
from pathlib import Path

from sandbox.template import REPOSITORY

PLANTED = """
from dataclasses import replace
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source

GOOD = Outcome(
    "5a0d2f63-2c1e-5c5b-9d0c-7d3c1f1d9a10", "created", Source("sqs", "1"), "2026-11-24T10:00:00.000Z",
    "2026-11-24T10:00:00.000Z", 1, "contact", PersonalLink(1, "https://survey.example/r/1", None),
)

def test_of_a_good_result():
    GOOD.message(echo_record=True)

def test_of_a_result_without_its_link():
    replace(GOOD, personal_link=None).message(echo_record=True)

def test_of_a_stored_outcome_of_an_unknown_status():
    replace(GOOD, status="done").stored()

def test_of_a_result_that_the_test_itself_caught():
    try:
        replace(GOOD, attempts=-1).message(echo_record=False)
    except AssertionError:
        pass
"""


def test_only_the_test_whose_results_keep_the_contract_passes(tmp_path: Path) -> None:
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED)
    (tmp_path / "conftest.py").write_text((REPOSITORY / "tests" / "conftest.py").read_text())

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", REPOSITORY / "pyproject.toml", "--rootdir", tmp_path, planted],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert "4 passed, 3 errors" in run.stdout
    assert "ERROR test_planted.py::test_of_a_good_result" not in run.stdout
    assert "docs/contracts/result.schema.json" in run.stdout
