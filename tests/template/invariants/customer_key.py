"""The key that docs/customer-key.yaml makes: whom it serves, and that nothing encrypted with it is lost."""

from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY
from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Subject, Template, Wrongs, change, without

LOGS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
KEY = "Resources CustomerKey"
STATEMENTS = f"{KEY} Properties KeyPolicy Statement"


@cache
def source() -> Template:
    parsed: Template = yaml_parse((REPOSITORY / "docs" / "customer-key.yaml").read_text())
    return parsed


def as_it_is(template: Template, **_parameters: str) -> Template:
    return template  # no SAM in it


CUSTOMER_KEY = Subject(source, as_it_is, modes={"for one stack": {"StackName": "links"}})


def keys(built: Built) -> dict[str, Any]:
    return {name: item for name, item in built.resources.items() if item["Type"] == "AWS::KMS::Key"}


@CUSTOMER_KEY.invariant(
    without(f"{KEY} Properties EnableKeyRotation"),
    change(f"{KEY} Properties EnableKeyRotation", value=False),
)
def the_key_is_renewed_every_year(built: Built) -> Wrongs:
    for name, key in keys(built).items():
        if key["Properties"].get("EnableKeyRotation") is not True:
            yield f"{name}: no rotation"


@CUSTOMER_KEY.invariant(
    without(f"{KEY} DeletionPolicy"),
    change(f"{KEY} DeletionPolicy", "Delete"),
    without(f"{KEY} UpdateReplacePolicy"),
)
def the_key_outlives_its_stack(built: Built) -> Wrongs:
    for name, key in keys(built).items():
        if (key.get("DeletionPolicy"), key.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"{name}: what it encrypted would be lost"


@CUSTOMER_KEY.invariant(
    change(f"{STATEMENTS} 0 Principal", "*"),
    change(f"{STATEMENTS} 0 Principal AWS", "arn:aws:iam::210987654321:root"),
    without(f"{STATEMENTS} 0"),  # then nobody could ever change the key
    change(f"{STATEMENTS} 1 Principal Service", ["events.amazonaws.com", "lambda.amazonaws.com"]),
    change(f"{STATEMENTS} 1 Action", "kms:*"),
    without(f"{STATEMENTS} 1"),
    without(f"{STATEMENTS} 1 Condition"),
    change(f"{STATEMENTS} 1 Condition ArnLikeIfExists aws:SourceArn", "arn:aws:events:*:*:rule/*"),
    without(f"{STATEMENTS} 2 Condition"),
    change(f"{STATEMENTS} 2 Condition ArnLike aws:SourceArn", "arn:aws:sns:*:*:*"),
    without(f"{STATEMENTS} 3"),
    change(f"{STATEMENTS} 3 Principal Service", ["cloudwatch.amazonaws.com", "lambda.amazonaws.com"]),
    without(f"{STATEMENTS} 4 Condition"),
    change(f"{STATEMENTS} 4 Condition ArnLike kms:EncryptionContext:aws:logs:arn", "arn:aws:logs:*:*:log-group:*"),
    change(f"{STATEMENTS} 4 Principal Service", "logs.us-east-1.amazonaws.com"),
    change(f"{STATEMENTS} +", {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}),
)
def the_key_serves_this_account_and_the_services_that_act_for_it(built: Built) -> Wrongs:
    expected = [
        (
            {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"},
            "kms:*",
            None,
        ),
        (
            {"Service": "events.amazonaws.com"},
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {
                "ArnLikeIfExists": {
                    "aws:SourceArn": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*"
                }
            },
        ),
        (
            {"Service": "sns.amazonaws.com"},
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {"ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:sns:*:${AWS::AccountId}:*"}},
        ),
        (
            {"Service": "cloudwatch.amazonaws.com"},  # it does not tell KMS whose alarm it is
            ["kms:Decrypt", "kms:GenerateDataKey"],
            None,
        ),
        (
            {"Service": "logs.${AWS::Region}.amazonaws.com"},
            [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:GenerateDataKey",
                "kms:DescribeKey",
            ],
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{LOGS}/aws/*/links-*"}},
        ),
    ]
    for name, key in keys(built).items():
        found = [
            (statement["Principal"], statement["Action"], statement.get("Condition"))
            for statement in key["Properties"]["KeyPolicy"]["Statement"]
        ]
        yield from (f"{name}: {statement} too much" for statement in found if statement not in expected)
        yield from (f"{name}: {statement} missing" for statement in expected if statement not in found)


@CONNECTOR.invariant(
    change("Resources HttpApiLogGroup Properties LogGroupName", {"Fn::Sub": "/${AWS::StackName}/http-api"}),
    change(
        "Resources HttpAccessLogGroup Properties LogGroupName", {"Fn::Sub": "/aws/apigateway/access-${AWS::StackName}"}
    ),
    without("Resources QueueWorkerLogGroup Properties LogGroupName"),
)
def every_log_has_a_name_that_the_customers_key_serves(built: Built) -> Wrongs:
    for name, group in built.of_type("AWS::Logs::LogGroup").items():
        if not fnmatchcase(group.get("LogGroupName", ""), "/aws/*/${AWS::StackName}-*"):
            yield f"{name}: {group.get('LogGroupName')}"
