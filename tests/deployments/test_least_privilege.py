"""Each function may do what it needs and nothing else: every granted action, taken away, is missed by somebody.

The emulator asks a function's role for what the function itself calls. What AWS's services call with that role (they
poll the queue, write the logs, use the key) it does by itself without asking; those grants are compared with AWS's own
lists instead.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import permitted_caller
from sandbox.stack import STACK_NAME, Stack, deploy
from sandbox.template import translated_template
from sandbox.vendor_replies import Reply

# Lambda's own use of the role: AWS's managed policy AWSLambdaSQSQueueExecutionRole, less the right to make log groups.
POLLS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
WRITES_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# With active tracing: AWSXRayDaemonWriteAccess, less the rules of sampling, which Lambda keeps itself.
WRITES_TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# AWS's services' use of the customer's key in the role's name, when a secret, a table or a queue is encrypted with it.
USES_THE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
SHARED_TOKEN = "access-token/2"
PATIENCE = 6.0  # seconds for what takes one or two


class Grant(NamedTuple):
    """One action on one resource, as the template allows it to a role; the resource by its logical id."""

    role: str
    policy: str
    action: str
    resource: str


def policies(role: str) -> list[dict[str, Any]]:
    resources = translated_template()["Resources"]
    return [*resources[role]["Properties"]["Policies"], resources["IssueLinksPolicy"]["Properties"]]


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in policy["PolicyDocument"]["Statement"]]


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def logical_id(resource: Any) -> str:
    """Return LedgerTable of `!GetAtt LedgerTable.Arn`, of an `!If` the one that the stack makes itself; or `*`."""
    if isinstance(resource, str):
        return resource
    if "Fn::If" in resource:
        condition, then, otherwise = resource["Fn::If"]
        return logical_id(otherwise if condition == "HasSecretName" else then)
    return str(resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Ref"])


GRANTS = [
    Grant(role, policy["PolicyName"], action, logical_id(resource))
    for role in ("HttpApiRole", "QueueWorkerRole", "DirectInvocationRole")
    for policy in policies(role)
    for statement in statements(policy)
    for action in as_list(statement["Action"])
    for resource in as_list(statement["Resource"])
]
PARKS = Grant(
    "DirectInvocationRole", "ParkInvocations", "sqs:SendMessage", "ParkedQueue"
)  # Lambda does, what failed for good
BY_AWS = POLLS | WRITES_LOGS | WRITES_TRACES | USES_THE_KEY
ITS_OWN = [grant for grant in GRANTS if grant.action not in BY_AWS and grant != PARKS]


def test_what_aws_does_in_a_roles_name_is_what_its_own_policies_list() -> None:
    by_aws = {(grant.role, grant.action) for grant in GRANTS if grant not in ITS_OWN}

    assert by_aws == {
        *(("HttpApiRole", action) for action in WRITES_LOGS | WRITES_TRACES | USES_THE_KEY),
        *(("DirectInvocationRole", action) for action in WRITES_LOGS | WRITES_TRACES | USES_THE_KEY),
        (PARKS.role, PARKS.action),
        *(("QueueWorkerRole", action) for action in POLLS | WRITES_LOGS | WRITES_TRACES | USES_THE_KEY),
    }


class Site:
    """The stack, with roles that can be made one grant poorer, and whether requests still end as they should."""

    def __init__(self, stack: Stack, vendor: CustomerGaugeSandbox) -> None:
        self._stack = stack
        self._vendor = vendor
        self._caller = permitted_caller(stack)
        self._lambda = stack.emulator.client("lambda")
        self._secrets = stack.emulator.client("secretsmanager")
        resources = stack.emulator.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
        self._names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResources"]}
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
        for function in ("HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction"):
            name = self._names[function]
            self._lambda.update_function_configuration(FunctionName=name, MemorySize=self._memory)
            version = self._lambda.publish_version(FunctionName=name)["Version"]
            self._lambda.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def http_works(self) -> bool:
        """Tell whether a call is answered, its result queued, and its outcome kept for the next call."""
        body, key, calls = a_request(), {"Idempotency-Key": uuid.uuid4().hex}, len(self._vendor.calls("personal-link"))
        answered = [self._caller.send("PUT", body, key).status for _time in range(2)] == [200, 200]
        called_once = len(self._vendor.calls("personal-link")) == calls + 1
        return (
            answered and called_once and self._shares_its_token() and len(self._stack.results(2, within=PATIENCE)) == 2
        )

    def _shares_its_token(self) -> bool:
        return (
            "access_token" in self._secrets.get_secret_value(SecretId=self._names["AccessTokenSecret"])["SecretString"]
        )

    def direct_works(self) -> bool:
        """Tell whether an invocation is answered, its result queued, and its outcome kept for the next one."""
        body, calls = a_request(), len(self._vendor.calls("personal-link"))
        for _time in range(2):
            answer = self._lambda.invoke(FunctionName=self._stack.direct_invocation_arn, Payload=body.encode())
            if "FunctionError" in answer:
                return False
        called_once = len(self._vendor.calls("personal-link")) == calls + 1
        return called_once and self._shares_its_token() and len(self._stack.results(2, within=PATIENCE)) == 2

    def queue_works(self) -> bool:
        """Tell whether a bad message is parked, and one that waits comes back in time and becomes a link."""
        self._vendor.script("personal-link", Reply.error(503, retry_after=1))
        for body in ("{", a_request()):
            self._stack.sqs.send_message(QueueUrl=self._stack.requests_queue_url, MessageBody=body)
        parked = self._stack.parked(1, within=PATIENCE)
        answered = parked and self._stack.results(1, within=PATIENCE)
        return bool(answered) and self._shares_its_token() and not self._stack.leftovers(within=2)


def a_request() -> str:
    return json.dumps({"configuration": "contact", "record": {"Email": f"{uuid.uuid4()}@example.com"}})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield Site(stack, vendor)


@pytest.mark.parametrize("grant", ITS_OWN, ids=lambda grant: f"{grant.role} {grant.action} {grant.resource}")
def test_every_action_that_a_function_may_take_is_missed_when_it_is_taken_away(site: Site, grant: Grant) -> None:
    works = {
        "HttpApiRole": site.http_works,
        "QueueWorkerRole": site.queue_works,
        "DirectInvocationRole": site.direct_works,
    }[grant.role]
    assert works()

    with site.without(grant):
        assert not works()
