"""A test that prints a secret or anybody's address fails, whatever it asserts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.template import REPOSITORY
from tests import output_watch

PLANTED = """
import base64, logging, os, sys
import pytest
from personal_link import observability
from personal_link.domain.request import Source
from tests.aws.account import CLIENT_SECRET
from tests.leaks.canaries import FIRST_NAME

def test_prints_an_address():
    print("asked for joe@example.com")

def test_prints_a_secret_in_base64_to_stderr():
    sys.stderr.write(base64.b64encode(CLIENT_SECRET.encode()).decode())

def test_writes_a_canary_past_python():
    os.write(1, FIRST_NAME.value.encode())

def test_logs_a_link():
    logging.getLogger("somebody").warning("see %s", "https://survey.eu.customergauge.com/r/987656abcdef")

@pytest.fixture
def loud():
    print("Authorization: Bearer eyJhidden")

def test_is_set_up_loudly(loud):
    pass

@pytest.fixture
def loud_at_last():
    yield
    print("sandbox-" + 8 * "Zm9y")

def test_is_torn_down_loudly(loud_at_last):
    pass

def test_fails_anyway():
    print("joe@example.com")
    raise AssertionError("its own reason")

def test_prints_something_innocent():
    print("three requests, https://sam.example.com/r/ and sandbox-client; joe at example.com")

def test_keeps_what_it_captures_to_itself(capfd):
    print("asked for joe@example.com")
    assert "joe" in capfd.readouterr().out
"""


def test_a_test_that_prints_what_is_private_fails(tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(PLANTED)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfEp", "-p", "tests.output_watch", tmp_path],
        cwd=REPOSITORY,
        env={"PATH": "", "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'layers' / 'personal_link'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    ends = re.findall(r"^(PASSED|FAILED|ERROR) \S*?::(\w+)", run.stdout, re.MULTILINE)
    assert sorted(ends) == [
        ("ERROR", "test_is_set_up_loudly"),
        ("ERROR", "test_is_torn_down_loudly"),
        ("FAILED", "test_fails_anyway"),
        ("FAILED", "test_logs_a_link"),
        ("FAILED", "test_prints_a_secret_in_base64_to_stderr"),
        ("FAILED", "test_prints_an_address"),
        ("FAILED", "test_writes_a_canary_past_python"),
        ("PASSED", "test_is_torn_down_loudly"),
        ("PASSED", "test_keeps_what_it_captures_to_itself"),
        ("PASSED", "test_prints_something_innocent"),
    ], run.stdout
    assert "test_prints_an_address printed what must not be printed: an e-mail address" in run.stdout
    assert "the tests' client secret (base64)" in run.stdout
    assert "AssertionError: its own reason" in run.stdout


def test_every_test_of_this_suite_is_watched(request: pytest.FixtureRequest) -> None:
    watching = [hook.function for hook in request.config.hook.pytest_runtest_makereport.get_hookimpls()]

    assert output_watch.pytest_runtest_makereport in watching
