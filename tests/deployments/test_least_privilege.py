"""Each function may do what it needs and nothing else: every granted action, taken away, is missed by somebody.

The emulator asks a function's role for what the function itself calls. What AWS's services call with that role (they
poll the queue, write the logs, use the key) it does by itself without asking; those grants are compared with AWS's own
lists instead.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, NamedTuple

import pytest

from sandbox.aws.emulator import Emulator
from sandbox.aws.http_caller import permitted_caller
from sandbox.aws.stack import Stack, deploy
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from sandbox.template import translated_template
from tests.stack.deployed import FUNCTIONS, a_request, as_list, resources, result_of

ROLES = ("HttpApiRole", "QueueWorkerRole", "DirectInvocationRole")
# Lambda's own use of the role: AWS's managed policy AWSLambdaSQSQueueExecutionRole, less the right to make log groups.
POLLS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
WRITES_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# With active tracing: AWSXRayDaemonWriteAccess, less the rules of sampling, which Lambda keeps itself.
WRITES_TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# AWS's services' use of the customer's key in the role's name, when a secret, a table or a queue is encrypted with it.
USES_THE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
BY_AWS = POLLS | WRITES_LOGS | WRITES_TRACES | USES_THE_KEY
SHARED_TOKEN = "access-token/2"
PATIENCE = 30.0  # seconds for what takes one or two; what is denied never comes, and gets six


class Grant(NamedTuple):
    """One action on one resource, as the template allows it to a role; the resource by its logical id."""

    role: str
    policy: str
    action: str
    resource: str


def logical_id(resource: Any) -> str:
    """Return LedgerTable of `!GetAtt LedgerTable.Arn`, of an `!If` the one that the stack makes itself; or `*`."""
    if isinstance(resource, str):
        return resource
    if "Fn::If" in resource:
        condition, then, otherwise = resource["Fn::If"]
        return logical_id(otherwise if condition == "HasSecretName" else then)
    return str(resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Ref"])


def grants(role: str, policy: dict[str, Any]) -> list[Grant]:
    statements = [one["Fn::If"][1] if "Fn::If" in one else one for one in policy["PolicyDocument"]["Statement"]]
    return [
        Grant(role, policy["PolicyName"], action, logical_id(resource))
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


RESOURCES = translated_template()["Resources"]
OF_ONE = [one for role in ROLES for policy in RESOURCES[role]["Properties"]["Policies"] for one in grants(role, policy)]
OF_ALL = grants("", RESOURCES["IssueLinksPolicy"]["Properties"])
PARKS = Grant("DirectInvocationRole", "ParkInvocations", "sqs:SendMessage", "ParkedQueue")  # Lambda does
# What all roles may do is taken away from one of them, from each in turn: they have the same policy.
ITS_OWN = [
    *(one._replace(role=role) for one, role in zip(OF_ALL, cycle(ROLES), strict=False) if one.action not in BY_AWS),
    *(one for one in OF_ONE if one.action not in BY_AWS and one != PARKS),
]


def test_what_aws_does_in_a_roles_name_is_what_its_own_policies_list() -> None:
    of_one = {(grant.role, grant.action) for grant in OF_ONE if grant.action in BY_AWS or grant == PARKS}

    assert {grant.action for grant in OF_ALL} & BY_AWS == WRITES_TRACES | USES_THE_KEY
    assert of_one == {
        *((role, action) for role in ROLES for action in WRITES_LOGS),
        *(("QueueWorkerRole", action) for action in POLLS),
        (PARKS.role, PARKS.action),
    }


class Site:
    """The stack, with roles that can be made one grant poorer, and whether requests still end as they should."""

    def __init__(self, stack: Stack, vendor: CustomerGaugeSandbox) -> None:
        self._stack = stack
        self._vendor = vendor
        self._caller = permitted_caller(stack)
        self._lambda = stack.emulator.client("lambda")
        self._secrets = stack.emulator.client("secretsmanager")
        self._names = resources(stack.emulator)
        self._memory = 256

    @contextmanager
    def without(self, grant: Grant) -> Iterator[None]:
        """Leave a role everything but one action on one resource, then give it back."""
        role, name = self._names[grant.role], self._names[grant.resource].rpartition("/")[2]
        policy: Any = self._stack.iam.get_role_policy(RoleName=role, PolicyName=grant.policy)["PolicyDocument"]
        granted = [
            {"Effect": "Allow", "Action": action, "Resource": arn}
            for statement in policy["Statement"]
            for action in as_list(statement["Action"])
            for arn in as_list(statement["Resource"])
        ]
        kept = [one for one in granted if one["Action"] != grant.action or name not in one["Resource"]]
        assert len(kept) == len(granted) - 1
        self._set(role, grant.policy, kept)
        yield
        for queue in (self._stack.requests_queue_url, self._stack.parked_queue_url, self._stack.results_queue_url):
            self._stack.sqs.purge_queue(QueueUrl=queue)
        self._vendor.reset()
        self._set(role, grant.policy, granted)

    def _set(self, role: str, policy: str, granted: list[dict[str, str]]) -> None:
        self._stack.dynamodb.delete_item(TableName=self._names["LedgerTable"], Key={"pk": {"S": SHARED_TOKEN}})
        self._secrets.put_secret_value(SecretId=self._names["AccessTokenSecret"], SecretString="{}")
        document = json.dumps({"Version": "2012-10-17", "Statement": granted})
        self._stack.iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)
        self._memory += 1  # new environments: the old ones' caches would hide that something is denied
        for function in FUNCTIONS:
            name = self._names[function]
            self._lambda.update_function_configuration(FunctionName=name, MemorySize=self._memory)
            version = self._lambda.publish_version(FunctionName=name)["Version"]
            self._lambda.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def works(self, role: str, within: float = PATIENCE) -> bool:
        """Tell whether a function does its work. What an earlier, poorer role left behind does not count."""
        request = a_request()
        body = json.dumps(request)
        if role == "QueueWorkerRole":
            return self._queue_works(request, within) and self._shares_its_token()
        send = self._is_answered if role == "HttpApiRole" else self._is_returned
        answered = send(body) and send(body)
        calls = [one for one in self._vendor.calls("personal-link") if request["reference"] in one.body.decode()]
        return answered and len(calls) == 1 and self._shares_its_token() and self._is_told(request, within)

    def _queue_works(self, request: dict[str, Any], within: float) -> bool:
        """Tell whether a bad message is parked, and one that waits comes back in time and becomes a link."""
        self._vendor.script("personal-link", Reply.error(503, retry_after=1))
        for message in ("{", json.dumps(request)):
            self._stack.sqs.send_message(QueueUrl=self._stack.requests_queue_url, MessageBody=message)
        return bool(self._stack.parked(1, within)) and self._is_told(request, within)

    def _is_answered(self, body: str) -> bool:
        return self._caller.send("PUT", body).status == 200

    def _is_returned(self, body: str) -> bool:
        answer = self._lambda.invoke(FunctionName=self._stack.direct_invocation_arn, Payload=body.encode())
        return "FunctionError" not in answer

    def _is_told(self, request: dict[str, Any], within: float) -> bool:
        with suppress(AssertionError):
            return bool(result_of(self._stack, request, within))
        return False

    def _shares_its_token(self) -> bool:
        shared = self._secrets.get_secret_value(SecretId=self._names["AccessTokenSecret"])["SecretString"]
        return "access_token" in shared


@pytest.fixture(scope="module")
def site(emulator: Emulator, vendor: CustomerGaugeSandbox) -> Site:
    stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
    stack.fill_secret(vendor.client_id, vendor.client_secret)
    return Site(stack, vendor)


@pytest.mark.parametrize("grant", ITS_OWN, ids=lambda grant: f"{grant.role} {grant.action} {grant.resource}")
def test_every_action_that_a_function_may_take_is_missed_when_it_is_taken_away(site: Site, grant: Grant) -> None:
    with site.without(grant):
        assert not site.works(grant.role, within=6)

    assert site.works(grant.role)
