"""Who reaches the queues: this account by its policies, the stack's rule, senders that are named, and nobody else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.http_caller import caller_with_policy
from sandbox.aws.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STRANGER = "222222222222"  # another account


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


def test_a_stranger_is_refused_by_every_queue_even_when_somebody_lets_everybody_in(stack: Stack) -> None:
    stranger = stack.emulator.client("sqs", STRANGER)

    for url in (stack.requests_queue_url, stack.parked_queue_url, stack.results_queue_url):
        with somebody_lets_everybody_in(stack, url):
            assert attempt(stranger, url) == "AccessDenied"
        with somebody_lets_everybody_in(stack, url, and_drops_the_denials=True):
            assert attempt(stranger, url) == "let in"  # so it is the denial that keeps the stranger out


# Rules and topics of this account


def a_request(reference: str) -> str:
    record = {"Email": f"{reference}@example.com"}
    return json.dumps({"configuration": "contact", "record": record, "reference": reference})


def publish(stack: Stack, sns: Any, topic: str, reference: str) -> None:
    """Send a request through a topic that the requests queue is subscribed to."""
    arn = sns.create_topic(Name=topic)["TopicArn"]
    sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=stack.requests_queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    sns.publish(TopicArn=arn, Message=a_request(reference))


def put(events: Any, reference: str, detail_type: str = "Personal Link Requested", source: str = "") -> None:
    entry = {"Source": source or "com.example.shop", "DetailType": detail_type, "Detail": a_request(reference)}
    events.put_events(Entries=[entry])


def put_by_a_rule(stack: Stack, events: Any, rule: str, reference: str) -> None:
    """Send a request by a rule whose target is the requests queue."""
    events.put_rule(Name=rule, EventPattern=json.dumps({"detail-type": [reference]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": stack.requests_queue_arn}])
    put(events, reference, detail_type=reference)


def test_rules_and_topics_that_are_named_get_in_and_whoever_may_make_others_gets_nothing_in(stack: Stack) -> None:
    may = {"Effect": "Allow", "Action": ["events:*", "sns:*"], "Resource": "*"}
    credentials = caller_with_policy(stack, "maker-of-rules", may).credentials
    assert credentials
    sqs, events, sns = (
        stack.emulator.client(service, credentials.access_key, credentials.secret_key)
        for service in ("sqs", "events", "sns")
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=a_request("sent"))
    put_by_a_rule(stack, events, "rule-of-somebody", "by-a-rule")
    publish(stack, sns, "topic-of-somebody", "by-a-topic")
    publish(stack, stack.emulator.client("sns", STRANGER), "named", "by-the-topic-of-another-account")
    put(events, "of-another-source", source="com.example.other")
    put(events, "of-the-shop")
    put_by_a_rule(stack, stack.events, "named", "by-the-named-rule")
    publish(stack, stack.emulator.client("sns"), "named", "by-the-named-topic")

    got_in = {result.json()["reference"] for result in stack.results(3)}
    assert got_in == {"of-the-shop", "by-the-named-rule", "by-the-named-topic"}
    assert stack.leftovers(within=2) == {}
    assert stack.results(1, within=2) == []
