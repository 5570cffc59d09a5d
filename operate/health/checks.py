"""Read a stack's health point by point: queues, parked requests, alarms, functions and credentials."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from typing import Any, Final

from botocore.exceptions import ClientError

from operate.parked.queue import Sweep
from operate.stack import LIVE, Stack
from personal_link.aws.aws_errors import aws_error_code

QUEUES: Final = ("requests", "parked", "results")
LOOKED_AT: Final = 500  # most parked messages that are read
LOOKED_BACK: Final = timedelta(minutes=10)  # for the newest age of a queue


@dataclass(frozen=True, slots=True)
class QueueState:
    """The number of messages in a queue."""

    name: str
    waiting: int
    retrying: int
    in_flight: int  # at a function or a consumer
    delayed: int
    oldest_seconds: int | None


@dataclass(frozen=True, slots=True)
class Parked:
    """The parked requests, as far as they were read."""

    count: int
    codes: dict[str, int]
    oldest_seconds: int
    all_read: bool


@dataclass(frozen=True, slots=True)
class FunctionState:
    """The live version of a function."""

    name: str
    id: str
    version: str
    state: str  # Active, Pending, Inactive, Failed
    last_update: str  # Successful, InProgress, Failed


@dataclass(frozen=True, slots=True)
class Alarm:
    """A ringing alarm."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The subscriptions of the alarms' topic."""

    confirmed: int
    pending: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known of the secret without reading it."""

    is_well: bool
    state: str


def queue_state(stack: Stack, name: str) -> QueueState:
    """Return the state of a queue, without retries and age."""
    url = stack.output(f"{name.capitalize()}QueueUrl")
    attributes = stack.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return QueueState(
        name,
        waiting=int(attributes["ApproximateNumberOfMessages"]),
        retrying=0,
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
        oldest_seconds=None,
    )


def ages(stack: Stack) -> Mapping[str, int]:
    """Return the age of each queue's oldest message in seconds, from CloudWatch: reading would take messages away."""
    url_end = {name: stack.output(f"{name.capitalize()}QueueUrl").rpartition("/")[2] for name in QUEUES}
    now = datetime.now(UTC)
    answer = stack.account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": name, "MetricStat": _age_of(end)} for name, end in url_end.items()],
        StartTime=now - LOOKED_BACK,
        EndTime=now,
        ScanBy="TimestampDescending",
    )
    return {one["Id"]: round(one["Values"][0]) for one in answer["MetricDataResults"] if one["Values"]}


def _age_of(queue: str) -> dict[str, Any]:
    named = [{"Name": "QueueName", "Value": queue}]
    metric = {"Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": named}
    return {"Metric": metric, "Period": 60, "Stat": "Maximum"}


def parked_by_code(stack: Stack, now: float) -> Parked | None:
    """Return the parked messages, up to LOOKED_AT; None without one."""
    with Sweep.of(stack) as sweep:
        messages = list(islice(sweep, LOOKED_AT))
    if not messages:
        return None
    oldest = now - min(message.parked_at for message in messages)
    codes = Counter(message.code for message in messages)
    return Parked(len(messages), dict(codes.most_common()), round(oldest), all_read=len(messages) < LOOKED_AT)


def function_state(stack: Stack, name: str, function: str) -> FunctionState:
    """Return the state of a function's live version."""
    functions = stack.account.client("lambda")
    version = functions.get_alias(FunctionName=function, Name=LIVE)["FunctionVersion"]
    live = functions.get_function_configuration(FunctionName=function, Qualifier=version)
    return FunctionState(name, function, version, live.get("State", "-"), live.get("LastUpdateStatus", "-"))


def intake(stack: Stack) -> str:
    """Return the state of the worker's event source mapping: Enabled, unless somebody stopped it."""
    functions = stack.account.client("lambda")
    states = {
        functions.get_event_source_mapping(UUID=uuid)["State"]
        for uuid in stack.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    return ", ".join(sorted(states)) or "missing"


def ringing(stack: Stack) -> list[Alarm]:
    """Return the stack's alarms that are in the state ALARM."""
    cloudwatch = stack.account.client("cloudwatch")
    names = {physical: name for name, physical in stack.of_type("AWS::CloudWatch::Alarm").items()}
    return [
        Alarm(names[alarm["AlarmName"]], " ".join(alarm.get("AlarmDescription", "").split()))
        for some in batched(sorted(names), 100, strict=False)
        for alarm in cloudwatch.describe_alarms(AlarmNames=list(some))["MetricAlarms"]
        if alarm["StateValue"] == "ALARM"
    ]


def subscribers(stack: Stack) -> Subscribers:
    """Return the number of subscriptions of the alarms' topic, up to a hundred."""
    answer = stack.account.client("sns").list_subscriptions_by_topic(TopicArn=stack.resource("AlarmTopic"))
    arns = [one["SubscriptionArn"] for one in answer["Subscriptions"]]
    return Subscribers(sum(arn.startswith("arn:") for arn in arns), arns.count("PendingConfirmation"))


def credentials_state(stack: Stack) -> Credentials:
    """Return what is known of the secret without reading it."""
    try:
        secret = stack.account.client("secretsmanager").describe_secret(SecretId=stack.output("CredentialsSecretArn"))
    except ClientError as failure:
        if aws_error_code(failure) != "ResourceNotFoundException":
            raise
        return Credentials(is_well=False, state="there is no such secret")
    if "DeletedDate" in secret:
        return Credentials(is_well=False, state="the secret is to be deleted")
    stages = {stage for stages in secret.get("VersionIdsToStages", {}).values() for stage in stages}
    # The template creates an empty version; filling in the secret makes it the previous version.
    if "CredentialsSecret" not in stack.resources:
        return Credentials(is_well=True, state="there (not read)")
    if "AWSPREVIOUS" in stages:
        return Credentials(is_well=True, state="filled in (not read)")
    return Credentials(is_well=False, state="never filled in")
