"""The search finds each canary in every spelling, and a test of this suite that prints one fails."""

import base64
import html
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from sandbox import REPOSITORY
from tests import output_watch
from tests.leaks.canaries import CANARIES, canaries_in

NOISE = 'INFO 2026-11-23 {"level":"INFO","message":"outcome"} ' * 20

SPELLINGS: dict[str, Callable[[str], str]] = {
    "in capitals": str.upper,
    "cut off": lambda value: value[:-2],
    "begun late": lambda value: value[2:],
    "decomposed": lambda value: unicodedata.normalize("NFD", value),
    "in mistaken Latin-1": lambda value: value.encode().decode("latin-1"),
    "in JSON": json.dumps,
    "in JSON within JSON": lambda value: json.dumps(json.dumps({"value": value})),
    "in a repr of a repr": lambda value: repr(repr(value.encode())),
    "in a path": lambda value: quote(value, safe=""),
    "in a form": lambda value: urlencode({"record[Email]": value}),
    "in HTML of ASCII": lambda value: html.escape(value).encode("ascii", "xmlcharrefreplace").decode(),
    "in base64": lambda value: base64.b64encode(f"somebody:{value}".encode()).decode(),
    "in base64 for addresses": lambda value: base64.urlsafe_b64encode(b"\xff\xfe" + value.encode()).decode(),
    "in hexadecimal": lambda value: value.encode().hex(),
    "in UTF-16": lambda value: value.encode("utf-16-be").decode("latin-1"),
    "in base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16")).decode(),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_each_canary_is_found_in_each_spelling_and_not_confused_with_another(spell: Callable[[str], str]) -> None:
    for canary in CANARIES:
        found = canaries_in(NOISE + spell(canary.value) + NOISE)

        assert {one.partition(" (")[0] for one in found} == {canary.name}


def test_no_canary_is_found_in_similar_but_innocent_text() -> None:
    innocent = "canary Zoe +44 7700 order- https://survey. canaries client"
    texts = [path.read_text() for path in REPOSITORY.glob("*.md")]

    assert canaries_in(NOISE + innocent + "".join(texts)) == []


PLANTED = """
import os
from tests.leaks.canaries import FIRST_NAME

def test_prints_an_address():
    print("asked for joe@example.com")

def test_writes_a_canary_past_python():
    os.write(1, FIRST_NAME.value.encode())

def test_fails_anyway():
    print("joe@example.com")
    raise AssertionError("its own reason")

def test_prints_something_innocent():
    print("three requests, https://sam.example.com/r/ and sandbox-client; joe at example.com")
"""


@pytest.mark.slow
def test_a_test_that_prints_private_data_fails(tmp_path: Path) -> None:
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

    ends = re.findall(r"^(PASSED|FAILED) \S*?::(\w+)", run.stdout, re.MULTILINE)
    assert sorted(ends) == [
        ("FAILED", "test_fails_anyway"),
        ("FAILED", "test_prints_an_address"),
        ("FAILED", "test_writes_a_canary_past_python"),
        ("PASSED", "test_prints_something_innocent"),
    ], run.stdout
    assert "test_prints_an_address printed what must not be printed: an e-mail address" in run.stdout
    assert "AssertionError: its own reason" in run.stdout


def test_the_output_watch_is_active_for_this_test_run(request: pytest.FixtureRequest) -> None:
    watching = [hook.function for hook in request.config.hook.pytest_runtest_makereport.get_hookimpls()]

    assert output_watch.pytest_runtest_makereport in watching
