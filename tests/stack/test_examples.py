"""The examples of docs/examples, deployed beside the stack: what their sources send becomes a link."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import REGION, REPOSITORY, running_emulator
from sandbox.stack import STACK_NAME, Stack, deploy

BUS, ACCOUNT = "crm", "000000000000"
RULES = [f"{BUS}/example-order", f"{BUS}/example-salesforce", "example-s3"]


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


def with_example(stack: Stack, name: str, **parameters: str) -> dict[str, str]:
    """Deploy an example and return its outputs."""
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


def sample(name: str) -> Any:
    return json.loads((REPOSITORY / "events" / name).read_text())


def the_result(stack: Stack) -> dict[str, Any]:
    (message,) = stack.results(1)
    assert stack.leftovers() == {}
    return message.json()


def test_a_paid_order_becomes_a_link(stack: Stack) -> None:
    with_example(stack, "order", EventBusName=BUS)
    (entry,) = sample("eventbridge_order_paid.json")

    stack.events.put_events(Entries=[entry | {"EventBusName": BUS}])

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", "1005")
    assert result["record"]["Email"] == "lin@example.com"


def test_a_closed_case_of_salesforce_is_heard_and_becomes_a_link(stack: Stack) -> None:
    with_example(stack, "salesforce", EventBusName=BUS)
    event = sample("sqs_event_salesforce_case_closed.json")
    rule = stack.events.describe_rule(Name="example-salesforce", EventBusName=BUS)

    # Nobody but Salesforce may put events of a partner, and the emulator has no partners.
    assert stack.events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(event))

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", "00001026")
    assert result["record"]["Email"] == "sam@example.com"


def test_a_document_written_to_s3_becomes_a_link(stack: Stack) -> None:
    bucket = with_example(stack, "s3")["BucketName"]

    stack.emulator.client("s3").put_object(Bucket=bucket, Key="kim@example.com/report-2026-10.pdf", Body=b"a report")

    result = the_result(stack)
    assert (result["status"], result["reference"]) == ("created", "report-2026-10.pdf")
    assert result["record"] == {"Account Name": bucket, "Email": "kim@example.com", "Document": "report-2026-10.pdf"}


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
