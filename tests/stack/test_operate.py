"""The operator's command line on the deployed stack: parked requests are redriven and become links."""

import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

from sandbox import REPOSITORY
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.fault_switches import FaultSwitches
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.test_triggers import the_result

REQUEST = json.loads((REPOSITORY / "events" / "sqs_request.json").read_text())
VALUES = ["Example Bank", "Zo", "01234", "call-"]


def park_a_day_old(stack: Stack, request: dict[str, Any]) -> None:
    """Hand the worker a message whose retry window has ended; what fails now is parked."""
    resources = stack.emulator.client("cloudformation").list_stack_resources(StackName=STACK_NAME)
    [worker] = [
        one["PhysicalResourceId"]
        for one in resources["StackResourceSummaries"]
        if one["LogicalResourceId"] == "QueueWorkerFunction"
    ]
    day_ago = round((time.time() - 25 * 3600) * 1000)
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": json.dumps(request),
        "attributes": {"ApproximateReceiveCount": "40", "SentTimestamp": str(day_ago)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    answer = stack.emulator.client("lambda").invoke(
        FunctionName=worker, Qualifier="live", Payload=json.dumps({"Records": [record]})
    )
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}


def new_request() -> dict[str, Any]:
    name = f"call-{uuid.uuid4()}"
    return {**REQUEST, "reference": name, "idempotency_key": name}


def test_a_parked_request_is_listed_shown_masked_and_redriven_to_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    request = new_request()
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, request)

    listed = run("parked", "list", STACK_NAME, "--code", "unavailable")
    [message_id] = re.findall(r"[0-9a-f-]{36}", listed.output)
    assert listed.output.startswith("1 parked: 1 unavailable")

    shown = run("parked", "show", STACK_NAME, message_id)
    assert '"Phone": "***"' in shown.output
    assert [value for value in VALUES if value in shown.output] == []
    assert request["reference"] in run("parked", "show", STACK_NAME, message_id, "--unmask").output

    assert re.search(r"1 +retried", run("parked", "redrive", STACK_NAME, "--dry-run").output)
    assert stack.depth(stack.parked_queue_url) == 1

    redriven = run("parked", "redrive", STACK_NAME)

    assert redriven.exit_code == 0
    result = the_result(stack, lambda message: message.get("reference") == request["reference"]).json()
    assert (result["status"], result["replayed"]) == ("created", False)
    assert stack.depth(stack.parked_queue_url) == 0
    assert run("parked", "list", STACK_NAME).output == "0 parked\n"


def test_a_redriven_request_that_is_settled_repeats_its_result_without_a_call_of_customergauge(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    request = new_request()
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, request)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    first = the_result(stack, lambda message: message.get("reference") == request["reference"])
    calls = len(vendor.calls("personal-link"))

    redriven = run("parked", "redrive", STACK_NAME)

    assert "its result is sent again" in redriven.output
    again = the_result(stack, lambda message: message.get("reference") == request["reference"])
    assert again.body == first.body.replace('"replayed":false', '"replayed":true')
    assert again.attributes == first.attributes
    assert len(vendor.calls("personal-link")) == calls
    assert stack.depth(stack.parked_queue_url) == 0


def test_health_shows_the_functions_the_queue_mapping_and_the_parked_requests(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, new_request())

    told = run("health", STACK_NAME)

    stack.parked(1)
    assert told.exit_code == 1
    assert "! 1 parked: 1 unavailable" in told.output
    assert len(re.findall(r"\d +Active", told.output)) == 3  # all functions
    assert re.search("^Queue to worker +Enabled$", told.output, re.MULTILINE)
    assert re.search(r"^Credentials +filled in \(not read\)$", told.output, re.MULTILINE)


def test_health_and_find_show_retried_requests_during_an_outage_and_none_after_it(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Any
) -> None:
    request, outage = new_request(), FaultSwitches()
    outage.switch("outage", on=True)
    vendor.misbehave = outage
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    retries = stack.function_logs().count("retry scheduled")
    deadline = time.monotonic() + 60
    while stack.function_logs().count("retry scheduled") == retries and time.monotonic() < deadline:
        time.sleep(0.2)

    told, found = run("health", STACK_NAME), run("find", STACK_NAME, "--reference", request["reference"])

    outage.clear()
    assert (told.exit_code, found.exit_code) == (1, 1)
    assert re.search(r"^! 1 being retried: unavailable, oldest \d+ s\n +docs/operation", told.output, re.MULTILINE)
    assert found.output.startswith("Retrying: unavailable")

    assert the_result(stack, lambda message: message.get("reference") == request["reference"])
    found = run("find", STACK_NAME, "--key", request["idempotency_key"])
    assert (found.exit_code, found.output.splitlines()[0]) == (0, f"Created  {STACK_NAME}")
    assert re.search(r"^Result sent +20", found.output, re.MULTILINE)
    well = run("health", STACK_NAME)
    assert "being retried" not in well.output


