"""The pages: their length, links, generated tables, samples, and names that must exist."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.generate import MEANINGS
from personal_link import observability
from personal_link.domain.errors import CODES
from personal_link.domain.request import Delivery, Source, check
from sandbox import REPOSITORY
from sandbox.contracts import schema
from sandbox.template import source_template
from tests.docs.documents import (
    DOCS,
    PACKAGE,
    PAGES,
    anchors,
    fenced,
    files,
    known_names,
    marked,
    name_of,
    rows,
    sections,
)

README = (REPOSITORY / "README.md").read_text()
OPERATION = (DOCS / "operation.md").read_text()
SHAPES = sections((DOCS / "request-and-result.md").read_text())

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def test_the_readme_has_at_most_150_lines_and_both_commands_in_its_first_twenty() -> None:
    lines = README.splitlines()

    assert len(lines) <= 150
    assert {"make demo", "make test"} <= {line.split("  ")[0] for line in lines[:20]}


def test_every_generated_table_is_up_to_date() -> None:
    generated = [page for page in PAGES if "[[[cog" in page.read_text()]

    assert {page.name for page in generated} == {"README.md", "codes.md", "operation.md", "parameters.md"}
    command = [sys.executable, "-m", "cogapp", "--check", "-I", ".", "-I", "layers/personal_link", *map(str, generated)]
    checked = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}: run `make docs`"
    assert list(MEANINGS) == list(CODES)


@every_page
def test_every_link_to_a_file_or_a_heading_has_a_target(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), f"{target}#{anchor}"


def test_the_indexes_name_every_page_and_decision() -> None:
    for folder in (DOCS, DOCS / "decisions"):
        index = (folder / "README.md").read_text()
        assert [
            one.name for one in folder.glob("*.md") if one.name != "README.md" and f"({one.name})" not in index
        ] == []


def test_every_page_that_code_or_an_alarm_names_exists() -> None:
    code = [
        path for room in ("layers", "functions", "operate", "sandbox") for path in REPOSITORY.glob(f"{room}/**/*.py")
    ]
    named = {name for path in code for name in re.findall(r"docs/[\w/.-]+\.\w+", path.read_text())}
    linked = set(re.findall(r"docs/operation\.md#(\w+)", str(source_template()["Resources"])))

    assert "docs/mapping.md" in named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []
    assert "parkedrequests" in linked <= anchors(OPERATION)


def test_every_sample_event_is_used_by_a_page_and_by_a_test_of_the_stack() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    users = [REPOSITORY / "sandbox" / "demo.py", *REPOSITORY.glob("tests/**/*.py")]
    tests = "".join(path.read_text() for path in users)

    for sample in (REPOSITORY / "events").iterdir():
        assert f"events/{sample.name}" in pages
        assert sample.name in tests


def shape(value: object) -> object:
    return {name: shape(inner) for name, inner in value.items()} if isinstance(value, dict) else type(value)


def test_the_request_and_the_result_on_the_page_match_the_contract() -> None:
    request, result = (json.loads(fenced(SHAPES[name], "json")[0]) for name in ("A request", "A result"))

    assert check(Delivery(Source("sqs", "1"), request, None, received_at=0)).reference == "order-1234"
    example = schema("result")["examples"][0]
    assert shape(result | {"record": {}}) == shape(example | {"record": {}})


# Names

# Names of AWS, of libraries and of the shell that documents use, and that nothing here defines.
OF_OTHERS = {
    "AWS_PROFILE",
    "ArtifactsBucket",  # a parameter that `make package` adds, as the next one
    "ArtifactsPrefix",
    "CAPABILITY_AUTO_EXPAND",
    "CouldNotDetermineMessageSource",  # an error of SQS's
    "ItemBatcher",  # of Step Functions, as the next two
    "ItemReader",
    "ResultWriter",
    "KMS_KEY_ARN",  # a place to fill in
    "ROLLBACK_COMPLETE",
    "UsePreviousValue=true",
    "UseYourKeyOrDeleteThisWithoutKmsKeyArn",  # a statement of docs/policies
    "sbom.cdx.json",  # `make package` writes it
    "visit.json",  # the reader's
    "verify-aws.md",  # `make verify-aws` writes it
    "verify-aws.json",  # as verify-aws.md
}
FOLDERS = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
PARAMETERS: dict[str, Any] = source_template()["Parameters"]
FILE = re.compile(r"[\w./-]+\.(py|md|yaml|toml|json|txt)|[\w.-]+/[\w./-]*")
VALUE = re.compile(r"\b([A-Z]\w*[a-z]\w*)=([^\s\"\']+)")
NAME = re.compile(r"(?=.*(_|[a-z][A-Z]))[A-Za-z]\w+")  # more than one word: no word of English
DOTTED = re.compile(r"([A-Za-z_]+)\.([a-z_]+)")


def is_a_file(name: str, page: Path) -> bool:
    """Whether a path leads somewhere: from the repository, from the page, or as a name that some file has."""
    there = [REPOSITORY / name, page.parent / name]
    return any(path.exists() for path in there) or any(path.endswith(f"/{name}") for path in files())


def exists(name: str, page: Path) -> bool:
    if name in OF_OTHERS:
        return True
    if FILE.fullmatch(name):
        return name.split("/", maxsplit=1)[0] not in FOLDERS | {name} or is_a_file(name, page)
    if VALUE.fullmatch(name):
        return name.partition("=")[0] in PARAMETERS
    if DOTTED.fullmatch(name):
        module, _, attribute = name.partition(".")
        return attribute in known_names() and (module in known_names() or is_a_file(f"{module}.py", page))
    return not NAME.fullmatch(name) or name in known_names()


@every_page
def test_every_name_in_code_marks_exists(page: Path) -> None:
    assert [name for name in marked(page.read_text()) if not exists(name, page)] == []


@every_page
def test_every_parameter_value_on_a_page_is_allowed(page: Path) -> None:
    text = page.read_text()

    for name, value in VALUE.findall(" ".join([*marked(text), *fenced(text, "sh")])):
        parameter = PARAMETERS.get(name, {})
        assert value in map(str, parameter.get("AllowedValues", [value])), name
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name


# Operation


def test_every_code_with_which_a_message_can_be_parked_has_its_fix_on_the_page() -> None:
    parked = sections(OPERATION)["Alarms"].split("### ParkedRequests")[1]
    told = {code for row in rows(parked) for code in re.findall(r"`(\w+)`", row[0])}

    assert told == {str(code) for code, (end, _meaning) in MEANINGS.items() if "retried" in end or "parked" in end}


def test_every_log_filter_on_the_page_uses_fields_and_messages_that_are_logged() -> None:
    messages = re.findall(r'logger\(\)\.\w+\(\s*"([^"]+)"', (PACKAGE / "observability.py").read_text())
    asked = re.findall(r'\$\.(\w+) = "([^"]+)"', OPERATION)

    texts = {field: "a" for field, _value in asked if field != "message"}
    line = logging.makeLogRecord({**texts, **dict.fromkeys(re.findall(r"\$\.(\w+) >=", OPERATION), 1)})
    logging.getLogger(observability.logger().name).filter(line)

    assert observability.REDACTED not in vars(line).values()
    assert {value for field, value in asked if field == "message"} <= set(messages)
