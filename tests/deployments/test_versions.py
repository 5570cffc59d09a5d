"""What is live: a version that every deployment moves, restored from a snapshot if that is asked for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import Emulator, running_emulator
from sandbox.http_caller import HttpCaller, permitted_caller
from sandbox.stack import STACK_NAME, Stack, deploy

REQUEST = json.dumps({"configuration": "contact", "record": {"Email": "ada@acme.example"}})


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="module")
def stack(emulator: Emulator, vendor: CustomerGaugeSandbox) -> Stack:
    deployed = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url, SnapStart="On")
    deployed.fill_secret(vendor.client_id, vendor.client_secret)
    return deployed


@pytest.fixture(scope="module")
def caller(stack: Stack) -> HttpCaller:
    return permitted_caller(stack)


def live(emulator: Emulator) -> list[Any]:
    """The configuration of what is called of each function."""
    resources = emulator.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    functions = [one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::Lambda::Function"]
    functions_api = emulator.client("lambda")
    return [functions_api.get_function_configuration(FunctionName=name, Qualifier="live") for name in functions]


def test_with_snapstart_links_come_from_restored_environments(
    stack: Stack, caller: HttpCaller, emulator: Emulator, vendor: CustomerGaugeSandbox
) -> None:
    started = [(one["SnapStart"], one["State"]) for one in live(emulator)]
    assert started == [({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}, "Active")] * 3

    answer = caller.send("PUT", REQUEST)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=REQUEST)

    assert answer.status == 200
    assert [result.json()["status"] for result in stack.results(2)] == ["created", "created"]
    assert len(vendor.calls("token")) == 1


def test_a_deployment_that_changes_nothing_but_a_parameter_is_live(
    caller: HttpCaller, emulator: Emulator, vendor: CustomerGaugeSandbox
) -> None:
    before = [one["Version"] for one in live(emulator)]

    deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url, SnapStart="On", LogLevel="WARNING")

    after = live(emulator)
    assert [one["Environment"]["Variables"]["LOG_LEVEL"] for one in after] == ["WARNING"] * 3
    assert all(int(new["Version"]) > int(old) for old, new in zip(before, after, strict=True))
    assert caller.send("PUT", REQUEST).status == 200


def test_known_headings_are_live_once_they_are_deployed_and_others_are_refused(
    caller: HttpCaller, emulator: Emulator, vendor: CustomerGaugeSandbox
) -> None:
    deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url, KnownHeadings="Email,First Name")

    wrong = json.dumps({"configuration": "contact", "record": {"Email": "ada@acme.example", "First name": "Ada"}})
    answer = caller.send("PUT", wrong)

    assert answer.status == 400, answer.body
    assert answer.json()["errors"] == {
        "record.First name": ["is not a heading of the inbound mapping; did you mean First Name?"]
    }
    assert caller.send("PUT", REQUEST).status == 200
