"""Who may reach into the queues: this account, and the services that send on its behalf."""

from collections.abc import Iterator
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR, RULE, TOPIC
from tests.template.invariants.invariant import Wrongs, change, without
from tests.template.invariants.queues import ONE_MORE_QUEUE, queues

REQUESTS, PARKED, RESULTS = (
    f"Resources {name}QueuePolicy Properties PolicyDocument Statement" for name in ("Requests", "Parked", "Results")
)

FROM_THE_RULE = {"ArnEquals": {"aws:SourceArn": "${PersonalLinkRequestedRule.Arn}"}}


def statements(built: Built, queue: str) -> Iterator[dict[str, Any]]:
    """What the policies of a queue say of it."""
    for policy in built.of_type("AWS::SQS::QueuePolicy").values():
        if f"${{{queue}}}" in policy["Queues"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Resource"] == f"${{{queue}.Arn}}":
                    yield statement


@CONNECTOR.invariant(
    without(f"{REQUESTS} 2"),
    without(f"{PARKED} 1"),
    without(f"{RESULTS} 0"),
    without("Resources ResultsQueuePolicy"),
    change("Resources ParkedQueuePolicy Properties Queues", [{"Ref": "ResultsQueue"}]),
    change(f"{RESULTS} 0 Condition Bool aws:SecureTransport", "true"),
    change(f"{PARKED} 1 Action", "sqs:SendMessage"),
    change(f"{PARKED} 1 Principal", {"AWS": {"Ref": "AWS::AccountId"}}),
    change("Resources OneMoreQueue", ONE_MORE_QUEUE),
)
def every_queue_refuses_plain_http(built: Built) -> Wrongs:
    for name in queues(built):
        refusal = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": f"${{{name}.Arn}}",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        if refusal not in statements(built, name):
            yield f"{name}: plain http"


STRANGER = "Condition StringNotEquals aws:PrincipalAccount"


@CONNECTOR.invariant(
    without(f"{REQUESTS} 3"),
    without(f"{PARKED} 2"),
    without(f"{RESULTS} 1"),
    without(f"{RESULTS} 1 {STRANGER}"),
    change(f"{PARKED} 2 {STRANGER}", "210987654321"),
    change(
        f"{REQUESTS} 3 Condition ArnNotLike aws:SourceArn",
        "arn:aws:*:*:*:*",
    ),
    change("Resources OneMoreQueue", ONE_MORE_QUEUE),
)
def every_queue_refuses_other_accounts_and_services_on_their_behalf(built: Built) -> Wrongs:
    for name in queues(built):
        refusal = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": f"${{{name}.Arn}}",
            "Condition": {
                "StringNotEquals": {"aws:PrincipalAccount": "${AWS::AccountId}"},
                "ArnNotLike": {"aws:SourceArn": "arn:${AWS::Partition}:*:*:${AWS::AccountId}:*"},
            },
        }
        if refusal not in statements(built, name):
            yield f"{name}: strangers"


RULES_STATEMENT, SENDERS = f"{REQUESTS} 0", f"{REQUESTS} 1 Fn::If 1"
ANY_RULE = "arn:aws:events:eu-west-1:123456789012:rule/*"


@CONNECTOR.invariant(
    change(f"{RULES_STATEMENT} Condition", {"ArnLike": {"aws:SourceArn": ANY_RULE}}),
    change(f"{PARKED} 0 Condition", {"ArnLike": {"aws:SourceArn": ANY_RULE}}),
    without(f"{RULES_STATEMENT} Condition"),
    without(RULES_STATEMENT),
    without(f"{PARKED} 0"),
    change(f"{REQUESTS} 1", {"Fn::If": ["UseApiKey", {"Ref": "AWS::NoValue"}, {"Ref": "AWS::NoValue"}]}),
    change("Conditions HasSenders", {"Fn::Equals": ["a", "a"]}),
    without(f"{SENDERS} Condition"),
    change(f"{SENDERS} Condition ArnEquals aws:SourceArn", "arn:aws:sns:*:*:*"),
    change(f"{SENDERS} Condition", {"StringEquals": {"aws:SourceAccount": "210987654321"}}),
    change(f"{SENDERS} Principal Service", "s3.amazonaws.com"),
    change(f"{SENDERS} Principal", "*"),
    change(f"{SENDERS} Principal", {"AWS": "arn:aws:iam::210987654321:root"}),
    change(f"{SENDERS} Action", "sqs:*"),
    change(f"{SENDERS} Action", ["sqs:SendMessage", "sqs:ReceiveMessage"]),
    change(f"{SENDERS} Resource", {"Fn::GetAtt": ["ParkedQueue", "Arn"]}),
    change(f"{PARKED} +", {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}),
)
def the_queues_are_fed_by_the_rule_and_by_the_senders_that_are_named_and_by_no_other_service(built: Built) -> Wrongs:
    by_the_rule = {"Service": "events.amazonaws.com"}, FROM_THE_RULE
    by_senders = (
        {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
        {"ArnEquals": {"aws:SourceArn": [RULE, TOPIC]}},
    )
    named = built.parameters["SenderArns"]
    expected = [
        ("RequestsQueuePolicy", "${RequestsQueue.Arn}", "sqs:SendMessage", *by_the_rule),
        *([("RequestsQueuePolicy", "${RequestsQueue.Arn}", "sqs:SendMessage", *by_senders)] if named else []),
        ("ParkedQueuePolicy", "${ParkedQueue.Arn}", "sqs:SendMessage", *by_the_rule),
    ]
    allowed = [
        (name, *(statement.get(part) for part in ("Resource", "Action", "Principal", "Condition")))
        for name, policy in built.of_type("AWS::SQS::QueuePolicy").items()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] != "Deny"
    ]
    yield from (f"{statement}: too much" for statement in allowed if statement not in expected)
    yield from (f"{statement}: missing" for statement in expected if statement not in allowed)
