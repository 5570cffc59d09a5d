"""The whole template on the emulator, IAM enforced, through each of its triggers."""

import json
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.deployed import a_request, result_of, the_result

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def sample(name: str) -> str:
    return (REPOSITORY / "events" / name).read_text()


def put_event(stack: Stack, detail: dict[str, Any]) -> None:
    [entry] = json.loads(sample("eventbridge_checkout_completed.json"))
    stack.events.put_events(Entries=[entry | {"Detail": json.dumps(detail)}])


def send_message(stack: Stack, request: dict[str, Any]) -> None:
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))


@pytest.mark.parametrize(
    ("method", "file", "media_type"),
    [
        ("PUT", "http_put.json", JSON),
        ("POST", "http_zendesk_ticket_solved.json", JSON),
        ("PUT", "http_form.txt", FORM),
    ],
)
def test_an_http_call_is_answered_in_the_shape_of_customergauge_and_its_result_is_queued(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox, method: str, file: str, media_type: str
) -> None:
    answer = caller.send(method, sample(file).strip(), {"Content-Type": media_type})

    link = vendor.links[-1]
    data = {
        "number_customergauge": link.number_customergauge,
        "survey_link": link.survey_link,
        "survey_link_short": link.survey_link_short,
    }
    assert (answer.status, answer.json()) == (200, {"data": data})
    result = the_result(stack, lambda message: message.get("personal_link") == data)
    assert result.attributes == {"status": "created", "code": "created", "source": "http"}


@pytest.mark.parametrize(("source", "send"), [("eventbridge", put_event), ("sqs", send_message)])
def test_an_event_or_a_message_becomes_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox, source: str, send: Any
) -> None:
    request = a_request()

    send(stack, request)

    result = result_of(stack, request)
    assert result.attributes == {"status": "created", "code": "created", "source": source}
    assert result.json()["personal_link"]["survey_link"] in {link.survey_link for link in vendor.links}


def test_an_event_whose_detail_is_no_request_is_parked_unchanged_with_advice(stack: Stack) -> None:
    put_event(stack, {"order": 7})

    [parked] = stack.parked(1)
    assert json.loads(parked.body)["detail"] == {"order": 7}
    assert parked.attributes["detail"] == (
        "The body holds no request. It looks like an EventBridge event whose detail is no request. "
        "Map its detail-type, or by HTTP send a request (docs/mapping.md)."
    )


def test_an_unparsable_message_is_parked_at_once_with_its_body_and_the_reason(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=sample("sqs_malformed.txt"))

    [parked] = stack.parked(1)

    assert parked.body == sample("sqs_malformed.txt")
    assert (parked.attributes["code"], parked.attributes["attempts"]) == ("invalid_request", "1")
    assert parked.attributes["detail"].startswith("The body is not valid JSON")


def test_a_queued_request_waits_for_retry_after_and_then_becomes_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    request = a_request()
    vendor.script("personal-link", Reply.error(503, retry_after=1))

    send_message(stack, request)

    result = result_of(stack, request).json()
    assert (result["status"], result["attempts"]) == ("created", 2)


def test_a_lost_answer_of_customergauge_ends_as_unknown_and_not_as_a_duplicate(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    request = a_request()
    vendor.script("personal-link", Reply(fault="reset", commit=True))
    vendor.duplicate_rule = "campaign"
    try:
        send_message(stack, request)
        result = result_of(stack, request).json()
    finally:
        vendor.duplicate_rule = "off"

    assert (result["status"], result["error"]["code"], result["attempts"]) == ("unknown", "outcome_unknown", 2)


def test_a_revoked_token_and_a_rotated_secret_need_no_redeploy(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    assert caller.send("PUT", json.dumps(a_request())).status == 200
    vendor.rotate_secret("another-secret")
    vendor.revoke_tokens()
    stack.fill_secret(vendor.client_id, "another-secret")

    assert caller.send("PUT", json.dumps(a_request())).status == 200
