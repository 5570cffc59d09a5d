"""The deployed functions log no secret and no personal data at LogLevel DEBUG, in success and in failure."""

import json
import re
import uuid
from typing import Final

from sandbox import REPOSITORY
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.embedded_metrics import counted_in
from tests.leaks.canaries import ALL_OF_THEM, CANARIES, EMAIL, PHONE, RECORD, REFERENCE, Canary, canaries_in
from tests.stack.deployed import wait_until

ERRORS: Final = {"message": ALL_OF_THEM, "errors": {"Email": [ALL_OF_THEM]}}


def a_request(**changes: object) -> str:
    key = f"order-canaryKeyOf-{uuid.uuid4()}"
    request = {"configuration": "contact", "record": RECORD, "reference": REFERENCE.value, "idempotency_key": key}
    return json.dumps(request | changes)


def outcomes_and_parked(logs: str) -> int:
    return logs.count('"message":"outcome"') + logs.count('"message":"parked"')


def secrets_of(vendor: CustomerGaugeSandbox) -> list[Canary]:
    """Return what the functions have got of this vendor, as canaries."""
    tokens = {call.headers["Authorization"].removeprefix("Bearer ") for call in vendor.calls("personal-link")}
    links = {link for made in vendor.links for link in (made.survey_link, made.survey_link_short)}
    named = {"client secret": {vendor.client_secret}, "access token": tokens, "link": links}
    return [Canary(name, value, (value,)) for name, values in named.items() for value in values]


def test_the_logs_of_the_functions_hold_no_secret_and_no_personal_data(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    before = outcomes_and_parked(stack.function_logs())

    whole = a_request()
    statuses = [caller.send("PUT", whole).status, caller.send("POST", whole).status]
    statuses.append(caller.send("PUT", a_request(record={"Email": EMAIL.value}, configuration=[PHONE.value])).status)
    statuses.append(caller.send("PUT", whole[:-3]).status)
    for reply in (
        *(Reply(422, ERRORS), Reply(500, f"<html>{ALL_OF_THEM}</html>"), Reply(fault="reset")),
        *(Reply(401, ERRORS), Reply(403, ERRORS, {"Location": "https://elsewhere.example/"})),
    ):
        vendor.script("personal-link", reply)
        statuses.append(caller.send("PUT", a_request()).status)
    vendor.script("personal-link", Reply(503, ERRORS, {"Retry-After": "1"}), Reply(422, ERRORS), Reply(200, ERRORS))
    for body in (a_request(), a_request(), a_request(), whole[:-3], a_request(record=PHONE.value)):
        stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=body)
    [entry] = json.loads((REPOSITORY / "events" / "eventbridge_checkout_completed.json").read_text())
    stack.events.put_events(Entries=[entry | {"Detail": a_request()}])

    # by HTTP two links, a replay and a refusal of the vendor's; off the queue five results and a parked message
    wait_until(lambda: outcomes_and_parked(stack.function_logs()) >= before + 10)
    assert len(stack.parked(1)) == 1
    assert statuses == [200, 200, 400, 400, 422, 503, 504, 200, 502]
    logs = stack.function_logs()
    assert outcomes_and_parked(logs) == before + 10
    lines = [json.loads(line) for line in logs.splitlines() if '"service":"personal-link"' in line]
    assert {line["message"] for line in lines} >= {"outcome", "no outcome", "retry scheduled", "parked"}
    assert all(re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", line["xray_trace_id"]) for line in lines)
    assert {one.name for one in counted_in(logs)} >= {"Outcomes", "Refused", "TriedAgain", "Parked", "VendorLatency"}
    assert canaries_in(logs, (*CANARIES, *secrets_of(vendor))) == []
    assert "(withheld)" not in logs  # the ids are AWS's own
