"""docs/install.md, followed to the letter: the stack from nothing but a URL, by plain CloudFormation."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator, running_emulator
from sandbox.aws.stack import set_concurrency
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.deployments.shell import run, works
from tests.docs.documents import fenced, sections

PAGE = sections((REPOSITORY / "docs" / "install.md").read_text())
BUCKET = "releases"


needs_aws_cli = pytest.mark.skipif(not works("aws"), reason="the AWS CLI is not installed")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        location = {"LocationConstraint": REGION}
        running.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield running


@pytest.fixture(scope="module")
def template_url(emulator: Emulator) -> str:
    """What `make package BUCKET=releases` prints last."""
    command = [sys.executable, "-m", "installer", "package", "--bucket", BUCKET]
    environment = emulator.environment()
    packed = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return packed.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


def outputs(emulator: Emulator, stack: str) -> dict[str, str]:
    [found] = emulator.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert found["StackStatus"].endswith("_COMPLETE"), found
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def point_at(vendor: CustomerGaugeSandbox, emulator: Emulator, template_url: str) -> None:
    """Update the stack as the page says, with the sandbox in the place of CustomerGauge, and fill its secret."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.update_stack(
        StackName="personal-link",
        TemplateURL=template_url,
        Parameters=[
            {"ParameterKey": "DefaultConfiguration", "UsePreviousValue": True},
            {"ParameterKey": "AuthBaseUrl", "ParameterValue": vendor.base_url},
            {"ParameterKey": "ImportsBaseUrl", "ParameterValue": vendor.base_url},
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="personal-link", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    set_concurrency(emulator.client("lambda"), 5)
    secret = json.dumps({"client_id": vendor.client_id, "client_secret": vendor.client_secret})
    arn = outputs(emulator, "personal-link")["CredentialsSecretArn"]
    emulator.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=secret)


def results(emulator: Emulator, queue_url: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    sqs = emulator.client("sqs")
    for _ in range(20):
        answer = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        found += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        if len(found) >= count:
            break
    return found


@needs_aws_cli
def test_plain_cloudformation_creates_the_stack_from_the_url_and_it_makes_links(
    emulator: Emulator, template_url: str, vendor: CustomerGaugeSandbox
) -> None:
    [create] = fenced(PAGE["CloudFormation"], "sh")
    run(emulator, create, TEMPLATE_URL=template_url)
    point_at(vendor, emulator, template_url)
    urls = outputs(emulator, "personal-link")
    run(
        emulator,
        """aws events put-events --entries file://events/eventbridge_checkout_completed.json
        aws sqs send-message --queue-url "$REQUESTS_QUEUE_URL" --message-body file://events/sqs_request.json""",
        REQUESTS_QUEUE_URL=urls["RequestsQueueUrl"],
    )

    came = {one["reference"]: one["status"] for one in results(emulator, urls["ResultsQueueUrl"], 2)}
    assert came == {"order-1002": "created", "call-1003": "created"}


def test_it_can_be_nested_in_another_stack(emulator: Emulator, template_url: str) -> None:
    outer = f"""
Resources:
  PersonalLink:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {template_url}
      Parameters: {{DefaultConfiguration: contact, EventDetailType: Nested}}
Outputs:
  Queue:
    Value: !GetAtt PersonalLink.Outputs.RequestsQueueUrl
"""
    cloudformation = emulator.client("cloudformation")

    cloudformation.create_stack(
        StackName="outer", TemplateBody=outer, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="outer", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )

    queue = outputs(emulator, "outer")["Queue"]
    assert emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
