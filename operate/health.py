"""Read a stack's health: queues, retries, parked requests, alarms, functions and credentials."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from typing import Any, Final

from botocore.exceptions import ClientError

from operate.parked import Sweep
from operate.stack import LIVE, Stack
from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import CODES
from personal_link.metrics import NAMESPACE, Metric

QUEUES: Final = ("requests", "parked", "results")
LOOKED_AT: Final = 500  # most parked messages that are read
LOOKED_BACK: Final = timedelta(minutes=20)  # as in the alarm OldestRetry; a retry may wait 15 minutes


@dataclass(frozen=True, slots=True)
class QueueState:
    """The number of messages in a queue."""

    name: str
    waiting: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages and retries, from CloudWatch."""

    oldest: Mapping[str, float]  # seconds, by queue
    oldest_retry: float | None  # seconds; None without a recent retry
    retries: Counter[str]  # by code


@dataclass(frozen=True, slots=True)
class FunctionState:
    """The live version of a function."""

    name: str
    version: str
    state: str  # Active, Pending, Inactive, Failed
    update: str  # Successful, InProgress, Failed


@dataclass(frozen=True, slots=True)
class Alarm:
    """A ringing alarm."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The subscriptions of the alarms' topic."""

    confirmed: int
    pending: int


def queue_state(stack: Stack, name: str) -> QueueState:
    """Return the state of a queue."""
    url = stack.output(f"{name.capitalize()}QueueUrl")
    attributes = stack.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return QueueState(
        name,
        int(attributes["ApproximateNumberOfMessages"]),
        int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        int(attributes["ApproximateNumberOfMessagesDelayed"]),
    )


def ages(stack: Stack) -> Ages:
    """Return the ages and retries from CloudWatch, because reading the queues would take messages from the worker."""
    url_end = {name: stack.output(f"{name.capitalize()}QueueUrl").rpartition("/")[2] for name in QUEUES}
    of_the_stack = {"Stack": stack.name}
    queries = {
        "retry_age": _query(NAMESPACE, Metric.RETRY_AGE, of_the_stack, "Maximum"),
        **{
            f"age_{name}": _query("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": end}, "Maximum")
            for name, end in url_end.items()
        },
        **{
            f"code_{code}": _query(NAMESPACE, Metric.TRIED_AGAIN, of_the_stack | {"Code": code}, "Sum")
            for code in CODES
        },
    }
    now = datetime.now(UTC)
    answer = stack.account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": name, "MetricStat": query} for name, query in queries.items()],
        StartTime=now - LOOKED_BACK,
        EndTime=now,
        ScanBy="TimestampDescending",
    )
    values = {one["Id"]: one["Values"] for one in answer["MetricDataResults"]}
    counted = {code: round(sum(values.get(f"code_{code}", []))) for code in CODES}
    return Ages(
        oldest={name: values[f"age_{name}"][0] for name in QUEUES if values.get(f"age_{name}")},
        oldest_retry=max(values.get("retry_age", []), default=None),
        retries=Counter({str(code): count for code, count in counted.items() if count}),
    )


def _query(namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {
        "Metric": {"Namespace": namespace, "MetricName": str(metric), "Dimensions": named},
        "Period": 60,
        "Stat": statistic,
    }


def parked_by_code(stack: Stack) -> tuple[Counter[str], float | None]:
    """Return the number of parked messages by code, up to LOOKED_AT, and the age of the oldest in seconds."""
    with Sweep(stack.account.client("sqs"), stack.output("ParkedQueueUrl")) as sweep:
        messages = list(islice(sweep, LOOKED_AT))
    oldest = min((message.parked_at for message in messages), default=None)
    return Counter(message.code for message in messages), time.time() - oldest if oldest is not None else None


def function_state(stack: Stack, name: str) -> FunctionState:
    """Return the state of a function's live version."""
    functions = stack.account.client("lambda")
    version = functions.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
    live = functions.get_function_configuration(FunctionName=name, Qualifier=version)
    return FunctionState(name, version, live.get("State", "-"), live.get("LastUpdateStatus", "-"))


def intake(stack: Stack) -> str:
    """Return the state of the worker's event source mapping: Enabled, unless somebody stopped it."""
    functions = stack.account.client("lambda")
    states = {
        functions.get_event_source_mapping(UUID=uuid)["State"]
        for uuid in stack.of_type("AWS::Lambda::EventSourceMapping")
    }
    return ", ".join(sorted(states)) or "missing"


def ringing(stack: Stack) -> list[Alarm]:
    """Return the stack's alarms that are in the state ALARM."""
    return list(_ringing(stack))


def _ringing(stack: Stack) -> Iterator[Alarm]:
    cloudwatch = stack.account.client("cloudwatch")
    for names in batched(stack.of_type("AWS::CloudWatch::Alarm"), 100, strict=False):
        for alarm in cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]:
            if alarm["StateValue"] == "ALARM":
                yield Alarm(alarm["AlarmName"], " ".join(alarm.get("AlarmDescription", "").split()))


def subscribers(stack: Stack) -> Subscribers:
    """Return the number of subscriptions of the alarms' topic, up to a hundred."""
    answer = stack.account.client("sns").list_subscriptions_by_topic(TopicArn=stack.resource("AlarmTopic"))
    arns = [one["SubscriptionArn"] for one in answer["Subscriptions"]]
    return Subscribers(sum(arn.startswith("arn:") for arn in arns), arns.count("PendingConfirmation"))


def credentials_state(stack: Stack) -> tuple[bool, str]:
    """Return whether the secret looks good and a line about it, without reading the secret."""
    try:
        secret = stack.account.client("secretsmanager").describe_secret(SecretId=stack.output("CredentialsSecretArn"))
    except ClientError as failure:
        if aws_error_code(failure) != "ResourceNotFoundException":
            raise
        return False, "there is no such secret"
    if "DeletedDate" in secret:
        return False, "the secret is to be deleted"
    stages = {stage for stages in secret.get("VersionIdsToStages", {}).values() for stage in stages}
    # The template creates an empty version; filling in the secret makes it the previous version.
    if "CredentialsSecret" not in stack.resources:
        return True, "there (not read)"
    return (True, "filled in (not read)") if "AWSPREVIOUS" in stages else (False, "never filled in")
