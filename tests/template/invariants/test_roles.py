"""What the functions may do: their work, each its own, and nothing else."""

from collections.abc import Iterator
from typing import Any

from tests.template.invariants.built import SECRET, SECRET_NAME, Built, built_with
from tests.template.invariants.test_functions import functions

WRITE_TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}  # X-Ray has no resources to name


def roles(built: Built) -> dict[str, Any]:
    """Return each role with all its policies: its own, and those that are put into several roles."""
    shared = built.of_type("AWS::IAM::Policy").values()
    return {
        name: {**role, "Policies": role.get("Policies", []) + [one for one in shared if f"${{{name}}}" in one["Roles"]]}
        for name, role in built.of_type("AWS::IAM::Role").items()
    }


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role.get("Policies", []):
        yield from as_list(policy["PolicyDocument"]["Statement"])


def permissions(role: dict[str, Any]) -> set[tuple[str, str]]:
    """Every action with every resource that a role may do it to; all but some are a permission of another name."""
    return {
        (action, resource)
        for statement in statements(role)
        for action in as_list(statement.get("Action", "all but these"))
        for resource in as_list(statement.get("Resource", "all but these"))
    }


def test_each_function_has_its_own_role_without_managed_policies(built: Built) -> None:
    assert sorted(one["Role"] for one in functions(built).values()) == sorted(f"${{{name}.Arn}}" for name in WORK_OF)
    assert roles(built).keys() == set(WORK_OF)
    kinds = {one["Type"] for one in built.resources.values() if one["Type"].startswith("AWS::IAM::")}
    assert kinds == {"AWS::IAM::Role", "AWS::IAM::Policy"}
    assert [name for name, role in roles(built).items() if "ManagedPolicyArns" in role] == []


def test_each_function_is_created_after_the_policy_of_its_role(built: Built) -> None:
    assert [built.resources[name].get("DependsOn") for name in functions(built)] == ["IssueLinksPolicy"] * 3


def test_only_lambda_may_assume_a_role(built: Built) -> None:
    lambda_takes_it = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for role in roles(built).values():
        assert role["AssumeRolePolicyDocument"]["Statement"] == [lambda_takes_it]


SHARE_A_TOKEN = {
    ("secretsmanager:GetSecretValue", "${AccessTokenSecret.Id}"),
    ("secretsmanager:PutSecretValue", "${AccessTokenSecret.Id}"),
}


WORK_OF = {
    "HttpApiRole": {
        ("logs:CreateLogStream", "${HttpApiLogGroup.Arn}"),
        ("logs:PutLogEvents", "${HttpApiLogGroup.Arn}"),
    },
    "QueueWorkerRole": {
        ("sqs:SendMessage", "${ParkedQueue.Arn}"),
        ("sqs:ReceiveMessage", "${RequestsQueue.Arn}"),
        ("sqs:DeleteMessage", "${RequestsQueue.Arn}"),
        ("sqs:GetQueueAttributes", "${RequestsQueue.Arn}"),
        ("sqs:ChangeMessageVisibility", "${RequestsQueue.Arn}"),
        ("logs:CreateLogStream", "${QueueWorkerLogGroup.Arn}"),
        ("logs:PutLogEvents", "${QueueWorkerLogGroup.Arn}"),
    },
    "DirectInvocationRole": {
        ("sqs:SendMessage", "${ParkedQueue.Arn}"),
        ("logs:CreateLogStream", "${DirectInvocationLogGroup.Arn}"),
        ("logs:PutLogEvents", "${DirectInvocationLogGroup.Arn}"),
    },
}
OF_THE_ACCOUNT = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
SECRETS = {
    "": "${CredentialsSecret.Id}",
    SECRET: SECRET,
    SECRET_NAME: f"{OF_THE_ACCOUNT}:{SECRET_NAME}-??????",
}


def test_each_role_has_exactly_the_permissions_that_its_function_needs(built: Built) -> None:
    parameters = built.parameters
    key = parameters["KmsKeyArn"]
    every_function = {
        ("secretsmanager:GetSecretValue", SECRETS[parameters["CredentialsSecretArn"]]),
        ("dynamodb:PutItem", "${LedgerTable.Arn}"),
        ("dynamodb:UpdateItem", "${LedgerTable.Arn}"),
        ("sqs:SendMessage", "${ResultsQueue.Arn}"),
        *(WRITE_TRACES if parameters["Tracing"] == "Active" else ()),
        *(SHARE_A_TOKEN if parameters["ShareAccessToken"] == "true" else ()),
        *({("kms:Decrypt", key), ("kms:GenerateDataKey", key)} if key else ()),
    }
    for name, role in roles(built).items():
        assert permissions(role) == WORK_OF[name] | every_function


def test_every_role_has_the_permissions_boundary_if_there_is_one(built: Built) -> None:
    canary = built_with(**{**built.parameters, "CanaryDeployments": "true"})  # it has one more role

    assert {role.get("PermissionsBoundary") for role in roles(canary).values()} == {
        built.parameters["PermissionsBoundaryArn"] or None
    }
