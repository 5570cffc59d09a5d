"""The third function on the emulator: a request or an event in, its result out; what fails for good is parked."""

import json
import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from click.testing import Result

from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.test_triggers import the_result


def a_request(**more: object) -> dict[str, Any]:
    name = f"direct-{uuid.uuid4()}"
    return {"configuration": "contact", "record": {"Email": f"{name}@example.com"}, "reference": name, **more}


def invoke(stack: Stack, payload: object) -> tuple[str | None, Any]:
    """Invoke and wait; return the kind of error that Lambda tells of, and the payload."""
    answer = stack.emulator.client("lambda").invoke(
        FunctionName=stack.direct_invocation_arn, Payload=json.dumps(payload).encode()
    )
    return answer.get("FunctionError"), json.load(answer["Payload"])


def test_an_invocation_returns_the_same_result_that_is_queued(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    request = a_request()

    error, result = invoke(stack, request)

    assert error is None
    assert (result["status"], result["source"]["type"]) == ("created", "direct")
    assert result["personal_link"]["survey_link"] == vendor.links[-1].survey_link
    queued = the_result(stack, lambda message: message.get("reference") == request["reference"])
    assert queued.json() == result
    assert queued.attributes == {"status": "created", "code": "created", "source": "direct"}


def test_a_retryable_failure_is_an_error_named_after_its_code(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=1))

    error, failure = invoke(stack, a_request())

    assert error == "Unhandled"
    assert failure["errorType"] == "rate_limited"
    assert failure["errorMessage"].startswith("rate_limited: ")


def test_an_asynchronous_invocation_that_keeps_failing_is_parked_and_gets_its_link_when_redriven(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Callable[..., Result]
) -> None:
    request = a_request()
    vendor.faults.switch("outage", on=True)
    try:
        stack.emulator.client("lambda").invoke(
            FunctionName=stack.direct_invocation_arn, InvocationType="Event", Payload=json.dumps(request).encode()
        )
        deadline = time.monotonic() + 60
        while stack.depth(stack.parked_queue_url) == 0:  # Lambda tries three times
            assert time.monotonic() < deadline, "nothing was parked within a minute"
            time.sleep(0.2)
    finally:
        vendor.faults.clear()

    listed = run("parked", "list", STACK_NAME, "--code", "unavailable")
    assert "1 parked: 1 unavailable" in listed.output
    [message_id] = re.findall(r"[0-9a-f-]{36}", listed.output)
    shown = run("parked", "show", STACK_NAME, message_id).output
    assert re.search(r"^Detail +CustomerGauge answered HTTP 503$", shown, re.MULTILINE)
    assert request["reference"] not in shown

    run("parked", "redrive", STACK_NAME)

    result = the_result(stack, lambda message: message.get("reference") == request["reference"]).json()
    assert (result["status"], result["source"]["type"]) == ("created", "direct")
    assert stack.depth(stack.parked_queue_url) == 0


def test_an_eventbridge_rule_can_invoke_the_alias_directly(stack: Stack) -> None:
    events, function = stack.events, stack.emulator.client("lambda")
    request, source = a_request(), f"shop-{uuid.uuid4()}"
    rule = events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    function.add_permission(
        FunctionName=stack.direct_invocation_arn,
        StatementId="of-a-rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(Rule=source, Targets=[{"Id": "direct", "Arn": stack.direct_invocation_arn}])
    entry: Any = {"Source": source, "DetailType": "Survey Wanted", "Detail": json.dumps(request)}
    try:
        result = None
        for _try in range(3):  # EventBridge would try its target again; the emulator tries once
            events.put_events(Entries=[entry])
            with suppress(AssertionError):
                result = the_result(stack, lambda message: message.get("reference") == request["reference"], 15)
                break
    finally:
        events.remove_targets(Rule=source, Ids=["direct"])
        events.delete_rule(Name=source)

    assert result is not None
    assert result.attributes == {"status": "created", "code": "created", "source": "eventbridge"}
