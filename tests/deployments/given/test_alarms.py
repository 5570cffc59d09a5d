"""Faults that our own alarms tell of: the alarm's metric, read as CloudWatch reads it, and who is told.

The emulator keeps alarms, metrics and logs, but does not take metrics out of logs: here the test does.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws.http_caller import caller_with_policy
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.deployments.given.conftest import EMAIL
from tests.embedded_metrics import counted_in, values_of
from tests.stack.deployed import a_request, hand_to_worker, queue_for, wait_until
from tests.template.invariants.alarms import OF_A_CANARY, WATCHED

INVOKE = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
OUR_OWN = {name for name, (namespace, *_what) in WATCHED.items() if namespace == "PersonalLink"}


@pytest.fixture(scope="module")
def alarms(stack: Stack) -> dict[str, Any]:
    """The stack's alarms as CloudWatch has them, by their names in the template."""
    described = stack.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {one["AlarmName"].removeprefix(f"{STACK_NAME}-").partition("-")[0]: one for one in described}


def suffer_an_outage(stack: Stack, vendor: CustomerGaugeSandbox) -> None:
    """Let a request be retried twice while the vendor is down, and one more that was sent 31 minutes ago."""
    before = len(retry_ages(stack))
    vendor.faults.switch("outage", on=True)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(a_request()))
    wait_until(lambda: len(retry_ages(stack)) >= before + 2)
    hand_to_worker(stack, a_request(), hours_old=31 / 60)
    vendor.faults.clear()


def retry_ages(stack: Stack) -> list[float]:
    return values_of(stack.function_logs(), "RetryAge", Stack=STACK_NAME)


def test_faults_bring_the_metrics_that_our_own_alarms_watch_above_their_thresholds(
    stack: Stack, vendor: CustomerGaugeSandbox, alarms: dict[str, Any]
) -> None:
    vendor.script("personal-link", Reply(200, {"data": {}}))
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(a_request()))
    [lost] = stack.results(1)
    vendor.script("personal-link", Reply.error(403))
    forbidden = caller_with_policy(stack, "alarmed", INVOKE).send("PUT", json.dumps(a_request()))
    suffer_an_outage(stack, vendor)
    [_retried] = stack.results(1, within=90)

    cloudwatch = stack.emulator.client("cloudwatch")
    for one in counted_in(stack.function_logs()):
        dimensions = [{"Name": name, "Value": value} for name, value in one.dimensions.items()]
        datum = {"MetricName": one.name, "Dimensions": dimensions, "Values": one.values, "Unit": one.unit}
        cloudwatch.put_metric_data(Namespace=one.namespace, MetricData=[datum])
    assert (lost.attributes["code"], forbidden.status) == ("bad_response", 502)
    assert {name for name in OUR_OWN if is_above(cloudwatch, alarms[name])} == OUR_OWN


def is_above(cloudwatch: Any, alarm: dict[str, Any]) -> bool:
    now = datetime.now(UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        Statistics=[alarm["Statistic"]],
        Period=alarm["Period"],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=5),
    )["Datapoints"]
    return any(point[alarm["Statistic"]] > alarm["Threshold"] for point in points)


def test_an_alarm_that_goes_off_tells_whoever_subscribed_its_whole_text(stack: Stack, alarms: dict[str, Any]) -> None:
    assert alarms.keys() == {*WATCHED, *OF_A_CANARY}
    url, arn = queue_for(stack, "told", "sns")
    [topic] = alarms["ParkedRequests"]["AlarmActions"]
    sns = stack.emulator.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    stack.emulator.client("cloudwatch").set_alarm_state(
        AlarmName=alarms["ParkedRequests"]["AlarmName"], StateValue="ALARM", StateReason="to see who is told"
    )

    [message] = stack.take(url, 1)
    text = json.loads(message.json()["Message"])
    assert (text["AlarmName"], text["NewStateValue"]) == (alarms["ParkedRequests"]["AlarmName"], "ALARM")
    assert text["AlarmDescription"].endswith(". docs/operation.md#parkedrequests")
    subscribed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert ("email", EMAIL) in [(one["Protocol"], one["Endpoint"]) for one in subscribed]


def test_the_dashboard_is_at_its_url_and_shows_what_the_stack_is_made_of(stack: Stack) -> None:
    [description] = stack.emulator.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    [url] = [one["OutputValue"] for one in description["Outputs"] if one["OutputKey"] == "DashboardUrl"]
    board = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=url.rpartition("/")[2])["DashboardBody"]

    assert stack.requests_queue_url.rpartition("/")[2] in board
    assert "${" not in board
