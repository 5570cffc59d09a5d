"""The examples: properties that need no emulator."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from samcli.yamlhelper import yaml_parse

from personal_link.domain.errors import CODES
from personal_link.domain.request import is_label
from personal_link.triggers import event_mappings
from sandbox import REPOSITORY
from sandbox.aws.stack import MAPPINGS
from sandbox.contracts import schema
from tests.docs.documents import DOCS, fenced, rows, sections

ADVICE = sections((DOCS / "codes.md").read_text())["What a caller does"]
MAPPING = (DOCS / "mapping.md").read_text()
SCHEDULE: dict[str, Any] = yaml_parse((DOCS / "examples" / "schedule.yaml").read_text())["Resources"]


def test_the_page_tells_the_caller_what_to_do_for_each_code_and_the_example_callers_do_it() -> None:
    named = [code for row in rows(ADVICE) for code in re.findall(r"`([a-z_]+)`", row[0])]

    assert sorted(named) == sorted(str(code) for code in CODES)
    again = {code for row in rows(ADVICE) if row[1].startswith("Retry ") for code in re.findall(r"`([a-z_]+)`", row[0])}
    for name in ("call.py", "call.mjs"):
        caller = (DOCS / "examples" / "callers" / name).read_text()
        [tried] = re.findall(r"^(?:const )?TRY_AGAIN = (.+)$", caller, re.MULTILINE)
        assert set(re.findall(r'"(\w+)"', tried)) == again


# Mappings


@pytest.mark.parametrize(
    ("expression", "detail", "value"), [row[1:] for row in rows(sections(MAPPING)["Recipes"])], ids=lambda cell: cell
)
def test_each_mapping_recipe_gives_the_value_shown(expression: str, detail: str, value: str, tmp_path: Path) -> None:
    [written, *_] = re.findall("`([^`]+)`", expression)
    entry = f"[A]\noptional = ['record.Value']\nrecord.Value = {json.dumps(written)}"
    (tmp_path / "mappings.toml").write_text(entry)
    event = {"detail-type": "A", "detail": json.loads(detail.strip("`"))}

    mapped = event_mappings.load(tmp_path / "mappings.toml").apply(event)

    assert mapped is not None
    assert mapped.problems == {}
    expected = {} if value.startswith("nothing") else {"Value": json.loads(value.strip("`"))}
    assert mapped.content["record"] == expected


@pytest.mark.parametrize("entries", fenced(MAPPING, "toml"))
def test_every_mapping_entry_on_the_page_loads(entries: str, tmp_path: Path) -> None:
    (tmp_path / "mappings.toml").write_text(entries)

    assert event_mappings.load(tmp_path / "mappings.toml").entries.keys() == tomllib.loads(entries).keys()


OWN_EVENT = sections(MAPPING)["Add an entry"]


def test_the_mapping_entry_on_the_own_event_page_makes_a_request_of_its_event(tmp_path: Path) -> None:
    (tmp_path / "mappings.toml").write_text(fenced(OWN_EVENT, "toml")[0])
    [event] = json.loads(fenced(OWN_EVENT, "json")[0])

    mapped = event_mappings.load(tmp_path / "mappings.toml").apply(
        {"detail-type": event["DetailType"], "detail": json.loads(event["Detail"])}
    )

    assert mapped is not None
    assert mapped.content == {
        "configuration": "9dd58237-c913-4073-9c76-07da0b49ff50",
        "record": {"Account Name": "Ida", "First Name": "Ida", "Email": "ida@example.com"},
        "reference": "visit-812",
    }


@pytest.mark.slow
def test_a_wrong_mapping_expression_fails_the_build_and_is_named(tmp_path: Path) -> None:
    layers = shutil.copytree(REPOSITORY / "layers", tmp_path / "layers")
    (tmp_path / "sandbox").mkdir()
    shutil.copy(REPOSITORY / "sandbox" / "find-python.sh", tmp_path / "sandbox")
    wrong = fenced(OWN_EVENT, "toml")[0].replace("detail.guest.email", "detail.guest..email")
    with (layers / MAPPINGS.relative_to(REPOSITORY / "layers")).open("a") as mappings:
        mappings.write("\n" + wrong)
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "ARTIFACTS_DIR": str(tmp_path / "built")}
    command = ["make", "build-PersonalLinkLayer"]  # as sam does

    built = subprocess.run(command, cwd=layers, env=environment, capture_output=True, text=True, check=False)

    assert built.returncode > 0
    assert 'event_mappings.toml: "Visit Ended" record.Email: is no JMESPath' in built.stderr
    assert "Traceback" not in built.stderr


# The schedule


def test_the_key_of_a_scheduled_request_is_the_same_on_each_try_and_within_the_length_limit() -> None:
    [found] = re.findall(r'"id": "([^"]+)"', SCHEDULE["SurveyDue"]["Properties"]["Target"]["Input"])
    assert found == "<aws.scheduler.schedule-arn>/<aws.scheduler.scheduled-time>"

    longest = f"arn:aws-us-gov:scheduler:ap-southeast-1:123456789012:schedule/{'g' * 64}/{'n' * 64}"  # by its API
    name = found.replace("<aws.scheduler.schedule-arn>", longest)
    assert is_label(name.replace("<aws.scheduler.scheduled-time>", "2026-11-24T10:10:00Z"))


def test_the_schedule_role_may_send_to_both_queues_and_use_the_kms_key_if_there_is_one() -> None:
    [policy] = SCHEDULE["SchedulerRole"]["Properties"]["Policies"]
    send, use_the_key = policy["PolicyDocument"]["Statement"]

    assert send["Resource"] == [{"Ref": "RequestsQueueArn"}, {"Ref": "ParkedQueueArn"}]
    assert use_the_key["Fn::If"] == [
        "HasKmsKey",
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": {"Ref": "KmsKeyArn"}},
        {"Ref": "AWS::NoValue"},
    ]


# the results as events

Handler = Callable[[dict[str, Any], object], dict[str, list[dict[str, str]]]]
CREATED, REJECTED, *_ = map(json.dumps, schema("result")["examples"])


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """The bus that the consumer puts events on, and its table of what was sent."""
    bus = Mock()
    bus.Table.return_value = bus
    bus.get_item.return_value = {}
    monkeypatch.setattr(boto3, "client", lambda _service: bus)
    monkeypatch.setattr(boto3, "resource", lambda _service: bus)
    monkeypatch.setenv("SENT_TABLE", "sent")
    monkeypatch.setenv("EVENT_BUS", "default")
    return bus


@pytest.fixture
def consume(bus: Mock) -> Handler:
    code = yaml_parse((DOCS / "examples" / "results.yaml").read_text())["Resources"]["ConsumerFunction"]
    consumer: dict[str, Any] = {}
    exec(code["Properties"]["InlineCode"], consumer)  # noqa: S102  # the template holds it as text
    handler: Handler = consumer["handler"]
    return handler


TAKEN = {"Entries": [{"EventId": "1"}]}


def put_on(bus: Mock) -> list[Any]:
    return [json.loads(call.kwargs["Entries"][0]["Detail"]) for call in bus.put_events.call_args_list]


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"Entries": [{"ErrorCode": "ThrottlingException"}]}, "RuntimeError"), (ValueError(CREATED), "ValueError")],
    ids=["refused", "failed"],
)
def test_an_event_that_the_bus_does_not_take_comes_again_without_its_text_in_the_log_and_holds_up_no_other(
    consume: Handler, bus: Mock, answer: object, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bus.put_events.side_effect = [answer, TAKEN]
    records = [{"messageId": "1", "body": CREATED}, {"messageId": "2", "body": REJECTED}]

    assert consume({"Records": records}, None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert put_on(bus) == [json.loads(CREATED), json.loads(REJECTED)]
    assert bus.put_item.call_args.kwargs["Item"]["id"] == f"{json.loads(REJECTED)['id']} rejected"
    assert bus.put_item.call_count == 1
    assert json.loads(capsys.readouterr().out) == {"failed": "1", "error": error}


def test_an_event_that_is_refused_for_what_the_caller_sent_goes_without_it(consume: Handler, bus: Mock) -> None:
    bus.put_events.side_effect = [{"Entries": [{"ErrorCode": "MalformedDetail"}]}, TAKEN]

    assert consume({"Records": [{"messageId": "1", "body": CREATED}]}, None) == {"batchItemFailures": []}
    whole = json.loads(CREATED)
    assert put_on(bus) == [whole, {key: value for key, value in whole.items() if key != "record"}]
