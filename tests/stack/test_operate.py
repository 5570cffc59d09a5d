"""The operator's command line finds what the deployed functions log and store; other files of this folder redrive."""

import json
import re
import uuid
from collections.abc import Callable

from click.testing import Result

from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.deployed import a_request, result_of, wait_until

Run = Callable[..., Result]


def test_health_find_and_tail_show_a_retried_request_during_an_outage_and_its_link_after_it(
    stack: Stack, vendor: CustomerGaugeSandbox, run: Run
) -> None:
    request, retries = a_request(), stack.function_logs().count("retry scheduled")
    vendor.faults.switch("outage", on=True)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    wait_until(lambda: stack.function_logs().count("retry scheduled") > retries)

    told, found = run("health", STACK_NAME), run("find", STACK_NAME, "--reference", request["reference"])

    vendor.faults.clear()
    assert (told.exit_code, found.exit_code) == (1, 1)
    assert re.search(r"^! 1 being retried: unavailable, oldest \d+ s\n +docs/operation", told.output, re.MULTILINE)
    assert found.output.startswith("Retrying: unavailable")

    assert result_of(stack, request)
    found = run("find", STACK_NAME, "--key", request["idempotency_key"])
    assert (found.exit_code, found.output.splitlines()[0]) == (0, f"Created  {STACK_NAME}")
    assert re.search(r"^Result sent +20", found.output, re.MULTILINE)
    assert "being retried" not in run("health", STACK_NAME).output
    followed = run("tail", STACK_NAME, "--since", "1h", "--no-follow").output
    assert re.search(r"^20[-0-9]+ [:0-9]+  created +[0-9a-f]{8}  sqs$", followed, re.MULTILINE)


def test_a_call_by_http_that_got_no_link_is_found_with_its_code_and_then_with_its_link(
    stack: Stack, vendor: CustomerGaugeSandbox, caller: HttpCaller, run: Run
) -> None:
    key, body = str(uuid.uuid4()), json.dumps(a_request(idempotency_key=None))
    [user] = [one["Arn"] for one in stack.iam.list_users()["Users"] if one["UserName"] == "personal-link-caller"]
    vendor.script("personal-link", Reply.error(503, retry_after=1))

    states = []
    for _call in range(2):
        caller.send("PUT", body, {"Idempotency-Key": key})
        states.append(run("find", STACK_NAME, "--key", key, "--caller", user).output.splitlines()[0])

    assert states == [f"Not settled: unavailable  {STACK_NAME}", f"Created  {STACK_NAME}"]
    assert stack.results(1)
