"""The page on operation: every alarm has its heading, and what the page looks for can be found."""

import ast
import re
from collections import defaultdict
from typing import Any

from docs.generate import MEANINGS, metrics
from personal_link import observability
from personal_link.aws import ledger_item, token_lease
from personal_link.domain import outcome
from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric
from sandbox.template import source_template, translated_template
from tests.docs.documents import DOCS, anchors, rows, sections
from tests.docs.known import PACKAGE, alarms, resources

PAGE = (DOCS / "operation.md").read_text()
SECTIONS = sections(PAGE)


def text_of(value: Any) -> str:
    return str(value["Fn::Sub"] if isinstance(value, dict) else value)


def test_every_heading_that_an_alarm_links_is_there() -> None:
    texts = [text_of(alarm["AlarmDescription"]) for alarm in alarms().values()]

    assert {anchor for text in texts for anchor in re.findall(r"docs/operation\.md#(\w+)", text)} <= anchors(PAGE)


def test_every_code_that_can_be_parked_has_its_fix() -> None:
    parked = SECTIONS["Alarms"].split("### ParkedRequests")[1]
    told = {code for row in rows(parked) for code in re.findall(r"`(\w+)`", row[0])}

    assert told == {str(code) for code, (end, _meaning) in MEANINGS.items() if "retried" in end or "parked" in end}


def test_every_metric_is_described_with_its_dimensions() -> None:
    described = {row[0].strip("`"): set(re.findall(r"\b(Code|Source|Status)\b", row[1])) for row in rows(metrics())}

    assert described == {str(metric): dimensions_counted()[metric.name] for metric in Metric}
    assert f"In the namespace `{NAMESPACE}`" in PAGE


def dimensions_counted() -> dict[str, set[str]]:
    """Return the dimensions by which the code counts each metric."""
    counted: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(args=[ast.Attribute(value=ast.Name(id="Metric"), attr=name), *_], keywords=keywords):
                    counted[name] |= {str(one.arg) for one in keywords}
    return counted


def test_every_filter_asks_for_fields_and_words_that_are_logged() -> None:
    messages = set(re.findall(r'logger\(\)\.\w+\(\s*"([^"]+)"', (PACKAGE / "observability.py").read_text()))
    asked = re.findall(r'\$\.(\w+) = "([^"]+)"', PAGE)

    numbers = set(re.findall(r"\$\.(\w+) >=", PAGE))

    assert {field for field, _value in asked} <= observability._SHAPES.keys()  # noqa: SLF001
    assert numbers <= observability._NUMBERS  # noqa: SLF001
    assert {value for field, value in asked if field == "message"} <= messages
    codes = {value for field, value in asked if field == "code"}
    assert all(any(re.fullmatch(code.replace("*", ".*"), known) for known in CODES) for code in codes)


def test_every_log_that_is_read_is_one_of_the_stack() -> None:
    groups = {text_of(group["LogGroupName"]) for group in resources("AWS::Logs::LogGroup").values()}

    named = set(re.findall(r"\blogs ([a-z-]+) '", PAGE))
    assert named == {"http-api", "queue-worker", "direct-invocation"}
    assert {f"/aws/lambda/${{AWS::StackName}}-{name}" for name in named} <= groups


def test_the_versions_of_formats_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows(SECTIONS["Upgrade"])}

    assert told["result"] == f"`schema`, now `{outcome.SCHEMA}`"
    assert told["item of the ledger"] == f"`format`, now `{ledger_item.FORMAT}`"
    assert told["shared token"] == f"its key, now `{token_lease.KEY}`"


def test_the_queues_keep_messages_as_long_as_the_security_page_says() -> None:
    page = (DOCS / "security.md").read_text()
    told = {name: int(days) for name, days in re.findall(r"\| (\w+ queue) \| until .*?, (\d+) days at most \|", page)}

    kept = {name: queue["MessageRetentionPeriod"] for name, queue in resources("AWS::SQS::Queue").items()}
    assert told.keys() == {"requests queue", "parked queue", "results queue"}
    for name, days in told.items():
        seconds = kept[f"{name.split()[0].title()}Queue"]
        assert not isinstance(seconds, int) or seconds == days * 86_400


def test_the_ledgers_table_alone_outlives_the_stack() -> None:
    resources = translated_template()["Resources"].items()
    stays = {name: one["DeletionPolicy"] for name, one in resources if one.get("DeletionPolicy", "Delete") != "Delete"}

    assert stays == {"LedgerTable": "RetainExceptOnCreate"}
    assert "**The ledger's table** (deletion policy `RetainExceptOnCreate`)" in SECTIONS["Uninstall"]
    assert "TableName" not in source_template()["Resources"]["LedgerTable"]["Properties"]  # no name that would clash
