"""The third function on the emulator, and the example workflow that calls it: a request in, its result out.

What fails for good is parked, or fails the workflow with its code.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result

from sandbox import REPOSITORY
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.conftest import companion
from tests.stack.deployed import a_request, result_of, wait_until

EXAMPLE = REPOSITORY / "docs" / "examples" / "workflow.yaml"


def invoke(stack: Stack, payload: object, kind: str = "RequestResponse") -> Any:
    return stack.emulator.client("lambda").invoke(
        FunctionName=stack.direct_invocation_arn, InvocationType=kind, Payload=json.dumps(payload)
    )


def test_an_invocation_returns_the_same_result_that_is_queued(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    request = a_request()

    answer = invoke(stack, request)

    assert "FunctionError" not in answer
    result = json.load(answer["Payload"])
    assert (result["status"], result["source"]["type"]) == ("created", "direct")
    assert result["personal_link"]["survey_link"] == vendor.links[-1].survey_link
    queued = result_of(stack, request)
    assert queued.json() == result
    assert queued.attributes == {"status": "created", "code": "created", "source": "direct"}


def test_an_asynchronous_invocation_that_keeps_failing_is_parked_and_gets_its_link_when_redriven(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    request = a_request()
    vendor.faults.switch("outage", on=True)
    try:
        invoke(stack, request, "Event")
        wait_until(lambda: stack.depth(stack.parked_queue_url))  # Lambda tries three times
    finally:
        vendor.faults.clear()

    listed = run("parked", "list", STACK_NAME, "--code", "unavailable")
    assert "1 parked: 1 unavailable" in listed.output
    [message_id] = re.findall(r"[0-9a-f-]{36}", listed.output)
    shown = run("parked", "show", STACK_NAME, message_id).output
    assert re.search(r"^Detail +CustomerGauge answered HTTP 503$", shown, re.MULTILINE)
    assert request["reference"] not in shown

    run("parked", "redrive", STACK_NAME)

    result = result_of(stack, request).json()
    assert (result["status"], result["source"]["type"]) == ("created", "direct")
    assert stack.depth(stack.parked_queue_url) == 0


# The example workflow


Run = Callable[[dict[str, Any]], tuple[dict[str, Any], list[str]]]


@pytest.fixture(scope="module")
def run_workflow(stack: Stack) -> Iterator[Run]:
    """Run an execution to its end; return its description, and by which errors its task failed, in order."""
    states = stack.emulator.client("stepfunctions")
    given = {"DirectInvocationArn": stack.direct_invocation_arn, "SetUpWaitSeconds": "1", "SetUpAttempts": "1"}
    with companion(stack, "survey-workflow", EXAMPLE.read_text(), given) as machine:

        def run_it(request: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
            started = states.start_execution(stateMachineArn=machine, input=json.dumps(request))
            execution = {"executionArn": started["executionArn"]}
            wait_until(lambda: states.describe_execution(**execution)["status"] != "RUNNING")
            events = states.get_execution_history(**execution)["events"]
            failed = [one["taskFailedEventDetails"]["error"] for one in events if one["type"] == "TaskFailed"]
            return states.describe_execution(**execution), failed

        yield run_it


def test_the_workflow_retries_after_a_429_and_gets_the_link(run_workflow: Run, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=1))

    ended, failures = run_workflow(a_request())

    assert ended["status"] == "SUCCEEDED"
    assert failures == ["rate_limited"]
    assert json.loads(ended["output"])["survey_link"] == vendor.links[-1].survey_link


def test_a_rejected_request_fails_the_workflow_with_its_code_and_is_not_retried(
    run_workflow: Run, vendor: CustomerGaugeSandbox
) -> None:
    request = a_request(configuration="no-such-mapping")

    ended, failures = run_workflow(request)

    assert (ended["status"], ended["error"], failures) == ("FAILED", "mapping_not_found", [])
    email = request["record"]["Email"].encode()
    statuses = [one.status for one in vendor.exchanges() if email in one.call.body]
    assert [status for status in statuses if status != 401] == [404]  # another test may have revoked the token


@pytest.mark.parametrize(
    ("replies", "failures", "code"),
    [
        ([Reply(fault="reset", commit=True)], ["no_answer"], "outcome_unknown"),
        ([Reply.error(403)] * 2, ["forbidden"] * 2, "forbidden"),
    ],
    ids=["a lost answer, without a second survey", "a fault of the set-up, after its retries"],
)
def test_the_workflow_fails_with_the_code_of_its_last_failure(
    run_workflow: Run, vendor: CustomerGaugeSandbox, replies: list[Reply], failures: list[str], code: str
) -> None:
    vendor.script("personal-link", *replies)
    vendor.duplicate_rule = "campaign"
    try:
        ended, failed = run_workflow(a_request())
    finally:
        vendor.duplicate_rule = "off"

    assert (ended["status"], ended["error"], failed) == ("FAILED", code, failures)
