"""The companion stack's template and state machine, as CloudFormation and Step Functions get them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from cfnlint.api import ManualArgs, lint
from samcli.yamlhelper import yaml_parse

from sandbox import REPOSITORY
from sandbox.template import translated_template

SOURCE = REPOSITORY / "bulk" / "template.yaml"
MACHINE = REPOSITORY / "bulk" / "state_machine.asl.json"


@cache
def source() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(json.dumps(yaml_parse(SOURCE.read_text())))
    return parsed


@cache
def built() -> dict[str, Any]:
    """Return plain CloudFormation, with the state machine's definition where the linter looks into it."""
    template = json.loads(json.dumps(source()))
    machine = template["Resources"]["StateMachine"]["Properties"]
    del machine["DefinitionUri"]
    machine["Definition"] = definition()
    template["Globals"]["Function"]["CodeUri"] = "s3://artefacts/upload"
    return translated_template(template)


@cache
def definition() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(MACHINE.read_text())
    return parsed


def of_type(kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in built()["Resources"].items() if one["Type"] == kind}


def statements() -> Iterator[dict[str, Any]]:
    for properties in (*of_type("AWS::IAM::Role").values(), *of_type("AWS::IAM::Policy").values()):
        for policy in properties.get("Policies", [properties]):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def states(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def test_the_template_has_at_most_340_lines_and_no_anchors() -> None:
    text = SOURCE.read_text()

    assert len(text.splitlines()) <= 340
    assert [event for event in yaml.parse(text) if getattr(event, "anchor", None)] == []


def test_the_template_is_valid_cloudformation_with_a_valid_state_machine() -> None:
    found = lint(json.dumps(built()), config=ManualArgs(regions=["eu-west-1"]))

    assert [str(one) for one in found] == []


def test_every_parameter_has_a_description_and_a_constraint() -> None:
    for parameter in source()["Parameters"].values():
        assert parameter["Description"]
        assert {"AllowedPattern", "MinValue"} & parameter.keys()


def test_every_role_has_exact_permissions_and_the_boundary_if_there_is_one() -> None:
    boundary = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    roles = of_type("AWS::IAM::Role").values()

    assert [role.get("PermissionsBoundary") for role in roles] == [boundary] * 6
    assert [role for role in roles if role.get("ManagedPolicyArns")] == []
    for statement in statements():
        assert "*" not in as_list(statement["Resource"])
        assert [action for action in as_list(statement["Action"]) if "*" in action] == []


def test_queue_and_bucket_refuse_plain_http() -> None:
    policies = (*of_type("AWS::SQS::QueuePolicy").values(), *of_type("AWS::S3::BucketPolicy").values())

    [queue, bucket] = [
        one for policy in policies for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"
    ]
    for denial in (queue, bucket):
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (bucket["Principal"], bucket["Action"], len(bucket["Resource"])) == ("*", "s3:*", 2)


def test_an_undelivered_file_is_kept_for_two_weeks() -> None:
    [queue] = of_type("AWS::SQS::Queue").values()

    assert queue["MessageRetentionPeriod"] == 1_209_600


def test_the_bucket_is_encrypted_and_private_and_its_files_expire() -> None:
    [bucket] = of_type("AWS::S3::Bucket").values()

    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == {"Fn::If": ["HasKmsKey", "aws:kms", "AES256"]}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [everything] = bucket["LifecycleConfiguration"]["Rules"]
    assert everything["ExpirationInDays"] == {"Ref": "FileDays"}
    assert "Prefix" not in everything


def test_a_failed_execution_and_a_file_that_started_none_raise_an_alarm_that_never_says_ok() -> None:
    """The job or the file still waits when the metric ends."""
    [rule] = of_type("AWS::Events::Rule").values()
    alarms = of_type("AWS::CloudWatch::Alarm")

    assert {name: (one["Namespace"], one["MetricName"], one["Dimensions"]) for name, one in alarms.items()} == {
        "JobsFailed": (
            "AWS/States",
            "ExecutionsFailed",
            [{"Name": "StateMachineArn", "Value": {"Ref": "StateMachine"}}],
        ),
        "FilesUndelivered": (
            "AWS/Events",
            "InvocationsSentToDlq",
            [{"Name": "RuleName", "Value": rule["Name"]}],
        ),
    }
    assert all(one["AlarmActions"] and "OKActions" not in one for one in alarms.values())


def test_the_state_machine_writes_no_logs() -> None:
    [machine] = of_type("AWS::StepFunctions::StateMachine").values()

    assert "LoggingConfiguration" not in machine


def test_each_map_state_reads_the_list_of_parts_and_no_rows() -> None:
    maps = [state for _name, state in states(definition()) if state["Type"] == "Map"]

    assert len(maps) == 2
    for state in maps:
        assert state["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
        assert state["ItemReader"]["Parameters"]["Key.$"] == "$.parts"


def test_every_task_of_the_state_machine_is_retried() -> None:
    tasks = {name: state for name, state in states(definition()) if state["Type"] == "Task"}

    assert tasks.keys() == {"Split", "SendPart", "CollectPart", "Join", "Announce"}
    for state in tasks.values():
        [retry] = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert retry["MaxAttempts"] >= 5


def test_the_state_machine_reads_only_fields_that_the_functions_return() -> None:
    """A path that no function fills would fail on AWS, in a state that is reached late."""
    paths = {path for path in MACHINE.read_text().split('"') if path.startswith("$.")}
    of_the_file = {"$.bucket", "$.key", "$.etag", "$.file", "$.file.bucket"}
    of_the_tasks = {"$.Payload", "$.outcome", "$.parts", "$.next", "$.sent_at", "$.pause"}

    assert paths == of_the_file | of_the_tasks


def test_the_main_stack_exports_the_values_that_the_bulk_stack_imports() -> None:
    main = yaml_parse(Path(REPOSITORY / "template.yaml").read_text())
    assert main["Outputs"]["BulkImports"]["Value"]["Fn::Sub"] == (
        "${RequestsQueue} ${RequestsQueue.Arn} ${LedgerTable} ${LedgerTable.Arn} ${AlarmTopic} "
        "${QueueWorkerFunction.Arn}"
    )
    assert main["Outputs"]["BulkImports"]["Export"] == {"Name": {"Fn::Sub": "${AWS::StackName}-BulkImports"}}


@pytest.mark.parametrize("place", [1, 3, 4, 5])
def test_each_value_of_the_export_is_imported_from_its_position(place: int) -> None:
    names = {1: "sqs:SendMessage", 3: "dynamodb:BatchGetItem", 4: "AlarmActions", 5: "lambda:GetFunctionConfiguration"}
    settings = {"Fn::ImportValue": {"Fn::Sub": "${MainStack}-BulkImports"}}
    chosen = json.dumps({"Fn::Select": [place, {"Fn::Split": [" ", settings]}]})

    users = [one for one in json.dumps(built(), sort_keys=False).split('"Type": "AWS::') if chosen in one]

    assert [one for one in users if names[place] in one]
