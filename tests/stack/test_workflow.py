"""The example workflow of docs/examples on the emulator: it retries, distinguishes errors and fails with a code."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.aws.stack import Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.conftest import companion

EXAMPLE = REPOSITORY / "docs" / "examples" / "workflow.yaml"


class Workflow:
    """The deployed state machine."""

    def __init__(self, stack: Stack, arn: str) -> None:
        self._states = stack.emulator.client("stepfunctions")
        self._arn = arn

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run an execution to its end; return its description."""
        execution = self._states.start_execution(stateMachineArn=self._arn, input=json.dumps(request))["executionArn"]
        deadline = time.monotonic() + 60
        while (described := self._states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.1)  # nothing tells that an execution has ended
        return dict(described)

    def failures(self, execution: dict[str, Any]) -> list[str]:
        """Return by which errors the execution's task failed, in order."""
        history = self._states.get_execution_history(executionArn=execution["executionArn"])["events"]
        return [event["taskFailedEventDetails"]["error"] for event in history if event["type"] == "TaskFailed"]


@pytest.fixture(scope="module")
def workflow(stack: Stack) -> Iterator[Workflow]:
    given = {"DirectInvocationArn": stack.direct_invocation_arn, "SetUpWaitSeconds": "1", "SetUpAttempts": "1"}
    with companion(stack, "survey-workflow", EXAMPLE.read_text(), given) as arn:
        yield Workflow(stack, arn)


def a_request(**more: object) -> dict[str, Any]:
    return {"configuration": "contact", "record": {"Email": f"{uuid.uuid4()}@example.com"}, **more}


def test_a_rejected_request_fails_the_workflow_with_its_code_and_is_not_retried(
    workflow: Workflow, vendor: CustomerGaugeSandbox
) -> None:
    request = a_request(configuration="no-such-mapping")

    ended = workflow.run(request)

    assert (ended["status"], ended["error"]) == ("FAILED", "mapping_not_found")
    email = request["record"]["Email"].encode()
    statuses = [one.status for one in vendor.exchanges() if email in one.call.body]
    assert [status for status in statuses if status != 401] == [404]  # another test may have revoked the token
    assert workflow.failures(ended) == []


def test_the_workflow_retries_after_a_429_and_gets_the_link(workflow: Workflow, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=1))

    ended = workflow.run(a_request())

    assert ended["status"] == "SUCCEEDED"
    assert workflow.failures(ended) == ["rate_limited"]
    assert json.loads(ended["output"])["survey_link"] == vendor.links[-1].survey_link


def test_a_lost_answer_fails_the_workflow_as_outcome_unknown_without_a_second_survey(
    workflow: Workflow, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply(fault="reset", commit=True))
    vendor.duplicate_rule = "campaign"
    try:
        ended = workflow.run(a_request())
    finally:
        vendor.duplicate_rule = "off"

    assert (ended["status"], ended["error"]) == ("FAILED", "outcome_unknown")
    assert workflow.failures(ended) == ["no_answer"]


def test_the_workflow_catches_a_setup_fault_after_its_retries(workflow: Workflow, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(403), Reply.error(403))

    ended = workflow.run(a_request())

    assert (ended["status"], ended["error"]) == ("FAILED", "forbidden")
    assert workflow.failures(ended) == ["forbidden", "forbidden"]
