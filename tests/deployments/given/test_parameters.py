"""The parameters of the shared deployment do what docs/parameters.md says of them."""

import json

from sandbox import REPOSITORY
from sandbox.aws.http_caller import permitted_caller
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.deployments.given.conftest import MOST_CALLS, SECRET
from tests.stack.deployed import FUNCTIONS, resources

EVENTS = REPOSITORY / "events"


def test_with_the_key_snapshots_and_a_secret_by_its_name_every_trigger_gives_a_link(
    stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    functions, names = stack.emulator.client("lambda"), resources(stack.emulator)
    for function in FUNCTIONS:
        live = functions.get_function_configuration(FunctionName=names[function], Qualifier="live")
        assert live["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert stack.credentials_secret_arn == SECRET

    assert permitted_caller(stack).send("PUT", (EVENTS / "http_put.json").read_text()).status == 200
    stack.events.put_events(Entries=json.loads((EVENTS / "eventbridge_checkout_completed.json").read_text()))
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=(EVENTS / "sqs_request.json").read_text())

    results = [result.json() for result in stack.results(3)]
    assert sorted(result["source"]["type"] for result in results) == ["eventbridge", "http", "sqs"]
    assert {result["status"] for result in results} == {"created"}
    assert len(vendor.calls("token")) == 1  # shared by all environments


def test_no_second_has_more_calls_than_the_stack_may_make(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    before, messages = len(vendor.calls("personal-link")), 60  # for five workers
    for number in range(messages):
        body = {"configuration": "contact", "record": {"Email": f"{number}@acme.example"}}
        stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(body))

    assert len(stack.results(messages, within=90)) == messages

    times = [one.began for one in vendor.exchanges() if one.endpoint == "personal-link"][before:]
    assert len(times) == messages
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= MOST_CALLS
    assert max(times) - min(times) <= messages / MOST_CALLS * 6, "the rate is used, not only kept"


def test_the_dashboard_is_at_its_url_and_shows_what_the_stack_is_made_of(stack: Stack) -> None:
    [description] = stack.emulator.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    [url] = [one["OutputValue"] for one in description["Outputs"] if one["OutputKey"] == "DashboardUrl"]
    board = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=url.rpartition("/")[2])["DashboardBody"]

    assert stack.requests_queue_url.rpartition("/")[2] in board
    assert "${" not in board
