"""The runbook and the alarms say the same, and what the runbook looks for can be found."""

import re
from typing import Any

import pytest

from personal_link import observability
from personal_link.domain.errors import CODES
from sandbox.template import REPOSITORY, source_template
from tests.docs.documents import DOCS, commands, fenced, rows, sections
from tests.docs.known import PACKAGE, alarms, parameters, resources

RUNBOOK = (DOCS / "runbook.md").read_text()
SECTIONS = sections(RUNBOOK)
PARTS = ["What it means.", "First look.", "Fix.", "Redrive."]

every_heading = pytest.mark.parametrize("heading", SECTIONS)


def text_of(value: Any) -> str:
    """Return a text of the template as it reads in a document."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    return " ".join(text.replace("${AWS::StackName}", "<stack>").split())


def part(heading: str, name: str) -> str:
    found = re.search(rf"\*\*{re.escape(name)}\*\*(.*?)(?=^\*\*|\Z)", SECTIONS[heading], re.DOTALL | re.MULTILINE)
    assert found, name
    return found[1]


def test_the_headings_are_the_alarms() -> None:
    assert sorted(SECTIONS) == sorted(alarms())


@every_heading
def test_an_alarm_says_what_its_heading_quotes(heading: str) -> None:
    [quoted] = fenced(SECTIONS[heading], "text")

    assert text_of(alarms()[heading]["AlarmDescription"]) == " ".join(quoted.split())


@every_heading
def test_a_text_has_a_meaning_its_heading_a_first_look_and_a_fix(heading: str) -> None:
    [text] = fenced(SECTIONS[heading], "text")

    lines = text.splitlines()
    assert lines[1] == f"Runbook: docs/runbook.md#{heading.lower()}."
    assert [line.split(": ")[0] for line in lines[2:]] == ["First look", "Fix"]
    assert len(text.replace("<stack>", "s" * 128)) <= 1024  # CloudWatch takes no more


@every_heading
def test_a_heading_has_all_its_parts_and_a_line_to_paste_first(heading: str) -> None:
    assert re.findall(r"^\*\*(.+?)\*\*", SECTIONS[heading], re.MULTILINE) == PARTS
    assert commands(part(heading, "First look."))
    assert all(part(heading, name).strip() for name in PARTS)


def test_whatever_can_be_parked_has_its_fix() -> None:
    of_the_readme = rows(sections((REPOSITORY / "README.md").read_text())["Codes"])
    can_be_parked = {row[0].strip("`") for row in of_the_readme if "waits" in row[2] or "parked" in row[2]}

    told = {code for row in rows(SECTIONS["ParkedRequests"]) for code in re.findall(r"`(\w+)`", row[0])}
    assert told == can_be_parked


def test_every_filter_asks_for_fields_and_words_that_are_logged() -> None:
    fields = observability._SHAPES.keys() | set(re.findall(r'"(\w+)":"\$context', access_log_format()))  # noqa: SLF001
    messages = set(re.findall(r'logger\(\)\.\w+\(\s*"([^"]+)"', (PACKAGE / "observability.py").read_text()))
    asked = re.findall(r'\$\.(\w+) = "([^"]+)"', RUNBOOK)

    assert {field for field, _value in asked} <= fields
    assert {value for field, value in asked if field == "message"} <= messages
    codes = {value for field, value in asked if field == "code"}
    assert all(any(re.fullmatch(code.replace("*", ".*"), known) for known in CODES) for code in codes)


def access_log_format() -> str:
    setting = resources("AWS::Serverless::Api")["PersonalLinkApi"]["AccessLogSetting"]["Fn::If"][1]
    return str(setting["Format"]).replace(" ", "")


def test_every_log_group_is_one_of_the_stack() -> None:
    groups = {text_of(group["LogGroupName"]) for group in resources("AWS::Logs::LogGroup").values()}

    named = set(re.findall(r"--log-group-name (\S+)", RUNBOOK))
    assert {name.replace("$STACK", "<stack>") for name in named} == groups


def test_every_query_of_the_stack_asks_for_what_it_has() -> None:
    assert re.findall(r"ParameterKey==`(\w+)`", RUNBOOK) == ["DefaultConfiguration"]
    assert "DefaultConfiguration" in parameters()
    assert re.findall(r"OutputKey==`(\w+)`", RUNBOOK) == ["DashboardUrl"]
    assert "DashboardUrl" in source_template()["Outputs"]
