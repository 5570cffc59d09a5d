"""What the deployed functions write, at DEBUG: every outcome, and nothing personal or secret."""

import json

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.http_caller import HttpCaller
from sandbox.stack import Stack
from sandbox.vendor_replies import Reply
from tests.leaks.canaries import ALL_OF_THEM, KEY, RECORD, REFERENCE, canaries_in
from tests.watched_output import seen_in


def test_no_canary_is_in_the_logs_of_the_deployed_functions(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    request = json.dumps({"configuration": "contact", "record": RECORD, "reference": REFERENCE.value})
    quoting = [Reply.error(status, ALL_OF_THEM) for status in (400, 404, 422, 500)]
    for number, reply in enumerate([None, *quoting, Reply.html(502), Reply(fault="reset")]):
        if reply:
            vendor.script("personal-link", reply)
        caller.send("PUT", request, {"Idempotency-Key": f"{KEY.value}-{number}"})
    caller.send("PUT", ALL_OF_THEM.encode())
    vendor.script("personal-link", Reply.error(422, ALL_OF_THEM))
    for body in (request, request, ALL_OF_THEM, json.dumps({"reference": REFERENCE.value, "record": [ALL_OF_THEM]})):
        stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=body)
    stack.parked(1)
    stack.results(1)
    logs = stack.function_logs()
    assert '"status":"created"' in logs
    assert '"message":"parked"' in logs
    assert canaries_in(logs) == []
    assert seen_in([("logs", logs)]) == []
