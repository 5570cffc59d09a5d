"""What the account has already: a secret that is given by its name, and the tags that every resource is to have."""

import json
from collections.abc import Iterator

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import permitted_caller
from sandbox.stack import STACK_NAME, Stack, deploy
from sandbox.template import REPOSITORY

NAME = "prod/customergauge"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        secret = json.dumps({"client_id": vendor.client_id, "client_secret": vendor.client_secret})
        emulator.client("secretsmanager").create_secret(Name=NAME, SecretString=secret)
        yield deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url, CredentialsSecretArn=NAME)


def test_links_are_made_with_a_secret_that_is_given_by_its_name(stack: Stack) -> None:
    answer = permitted_caller(stack).send("PUT", (REPOSITORY / "events" / "http_put.json").read_text())

    assert answer.status == 200, answer.body
    assert stack.credentials_secret_arn == NAME


def test_a_tag_of_the_stack_reaches_its_resources(stack: Stack) -> None:
    cloudformation = stack.emulator.client("cloudformation")
    [deployed] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    cloudformation.update_stack(
        StackName=STACK_NAME,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in deployed["Parameters"]],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Tags=[{"Key": "CostCentre", "Value": "surveys"}],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )

    pages = stack.emulator.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "CostCentre", "Values": ["surveys"]}]
    )
    tagged = {one["ResourceARN"].split(":")[2] for one in pages["ResourceTagMappingList"]}
    # The emulator does not list the tags of the other services: tests/template has all resources.
    assert tagged >= {"lambda", "sqs", "sns", "dynamodb"}
