"""Fails every test that prints or logs anything that the tests use as a secret or as somebody's own.

`conftest.py` lets pytest know. What a test captures itself (`capfd`, a program of its own) is its own affair.
"""

import re
from collections.abc import Generator
from typing import Any, Final

import pytest

from tests.aws.account import CLIENT_ID, CLIENT_SECRET
from tests.leaks.canaries import CANARIES, Canary, canaries_in

_SHARED: Final = (
    *CANARIES,
    Canary("the tests' client id", CLIENT_ID, (CLIENT_ID,)),
    Canary("the tests' client secret", CLIENT_SECRET, (CLIENT_SECRET, "rotated-Wm9uZQ")),
)
_PRIVATE: Final = {
    "an e-mail address": re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*\.(?:example|com|org|net)\b"),
    "a survey link": re.compile(r"//survey\.[\w.-]+/r/\w+|//cust\.\w+/\w+|/[rs]/[0-9a-f]{24}\b"),
    "a token or secret of the sandbox": re.compile(r"sandbox-[\w-]{32,}"),
    "a bearer token": re.compile(r"Bearer [\w.~+/-]{4,}"),
}


def private_in(text: str) -> list[str]:
    """Return what in a text should not have been printed."""
    return canaries_in(text, _SHARED) + [name for name, pattern in _PRIVATE.items() if pattern.search(text)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """Look through what pytest has captured of a test's set-up, call or tear-down: stdout, stderr and logs."""
    report: pytest.TestReport = yield
    printed = "\n".join(text for title, text in report.sections if title.endswith(f" {report.when}"))
    found = private_in(printed) if printed else []
    if found and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} printed what must not be printed: {', '.join(found)}"
    return report
