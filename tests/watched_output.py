"""No test lets anything personal or secret be seen: what pytest captures of each is looked through when it is over."""

import re
from collections.abc import Generator, Sequence
from typing import Final

import pytest

from tests.leaks.canaries import canaries_in

# What the tests use for people, links, secrets and tokens, besides the canaries.
TELLING: Final = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w.-]*example\b"),
    "a survey link": re.compile(r"/[rs]/[0-9a-f]{24}\b|survey\.\w+\.customergauge\.com/r/"),
    "a client secret": re.compile(r"s3cret-QkVBUkVS|\bsandbox-[\w-]{32}(?![\w-])"),
    "a token": re.compile(r"Bearer [\w.~+/-]{16,}|access_token\W{1,6}[\w.~+/-]{16,}"),
}
# There every logger logs all it has, on purpose, moto's and the tests' own clients' too; the tests look at the streams.
EVERYBODY_LOGS: Final = "tests/leaks/"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    sections = report.sections
    if item.nodeid.startswith(EVERYBODY_LOGS):
        sections = [section for section in sections if "log" not in section[0]]
    if report.when == "teardown" and report.passed and (seen := seen_in(sections)):
        report.outcome, report.longrepr = "failed", f"this test lets be seen: {', '.join(seen)}"
    return report


def seen_in(sections: Sequence[tuple[str, str]]) -> list[str]:
    """Return what can be seen where, never the value itself."""
    return [
        f"{what} ({where})"
        for where, text in sections
        for what in [*(name for name, sign in TELLING.items() if sign.search(text)), *canaries_in(text)]
    ]
