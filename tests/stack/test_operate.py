"""The operator's command line on the deployed stack: what a fault has parked comes back as a link."""

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

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.stack import STACK_NAME, Stack
from sandbox.template import REPOSITORY
from sandbox.vendor_replies import Reply
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


def test_a_request_that_a_fault_has_parked_is_listed_shown_masked_and_redriven_to_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    request = new_request()
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, request)

    listed = run("parked", "list", STACK_NAME, "--code", "unavailable")
    [message_id] = re.findall(r"[0-9a-f-]{36}", listed.output)
    assert "1 parked: 1 unavailable" in listed.output

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
    assert "0 parked." in run("parked", "list", STACK_NAME).output


def test_a_parked_request_that_is_settled_gets_its_result_again_and_the_vendor_no_call(
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


def test_health_tells_what_is_deployed_and_what_is_parked(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, new_request())

    told = run("health", STACK_NAME)

    stack.parked(1)
    assert told.exit_code == 1
    assert "Parked: 1 unavailable" in told.output
    assert len(re.findall(r"\d +Active", told.output)) == 3  # all functions
    assert "Queue to worker: Enabled" in told.output
    assert "Credentials: filled in (not read)" in told.output


def test_a_test_request_ends_as_a_link_and_its_result_is_left_to_the_consumer(
    stack: Stack, run: Callable[..., Result], tmp_path: Path
) -> None:
    request = new_request()
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))

    sent = run("send", STACK_NAME, str(file))

    assert sent.exit_code == 0
    assert "created: created (attempts: 1" in sent.output
    assert "http" not in sent.output
    assert the_result(stack, lambda message: message.get("reference") == request["reference"])


def test_the_check_fetches_a_token_shows_none_and_makes_no_survey_record(
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

    assert [line[:3] for line in checked.stdout.splitlines()] == ["ok "] * 3
    assert "sandbox-" not in checked.stdout + checked.stderr
    assert len(vendor.calls("token")) == tokens + 1
    assert len(vendor.calls("personal-link")) == calls
