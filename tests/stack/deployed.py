"""What the tests of deployed stacks share: requests, waits, messages of any age, and what stands beside a stack."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sandbox.aws.emulator import REGION, Emulator
from sandbox.aws.stack import STACK_NAME, Message, Stack

FUNCTIONS = ("HttpApiFunction", "QueueWorkerFunction", "DirectInvocationFunction")


def a_request(**more: object) -> dict[str, Any]:
    name = f"request-{uuid.uuid4()}"
    person = {"Email": f"{name}@example.com"}
    return {"configuration": "contact", "record": person, "reference": name, "idempotency_key": name, **more}


def wait_until(reached: Callable[[], object], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {within:.0f} s"
        time.sleep(0.1)


def the_result(stack: Stack, found: Callable[[dict[str, Any]], bool], within: float = 60.0) -> Message:
    """Take results until the one that is looked for; those of other tests are of no further use."""
    end = time.monotonic() + within
    while (left := end - time.monotonic()) > 0:
        for message in stack.results(1, left):
            if found(message.json()):
                return message
    raise AssertionError("the result did not come")


def result_of(stack: Stack, request: Mapping[str, Any], within: float = 60.0) -> Message:
    return the_result(stack, lambda result: result.get("reference") == request["reference"], within)


def resources(emulator: Emulator, stack_name: str = STACK_NAME) -> dict[str, str]:
    """Return the physical ids of a stack's resources, by their names in the template."""
    described = emulator.client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}


def hand_to_worker(stack: Stack, request: Mapping[str, Any], hours_old: float) -> dict[str, Any]:
    """Hand the worker a message that was sent so long ago; return its answer."""
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": json.dumps(request),
        "attributes": {
            "ApproximateReceiveCount": "40",
            "SentTimestamp": str(round((time.time() - hours_old * 3600) * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    answer = stack.emulator.client("lambda").invoke(
        FunctionName=resources(stack.emulator)["QueueWorkerFunction"],
        Qualifier="live",
        Payload=json.dumps({"Records": [record]}),
    )
    returned: dict[str, Any] = json.load(answer["Payload"])
    return returned


def create_stack(emulator: Emulator, name: str, template: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create a stack; return its outputs."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}


def queue_for(stack: Stack, name: str, service: str) -> tuple[str, str]:
    """Create a queue to which a service of AWS may send; return its URL and ARN."""
    url = stack.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**may, "Resource": arn}]})
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


class Grant(NamedTuple):
    """One action on one resource."""

    sid: str
    action: str
    resource: str


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def grants_of(policy: str) -> list[Grant]:
    return [
        Grant(statement["Sid"], action, resource)
        for statement in json.loads(policy)["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


class PolicyUser:
    """An IAM user who may do what it is granted and nothing else; `names` stand for the placeholders of a policy."""

    def __init__(self, emulator: Emulator, name: str, names: Mapping[str, str]) -> None:
        account = emulator.client("sts").get_caller_identity()["Account"]
        self._names = {"REGION": REGION, "ACCOUNT": account, **names}
        self._iam, self._name = emulator.client("iam"), name
        self._iam.create_user(UserName=name)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        self.key = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def may(self, grants: Iterable[Grant]) -> None:
        statements = [{"Effect": "Allow", "Action": one.action, "Resource": one.resource} for one in grants]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        for place, value in self._names.items():
            document = document.replace(place, value)
        self._iam.put_user_policy(UserName=self._name, PolicyName="given", PolicyDocument=document)


CONTENTS = {
    "stack": ("cloudformation", "list_stacks", "StackSummaries", "StackId"),
    "bucket": ("s3", "list_buckets", "Buckets", "Name"),
    "table": ("dynamodb", "list_tables", "TableNames", ""),
    "log-group": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "secret": ("secretsmanager", "list_secrets", "SecretList", "Name"),
    "queue": ("sqs", "list_queues", "QueueUrls", ""),
    "topic": ("sns", "list_topics", "Topics", "TopicArn"),
    "function": ("lambda", "list_functions", "Functions", "FunctionName"),
    "layer": ("lambda", "list_layers", "Layers", "LayerName"),
    "poller": ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    "role": ("iam", "list_roles", "Roles", "RoleName"),
    "user": ("iam", "list_users", "Users", "UserName"),
    "rule": ("events", "list_rules", "Rules", "Name"),
    "alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "api": ("apigateway", "get_rest_apis", "items", "id"),
    "api-key": ("apigateway", "get_api_keys", "items", "id"),
}


def everything_in(emulator: Emulator) -> set[str]:
    """Return what an account has of each kind that a stack may consist of, each as kind and name."""
    found = set()
    for kind, (service, operation, items, field) in CONTENTS.items():
        for one in getattr(emulator.client(service), operation)().get(items, []):
            if kind != "stack" or one["StackStatus"] != "DELETE_COMPLETE":
                found.add(f"{kind} {one[field] if field else one}")
    return found
