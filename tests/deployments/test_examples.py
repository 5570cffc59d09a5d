"""The examples of docs/examples, deployed beside the stack: what their sources send becomes a link."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import REGION, REPOSITORY, running_emulator
from sandbox.stack import STACK_NAME, Stack, deploy

BUS, ACCOUNT = "crm", "000000000000"
ON_THE_BUS = ("order", "salesforce", "shopify", "stripe", "woocommerce")
RULES = [*(f"{BUS}/example-{name}" for name in ON_THE_BUS), "example-s3"]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that listens to no detail-type of an example: only the example's own rule can bring its event."""
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        deployed = deploy(
            emulator,
            AuthBaseUrl=vendor.base_url,
            ImportsBaseUrl=vendor.base_url,
            EventDetailType="Personal Link Requested",
            SenderArns=",".join(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}" for rule in RULES),
        )
        deployed.fill_secret(vendor.client_id, vendor.client_secret)
        emulator.client("events").create_event_bus(Name=BUS)
        yield deployed


@cache
def with_example(stack: Stack, name: str, **parameters: str) -> dict[str, str]:
    """Deploy an example, once, and return its outputs."""
    cloudformation = stack.emulator.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    arns = {one["OutputKey"]: one["OutputValue"] for one in described if one["OutputKey"].endswith("QueueArn")}
    template = (REPOSITORY / "docs" / "examples" / f"{name}.yaml").read_text()
    given = {key: arn for key, arn in arns.items() if f"  {key}:" in template} | parameters
    cloudformation.create_stack(
        StackName=f"example-{name}",
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=f"example-{name}", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    outputs = cloudformation.describe_stacks(StackName=f"example-{name}")["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


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


@pytest.mark.parametrize(
    ("name", "file", "reference", "address"),
    [
        ("order", "eventbridge_order_paid.json", "1005", "lin@example.com"),
        ("woocommerce", "eventbridge_woocommerce_order_completed.json", "727", "imani@example.com"),
    ],
)
def test_an_order_on_a_bus_becomes_a_link(stack: Stack, name: str, file: str, reference: str, address: str) -> None:
    with_example(stack, name, EventBusName=BUS)
    (entry,) = sample(file)

    stack.events.put_events(Entries=[entry | {"EventBusName": BUS}])

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", reference)
    assert result["record"]["Email"] == address


def test_an_order_of_woocommerce_that_is_not_completed_is_not_heard(stack: Stack) -> None:
    (entry,) = sample("eventbridge_woocommerce_order_completed.json")
    detail = json.loads(entry["Detail"]) | {"status": "processing"}
    event = {"detail-type": entry["DetailType"], "source": entry["Source"], "detail": detail}

    assert not heard(stack, "woocommerce", event)
    assert heard(stack, "woocommerce", event | {"detail": detail | {"status": "completed"}})


@pytest.mark.parametrize(
    ("name", "file", "reference", "address"),
    [
        ("salesforce", "sqs_event_salesforce_case_closed.json", "00001026", "sam@example.com"),
        ("shopify", "sqs_event_shopify_order_fulfilled.json", "#1006", "mira.okafor@example.com"),
        (
            "stripe",
            "sqs_event_stripe_checkout_completed.json",
            "cs_test_a1ExampleSession",
            "theo.lindqvist@example.com",
        ),
    ],
)
def test_an_event_of_a_partner_is_heard_and_becomes_a_link(
    stack: Stack, name: str, file: str, reference: str, address: str
) -> None:
    event = sample(file)

    # Nobody but the partner may put its events, and the emulator has no partners.
    assert heard(stack, name, event)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(event))

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", reference)
    assert result["record"]["Email"] == address


def test_another_topic_of_shopify_and_an_unpaid_checkout_of_stripe_are_not_heard(stack: Stack) -> None:
    order = sample("sqs_event_shopify_order_fulfilled.json")
    order["detail"]["metadata"]["X-Shopify-Topic"] = "orders/updated"
    checkout = sample("sqs_event_stripe_checkout_completed.json")
    checkout["detail"]["data"]["object"]["payment_status"] = "unpaid"

    assert not heard(stack, "shopify", order)
    assert not heard(stack, "stripe", checkout)


@pytest.mark.parametrize(
    ("document", "reference"),
    [("report-2026-10.pdf", "report-2026-10.pdf"), (f"{'r' * 600}.pdf", "r" * 256)],
    ids=["a short name", "a long name"],
)
def test_a_document_written_to_s3_becomes_a_link_and_its_folder_does_not(
    stack: Stack, document: str, reference: str
) -> None:
    bucket = with_example(stack, "s3")["BucketName"]
    s3 = stack.emulator.client("s3")

    s3.put_object(Bucket=bucket, Key="kim@example.com/", Body=b"")
    s3.put_object(Bucket=bucket, Key=f"kim@example.com/{document}", Body=b"a report")

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", reference)
    assert result["record"] == {"Account Name": bucket, "Email": "kim@example.com", "Document": document}


def test_a_date_that_has_come_becomes_a_link(stack: Stack) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    with_example(stack, "schedule", When=f"at({now})")

    result = the_result(stack)
    assert (result["status"], result["source"]["type"]) == ("created", "eventbridge")
    assert result["record"]["Email"] == "alex@example.com"


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sqs_event_s3_object_created.json", "report-2026-10.pdf"),
        (
            "sqs_event_survey_due.json",
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/survey-due/2026-11-24T10:10:00Z",
        ),
    ],
)
def test_a_sample_of_a_whole_event_becomes_a_link(stack: Stack, name: str, reference: str) -> None:
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(sample(name)))

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", reference)


def test_an_event_without_what_its_mapping_needs_is_rejected_naming_the_expression(stack: Stack) -> None:
    event = sample("sqs_event_salesforce_case_closed.json")
    del event["detail"]["payload"]["Contact_Email__c"]

    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(event))

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("rejected", "00001026")
    assert result["error"]["errors"] == {
        "record.Email": ['the mapping of "Case_Closed__e" gives nothing: detail.payload.Contact_Email__c']
    }
