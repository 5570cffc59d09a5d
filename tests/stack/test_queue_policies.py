"""Who reaches the queues: this account by its own policies, its rule and its topics, and nobody from elsewhere."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STRANGER = "222222222222"
QUEUES: dict[str, Callable[[Stack], str]] = {
    "requests": lambda stack: stack.requests_queue_url,
    "parked": lambda stack: stack.parked_queue_url,
    "results": lambda stack: stack.results_queue_url,
}


def attempt(sqs: "SQSClient", url: str) -> str:
    try:
        sqs.get_queue_attributes(QueueUrl=url)
    except ClientError as refusal:
        return refusal.response["Error"]["Code"]
    return "let in"


@contextmanager
def somebody_lets_everybody_in(stack: Stack, url: str, *, and_drops_the_denials: bool = False) -> Iterator[None]:
    """Add the statement that careless hands add, and take it away again."""
    before = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "QueueArn"])["Attributes"]
    policy = json.loads(before["Policy"])
    kept = [] if and_drops_the_denials else policy["Statement"]
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": before["QueueArn"]}
    careless = json.dumps(policy | {"Statement": [*kept, everybody]})
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": careless})
    try:
        yield
    finally:
        stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": before["Policy"]})


@pytest.mark.parametrize("queue", QUEUES)
def test_a_stranger_is_refused_even_when_somebody_lets_everybody_in(stack: Stack, queue: str) -> None:
    url = QUEUES[queue](stack)

    with somebody_lets_everybody_in(stack, url):
        assert attempt(stack.emulator.client("sqs", STRANGER), url) == "AccessDenied"
    with somebody_lets_everybody_in(stack, url, and_drops_the_denials=True):
        assert (
            attempt(stack.emulator.client("sqs", STRANGER), url) == "let in"
        )  # so it is the denial that keeps the stranger out


def publish(stack: Stack, sns: Any, reference: str) -> None:
    """Send a request through a topic that the requests queue is subscribed to."""
    topic = sns.create_topic(Name=f"tickets-{reference}")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=stack.requests_queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    request = {"configuration": "contact", "record": {"Email": f"{reference}@example.com"}, "reference": reference}
    sns.publish(TopicArn=topic, Message=json.dumps(request))


def test_a_topic_of_this_account_reaches_the_requests_queue_and_one_of_another_does_not(stack: Stack) -> None:
    ours, theirs = uuid.uuid4().hex, uuid.uuid4().hex
    publish(stack, stack.emulator.client("sns", STRANGER), theirs)
    publish(stack, stack.emulator.client("sns"), ours)

    references = []
    while ours not in references:
        references += [result.json().get("reference") for result in stack.results(1)]
    assert theirs not in references
