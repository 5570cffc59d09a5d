"""The templates beside the connector's: a customer's key, the role for API Gateway's logs, the examples."""

from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from sandbox import REPOSITORY
from sandbox.template import translated_template
from tests.template.invariants.built import BOUNDARY, Built

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:requests"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/customer"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/results"
LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:direct:live"
OURS = "${AWS::Region}:${AWS::AccountId}"
TO_AN_API = {
    "System": "zendesk",
    "BaseUrl": "https://example.zendesk.com",
    "SecretName": "zendesk",
    "Configuration": "tickets",
}


def built(path: str, **parameters: str) -> Built:
    """Return what CloudFormation makes of a template of docs."""
    template = yaml_parse((REPOSITORY / "docs" / path).read_text())
    return Built(translated_template(template, **parameters) if "Transform" in template else template, parameters)


# The customer's key


def test_the_kms_key_is_rotated_every_year_and_kept_when_its_stack_is_deleted() -> None:
    key = built("customer-key.yaml", StackName="links").resources["CustomerKey"]

    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_kms_key_may_be_used_only_by_the_account_and_the_services_acting_for_it() -> None:
    use = ["kms:Decrypt", "kms:GenerateDataKey"]
    write_logs = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"]
    of_a_rule = {"aws:SourceArn": f"arn:${{AWS::Partition}}:events:{OURS}:rule/*"}
    of_a_topic = {"aws:SourceArn": "arn:${AWS::Partition}:sns:*:${AWS::AccountId}:*"}
    of_a_log = {"kms:EncryptionContext:aws:logs:arn": f"arn:${{AWS::Partition}}:logs:{OURS}:log-group:/aws/*/links-*"}
    logs = {"Service": "logs.${AWS::Region}.amazonaws.com"}
    key = built("customer-key.yaml", StackName="links").resources["CustomerKey"]["Properties"]

    assert [
        (statement["Principal"], statement["Action"], statement.get("Condition"))
        for statement in key["KeyPolicy"]["Statement"]
    ] == [
        ({"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}, "kms:*", None),
        ({"Service": "events.amazonaws.com"}, use, {"ArnLikeIfExists": of_a_rule}),
        ({"Service": "sns.amazonaws.com"}, use, {"ArnLike": of_a_topic}),
        ({"Service": "cloudwatch.amazonaws.com"}, use, None),  # it does not tell KMS whose alarm it is
        (logs, [f"kms:{name}" for name in write_logs], {"ArnLike": of_a_log}),
    ]


# Roles


@pytest.mark.parametrize("boundary", ["", BOUNDARY])
@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("api-gateway-logging.yaml", {}),
        ("examples/schedule.yaml", {"RequestsQueueArn": QUEUE, "ParkedQueueArn": QUEUE}),
        ("examples/workflow.yaml", {"DirectInvocationArn": LAMBDA}),
        ("examples/link_to_api.yaml", TO_AN_API),
        ("examples/results.yaml", {"ResultsQueueUrl": QUEUE_URL}),
    ],
)
def test_the_role_has_the_permissions_boundary_if_there_is_one(
    path: str, parameters: dict[str, str], boundary: str
) -> None:
    [role] = built(path, **parameters, PermissionsBoundaryArn=boundary).of_type("AWS::IAM::Role").values()

    assert role.get("PermissionsBoundary", "") == boundary


