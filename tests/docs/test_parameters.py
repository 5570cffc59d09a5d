"""Every line that gives parameters to a template gives what it says: it goes through SAM's own parser."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from samcli.commands.deploy.command import cli as sam_deploy
from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY, source_template
from tests.docs.documents import DOCS, PAGES, fenced, marked, name_of

Parameters = dict[str, str]
OPTION = "--parameter-overrides"
# How a person reads one: 'Name="a value"', 'Name=a value', Name="a value" or Name=value.
SAID = re.compile(r"""'(\w+)="?([^'"]*)"?'|(\w+)=(?:"([^"]*)"|([^\s'"]+))""")
CONFIG: dict[str, Any] = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
LISTS = {
    name: stage["deploy"]["parameters"]["parameter_overrides"]
    for name, stage in CONFIG.items()
    if name != "version" and "parameter_overrides" in stage["deploy"]["parameters"]
}


def lines() -> list[tuple[str, str]]:
    """Return each command, or piece of one, that gives parameters, with where it stands."""
    pieces = [(page, piece) for page in PAGES for piece in [*fenced(page.read_text(), "sh"), *marked(page.read_text())]]
    pieces += [(file, file.read_text().replace("run: ", "\n").replace("#", "\n")) for file in DOCS.glob("**/*.yaml")]
    written = [(name_of(file), line) for file, piece in pieces for line in piece.replace("\\\n", " ").splitlines()]
    return [(where, line.split("&&")[-1].strip()) for where, line in written if f"{OPTION} " in line]


def said(line: str) -> Parameters:
    """Return the parameters that a line names, and their values, as its reader takes them."""
    found = SAID.findall(line.split(OPTION)[1])
    return {quoted or name: value or either or other for quoted, value, name, either, other in found}


def heard(line: str) -> Parameters:
    """Return the parameters that SAM, or the AWS CLI, gets from a line that is pasted into a shell."""
    words = shlex.split(line, comments=True)
    rest = words[words.index(OPTION) :]
    if words[0] == "aws":  # it splits each word at its first `=`
        return dict(word.split("=", 1) for word in rest[1:] if not word.startswith("--"))
    return sam_gets(*rest)


def sam_gets(*arguments: str) -> Parameters:
    """Return the parameters that `sam deploy` gets from its arguments and samconfig.toml."""
    given: Parameters = sam_deploy.make_context("deploy", list(arguments)).params["parameter_overrides"]
    return given


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("__SAM_CLI_APP_DIR", str(tmp_path))  # not the user's


@pytest.mark.parametrize(("where", "line"), lines())
def test_a_line_gives_the_parameters_that_it_says(where: str, line: str) -> None:
    assert said(line), where
    assert heard(line) == said(line)


@pytest.mark.parametrize(("where", "line"), lines())
def test_a_line_names_parameters_of_its_template(where: str, line: str) -> None:
    named = re.search(r"--template-file (\S+)", line)
    built = "docs/examples/consumer/template.yaml" if "personal-link-consumer" in line else "template.yaml"
    template = yaml_parse((REPOSITORY / (named[1] if named else built)).read_text())

    assert said(line).keys() <= template["Parameters"].keys(), where


def test_no_page_with_such_a_line_is_left_out() -> None:
    pages = {"README.md", "docs/mapping.md", "docs/operation.md", "docs/parameters.md", "docs/request-and-result.md"}

    assert {where for where, _line in lines()} >= pages


def test_the_recipe_for_an_event_of_ones_own_listens_to_both_detail_types() -> None:
    [line] = [line for where, line in lines() if where == "docs/mapping.md" and "EventDetailType" in line]

    assert heard(line) == {"EventDetailType": "Personal Link Requested,Visit Ended"}


@pytest.mark.parametrize(
    ("line", "means", "gives"),
    [
        ('EventDetailType="Order Paid,Visit Ended"', "Order Paid,Visit Ended", "Order"),
        ("'KnownHeadings=Email,First Name'", "Email,First Name", "Email,First"),
    ],
)
def test_a_value_that_sam_cuts_off_at_its_blank_would_be_noticed(line: str, means: str, gives: str) -> None:
    assert list(said(f"{OPTION} {line}").values()) == [means]
    assert list(heard(f"{OPTION} {line}").values()) == [gives]


# samconfig.toml


@pytest.mark.parametrize("stage", LISTS)
def test_sam_gets_the_parameters_that_samconfig_lists(stage: str) -> None:
    listed = dict(word.split("=", 1) for word in LISTS[stage])

    assert sam_gets("--config-env", stage) == {name: value.strip('"') for name, value in listed.items()}
    assert listed.keys() <= source_template()["Parameters"].keys()


def test_parameters_on_the_command_line_replace_the_whole_list_of_samconfig() -> None:
    assert sam_gets("--config-env", "prod", OPTION, "CustomerGaugeRegion=us") == {"CustomerGaugeRegion": "us"}
