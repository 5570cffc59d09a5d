"""Each fault that an alarm of our own tells of, on the deployed stack: the alarm's metric, read as CloudWatch reads it.

The emulator keeps alarms, metrics and logs, but does not take metrics out of logs: here the test does.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.customergauge import CustomerGaugeSandbox, Reply
from sandbox.emulator import running_emulator
from sandbox.http_caller import permitted_caller
from sandbox.stack import STACK_NAME, Stack, deploy
from tests.embedded_metrics import counted_in, values_of
from tests.template.invariants.alarms import OF_A_CANARY, WATCHED

OUR_OWN = [name for name, (namespace, *_what) in WATCHED.items() if namespace == "PersonalLink"]


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def stack(vendor: CustomerGaugeSandbox) -> Iterator[Stack]:
    with running_emulator() as emulator:
        deployed = deploy(
            emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url, AlarmEmail="operators@example.com"
        )
        deployed.fill_secret(vendor.client_id, vendor.client_secret)
        yield deployed


@pytest.fixture(scope="module")
def alarms(stack: Stack) -> dict[str, Any]:
    """The stack's alarms as CloudWatch has them, by their names in the template."""
    described = stack.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {
        name: one
        for one in described
        for name in (*WATCHED, *OF_A_CANARY)
        if one["AlarmName"].startswith(f"{STACK_NAME}-{name}")
    }


def a_request(key: str) -> str:
    return json.dumps({"configuration": "contact", "record": {"Email": f"{key}@acme.example"}, "idempotency_key": key})


@pytest.fixture(scope="module")
def metrics(stack: Stack, vendor: CustomerGaugeSandbox) -> Any:
    """CloudWatch, after a good request and the faults; what the functions told of them is in it."""
    caller = permitted_caller(stack)
    statuses = [caller.send("PUT", a_request("well")).status]

    vendor.script("personal-link", Reply(200, {"data": {}}))
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=a_request("lost"))
    [lost] = [result.json() for result in stack.results(2) if result.attributes["status"] == "unknown"]
    vendor.script("personal-link", Reply.error(403))
    statuses.append(caller.send("PUT", a_request("forbidden")).status)
    suffer_an_outage(stack, vendor)

    assert lost["error"]["code"] == "bad_response"
    assert statuses == [200, 502]
    cloudwatch = stack.emulator.client("cloudwatch")
    for one in counted_in(stack.function_logs()):
        dimensions = [{"Name": name, "Value": value} for name, value in one.dimensions.items()]
        datum = {"MetricName": one.name, "Dimensions": dimensions, "Values": one.values, "Unit": one.unit}
        cloudwatch.put_metric_data(Namespace=one.namespace, MetricData=[datum])
    return cloudwatch


def suffer_an_outage(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    """Let a request be retried three times while the vendor is down, and one more that was sent 31 minutes ago."""
    vendor.misbehave = lambda _call: Reply(503)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=a_request("outage"))
    deadline = time.monotonic() + 60
    while len(retry_ages(stack)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    record = {
        "messageId": "11111111-1111-4111-8111-111111111111",
        "receiptHandle": "none",
        "body": a_request("old"),
        "attributes": {"ApproximateReceiveCount": "9", "SentTimestamp": str(round((time.time() - 1860) * 1000))},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    functions = stack.emulator.client("lambda")
    [worker] = [
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if f"{STACK_NAME}-QueueWorkerFunction" in one["FunctionName"]
    ]
    functions.invoke(FunctionName=worker, Qualifier="live", Payload=json.dumps({"Records": [record]}))
    vendor.misbehave = lambda _call: None


def retry_ages(stack: Stack) -> list[float]:
    return values_of(stack.function_logs(), "RetryAge", Stack=STACK_NAME)


@pytest.mark.parametrize("name", OUR_OWN)
def test_a_fault_brings_the_metric_that_its_alarm_watches_above_the_threshold(
    name: str, alarms: dict[str, Any], metrics: Any
) -> None:
    alarm, now = alarms[name], datetime.now(UTC)
    points = metrics.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        Statistics=[alarm["Statistic"]],
        Period=alarm["Period"],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=5),
    )["Datapoints"]

    assert sum(point[alarm["Statistic"]] for point in points) > alarm["Threshold"]


@pytest.mark.usefixtures("metrics")
def test_in_an_outage_the_age_of_what_is_retried_grows_until_its_alarm_rings(stack: Stack) -> None:
    ages = retry_ages(stack)
    of_one_request = [age for age in ages if age < 1800]
    described = stack.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    [alarm] = [one for one in described if one["AlarmName"].startswith(f"{STACK_NAME}-OldestRetry")]

    assert of_one_request == sorted(of_one_request)
    assert of_one_request[0] < of_one_request[-1]
    assert max(ages) > alarm["Threshold"]
    assert alarm["StateValue"] == "ALARM"  # the emulator's own judgement


def test_every_alarm_is_there(alarms: dict[str, Any]) -> None:
    assert alarms.keys() == {*WATCHED, *OF_A_CANARY}


@pytest.fixture(scope="module")
def told(stack: Stack, alarms: dict[str, Any]) -> str:
    """The URL of a queue that is subscribed to the topic of the alarms."""
    url = stack.sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**sns, "Resource": arn}]})
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    [topic] = alarms["ParkedRequests"]["AlarmActions"]
    stack.emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


@pytest.mark.parametrize("name", WATCHED)
def test_an_alarm_that_goes_off_tells_whoever_subscribed_its_whole_text(
    name: str, stack: Stack, alarms: dict[str, Any], told: str
) -> None:
    for state in ("INSUFFICIENT_DATA", "ALARM"):  # of the first nobody is told
        stack.emulator.client("cloudwatch").set_alarm_state(
            AlarmName=alarms[name]["AlarmName"], StateValue=state, StateReason="to see who is told"
        )

    [message] = stack.take(told, 1)
    text = json.loads(message.json()["Message"])
    assert (text["AlarmName"], text["NewStateValue"]) == (alarms[name]["AlarmName"], "ALARM")
    assert text["AlarmDescription"].endswith(f". docs/operation.md#{name.lower()}")


def test_the_given_address_is_subscribed(stack: Stack, alarms: dict[str, Any]) -> None:
    [topic] = alarms["ParkedRequests"]["AlarmActions"]
    subscriptions = stack.emulator.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    assert ("email", "operators@example.com") in [(one["Protocol"], one["Endpoint"]) for one in subscriptions]


def test_the_dashboard_is_at_its_url_and_shows_what_the_stack_is_made_of(stack: Stack) -> None:
    description = stack.emulator.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    [url] = [one["OutputValue"] for one in description["Outputs"] if one["OutputKey"] == "DashboardUrl"]
    name = url.rpartition("/")[2]
    board = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]

    shown = json.dumps(json.loads(board))
    assert stack.requests_queue_url.rpartition("/")[2] in shown
    assert "${" not in shown
