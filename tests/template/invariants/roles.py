"""What the functions may do: their work, each its own, and nothing else."""

from collections.abc import Iterator
from typing import Any

from sandbox.template import translated_template
from tests.template.invariants.functions import functions
from tests.template.invariants.invariant import CONNECTOR, SECRET, SECRET_NAME, Built, Wrongs, change, without

HTTP_API = "Resources HttpApiRole Properties"
WORKER = "Resources QueueWorkerRole Properties"
DIRECT = "Resources DirectInvocationRole Properties"
ALL_MAY = "Resources IssueLinksPolicy Properties PolicyDocument Statement"
WORKER_MAY = f"{WORKER} Policies 0 PolicyDocument Statement"
DIRECT_MAY = f"{DIRECT} Policies 0 PolicyDocument Statement"
SECRET_STORE = "arn:aws:secretsmanager:*:*:secret:*"
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


@CONNECTOR.invariant(
    change("Resources QueueWorkerFunction Properties Role", {"Fn::GetAtt": ["HttpApiRole", "Arn"]}),
    without("Resources HttpApiFunction Properties Role"),  # SAM then makes one, with a managed policy
    change("Resources MorePermissions", {"Type": "AWS::IAM::ManagedPolicy", "Properties": {}}),
)
def each_function_has_its_own_role_without_managed_policies(built: Built) -> Wrongs:
    used = sorted(function["Role"] for function in functions(built).values())
    if used != sorted(f"${{{name}.Arn}}" for name in roles(built)):
        yield f"{', '.join(functions(built))}: {used}"
    for name, resource in built.resources.items():
        kind, managed = resource["Type"], resource.get("Properties", {}).get("ManagedPolicyArns")
        if managed or (kind.startswith("AWS::IAM::") and kind not in {"AWS::IAM::Role", "AWS::IAM::Policy"}):
            yield f"{name}: {kind}, {managed}"


@CONNECTOR.invariant(without("Resources HttpApiFunction DependsOn"))
def each_function_is_created_after_the_policy_of_its_role(built: Built) -> Wrongs:
    for name in functions(built):
        if built.resources[name].get("DependsOn") not in ("IssueLinksPolicy", ["IssueLinksPolicy"]):
            yield f"{name}: {built.resources[name].get('DependsOn')}"


