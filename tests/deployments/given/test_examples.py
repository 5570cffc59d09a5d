"""The examples of docs/examples, deployed beside the stack: what their sources send becomes a link."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION
from sandbox.aws.stack import STACK_NAME, Stack
from tests.deployments.given.conftest import ACCOUNT, BUS
from tests.stack.deployed import create_stack


@cache
def with_example(stack: Stack, name: str, **parameters: str) -> dict[str, str]:
    """Deploy an example, once, and return its outputs."""
    cloudformation = stack.emulator.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    arns = {one["OutputKey"]: one["OutputValue"] for one in described if one["OutputKey"].endswith("QueueArn")}
    template = (REPOSITORY / "docs" / "examples" / f"{name}.yaml").read_text()
    given = {key: arn for key, arn in arns.items() if f"  {key}:" in template} | parameters
    return create_stack(stack.emulator, f"example-{name}", template, given)


def heard(stack: Stack, name: str, event: dict[str, Any]) -> bool:
    """Tell whether the rule of an example takes an event."""
    with_example(stack, name, EventBusName=BUS)
    pattern = stack.events.describe_rule(Name=f"example-{name}", EventBusName=BUS)["EventPattern"]
    whole = {"id": "event-1", "account": ACCOUNT, "time": "2026-11-24T10:00:00Z", "region": REGION, "resources": []}
    return stack.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(whole | event))["Result"]


def sample(name: str) -> Any:
    return json.loads((REPOSITORY / "events" / name).read_text())


def the_result(stack: Stack) -> dict[str, Any]:
    (message,) = stack.results(1)
    assert stack.leftovers() == {}
    return message.json()


# What the source sends, and the reference and the address of the request.
ORDERS = [
    ("order", "eventbridge_order_paid.json", "1005", "lin@example.com"),
    ("woocommerce", "eventbridge_woocommerce_order_completed.json", "727", "imani@example.com"),
]
PARTNERS = [
    ("salesforce", "sqs_event_salesforce_case_closed.json", "00001026", "sam@example.com"),
    ("shopify", "sqs_event_shopify_order_fulfilled.json", "#1006", "mira.okafor@example.com"),
    ("stripe", "sqs_event_stripe_checkout_completed.json", "cs_test_a1ExampleSession", "theo.lindqvist@example.com"),
]


@pytest.mark.parametrize(("name", "file", "reference", "address"), ORDERS)
def test_an_order_on_a_bus_becomes_a_link(stack: Stack, name: str, file: str, reference: str, address: str) -> None:
    with_example(stack, name, EventBusName=BUS)
    (entry,) = sample(file)

    stack.events.put_events(Entries=[entry | {"EventBusName": BUS}])

    result = the_result(stack)
    assert (result["status"], result["reference"], result["record"]["Email"]) == ("created", reference, address)


@pytest.mark.parametrize(("name", "file", "reference", "address"), PARTNERS)
def test_an_event_of_a_partner_is_heard_and_becomes_a_link(
    stack: Stack, name: str, file: str, reference: str, address: str
) -> None:
    event = sample(file)

    # Nobody but the partner may put its events, and the emulator has no partners.
    assert heard(stack, name, event)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(event))

    result = the_result(stack)
    assert (result["status"], result["reference"], result["record"]["Email"]) == ("created", reference, address)


def test_an_event_of_another_topic_or_state_is_not_heard(stack: Stack) -> None:
    order = sample("sqs_event_shopify_order_fulfilled.json")
    order["detail"]["metadata"]["X-Shopify-Topic"] = "orders/updated"
    checkout = sample("sqs_event_stripe_checkout_completed.json")
    checkout["detail"]["data"]["object"]["payment_status"] = "unpaid"
    (entry,) = sample("eventbridge_woocommerce_order_completed.json")
    processing = json.loads(entry["Detail"]) | {"status": "processing"}

    assert not heard(stack, "shopify", order)
    assert not heard(stack, "stripe", checkout)
    assert not heard(
        stack,
        "woocommerce",
        {"detail-type": entry["DetailType"], "source": entry["Source"], "detail": processing},
    )


def test_a_document_written_to_s3_becomes_a_link_and_its_folder_does_not(stack: Stack) -> None:
    bucket, document = with_example(stack, "s3")["BucketName"], f"{'r' * 600}.pdf"
    s3 = stack.emulator.client("s3")

    s3.put_object(Bucket=bucket, Key="kim@example.com/", Body=b"")
    s3.put_object(Bucket=bucket, Key=f"kim@example.com/{document}", Body=b"a report")

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", "r" * 256)
    assert result["record"] == {"Account Name": bucket, "Email": "kim@example.com", "Document": document}


def test_a_date_that_has_come_becomes_a_link(stack: Stack, key: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    with_example(stack, "schedule", When=f"at({now})", KmsKeyArn=key)

    result = the_result(stack)
    assert (result["status"], result["source"]["type"]) == ("created", "eventbridge")
    assert result["record"]["Email"] == "alex@example.com"
