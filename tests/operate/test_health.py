"""Health: the verdict, what needs a person, and what each point says. The screens are in test_screens.py."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from personal_link.domain.errors import Code
from tests.aws.account import refusing, watched
from tests.operate.stage import NAME, Stage
from tests.tables import table

ALARM = "personal-link-ParkedRequests-1"


def health(stage: Stage) -> dict[str, Any]:
    """Return what `health --json` prints, with its exit code."""
    told = stage.run("health", NAME, "--json")
    return {**json.loads(told.output), "exit code": told.exit_code}


def needs(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["what"], one["do"]) for one in found["needs"]]


def ring(stage: Stage, state: str) -> None:
    cloudwatch = stage.located.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM,
        AlarmDescription="Requests are parked. docs/operation.md#parkedrequests",
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

    found = health(stage)

    assert (found["exit code"], found["verdict"], found["needs"], found["unseen"]) == (0, "ok", [], [])
    assert (found["stack"], found["region"], found["status"]) == (NAME, "eu-west-1", "UPDATE_COMPLETE")
    empty = {"waiting": 0, "retrying": 0, "in_flight": 0, "delayed": 0, "oldest_seconds": None}
    assert found["queues"] == [{"name": name, **empty} for name in ("requests", "parked", "results")]
    live = {"version": "7", "state": "Active", "last_update": "Successful"}
    assert found["functions"] == [
        {"name": name, "id": f"personal-link-{name}-1", **live} for name in ("HttpApiFunction", "QueueWorkerFunction")
    ]
    assert (found["intake"], found["credentials"]["state"]) == ("Enabled", "there (not read)")
    assert (found["ringing"], found["alarms"]) == ([], 1)
    assert found["subscribers"] == {"confirmed": 1, "pending": 0}


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

    requests = health(stage)["queues"][0]

    assert (requests["waiting"], requests["delayed"], requests["oldest_seconds"]) == (1, 1, 7500)


def test_parked_requests_are_counted_by_code_and_lead_to_their_list(stage: Stage) -> None:
    for code in (Code.UNAVAILABLE, Code.UNAVAILABLE, Code.FORBIDDEN):
        oldest = stage.park(code=code)
    stage.make_older(oldest, 11 * 3600 + 90)

    found = health(stage)

    assert found["exit code"] == 1
    assert found["parked"]["codes"] == {"unavailable": 2, "forbidden": 1}
    assert found["queues"][1]["oldest_seconds"] == pytest.approx(11 * 3600 + 90, abs=60)
    assert needs(found) == [("3 parked: 2 unavailable, 1 forbidden", "operate parked list personal-link")]
    assert len(stage.parked_ids()) == 3


def answer(operation: str, content: dict[str, str]) -> Callable[[Stage], None]:
    return lambda stage: stage.located.answers.update({operation: content})


def roll_back(stage: Stage) -> None:
    stage.located.answers["DescribeStacks"]["Stacks"][0]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"


def hide_one(stage: Stage) -> None:
    stage.park()
    stage.hide()


def let_the_stack_make_the_secret(stage: Stage) -> None:
    made = {"LogicalResourceId": "CredentialsSecret", "PhysicalResourceId": stage.aws.secret_arn}
    resources = stage.located.answers["ListStackResources"]["StackResourceSummaries"]
    resources.append({**made, "ResourceType": "AWS::SecretsManager::Secret"})


def delete_the_secret(stage: Stage, **how: Any) -> None:
    stage.aws.secretsmanager.delete_secret(SecretId=stage.aws.secret_arn, **how)


FAILED = ("HttpApiFunction failed", "deploy again, or look at it in the Lambda console")
STOPPED = "The event source mapping is Disabled: nothing reads the requests queue"
ROLLED_BACK = ("The stack is UPDATE_ROLLBACK_COMPLETE", "see its events in CloudFormation")
RINGS = ("Alarm ParkedRequests: Requests are parked.", "docs/operation.md#parkedrequests")
HIDDEN = ("1 parked, but hidden by another reader", "run this again in a minute")
CHECK = "operate check personal-link"


@table(
    "arrange, need",
    ("stopped", answer("GetEventSourceMapping", {"State": "Disabled"}), (STOPPED, "enable it")),
    ("failed", answer("GetFunctionConfiguration", {"State": "Failed"}), FAILED),
    ("not updated", answer("GetFunctionConfiguration", {"LastUpdateStatus": "Failed"}), FAILED),
    ("rolled back", roll_back, ROLLED_BACK),
    ("an alarm", lambda stage: ring(stage, "ALARM"), RINGS),
    ("hidden", hide_one, HIDDEN),
    ("not filled in", let_the_stack_make_the_secret, ("Credentials: never filled in", CHECK)),
    (
        "to be deleted",
        lambda stage: delete_the_secret(stage, RecoveryWindowInDays=7),
        ("Credentials: the secret is to be deleted", CHECK),
    ),
    (
        "gone",
        lambda stage: delete_the_secret(stage, ForceDeleteWithoutRecovery=True),
        ("Credentials: there is no such secret", CHECK),
    ),
)
def test_what_is_wrong_is_told_with_what_to_do(
    stage: Stage, arrange: Callable[[Stage], None], need: tuple[str, str]
) -> None:
    arrange(stage)

    found = health(stage)

    assert [one for one in needs(found) if not one[0].startswith("QueueWorker")] == [need]
    assert (found["exit code"], found["parked"]) == (1, None)


def test_hidden_requests_are_told_among_the_facts(stage: Stage) -> None:
    hide_one(stage)

    shown = stage.run("health", NAME).output

    assert re.search("^Parked +1 parked, but hidden by another reader *$", shown, re.MULTILINE)


def test_a_secret_that_was_filled_in_is_well(stage: Stage) -> None:
    let_the_stack_make_the_secret(stage)
    stage.aws.secretsmanager.put_secret_value(SecretId=stage.aws.secret_arn, SecretString='{"client_id": "x"}')

    found = health(stage)

    assert found["credentials"] == {"is_well": True, "state": "filled in (not read)"}
    assert found["exit code"] == 0


def test_a_first_deployment_that_failed_is_told_in_its_own_words(stage: Stage) -> None:
    description = stage.located.answers["DescribeStacks"]["Stacks"][0]
    description["StackStatus"] = "ROLLBACK_COMPLETE"
    del description["Outputs"]

    told = stage.run("health", NAME)

    assert told.exit_code == 1
    assert told.output == "Error: The stack personal-link is ROLLBACK_COMPLETE: see its events in CloudFormation.\n"


def test_the_sources_that_the_rule_is_narrowed_to_are_told(stage: Stage) -> None:
    stage.parameter("EventSources", "com.example.shop")

    assert "on the bus default, from com.example.shop" in stage.run("health", NAME).output


def test_a_mapping_whose_events_the_rule_does_not_match_is_told_and_needs_nobody(stage: Stage) -> None:
    stage.parameter("EventDetailType", "Personal Link Requested,Order Paid")
    stage.parameter("EventBusName", "shop")

    found = health(stage)

    not_heard = ["Case_Closed__e", "Object Created", "Survey Due", "checkout.session.completed", "order.updated"]
    assert found["events"] == {
        "bus": "shop",
        "detail_types": ["Personal Link Requested", "Order Paid"],
        "sources": "",
        "not_heard": [*not_heard, "shopifyWebhook"],
    }
    assert found["needs"] == []


def test_no_secret_is_read(stage: Stage) -> None:
    with refusing(stage.located.client("secretsmanager"), "GetSecretValue", "AccessDeniedException"):
        assert health(stage)["exit code"] == 0


@pytest.mark.parametrize(
    ("arns", "address", "confirmed", "needs_somebody"),
    [
        (["PendingConfirmation"], "ops@example.com", 0, True),
        (["arn:aws:sns:x", "PendingConfirmation"], "", 1, True),
        ([], "ops@example.com", 0, True),  # SNS deletes what nobody confirmed
        (["Deleted"], "ops@example.com", 0, True),
        (["arn:aws:sns:x", "arn:aws:sns:y"], "ops@example.com", 2, False),
        ([], "", 0, False),
    ],
)
def test_an_address_that_has_not_confirmed_is_told(
    stage: Stage, arns: list[str], address: str, confirmed: int, *, needs_somebody: bool
) -> None:
    stage.located.answers["ListSubscriptionsByTopic"] = {"Subscriptions": [{"SubscriptionArn": one} for one in arns]}
    stage.parameter("AlarmEmail", address)

    found = health(stage)

    need = ("AlarmEmail gets no alarm before it confirms its subscription", "docs/operation.md#alarms")
    assert found["subscribers"]["confirmed"] == confirmed
    assert needs(found) == ([need] if needs_somebody else [])


@pytest.mark.parametrize(
    ("operation", "action", "points"),
    [
        ("GetQueueAttributes", "sqs:GetQueueAttributes", ["Queue requests", "Queue parked", "Queue results"]),
        ("GetMetricData", "cloudwatch:GetMetricData", ["Ages"]),
        ("FilterLogEvents", "logs:FilterLogEvents", ["Retries"]),
        ("ReceiveMessage", "sqs:ReceiveMessage", ["Parked"]),
        ("GetAlias", "lambda:GetAlias", ["HttpApiFunction", "QueueWorkerFunction"]),
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

    found = health(stage)

    assert found["unseen"] == [{"point": point, "action": action} for point in points]
    assert (found["verdict"], found["needs"], found["exit code"]) == ("not all seen", [], 3)
    assert stage.run("health", NAME).output.splitlines()[-len(points) :] == [
        f"{point}: not allowed: {action}" for point in points
    ]


def test_messages_that_may_not_be_given_back_are_told(stage: Stage) -> None:
    stage.park()
    stage.located.deny("ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility")

    assert health(stage)["unseen"] == [{"point": "Parked", "action": "sqs:ChangeMessageVisibility"}]


def test_what_needs_somebody_counts_more_than_what_may_not_be_seen(stage: Stage) -> None:
    stage.located.deny("DescribeAlarms", "cloudwatch:DescribeAlarms")
    stage.park()

    assert health(stage)["exit code"] == 1


def test_a_call_that_fails_otherwise_ends_the_command(stage: Stage) -> None:
    with refusing(stage.located.client("cloudwatch"), "GetMetricData", "InternalServiceFault"):
        told = stage.run("health", NAME)

    assert told.exit_code == 3
    assert told.output.splitlines()[-1].startswith("Error: AWS failed at GetMetricData (InternalServiceFault)")


# In an outage it says how many requests are being retried, why, and for how long; afterwards it says nothing


def keep_in_flight(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.aws.sqs.receive_message(QueueUrl=stage.aws.requests_url, MaxNumberOfMessages=10)


def test_in_an_outage_what_is_retried_needs_somebody_with_its_number_codes_and_age(stage: Stage) -> None:
    keep_in_flight(stage, 4)
    for message_id in ("m-1", "m-1", "m-2"):  # a message is counted once, however often it is retried
        stage.log_retry(message_id, seconds_ago=5, wait=120)
    stage.log_retry("m-3", seconds_ago=700, wait=900, code="forbidden")

    found = health(stage)

    assert found["exit code"] == 1
    assert needs(found) == [("3 being retried: unavailable, forbidden, oldest 14 min", "docs/operation.md#oldestretry")]
    assert found["retries"]["codes"] == {"unavailable": 2, "forbidden": 1}
    assert (found["queues"][0]["retrying"], found["queues"][0]["in_flight"]) == (3, 1)


DIGEST = "5e" * 32


@table(
    "in_flight, lines, count",
    ("over", 2, [("retry", 100, 30)], None),
    ("not on the queue", 0, [("retry", 5, 30)], None),
    ("a newer one is over", 1, [("retry", 600, 700), ("retry", 300, 10)], None),
    ("it has its outcome", 1, [("retry", 20, 10), ("outcome", 5, {"key_digest": DIGEST})], None),
    ("it is parked", 1, [("retry", 20, 10), ("parked", 5, {"key_digest": DIGEST})], None),
    ("its message is parked", 1, [("retry", 20, 10), ("parked", 5, {"message_id": "m-1"})], None),
    ("redriven", 1, [("parked", 20, {"key_digest": DIGEST}), ("retry", 5, 30)], 1),
)
def test_a_retry_that_has_ended_needs_nobody(
    stage: Stage, in_flight: int, lines: list[tuple[str, int, Any]], count: int | None
) -> None:
    keep_in_flight(stage, in_flight)
    for what, seconds_ago, more in lines:
        if what == "retry":
            stage.log_retry("m-1", seconds_ago, wait=more, key_digest=DIGEST)
        else:
            stage.log(what, seconds_ago, **more)

    found = health(stage)

    assert (found["retries"] and found["retries"]["count"]) == count
    assert found["exit code"] == (1 if count else 0)
    assert found["queues"][0]["in_flight"] == in_flight - (count or 0)


@pytest.mark.parametrize(
    ("retried_ago", "wait", "outcomes_since"),
    [(None, 0, []), (100, 30, []), (20, 30, [20]), (7_000, 7_200, [960])],  # 16 minutes at most
)
def test_outcomes_are_read_only_from_the_first_pending_retry_on(
    stage: Stage, retried_ago: int | None, wait: int, outcomes_since: list[int]
) -> None:
    keep_in_flight(stage, 1)
    if retried_ago:
        stage.log_retry("m-1", retried_ago, wait)

    with watched(stage.located.client("logs"), "FilterLogEvents") as reads:
        health(stage)

    of_outcomes = [read["startTime"] / 1000 for read in reads if "outcome" in read["filterPattern"]]
    assert [time.time() - since for since in of_outcomes] == pytest.approx(outcomes_since, abs=60)


def test_a_retry_that_is_due_is_counted_once(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.log_retry("m-1", seconds_ago=20, wait=10)

    queue = health(stage)["queues"][0]

    assert (queue["waiting"], queue["retrying"], queue["in_flight"]) == (0, 1, 1)


def test_a_request_that_a_long_retry_after_hides_is_still_retried(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.log_retry("m-1", seconds_ago=7_000, wait=7_200, code="rate_limited")

    assert needs(health(stage))[0][0] == "1 being retried: rate_limited, oldest 1 h 59 min"


def test_without_log_lines_of_retries_the_metrics_tell_them(stage: Stage) -> None:
    stage.parameter("LogLevel", "ERROR")
    keep_in_flight(stage, 2)
    of_the_stack = {"Name": "Stack", "Value": NAME}
    by_code = [of_the_stack, {"Name": "Code", "Value": "no_answer"}]
    data = [
        {"MetricName": "RetryAge", "Dimensions": [of_the_stack], "Value": 200},
        {"MetricName": "TriedAgain", "Dimensions": by_code, "Value": 9},
    ]
    when = datetime.now(UTC) - timedelta(minutes=2)
    stage.located.client("cloudwatch").put_metric_data(
        Namespace="PersonalLink", MetricData=[{**one, "Timestamp": when} for one in data]
    )

    assert needs(health(stage))[0][0] == "2 being retried: no_answer, oldest 3 min"
