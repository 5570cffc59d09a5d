"""How a stack is, at a glance: what waits, what is parked, what rings, and what runs."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from typing import Final

from operate.parked import Sweep
from operate.stack import LIVE, Stack
from personal_link.client_credentials import CredentialsSecret
from personal_link.clock import SystemClock
from personal_link.errors import RequestError

QUEUES: Final = ("requests", "parked", "results")
LOOKED_AT: Final = 500  # parked messages at most: this is a glance


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages a queue holds, and how old the oldest is in seconds, if anybody knows."""

    name: str
    waiting: int
    in_flight: int
    delayed: int
    oldest: float | None


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


def queue_states(stack: Stack) -> Iterator[QueueState]:
    """Yield the state of each queue; the age is CloudWatch's, since only the owner of a message may receive it."""
    sqs, cloudwatch = stack.account.client("sqs"), stack.account.client("cloudwatch")
    for name in QUEUES:
        url = stack.output(f"{name.capitalize()}QueueUrl")
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        newest = max(points, key=lambda point: point["Timestamp"], default=None)
        yield QueueState(
            name,
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            int(attributes["ApproximateNumberOfMessagesDelayed"]),
            float(newest["Maximum"]) if newest else None,
        )


def parked_by_code(stack: Stack) -> tuple[Counter[str], float | None]:
    """Return how many are parked for each code, of the first few hundred, and the age of the oldest in seconds."""
    with Sweep(stack.account.client("sqs"), stack.output("ParkedQueueUrl")) as sweep:
        messages = list(islice(sweep, LOOKED_AT))
    oldest = min((message.parked_at for message in messages), default=None)
    return Counter(message.code for message in messages), time.time() - oldest if oldest is not None else None


def function_states(stack: Stack) -> Iterator[FunctionState]:
    """Yield what is live of each function."""
    functions = stack.account.client("lambda")
    for name in stack.of_type("AWS::Lambda::Function"):
        version = functions.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
        live = functions.get_function_configuration(FunctionName=name, Qualifier=version)
        yield FunctionState(name, version, live.get("State", "-"), live.get("LastUpdateStatus", "-"))


def intake(stack: Stack) -> str:
    """Return the state of what hands queued requests to the worker: Enabled, unless somebody stopped it."""
    functions = stack.account.client("lambda")
    states = {
        functions.get_event_source_mapping(UUID=uuid)["State"]
        for uuid in stack.of_type("AWS::Lambda::EventSourceMapping")
    }
    return ", ".join(sorted(states)) or "missing"


def ringing(stack: Stack) -> Iterator[Alarm]:
    """Yield the stack's alarms that are in the state ALARM."""
    cloudwatch = stack.account.client("cloudwatch")
    for names in batched(stack.of_type("AWS::CloudWatch::Alarm"), 100, strict=False):
        for alarm in cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]:
            if alarm["StateValue"] == "ALARM":
                yield Alarm(alarm["AlarmName"], " ".join(alarm.get("AlarmDescription", "").split()))


def credentials_state(stack: Stack) -> tuple[bool, str]:
    """Return whether the secret is filled in, and a line about it."""
    secret = CredentialsSecret(
        stack.account.client("secretsmanager"), stack.output("CredentialsSecretArn"), SystemClock()
    )
    try:
        secret.get()
    except RequestError as error:
        return False, error.message
    return True, "filled in"
