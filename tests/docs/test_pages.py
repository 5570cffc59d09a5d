"""The pages: short, linked, fresh, and their samples are what they say."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from docs.generate import MEANINGS
from personal_link.domain.errors import CODES
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Delivery, Source, check
from sandbox.template import REPOSITORY
from tests.docs.documents import DOCS, PAGES, fenced, name_of, sections

README = (REPOSITORY / "README.md").read_text()
SHAPES = sections((DOCS / "request-and-result.md").read_text())
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))


def json_sample(heading: str) -> Any:
    return json.loads(fenced(SHAPES[heading], "json")[0])


def test_the_readme_has_at_most_150_lines_and_its_two_commands_in_the_first_screen() -> None:
    lines = README.splitlines()

    assert len(lines) <= 150
    assert {"make demo", "make test"} <= {line.split("  ")[0] for line in lines[:20]}


def test_no_table_is_stale() -> None:
    generated = [page for page in PAGES if "[[[cog" in page.read_text()]

    assert {name_of(page) for page in generated} == {
        "README.md",
        "docs/codes.md",
        "docs/operation.md",
        "docs/parameters.md",
    }
    checked = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "-I", ".", "-I", "layers/personal_link", *generated],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "target",
    [
        "layers/personal_link/personal_link/triggers/batch.py",  # where a retry is decided
        "layers/personal_link/personal_link/customergauge/answers.py",  # where a link is parsed
        "layers/personal_link/personal_link/domain/errors.py",  # where a code is defined
        "docs/parameters.md",  # what a parameter does
        "docs/operation.md#uninstall",  # how to remove everything
    ],
)
def test_a_newcomers_question_is_answered_within_one_link(target: str) -> None:
    assert f"]({target})" in README


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()

    pages = [page.name for page in DOCS.glob("*.md") if page.name != "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def test_every_decision_is_dated_says_how_to_take_it_back_and_is_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    numbers = [int(number) for cell in re.findall(r"\.md\) \| ([\d, ]+) \|", index) for number in cell.split(",")]

    assert sorted(numbers) == list(range(1, 26))
    for page in DECISIONS:
        text = page.read_text()
        assert f"({page.name})" in index
        assert re.search(r"^20\d\d-\d\d-\d\d", text, re.MULTILINE), page.name
        assert {"Context", "Alternatives", "Decision", "How to revert"} <= sections(text).keys(), page.name


def test_every_page_that_the_code_names_exists() -> None:
    rooms = ("layers", "functions", "operate", "sandbox")
    code = [path for room in rooms for path in REPOSITORY.glob(f"{room}/**/*.py")]
    named = {name for path in code for name in re.findall(r"docs/[\w/.-]+\.\w+", path.read_text())}

    assert "docs/mapping.md" in named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_every_code_has_its_meaning() -> None:
    assert list(MEANINGS) == list(CODES)


def test_every_sample_event_is_used_by_a_page_and_by_a_test_of_the_stack() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    users = [REPOSITORY / "sandbox" / "demo.py", *REPOSITORY.glob("tests/**/*.py")]
    tests = "".join(path.read_text() for path in users)

    for sample in (REPOSITORY / "events").iterdir():
        assert f"events/{sample.name}" in pages
        assert sample.name in tests


def test_the_sample_request_is_a_request() -> None:
    delivery = Delivery(Source("sqs", "1"), json_sample("A request"), None, received_at=0)

    assert check(delivery).reference == "order-1234"


def shape(value: object) -> object:
    return {name: shape(inner) for name, inner in value.items()} if isinstance(value, Mapping) else type(value)


def test_the_sample_result_has_the_shape_of_a_result() -> None:
    outcome = Outcome(
        id="5a0d2f63-2c1e-5c5b-9d0c-7d3c1f1d9a10",
        status="created",
        source=Source("eventbridge", "1"),
        requested_at="2026-11-23T10:00:00.000Z",
        completed_at="2026-11-23T10:00:00.000Z",
        attempts=1,
        configuration="contact",
        personal_link=PersonalLink(1, "https://survey.eu.customergauge.com/r/1", "https://cust.xx/1"),
        reference="order-1234",
        record={"Email": "joe.doe@example.com"},
    )

    made = json.loads(outcome.message(echo_record=True))
    assert shape(json_sample("A result")) == shape(made)
    assert list(json_sample("A result")) == list(made)
