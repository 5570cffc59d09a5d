"""With a key of the customer's own, made by docs/customer-key.yaml, everything that is stored is encrypted with it."""

import json
from collections.abc import Iterator

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import permitted_caller
from sandbox.stack import STACK_NAME, Stack, deploy
from sandbox.template import REPOSITORY


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def encrypted(vendor: CustomerGaugeSandbox) -> Iterator[tuple[str, Stack]]:
    """The key's stack, deployed first, and the connector's with the key."""
    with running_emulator() as emulator:
        cloudformation = emulator.client("cloudformation")
        cloudformation.create_stack(
            StackName="personal-link-key",
            TemplateBody=(REPOSITORY / "docs" / "customer-key.yaml").read_text(),
            Parameters=[{"ParameterKey": "StackName", "ParameterValue": STACK_NAME}],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="personal-link-key", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        [key] = cloudformation.describe_stacks(StackName="personal-link-key")["Stacks"]
        [output] = key["Outputs"]
        arn = output["OutputValue"]
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        stack = deploy(emulator, KmsKeyArn=arn, HttpAccessLogs="true", **urls)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield arn, stack


def keys_of_everything_stored(stack: Stack) -> dict[str, str | None]:
    urls = {"requests": stack.requests_queue_url, "parked": stack.parked_queue_url, "results": stack.results_queue_url}
    queues = {
        name: stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get("KmsMasterKeyId")
        for name, url in urls.items()
    }
    secret = stack.secretsmanager.describe_secret(SecretId=stack.credentials_secret_arn).get("KmsKeyId")
    groups = stack.emulator.client("logs").describe_log_groups()["logGroups"]
    return {**queues, "secret": secret, **{one["logGroupName"]: one.get("kmsKeyId") for one in groups}}


def test_every_queue_secret_and_log_is_encrypted_with_the_customers_key(
    encrypted: tuple[str, Stack],
) -> None:
    arn, stack = encrypted
    keys = keys_of_everything_stored(stack)

    assert len(keys) == 8  # the emulator does not tell the table's, topic's and functions': tests/template has them
    assert set(keys.values()) == {arn}


def test_requests_become_links_by_every_trigger_with_the_customers_key(encrypted: tuple[str, Stack]) -> None:
    _arn, stack = encrypted
    events = REPOSITORY / "events"

    assert permitted_caller(stack).send("PUT", (events / "http_put.json").read_text()).status == 200
    stack.events.put_events(Entries=json.loads((events / "eventbridge_checkout_completed.json").read_text()))
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=(events / "sqs_request.json").read_text())

    results = [result.json() for result in stack.results(3)]
    assert sorted(result["source"]["type"] for result in results) == ["eventbridge", "http", "sqs"]
    assert {result["status"] for result in results} == {"created"}
