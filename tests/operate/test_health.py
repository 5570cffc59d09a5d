"""Health at a glance: what is well is told in a few lines, and what is not says what to do."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from personal_link.errors import Code
from tests.operate.stage import NAME, Stage

ALARM = "personal-link-ParkedRequests-1"


def needs(output: str) -> list[str]:
    return [line.removeprefix("! ") for line in output.splitlines() if line.startswith("! ")]


def ring(stage: Stage, state: str) -> None:
    cloudwatch = stage.located.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM,
        AlarmDescription="Requests are parked.\n  Runbook: docs/runbook.md#parkedrequests",
        MetricName="ApproximateNumberOfMessagesVisible",
        Namespace="AWS/SQS",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="a test")


def test_a_stack_that_is_well_needs_nobody(stage: Stage) -> None:
    ring(stage, "OK")

    told = stage.run("health", NAME)

    assert told.exit_code == 0
    assert told.output.splitlines()[0] == "personal-link: UPDATE_COMPLETE"
    assert re.findall(r"^(\w+) +(\d) +(\d) +(\d) +(\S+)", told.output, re.MULTILINE) == [
        ("requests", "0", "0", "0", "-"),
        ("parked", "0", "0", "0", "-"),
        ("results", "0", "0", "0", "-"),
    ]
    assert re.findall(r"^personal-link-(\w+)-1 +(\d) +(\w+) +(\w+)", told.output, re.MULTILINE) == [
        ("HttpApiFunction", "7", "Active", "Successful"),
        ("QueueWorkerFunction", "7", "Active", "Successful"),
    ]
    assert told.output.splitlines()[-4:] == [
        "Queue to worker: Enabled",
        "Credentials: filled in",
        "Alarms: 0 of 1 ring",
        "Nothing needs you.",
    ]


def test_what_waits_is_counted_and_the_age_is_what_cloudwatch_says(stage: Stage) -> None:
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}", DelaySeconds=900)
    stage.located.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "requests"}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
                "Value": 7500,
            }
        ],
    )

    told = stage.run("health", NAME).output

    assert re.search(r"^requests +1 +0 +1 +2 h 5 min", told, re.MULTILINE)


def test_parked_requests_are_counted_by_code_and_lead_to_their_list(stage: Stage) -> None:
    for code in (Code.UNAVAILABLE, Code.UNAVAILABLE, Code.FORBIDDEN):
        oldest = stage.park(code=code)
    stage.make_older(oldest, 11 * 3600 + 90)

    told = stage.run("health", NAME)

    assert told.exit_code == 1
    assert "Parked: 2 unavailable, 1 forbidden" in told.output
    assert re.search(r"^parked +3 .* 11 h 1 min *$", told.output, re.MULTILINE)
    assert needs(told.output) == ["Requests are parked: python -m operate parked list personal-link"]
    assert len(stage.parked_ids()) == 3


def test_an_alarm_that_rings_is_told_in_its_own_words(stage: Stage) -> None:
    ring(stage, "ALARM")

    told = stage.run("health", NAME)

    assert "Alarms: 1 of 1 ring" in told.output
    assert needs(told.output) == [f"{ALARM}: Requests are parked. Runbook: docs/runbook.md#parkedrequests"]


@pytest.mark.parametrize(
    ("operation", "answer", "need"),
    [
        ("GetEventSourceMapping", {"State": "Disabled"}, "event source mapping is Disabled; enable it."),
        ("GetFunctionConfiguration", {"State": "Failed"}, "-1 is not well: deploy again"),
        ("GetFunctionConfiguration", {"State": "Active", "LastUpdateStatus": "Failed"}, "-1 is not well: deploy again"),
    ],
)
def test_what_lambda_says_is_wrong_is_told(stage: Stage, operation: str, answer: dict[str, str], need: str) -> None:
    stage.located.answers[operation] = answer

    told = stage.run("health", NAME)

    assert told.exit_code == 1
    assert all(need in one for one in needs(told.output))
    assert needs(told.output)


def test_a_rolled_back_deployment_is_told(stage: Stage) -> None:
    stage.located.answers["DescribeStacks"]["Stacks"][0]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"

    assert needs(stage.run("health", NAME).output) == [
        "The stack is UPDATE_ROLLBACK_COMPLETE: see its events in CloudFormation."
    ]


def test_a_secret_that_is_not_filled_in_leads_to_the_check(stage: Stage) -> None:
    stage.aws.secretsmanager.put_secret_value(
        SecretId=stage.aws.secret_arn, SecretString='{"client_id": "", "client_secret": ""}'
    )

    told = stage.run("health", NAME)

    assert "Credentials: The credentials secret has no client_id: fill it in." in told.output
    assert needs(told.output) == ["The credentials: python -m operate check personal-link"]
