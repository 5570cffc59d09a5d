"""Health at a glance: what is well is told in a few lines, and what is not says what to do."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from personal_link.domain.errors import Code
from tests.aws.account import refusing
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
    assert told.output.splitlines()[-5:] == [
        "Queue to worker: Enabled",
        "Credentials: there (not read)",
        "Alarms: 0 of 1 ring",
        "Alarm subscribers: 1",
        "Nothing to do.",
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
        ("GetFunctionConfiguration", {"State": "Failed"}, "-1 failed: deploy again"),
        ("GetFunctionConfiguration", {"State": "Active", "LastUpdateStatus": "Failed"}, "-1 failed: deploy again"),
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


def let_the_stack_make_the_secret(stage: Stage) -> None:
    made = {"LogicalResourceId": "CredentialsSecret", "PhysicalResourceId": stage.aws.secret_arn}
    resources = stage.located.answers["ListStackResources"]["StackResourceSummaries"]
    resources.append({**made, "ResourceType": "AWS::SecretsManager::Secret"})


def test_a_secret_that_was_never_filled_in_leads_to_the_check(stage: Stage) -> None:
    let_the_stack_make_the_secret(stage)

    empty = stage.run("health", NAME)
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString='{"client_id": "x"}')
    filled_in = stage.run("health", NAME)

    assert "Credentials: never filled in" in empty.output
    assert needs(empty.output) == ["The credentials: python -m operate check personal-link"]
    assert "Credentials: filled in (not read)" in filled_in.output
    assert filled_in.exit_code == 0


def test_a_secret_that_is_to_be_deleted_or_gone_leads_to_the_check(stage: Stage) -> None:
    stage.aws.secretsmanager.delete_secret(SecretId=stage.aws.secret_arn, RecoveryWindowInDays=7)
    to_be_deleted = stage.run("health", NAME)
    stage.aws.secretsmanager.delete_secret(SecretId=stage.aws.secret_arn, ForceDeleteWithoutRecovery=True)
    gone = stage.run("health", NAME)

    assert "Credentials: the secret is to be deleted" in to_be_deleted.output
    assert "Credentials: there is no such secret" in gone.output
    for told in (to_be_deleted, gone):
        assert needs(told.output) == ["The credentials: python -m operate check personal-link"]


def test_no_secret_is_read(stage: Stage) -> None:
    with refusing(stage.located.client("secretsmanager"), "GetSecretValue", "AccessDeniedException"):
        told = stage.run("health", NAME)

    assert told.exit_code == 0


def retry(stage: Stage, seconds: float, code: str = "unavailable", *, minutes_ago: float = 2) -> None:
    """Let CloudWatch have what the worker tells of a retry."""
    of_the_stack = {"Name": "Stack", "Value": NAME}
    when = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    data = [
        {"MetricName": "RetryAge", "Dimensions": [of_the_stack], "Value": seconds},
        {"MetricName": "TriedAgain", "Dimensions": [of_the_stack, {"Name": "Code", "Value": code}], "Value": 1},
    ]
    stage.located.client("cloudwatch").put_metric_data(
        Namespace="PersonalLink", MetricData=[{**one, "Timestamp": when} for one in data]
    )


def keep_in_flight(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.aws.sqs.receive_message(QueueUrl=stage.aws.requests_url, MaxNumberOfMessages=10)


def test_in_an_outage_what_is_retried_needs_somebody_with_its_number_codes_and_age(stage: Stage) -> None:
    keep_in_flight(stage, 3)
    retry(stage, 200, "unavailable")
    retry(stage, 100, "unavailable")
    retry(stage, 90, "no_answer", minutes_ago=17)

    told = stage.run("health", NAME)

    line = "3 being retried: unavailable, no_answer, oldest 3 min"
    assert told.exit_code == 1
    assert f"Retries: {line}" in told.output
    assert needs(told.output) == [f"{line}: docs/runbook.md#oldestretry"]


def test_what_was_retried_and_is_done_needs_nobody(stage: Stage) -> None:
    retry(stage, 200)

    assert stage.run("health", NAME).exit_code == 0


def test_what_is_in_flight_and_was_not_retried_needs_nobody(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    retry(stage, 200, minutes_ago=30)

    assert stage.run("health", NAME).exit_code == 0


@pytest.mark.parametrize(
    ("arns", "address", "line", "needs_somebody"),
    [
        (["PendingConfirmation"], "ops@example.com", "none, 1 pending confirmation", True),
        (["arn:aws:sns:x", "PendingConfirmation"], "", "1, 1 pending confirmation", True),
        ([], "ops@example.com", "none", True),  # SNS deletes what nobody confirmed
        (["Deleted"], "ops@example.com", "none", True),
        (["arn:aws:sns:x", "arn:aws:sns:y"], "ops@example.com", "2", False),
        ([], "", "none", False),
    ],
)
def test_an_address_that_has_not_confirmed_is_told(
    stage: Stage, arns: list[str], address: str, line: str, *, needs_somebody: bool
) -> None:
    stage.located.answers["ListSubscriptionsByTopic"] = {"Subscriptions": [{"SubscriptionArn": one} for one in arns]}
    parameters = stage.located.answers["DescribeStacks"]["Stacks"][0]["Parameters"]
    parameters.append({"ParameterKey": "AlarmEmail", "ParameterValue": address})

    told = stage.run("health", NAME)

    need = "AlarmEmail gets no alarm before it confirms its subscription: docs/runbook.md#who-is-told"
    assert f"Alarm subscribers: {line}" in told.output.splitlines()
    assert needs(told.output) == ([need] if needs_somebody else [])


@pytest.mark.parametrize(
    ("operation", "action", "points"),
    [
        ("GetQueueAttributes", "sqs:GetQueueAttributes", ["Queue requests", "Queue parked", "Queue results"]),
        ("GetMetricData", "cloudwatch:GetMetricData", ["Ages and retries"]),
        ("ReceiveMessage", "sqs:ReceiveMessage", ["Parked"]),
        ("GetAlias", "lambda:GetAlias", ["personal-link-HttpApiFunction-1", "personal-link-QueueWorkerFunction-1"]),
        ("GetEventSourceMapping", "lambda:GetEventSourceMapping", ["Queue to worker"]),
        ("DescribeSecret", "secretsmanager:DescribeSecret", ["Credentials"]),
        ("DescribeAlarms", "cloudwatch:DescribeAlarms", ["Alarms"]),
        ("ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", ["Alarm subscribers"]),
    ],
)
def test_a_point_that_may_not_be_looked_at_is_told_and_is_no_verdict(
    stage: Stage, operation: str, action: str, points: list[str]
) -> None:
    stage.located.deny(operation, action)

    told = stage.run("health", NAME)

    assert [line for line in told.output.splitlines() if "not allowed" in line] == [
        f"{point}: not allowed: {action}" for point in points
    ]
    assert needs(told.output) == []
    assert told.output.splitlines()[-1] == f"Nothing to do in what you may see; not seen: {', '.join(points)}."
    assert told.exit_code == 3


def test_messages_that_may_not_be_given_back_are_told(stage: Stage) -> None:
    stage.park()
    stage.located.deny("ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility")

    assert "Parked: not allowed: sqs:ChangeMessageVisibility" in stage.run("health", NAME).output.splitlines()


def test_what_needs_somebody_counts_more_than_what_may_not_be_seen(stage: Stage) -> None:
    stage.located.deny("DescribeAlarms", "cloudwatch:DescribeAlarms")
    stage.park()

    assert stage.run("health", NAME).exit_code == 1


def test_a_call_that_fails_otherwise_ends_the_command(stage: Stage) -> None:
    with refusing(stage.located.client("cloudwatch"), "GetMetricData", "InternalServiceFault"):
        told = stage.run("health", NAME)

    assert told.exit_code == 1
    assert told.output.splitlines()[-1].startswith("Error: AWS failed at GetMetricData (InternalServiceFault)")
