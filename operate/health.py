"""How a stack is, at a glance: what waits, what is retried or parked, what rings, and what runs."""

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
LOOKED_AT: Final = 500  # parked messages at most: this is a glance
LOOKED_BACK: Final = timedelta(minutes=20)  # as the alarm OldestRetry does: a retry may wait for 15


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages a queue holds."""

    name: str
    waiting: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Ages:
    """What CloudWatch knows of what waits."""

    oldest: Mapping[str, float]  # seconds, by queue
    oldest_retry: float | None  # seconds; None if nothing was retried lately
    retries: Counter[str]  # by code


@dataclass(frozen=True, slots=True)
class FunctionState:
    """What of a function is live."""

    name: str
    version: str
    state: str  # Active, Pending, Inactive, Failed
    update: str  # Successful, InProgress, Failed


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that rings."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Who is told by an alarm."""

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
    """Return how old what waits is, and what is retried: only the owner of a message may receive it and look."""
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
    """Return how many are parked for each code, of the first few hundred, and the age of the oldest in seconds."""
    with Sweep(stack.account.client("sqs"), stack.output("ParkedQueueUrl")) as sweep:
        messages = list(islice(sweep, LOOKED_AT))
    oldest = min((message.parked_at for message in messages), default=None)
    return Counter(message.code for message in messages), time.time() - oldest if oldest is not None else None


def function_state(stack: Stack, name: str) -> FunctionState:
    """Return what is live of a function."""
    functions = stack.account.client("lambda")
    version = functions.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
    live = functions.get_function_configuration(FunctionName=name, Qualifier=version)
    return FunctionState(name, version, live.get("State", "-"), live.get("LastUpdateStatus", "-"))


def intake(stack: Stack) -> str:
    """Return the state of what hands queued requests to the worker: Enabled, unless somebody stopped it."""
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
    """Return how many subscriptions the alarms' topic has, of the first hundred."""
    answer = stack.account.client("sns").list_subscriptions_by_topic(TopicArn=stack.resource("AlarmTopic"))
    arns = [one["SubscriptionArn"] for one in answer["Subscriptions"]]
    return Subscribers(sum(arn.startswith("arn:") for arn in arns), arns.count("PendingConfirmation"))


def credentials_state(stack: Stack) -> tuple[bool, str]:
    """Return whether the secret looks well, and a line about it: as far as can be told without reading it."""
    try:
        secret = stack.account.client("secretsmanager").describe_secret(SecretId=stack.output("CredentialsSecretArn"))
    except ClientError as failure:
        if aws_error_code(failure) != "ResourceNotFoundException":
            raise
        return False, "there is no such secret"
    if "DeletedDate" in secret:
        return False, "the secret is to be deleted"
    stages = {stage for stages in secret.get("VersionIdsToStages", {}).values() for stage in stages}
    # The first version is the empty one of the template; whoever fills it in makes that the previous one.
    if "CredentialsSecret" not in stack.resources:
        return True, "there (not read)"
    return (True, "filled in (not read)") if "AWSPREVIOUS" in stages else (False, "never filled in")