def test_only_api_gateway_may_assume_the_logging_role_which_is_kept() -> None:
    logging = built("api-gateway-logging.yaml")
    role = logging.resources["CloudWatchRole"]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert (role["DeletionPolicy"], statement["Principal"]) == ("Retain", {"Service": "apigateway.amazonaws.com"})
    assert role["Properties"]["ManagedPolicyArns"] == [
        "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    ]
    assert logging.of_type("AWS::ApiGateway::Account") == {"Account": {"CloudWatchRoleArn": "${CloudWatchRole.Arn}"}}


# The consumer of results

BUS = f"arn:${{AWS::Partition}}:events:{OURS}:event-bus/default"


@pytest.mark.parametrize("key", ["", KEY_ARN])
def test_the_consumer_may_take_results_put_events_and_use_the_key_if_there_is_one(key: str) -> None:
    results = built("examples/results.yaml", ResultsQueueUrl=QUEUE_URL, KmsKeyArn=key)
    [(name, role)] = results.of_type("AWS::IAM::Role").items()
    [policy] = role["Policies"]
    [poller] = results.of_type("AWS::Lambda::EventSourceMapping").values()

    assert (name, "ManagedPolicyArns" in role) == ("ConsumerRole", False)
    assert [(one["Action"], one["Resource"]) for one in policy["PolicyDocument"]["Statement"]] == [
        (
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            f"arn:${{AWS::Partition}}:sqs:{OURS}:results",
        ),
        ("events:PutEvents", BUS),
        (["dynamodb:GetItem", "dynamodb:PutItem"], "${SentResults.Arn}"),
        (["logs:CreateLogStream", "logs:PutLogEvents"], "${ConsumerLogGroup.Arn}"),
        *([("kms:Decrypt", key)] if key else []),
    ]
    assert poller["ScalingConfig"] == {"MaximumConcurrency": 2}  # else a backlog takes all executions of the account


def test_every_event_can_be_replayed_for_as_long_as_it_is_not_sent_again() -> None:
    results = built("examples/results.yaml", ResultsQueueUrl=QUEUE_URL)
    statuses = ("Created", "Rejected", "Unknown")
    pattern = {"source": ["personal-link"], "detail-type": [f"Personal Link {status}" for status in statuses]}
    consumer = results.resources["ConsumerFunction"]

    assert "Archive" in consumer["DependsOn"]
    assert "REMEMBERED = 30 * 86_400" in consumer["Properties"]["Code"]["ZipFile"]
    assert results.of_type("AWS::Events::Archive") == {
        "Archive": {"SourceArn": BUS, "EventPattern": pattern, "RetentionDays": 30}
    }


# Rules

NO_PLAIN_HTTP = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "${UndeliveredEvents.Arn}",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def may_send(arns: str | list[str]) -> dict[str, Any]:
    """Return what lets these rules send to the queue of undelivered events."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "${UndeliveredEvents.Arn}",
        "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
    }


@pytest.mark.parametrize(
    ("path", "bus"),
    [
        ("order.yaml", {}),
        ("s3.yaml", {}),
        ("salesforce.yaml", {"EventBusName": "aws.partner/x"}),
        ("shopify.yaml", {"EventBusName": "aws.partner/x"}),
        ("stripe.yaml", {"EventBusName": "aws.partner/x"}),
        ("woocommerce.yaml", {"EventBusName": "aws.partner/x"}),
    ],
)
def test_events_that_a_rule_cannot_deliver_go_to_a_dead_letter_queue(path: str, bus: dict[str, str]) -> None:
    """It goes to a queue of the example, since the parked queue takes nothing from another rule."""
    example = built(f"examples/{path}", RequestsQueueArn=QUEUE, **bus)
    [(name, rule)] = example.of_type("AWS::Events::Rule").items()
    policy = example.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]

    assert [target["DeadLetterConfig"] for target in rule["Targets"]] == [{"Arn": "${UndeliveredEvents.Arn}"}]
    assert policy["Queues"] == ["${UndeliveredEvents}"]
    assert policy["PolicyDocument"]["Statement"] == [may_send(f"${{{name}.Arn}}"), NO_PLAIN_HTTP]
    assert example.outputs["SenderArn"]["Value"] == f"${{{name}.Arn}}"


def test_a_link_gets_to_the_api_or_is_kept() -> None:
    example = built("examples/link_to_api.yaml", **TO_AN_API)
    rules, queue = example.of_type("AWS::Events::Rule"), "${UndeliveredEvents.Arn}"
    lead_elsewhere = ["*/*", "*?*", "*#*"]
    targets = [target for rule in rules.values() for target in rule["Targets"] if target["Arn"] != queue]
    policy = example.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]
    [role] = example.of_type("AWS::IAM::Role").values()
    [allowed] = role["Policies"][0]["PolicyDocument"]["Statement"]

    assert [rule["EventPattern"]["detail"]["reference"] for rule in rules.values()] == [
        [{"anything-but": {"wildcard": lead_elsewhere}}],
        [{"exists": False}, *({"wildcard": one} for one in lead_elsewhere)],
    ]
    assert [target["DeadLetterConfig"] for target in targets] == [{"Arn": queue}]
    assert targets[0]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert policy["PolicyDocument"]["Statement"] == [may_send([f"${{{name}.Arn}}" for name in rules]), NO_PLAIN_HTTP]
    assert (allowed["Action"], allowed["Resource"]) == ("events:InvokeApiDestination", "${Api.Arn}")


@pytest.mark.parametrize(
    ("key", "encryption"),
    [("", {"SqsManagedSseEnabled": True}), (KEY_ARN, {"KmsMasterKeyId": KEY_ARN})],
    ids=["AWS's key", "a customer's key"],
)
def test_the_queue_of_undelivered_links_is_encrypted(key: str, encryption: dict[str, Any]) -> None:
    queue = built("examples/link_to_api.yaml", **TO_AN_API, KmsKeyArn=key).of_type("AWS::SQS::Queue")

    assert encryption.items() <= queue["UndeliveredEvents"].items()
    assert len({"SqsManagedSseEnabled", "KmsMasterKeyId"} & queue["UndeliveredEvents"].keys()) == 1