@CONNECTOR.invariant(
    change(
        f"{HTTP_API} AssumeRolePolicyDocument Statement 0 Principal Service",
        ["lambda.amazonaws.com", "ec2.amazonaws.com"],
    ),
    change(
        f"{WORKER} AssumeRolePolicyDocument Statement +",
        {"Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "sts:AssumeRole"},
    ),
)
def only_lambda_may_assume_a_role(built: Built) -> Wrongs:
    lambda_takes_it = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for name, role in roles(built).items():
        if role["AssumeRolePolicyDocument"]["Statement"] != [lambda_takes_it]:
            yield f"{name}: {role['AssumeRolePolicyDocument']['Statement']}"


SHARE_A_TOKEN = {
    ("secretsmanager:GetSecretValue", "${AccessTokenSecret.Id}"),
    ("secretsmanager:PutSecretValue", "${AccessTokenSecret.Id}"),
}


def work(built: Built) -> dict[str, set[tuple[str, str]]]:
    """What each function's work asks for, customer's keys aside."""
    secret = {
        "": "${CredentialsSecret.Id}",
        SECRET: SECRET,
        SECRET_NAME: (
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:prod/customergauge-??????"
        ),
    }[built.parameters["CredentialsSecretArn"]]
    each = {
        ("secretsmanager:GetSecretValue", secret),
        ("dynamodb:PutItem", "${LedgerTable.Arn}"),
        ("dynamodb:UpdateItem", "${LedgerTable.Arn}"),
        ("sqs:SendMessage", "${ResultsQueue.Arn}"),
        *(WRITE_TRACES if built.parameters["Tracing"] == "Active" else ()),
        *(SHARE_A_TOKEN if built.parameters["ShareAccessToken"] == "true" else ()),
    }
    return {
        "HttpApiRole": {
            *each,
            ("logs:CreateLogStream", "${HttpApiLogGroup.Arn}"),
            ("logs:PutLogEvents", "${HttpApiLogGroup.Arn}"),
        },
        "QueueWorkerRole": {
            *each,
            ("sqs:SendMessage", "${ParkedQueue.Arn}"),
            ("sqs:ReceiveMessage", "${RequestsQueue.Arn}"),
            ("sqs:DeleteMessage", "${RequestsQueue.Arn}"),
            ("sqs:GetQueueAttributes", "${RequestsQueue.Arn}"),
            ("sqs:ChangeMessageVisibility", "${RequestsQueue.Arn}"),
            ("logs:CreateLogStream", "${QueueWorkerLogGroup.Arn}"),
            ("logs:PutLogEvents", "${QueueWorkerLogGroup.Arn}"),
        },
        "DirectInvocationRole": {
            *each,
            ("sqs:SendMessage", "${ParkedQueue.Arn}"),
            ("logs:CreateLogStream", "${DirectInvocationLogGroup.Arn}"),
            ("logs:PutLogEvents", "${DirectInvocationLogGroup.Arn}"),
        },
    }


@CONNECTOR.invariant(
    change(f"{ALL_MAY} 0 Resource", {"Ref": "CredentialsSecretArn"}),  # a name is no resource
    change(f"{ALL_MAY} 0 Resource Fn::If 1 Fn::Sub", SECRET_STORE),
    change(f"{ALL_MAY} 1 Action +", "dynamodb:DeleteItem"),
    change(f"{ALL_MAY} 2 Resource", [{"Fn::GetAtt": [f"{queue}Queue", "Arn"]} for queue in ("Results", "Requests")]),
    change("Conditions UseSharedToken", {"Fn::Equals": ["a", "a"]}),
    change("Conditions UseTracing", {"Fn::Equals": ["a", "a"]}),
    change("Resources IssueLinksPolicy Properties Roles", [{"Ref": "HttpApiRole"}]),
    change(f"{WORKER_MAY} 0 Action +", "sqs:PurgeQueue"),
    change(f"{WORKER_MAY} 2 Resource", "*"),
    change(f"{WORKER_MAY} +", {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "arn:aws:s3:::x"}),
    without(f"{WORKER_MAY} 0"),
    change(f"{DIRECT_MAY} 0 Resource", {"Fn::GetAtt": ["ResultsQueue", "Arn"]}),  # then nothing could be parked
    change(
        "Resources ThirdRole",
        {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}},
    ),
)
def each_role_has_exactly_the_permissions_that_its_function_needs(built: Built) -> Wrongs:
    expected = work(built)
    yield from (f"{name}: whose is it?" for name in roles(built).keys() ^ expected.keys())
    for name, role in roles(built).items():
        granted = {one for one in permissions(role) if not one[0].startswith("kms:")}
        for permission in granted ^ expected.get(name, granted):
            yield f"{name}: {permission} {'too much' if permission in granted else 'missing'}"


@CONNECTOR.invariant(
    without(f"{ALL_MAY} 4"),
    change(f"{ALL_MAY} 4 Fn::If 1 Action", ["kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"]),
)
def roles_may_use_only_the_kms_key_of_the_customer(built: Built) -> Wrongs:
    key = built.parameters["KmsKeyArn"]
    expected = {("kms:Decrypt", key), ("kms:GenerateDataKey", key)} if key else set()
    for name, role in roles(built).items():
        granted = {one for one in permissions(role) if one[0].startswith("kms:")}
        if granted != expected:
            yield f"{name}: {granted}"


@CONNECTOR.invariant(
    without(f"{HTTP_API} PermissionsBoundary"),
    without("Resources DeploymentRole Properties PermissionsBoundary"),
    change(f"{HTTP_API} PermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}),  # empty, IAM refuses it
    without("Globals Function DeploymentPreference Role"),  # SAM then makes a role without it
)
def every_role_has_the_permissions_boundary_if_there_is_one(built: Built) -> Wrongs:
    given = built.parameters["PermissionsBoundaryArn"] or None
    canary = {**built.parameters, "CanaryDeployments": "true"}
    for name, role in roles(Built(translated_template(built.source, **canary), canary, built.source)).items():
        if role.get("PermissionsBoundary") != given:
            yield f"{name}: {role.get('PermissionsBoundary')}"
