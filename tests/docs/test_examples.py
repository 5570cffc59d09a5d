"""The pages for callers and consumers show the files that the tests of the stack run, and miss none."""

import re
from pathlib import Path

import pytest

from personal_link.errors import CODES
from tests.docs.documents import DOCS, fenced, rows, sections

CALLING = (DOCS / "calling.md").read_text()
CONSUMING = (DOCS / "consuming.md").read_text()
CALLERS = sorted((DOCS / "examples" / "callers").iterdir())
LANGUAGES = {".sh": "sh", ".py": "python", ".mjs": "js"}


@pytest.mark.parametrize("caller", CALLERS, ids=lambda path: path.name)
def test_the_page_shows_each_caller_as_it_is(caller: Path) -> None:
    assert caller.read_text() in fenced(CALLING, LANGUAGES[caller.suffix])


def test_the_page_shows_the_consumer_as_it_is() -> None:
    consumer = DOCS / "examples" / "consumer" / "function" / "consumer.py"

    assert [consumer.read_text()] == fenced(CONSUMING, "python")


def test_the_page_says_of_each_code_what_a_caller_does() -> None:
    named = [code for row in rows(sections(CALLING)["The rules"]) for code in re.findall(r"`([a-z_]+)`", row[0])]

    assert sorted(named) == sorted(str(code) for code in CODES)


@pytest.mark.parametrize("name", ["call.py", "call.mjs"])
def test_what_a_caller_tries_again_is_what_the_page_says(name: str) -> None:
    again = {
        code
        for row in rows(sections(CALLING)["The rules"])
        if row[1].startswith("comes again")
        for code in re.findall(r"`([a-z_]+)`", row[0])
    }
    caller = (DOCS / "examples" / "callers" / name).read_text()
    [tried] = re.findall(r"^(?:const )?TRY_AGAIN = (.+)$", caller, re.MULTILINE)

    assert set(re.findall(r'"(\w+)"', tried)) == again
