"""Whatever a document names exists: a parameter and its value, a file, a name of the code, a heading."""

import re
from pathlib import Path

import pytest

from sandbox.template import REPOSITORY
from tests.docs.documents import PAGES, anchors, fenced, marked, name_of
from tests.docs.known import OF_OTHERS, calls_of_aws, defined_as, files, names_in_code, names_in_template, parameters

FOLDERS = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
FILE = re.compile(r"[\w./-]+\.(py|md|yaml|toml|json|txt)|[\w.-]+/[\w./-]*")
VALUE = re.compile(r"\b([A-Z]\w*[a-z]\w*)=([^\s\"\']+)")
NAME = re.compile(r"(?=.*(_|[a-z][A-Z]))[A-Za-z]\w+")  # more than one word: no word of English
DOTTED = re.compile(r"([A-Za-z_]+)\.([a-z_]+)")

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def is_a_file(name: str, page: Path) -> bool:
    """Whether a path leads somewhere: from the repository, from the page, or as a name that some file has."""
    there = [REPOSITORY / name, page.parent / name]
    return any(path.exists() for path in there) or any(path.endswith(f"/{name}") for path in files())


def exists(name: str, page: Path) -> bool:
    if FILE.fullmatch(name):
        return name.split("/", maxsplit=1)[0] not in FOLDERS | {name} or name in OF_OTHERS or is_a_file(name, page)
    if VALUE.fullmatch(name):
        return name.partition("=")[0] in parameters().keys() | OF_OTHERS
    if DOTTED.fullmatch(name):
        return name in OF_OTHERS or defined_as(name)
    return not NAME.fullmatch(name) or name in names_in_code() | names_in_template() | calls_of_aws() | OF_OTHERS


@every_page
def test_every_name_in_code_marks_is_one_that_there_is(page: Path) -> None:
    assert [name for name in marked(page.read_text()) if not exists(name, page)] == []


@every_page
def test_every_parameter_is_given_a_value_that_it_may_have(page: Path) -> None:
    text = page.read_text()
    given = VALUE.findall(" ".join([*marked(text), *fenced(text, "sh")]))

    for name, value in given:
        parameter = parameters().get(name, {})
        allowed = parameter.get("AllowedValues", [value])
        assert value in map(str, allowed), name
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name


@every_page
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors((page.parent / target if target else page).read_text()), f"{target}#{anchor}"


def test_every_name_of_others_is_used_somewhere() -> None:
    text = " ".join(page.read_text() for page in PAGES)

    assert [name for name in OF_OTHERS if name not in text] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "ParkedRetentionWeeks",
        "LEDGER_WEEKS",
        "outcome_unsure",
        "LinkIssuer.guess",
        "request.chek",
        "docs/runbok.md",
        "ledgr.py",
        "EchoRecords=true",
    ],
)
def test_a_name_that_there_is_not_would_be_noticed(wrong: str) -> None:
    assert not exists(wrong, REPOSITORY / "README.md")