def test_a_call_by_http_that_got_no_link_is_found_with_its_code_and_then_with_its_link(
    stack: Stack, vendor: CustomerGaugeSandbox, caller: HttpCaller, run: Callable[..., Result]
) -> None:
    key, body = str(uuid.uuid4()), json.dumps({**REQUEST, "idempotency_key": None})
    [user] = [one["Arn"] for one in stack.iam.list_users()["Users"] if one["UserName"] == "personal-link-caller"]
    vendor.script("personal-link", Reply.error(503, retry_after=1))

    states = []
    for _call in range(2):
        caller.send("PUT", body, {"Idempotency-Key": key})
        states.append(run("find", STACK_NAME, "--key", key, "--caller", user).output.splitlines()[0])

    assert states == [f"Not settled: unavailable  {STACK_NAME}", f"Created  {STACK_NAME}"]
    assert stack.results(1)


def test_send_ends_as_a_link_and_leaves_the_result_to_the_consumer(
    stack: Stack, run: Callable[..., Result], tmp_path: Path
) -> None:
    request = new_request()
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))

    sent = run("send", STACK_NAME, str(file))

    assert sent.exit_code == 0
    assert "Created" in sent.output.splitlines()
    assert "http" not in sent.output
    assert the_result(stack, lambda message: message.get("reference") == request["reference"])


def test_check_fetches_a_token_without_showing_it_and_creates_no_survey_record(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    tokens, calls = len(vendor.calls("token")), len(vendor.calls("personal-link"))

    checked = subprocess.run(
        [sys.executable, "-m", "operate", "check", STACK_NAME, "--yes"],
        cwd=REPOSITORY,
        env=stack.emulator.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line[:3] for line in checked.stdout.splitlines()[2:]] == ["ok "] * 3
    assert "sandbox-" not in checked.stdout + checked.stderr
    assert len(vendor.calls("token")) == tokens + 1
    assert len(vendor.calls("personal-link")) == calls


def test_the_check_of_a_mapping_makes_no_survey_record(
    vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    records = len(vendor.links)

    told = [run("check", STACK_NAME, "--yes", "--configuration", one) for one in ("contact", "activities", "contract")]

    assert [one.exit_code for one in told] == [0, 1, 1]
    assert [one.output.splitlines()[5].partition(": ")[2] for one in told] == [
        "there, of a right type; a request without a contact lacks Email, Phone",
        "refused: its data type is not Multi-Object or Survey Data",
        "there is none with this reference",
    ]
    assert len(vendor.links) == records


def test_an_erased_person_leaves_ledger_parked_queue_and_customergauge_and_the_key_is_free(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    person = f"{uuid.uuid4()}@example.com"
    request = {**new_request(), "record": {"Email": person}}
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, request)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    assert the_result(stack, lambda message: message.get("reference") == request["reference"])
    preview = run("erase", STACK_NAME, "--person", person, "--despite-queue")
    assert (preview.exit_code, preview.output.splitlines()[0]) == (0, f"2 to erase  {STACK_NAME}")
    assert stack.depth(stack.parked_queue_url) == 1

    erased = run(*("erase", STACK_NAME, "--person", person, "--vendor", "--any-host", "--despite-queue", "--yes"))

    assert (erased.exit_code, erased.output.splitlines()[0]) == (0, f"2 erased  {STACK_NAME}")
    assert stack.depth(stack.parked_queue_url) == 0
    assert [link.record for link in vendor.links if link.record.get("Email") in {person, "***"}] == [{"Email": "***"}]
    assert run("erase", STACK_NAME, "--key", request["idempotency_key"]).exit_code == 1
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    again = the_result(stack, lambda message: message.get("reference") == request["reference"]).json()
    assert (again["status"], again["replayed"]) == ("created", False)


def test_outputs_exports_the_stack_outputs_and_tail_shows_the_outcomes(stack: Stack, run: Any) -> None:
    exported = run("outputs", STACK_NAME, "--export").output.splitlines()
    followed = run("tail", STACK_NAME, "--since", "1h", "--no-follow").output.splitlines()

    assert f"export REQUESTS_QUEUE_URL={stack.requests_queue_url}" in exported
    assert any(re.match(r"20[-0-9]+ [:0-9]+  created +[0-9a-f]{8}  sqs$", line) for line in followed)


def test_an_unreadable_parked_message_is_deleted_after_a_preview(stack: Stack, run: Any) -> None:
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody="{")
    deadline = time.monotonic() + 30
    while stack.depth(stack.parked_queue_url) == 0 and time.monotonic() < deadline:
        time.sleep(0.2)

    assert run("parked", "redrive", STACK_NAME).exit_code == 1
    preview = run("parked", "delete", STACK_NAME, "--code", "invalid_request", "--dry-run")
    assert "1 to delete" in preview.output
    assert stack.depth(stack.parked_queue_url) == 1

    deleted = run("parked", "delete", STACK_NAME, "--code", "invalid_request", "--yes")

    assert deleted.output.splitlines()[-1] == "1 deleted."
    assert stack.depth(stack.parked_queue_url) == 0


def test_a_stack_that_does_not_exist_is_a_one_line_error(run: Any) -> None:
    asked = run("health", "no-such-stack")

    assert asked.exit_code == 2
    assert asked.output == (
        "Error: There is no stack no-such-stack in eu-west-1: check its name, --region and --profile.\n"
    )
