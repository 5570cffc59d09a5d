"""The whole template on the emulator, IAM enforced, through each of its triggers."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from sandbox import REPOSITORY
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import Message, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox

EVENTS = REPOSITORY / "events"


def sample(name: str) -> str:
    return (EVENTS / name).read_text()


def the_result(stack: Stack, found: Callable[[dict[str, Any]], bool], within: float = 60.0) -> Message:
    """Take results until the one that is looked for; those of other tests are of no further use."""
    end = time.monotonic() + within
    while (left := end - time.monotonic()) > 0:
        for message in stack.results(1, left):
            if found(message.json()):
                return message
    raise AssertionError("the result did not come")


def test_an_http_call_is_answered_in_the_shape_of_customergauge_and_its_result_is_queued(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    answer = caller.send("PUT", sample("http_put.json"), {"Idempotency-Key": "stack-http"})

    link = vendor.links[-1]
    data = {
        "number_customergauge": link.number_customergauge,
        "survey_link": link.survey_link,
        "survey_link_short": link.survey_link_short,
    }
    assert (answer.status, answer.json()) == (200, {"data": data})
    result = the_result(stack, lambda message: message.get("personal_link") == data)
    assert result.attributes == {"status": "created", "code": "created", "source": "http"}


def test_a_different_http_request_with_the_same_key_is_refused(caller: HttpCaller) -> None:
    caller.send("PUT", sample("http_put.json"), {"Idempotency-Key": "stack-reuse"})

    other = json.dumps({"configuration": "contact", "record": {"Email": "somebody.else@example.com"}})
    answer = caller.send("PUT", other, {"Idempotency-Key": "stack-reuse"})

    assert (answer.status, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_post_of_a_zendesk_trigger_becomes_a_link(caller: HttpCaller, vendor: CustomerGaugeSandbox) -> None:
    answer = caller.send("POST", sample("http_zendesk_ticket_solved.json"))

    assert answer.status == 200
    assert answer.json()["data"]["survey_link"] == vendor.links[-1].survey_link


def test_a_form_for_the_customergauge_endpoint_becomes_a_link(caller: HttpCaller, vendor: CustomerGaugeSandbox) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "stack-form"}

    answer = caller.send("PUT", sample("http_form.txt").strip(), headers)

    assert answer.status == 200
    assert answer.json()["data"]["survey_link"] == vendor.links[-1].survey_link


def test_an_eventbridge_event_becomes_a_link(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    [entry] = json.loads(sample("eventbridge_checkout_completed.json"))
    reference = f"order-{uuid.uuid4()}"
    detail = json.loads(entry["Detail"]) | {"reference": reference, "idempotency_key": reference}

    stack.events.put_events(Entries=[entry | {"Detail": json.dumps(detail)}])

    result = the_result(stack, lambda message: message.get("reference") == reference)
    assert result.attributes == {"status": "created", "code": "created", "source": "eventbridge"}
    assert result.json()["personal_link"]["survey_link"] in {link.survey_link for link in vendor.links}


def test_an_event_whose_detail_is_no_request_is_parked_unchanged_with_advice(stack: Stack) -> None:
    [entry] = json.loads(sample("eventbridge_checkout_completed.json"))

    stack.events.put_events(Entries=[entry | {"Detail": json.dumps({"order": 7})}])

    [parked] = stack.parked(1)
    assert json.loads(parked.body)["detail"] == {"order": 7}
    assert parked.attributes["detail"] == (
        "The body holds no request. It looks like an EventBridge event whose detail is no request. "
        "Map its detail-type, or by HTTP send a request (docs/mapping.md)."
    )


def test_a_bare_request_on_the_queue_becomes_a_link(stack: Stack) -> None:
    reference = f"ticket-{uuid.uuid4()}"
    request = json.loads(sample("sqs_request.json")) | {"reference": reference, "idempotency_key": reference}

    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))

    result = the_result(stack, lambda message: message.get("reference") == reference)
    assert result.attributes == {"status": "created", "code": "created", "source": "sqs"}


def test_an_unparsable_message_is_parked_at_once_with_its_body_and_the_reason(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=sample("sqs_malformed.txt"))

    [parked] = stack.parked(1)

    assert parked.body == sample("sqs_malformed.txt")
    assert (parked.attributes["code"], parked.attributes["attempts"]) == ("invalid_request", "1")
    assert parked.attributes["detail"].startswith("The body is not valid JSON")


def test_a_bad_record_does_not_affect_the_rest_of_its_batch(stack: Stack) -> None:
    name = f"batch-{uuid.uuid4()}"
    good = json.loads(sample("sqs_request.json"))
    bodies = [
        json.dumps(good | {"reference": f"{name}-0", "idempotency_key": f"{name}-0"}),
        json.dumps({"configuration": "no-such-mapping", "record": good["record"], "reference": f"{name}-1"}),
        json.dumps(good | {"reference": f"{name}-2", "idempotency_key": f"{name}-2"}),
    ]

    stack.sqs.send_message_batch(
        QueueUrl=stack.requests_queue_url,
        Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
    )

    codes: dict[str, str] = {}
    while len(codes) < 3:
        result = the_result(stack, lambda message: str(message.get("reference")).startswith(name)).json()
        codes[result["reference"]] = result.get("error", {}).get("code", "created")
    assert codes == {f"{name}-0": "created", f"{name}-1": "mapping_not_found", f"{name}-2": "created"}


def test_a_queued_request_waits_for_retry_after_and_then_becomes_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    reference = f"wait-{uuid.uuid4()}"
    request = json.loads(sample("sqs_request.json")) | {"reference": reference, "idempotency_key": reference}
    vendor.script("personal-link", Reply.error(503, retry_after=1))

    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))

    result = the_result(stack, lambda message: message.get("reference") == reference).json()
    assert (result["status"], result["attempts"]) == ("created", 2)


def test_a_lost_answer_of_customergauge_ends_as_unknown_and_not_as_a_duplicate(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    reference = f"lost-{uuid.uuid4()}"
    request = {"configuration": "contact", "record": {"Email": f"{reference}@example.com"}, "reference": reference}
    vendor.script("personal-link", Reply(fault="reset", commit=True))
    vendor.duplicate_rule = "campaign"
    try:
        stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
        result = the_result(stack, lambda message: message.get("reference") == reference).json()
    finally:
        vendor.duplicate_rule = "off"

    assert (result["status"], result["error"]["code"], result["attempts"]) == ("unknown", "outcome_unknown", 2)


def test_a_revoked_token_and_a_rotated_secret_need_no_redeploy(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    caller.send("PUT", sample("http_put.json"), {"Idempotency-Key": "stack-before-rotation"})
    vendor.rotate_secret("another-secret")
    vendor.revoke_tokens()
    stack.fill_secret(vendor.client_id, "another-secret")

    answer = caller.send("PUT", sample("http_put.json"), {"Idempotency-Key": "stack-after-rotation"})

    assert answer.status == 200
