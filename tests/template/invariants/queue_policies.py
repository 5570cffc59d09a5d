"""Who may reach into the queues: this account, and the services that send on its behalf."""

from collections.abc import Iterator
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without
from tests.template.invariants.queues import ONE_MORE_QUEUE, queues

REQUESTS, PARKED, RESULTS = (
    f"Resources {name}QueuePolicy Properties PolicyDocument Statement" for name in ("Requests", "Parked", "Results")
)

FROM_A_RULE = {"ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:events:*:${AWS::AccountId}:rule/*"}}


def statements(built: Built, queue: str) -> Iterator[dict[str, Any]]:
    """What the policies of a queue say of it."""
    for policy in built.of_type("AWS::SQS::QueuePolicy").values():
        if f"${{{queue}}}" in policy["Queues"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Resource"] == f"${{{queue}.Arn}}":
                    yield statement


@CONNECTOR.invariant(
    without(f"{REQUESTS} 0"),
    without(f"{PARKED} 0"),
    change("Resources ParkedQueuePolicy Properties Queues", [{"Ref": "ResultsQueue"}]),
)
def rules_may_send_to_the_queue_and_to_its_dead_letter_queue(built: Built) -> Wrongs:
    allowed = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": FROM_A_RULE,
    }
    for queue in ("RequestsQueue", "ParkedQueue"):
        if {**allowed, "Resource": f"${{{queue}.Arn}}"} not in statements(built, queue):
            yield f"{queue}: events would be dropped"


@CONNECTOR.invariant(
    without(f"{REQUESTS} 2"),
    without(f"{PARKED} 1"),
    without(f"{RESULTS} 0"),
    without("Resources ResultsQueuePolicy"),
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


ALLOWED = f"{REQUESTS} 1"
FOR_THIS_ACCOUNT = (
    {
        "Action": "sqs:SendMessage",
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": FROM_A_RULE,
    },
    {
        "Action": "sqs:SendMessage",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:sns:*:${AWS::AccountId}:*"}},
    },
)


@CONNECTOR.invariant(
    without(f"{ALLOWED} Condition"),
    change(f"{ALLOWED} Condition ArnLike aws:SourceArn", "arn:aws:sns:*:*:*"),
    change(f"{ALLOWED} Condition", {"StringEquals": {"aws:SourceAccount": "210987654321"}}),
    change(f"{ALLOWED} Principal Service", "s3.amazonaws.com"),
    change(f"{ALLOWED} Principal", "*"),
    change(f"{ALLOWED} Principal", {"AWS": "arn:aws:iam::210987654321:root"}),
    change(f"{ALLOWED} Action", "sqs:*"),
    change(f"{ALLOWED} Action", ["sqs:SendMessage", "sqs:ReceiveMessage"]),
)
def a_queue_policy_lets_only_services_send_and_only_for_this_account(built: Built) -> Wrongs:
    for name, policy in built.of_type("AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            grant = {part: statement.get(part) for part in ("Action", "Principal", "Condition")}
            if grant not in FOR_THIS_ACCOUNT:
                yield f"{name}: {statement}"
