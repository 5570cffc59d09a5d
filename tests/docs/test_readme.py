"""What the README says is so."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from personal_link.domain.errors import CODES
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Delivery, Source, check
from sandbox.template import REPOSITORY, source_template, translated_template

README = (REPOSITORY / "README.md").read_text()
LINES = README.splitlines()


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its head left out."""
    table = README.split(f"\n## {heading}\n")[1]
    lines = re.findall(r"^\|.*\|$", table.split("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def json_sample(heading: str) -> Any:
    return json.loads(fenced_under(heading))


def fenced_under(heading: str) -> str:
    found = re.search(r"^```json\n(.*?)^```", README.split(f"\n## {heading}\n")[1], re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_the_two_commands_stand_before_line_40() -> None:
    first = {command: next(n for n, line in enumerate(LINES, 1) if line.startswith(command)) for command in COMMANDS}

    assert all(number < 40 for number in first.values()), first


COMMANDS = ("make demo", "make test")


def test_every_sample_is_used_by_the_readme_or_the_page_on_mappings_and_by_a_test_of_the_stack() -> None:
    pages = README + (REPOSITORY / "docs" / "mapping.md").read_text()
    users = [REPOSITORY / "sandbox" / "demo.py", *REPOSITORY.glob("tests/stack/*.py")]
    tests = "".join(path.read_text() for path in users)

    for sample in (REPOSITORY / "events").iterdir():
        assert f"events/{sample.name}" in pages
        assert sample.name in tests


def test_the_parameters_are_those_of_the_template_in_its_words() -> None:
    of_template = [
        [f"`{name}`", f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty", parameter["Description"]]
        for name, parameter in source_template()["Parameters"].items()
    ]

    assert rows("Parameters")[: len(of_template)] == of_template


def test_the_outputs_are_those_of_the_template() -> None:
    named = re.findall(r"`(\w+)`", "".join(line for line in README.split("| output | |")[1].split("\n\n")[0]))

    assert set(named) == set(source_template()["Outputs"])


def test_the_codes_are_all_codes_with_their_http_statuses() -> None:
    told = {row[0].strip("`"): int(row[1]) for row in rows("Codes")}

    assert told == {str(code): meaning.http_status for code, meaning in CODES.items()}


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


@pytest.mark.parametrize("environment", ["default", "staging", "prod", "local"])
def test_samconfig_deploys_each_stage_without_a_question_about_its_name(environment: str) -> None:
    config = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())

    assert config[environment]["global"]["parameters"]["stack_name"]
    assert config[environment]["deploy"]["parameters"]["resolve_s3"] is True


def test_every_decision_is_dated_and_says_how_to_take_it_back() -> None:
    for page in (REPOSITORY / "docs" / "decisions").glob("*.md"):
        text = page.read_text()
        assert re.search(r"^20\d\d-\d\d-\d\d, ", text, re.MULTILINE), page.name
        assert "## Decision" in text, page.name
        assert "## How to revert" in text, page.name
        assert 20 <= len(text.splitlines()) <= 45, page.name


@pytest.mark.parametrize(
    "page", sorted(REPOSITORY.glob("*.md")) + sorted(REPOSITORY.glob("docs/**/*.md")), ids=lambda page: page.name
)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_test_that_a_document_names_exists() -> None:
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
    named = {path for page in pages for path in re.findall(r"`(tests/[\w/.-]+)`", page.read_text())}

    assert named >= {"tests/leaks", "tests/stack/test_door.py"}
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_the_figures_are_those_of_the_last_make_bench() -> None:
    measured = (REPOSITORY / "docs" / "benchmarks" / "README.md").read_text()

    assert figures(README) == figures(measured)


def figures(document: str) -> list[str]:
    """The rows of the table of figures."""
    return re.findall(r"^\| .* \| ≤ .* \| .*reached.* \|$", document, re.MULTILINE)


WHOSE_KEY = (
    "An idempotency key sent by HTTP, and the hash that stands in for a missing one, belongs to its caller (the IAM"
    " role or user, or the API key): another caller with the same key gets a request of its own; the queue and the"
    " event bus share their keys with each other."
)


@pytest.mark.parametrize("page", ["README.md", "docs/contracts/openapi.yaml", "docs/security.md"])
def test_whose_a_key_is_stands_in_one_sentence(page: str) -> None:
    assert WHOSE_KEY in " ".join((REPOSITORY / page).read_text().split())


def test_what_stays_of_a_deleted_stack_is_what_the_readme_says() -> None:
    policies = {
        name: resource.get("DeletionPolicy", "Delete") for name, resource in translated_template()["Resources"].items()
    }
    stays = README.split("### Uninstall it")[1].split("\n## ")[0]

    assert {name for name, policy in policies.items() if policy != "Delete"} == {"LedgerTable"}
    assert "**The ledger's table**" in stays


def test_a_first_deployment_that_fails_leaves_nothing_behind() -> None:
    assert source_template()["Resources"]["LedgerTable"]["DeletionPolicy"] == "RetainExceptOnCreate"
