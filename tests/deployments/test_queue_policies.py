"""Who reaches the queues: this account by its policies, the stack's rule, senders that are named, and nobody else."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import REGION, running_emulator
from sandbox.http_caller import caller_with_policy
from sandbox.stack import Stack, deploy

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ACCOUNT, STRANGER = "000000000000", "222222222222"
SOURCE = "com.example.shop"
SENDERS = {"events": "rule/named", "sns": "named"}
QUEUES: dict[str, Callable[[Stack], str]] = {
    "requests": lambda stack: stack.requests_queue_url,
    "parked": lambda stack: stack.parked_queue_url,
    "results": lambda stack: stack.results_queue_url,
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        named = (f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}" for service, name in SENDERS.items())
        deployed = deploy(
            emulator,
            AuthBaseUrl=vendor.base_url,
            ImportsBaseUrl=vendor.base_url,
            EventSources=SOURCE,
            SenderArns=",".join(named),
        )
        deployed.fill_secret(vendor.client_id, vendor.client_secret)
        yield deployed


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


# Rules and topics of this account


def a_request(reference: str) -> dict[str, Any]:
    return {"configuration": "contact", "record": {"Email": f"{reference}@example.com"}, "reference": reference}


def publish(stack: Stack, sns: Any, topic: str, reference: str, *, raw: bool = True) -> str:
    """Send a request through a topic that the requests queue is subscribed to; return the id that SNS gave it."""
    arn = sns.create_topic(Name=topic)["TopicArn"]
    subscription = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=stack.requests_queue_arn)["SubscriptionArn"]
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue=str(raw).lower()
    )
    name: str = sns.publish(TopicArn=arn, Message=json.dumps(a_request(reference)))["MessageId"]
    return name


def put(events: Any, reference: str, detail_type: str = "Personal Link Requested", source: str = SOURCE) -> None:
    detail = json.dumps(a_request(reference))
    events.put_events(Entries=[{"Source": source, "DetailType": detail_type, "Detail": detail}])


def put_by_a_rule(stack: Stack, events: Any, rule: str, reference: str) -> None:
    """Send a request by a rule whose target is the requests queue."""
    events.put_rule(Name=rule, EventPattern=json.dumps({"detail-type": [reference]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": stack.requests_queue_arn}])
    put(events, reference, detail_type=reference)


def references_that_got_in(stack: Stack) -> set[str]:
    """Send one request more, and return the references of all results that there are then, but for that one."""
    last = uuid.uuid4().hex
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(a_request(last)))
    references: set[str] = set()
    while last not in references or stack.leftovers(within=2).keys() == {"results"}:  # they come in any order
        references |= {result.json()["reference"] for result in stack.results(1)}
    assert stack.leftovers(within=2) == {}
    return references - {last}


def test_whoever_may_make_rules_and_topics_but_not_send_to_the_queue_gets_nothing_in(stack: Stack) -> None:
    may = {"Effect": "Allow", "Action": ["events:*", "sns:*"], "Resource": "*"}
    credentials = caller_with_policy(stack, "maker-of-rules", may).credentials
    assert credentials
    sqs, events, sns = (
        stack.emulator.client(service, credentials.access_key, credentials.secret_key)
        for service in ("sqs", "events", "sns")
    )

    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(a_request("sent")))
    put_by_a_rule(stack, events, "rule-of-somebody", "by-a-rule")
    publish(stack, sns, "topic-of-somebody", "by-a-topic")

    assert references_that_got_in(stack) == set()


def test_a_rule_and_a_topic_that_sender_arns_names_get_in(stack: Stack) -> None:
    put_by_a_rule(stack, stack.events, "named", "by-the-named-rule")
    publish(stack, stack.emulator.client("sns"), "named", "by-the-named-topic")

    assert references_that_got_in(stack) == {"by-the-named-rule", "by-the-named-topic"}


def test_a_request_by_a_topic_without_raw_delivery_becomes_a_link_and_is_known_by_the_id_of_sns(stack: Stack) -> None:
    name = publish(stack, stack.emulator.client("sns"), "named", "in-an-envelope", raw=False)

    [result] = stack.results(1)
    assert (result.json()["status"], result.json()["reference"]) == ("created", "in-an-envelope")
    assert result.json()["source"] == {"type": "sqs", "id": name}


def test_a_topic_of_another_account_does_not_get_in_by_a_name_of_this_one(stack: Stack) -> None:
    publish(stack, stack.emulator.client("sns", STRANGER), "named", "by-a-strangers-topic")

    assert references_that_got_in(stack) == set()


def test_an_event_of_a_source_that_event_sources_does_not_name_is_not_heard(stack: Stack) -> None:
    put(stack.events, "of-the-shop")
    put(stack.events, "of-another-source", source="com.example.other")

    assert references_that_got_in(stack) == {"of-the-shop"}
