"""docs/policies/operator.json on the running stack: with all of it every command works, and each part of it is missed.

What the emulator does not ask for is not proven here: kms:Decrypt and kms:GenerateDataKey (SQS developer guide,
sqs-key-management), and lambda:GetAccountSettings. Two actions of Lambda's it asks for by another name.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

from operate.commands import operate
from operate.health.checks import QUEUES
from operate.terminal.failures import denied_action
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.docs.documents import DOCS, commands
from tests.stack.test_operate import new_request, park_a_day_old
from tests.stack.test_triggers import the_result

POLICY = (REPOSITORY / "docs" / "policies" / "operator.json").read_text()
KEY = "UseYourKeyOrDeleteThisWithoutKmsKeyArn"
USER = "operator"


class Grant(NamedTuple):
    """One action on one resource."""

    action: str
    resource: str


def as_list(one_or_more: str | list[str]) -> list[str]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


GRANTS = [
    Grant(action, resource)
    for statement in json.loads(POLICY)["Statement"]
    if statement["Sid"] != KEY
    for action in as_list(statement["Action"])
    for resource in as_list(statement["Resource"])
]
OF_THE_EMULATOR = {
    "lambda:GetAlias": "lambda:ListAliases",
    "lambda:GetEventSourceMapping": "lambda:ListEventSourceMappings",
}
WITHOUT_A_RESOURCE = {"lambda:GetEventSourceMapping", "cloudwatch:DescribeAlarms"}  # on the emulator


class Operator:
    """An IAM user who may do what it is granted here and nothing else."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        account = stack.emulator.client("sts").get_caller_identity()["Account"]
        self._places = {"CREDENTIALS_SECRET_ARN": stack.credentials_secret_arn, "REGION": REGION, "ACCOUNT": account}
        stack.iam.create_user(UserName=USER)
        key = stack.iam.create_access_key(UserName=USER)["AccessKey"]
        self._key = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def may(self, grants: list[Grant]) -> None:
        text = json.dumps(
            [
                {
                    "Effect": "Allow",
                    "Action": OF_THE_EMULATOR.get(one.action, one.action),
                    "Resource": "*" if one.action in WITHOUT_A_RESOURCE else one.resource,
                }
                for one in grants
            ]
        )
        for place, value in {**self._places, "STACK": STACK_NAME}.items():
            text = text.replace(place, value)
        document = json.dumps({"Version": "2012-10-17", "Statement": json.loads(text)})
        self.stack.iam.put_user_policy(UserName=USER, PolicyName="operate", PolicyDocument=document)

    def run(self, *arguments: str) -> str:
        """Run a command; return what it says."""
        return CliRunner(env=self.stack.emulator.environment() | self._key).invoke(operate, arguments).output

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.stack.emulator.url,
            region_name=REGION,
            verify=str(self.stack.emulator.authority),
            aws_access_key_id=self._key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._key["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Iterator[Operator]:
    made = Operator(stack)
    yield made
    stack.iam.delete_user_policy(UserName=USER, PolicyName="operate")


def health(operator: Operator) -> str:
    return operator.run("health", STACK_NAME)


def check(operator: Operator) -> str:
    return operator.run("check", STACK_NAME, "--yes")


def find(operator: Operator) -> str:
    return operator.run("find", STACK_NAME, "--key", "order-1234")


def tail(operator: Operator) -> str:
    return operator.run("tail", STACK_NAME, "--no-follow")


def outputs(operator: Operator) -> str:
    return operator.run("outputs", STACK_NAME)


def delete(operator: Operator) -> str:
    return operator.run("parked", "delete", STACK_NAME, "--code", "forbidden", "--yes")


def erase(operator: Operator) -> str:
    return operator.run("erase", STACK_NAME, "--key", settled_key(operator.stack), "--despite-queue", "--yes")


def settled_key(stack: Stack) -> str:
    """Return the key of a request that is settled."""
    request = new_request()
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(request))
    assert the_result(stack, lambda message: message.get("reference") == request["reference"])
    return str(request["idempotency_key"])


def redrive_open(operator: Operator) -> str:
    return operator.run("parked", "redrive", STACK_NAME, "--code", "forbidden")


def redrive_settled(operator: Operator) -> str:
    return operator.run("parked", "redrive", STACK_NAME, "--code", "unavailable")


def bulk_status(operator: Operator) -> str:
    file = str(REPOSITORY / "events" / "bulk_contacts.csv")
    return operator.run("bulk", "status", STACK_NAME, file, "--job", "policy", "--configuration", "contact")


def follow_the_page(operator: Operator) -> str:
    """Do what the AWS CLI lines of docs/operation.md do; return what is not allowed."""
    secret = operator.stack.secretsmanager.get_secret_value(SecretId=operator.stack.credentials_secret_arn)
    lines: dict[str, Callable[[], object]] = {
        "logs filter-log-events": lambda: operator.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{STACK_NAME}-queue-worker"
        ),
        "logs filter-log-events of the API": lambda: operator.client("logs").filter_log_events(
            logGroupName=f"/aws/apigateway/{STACK_NAME}-access"
        ),
        "lambda get-account-settings": lambda: operator.client("lambda").get_account_settings(),
        "cloudformation describe-stacks": lambda: operator.client("cloudformation").describe_stacks(
            StackName=STACK_NAME
        ),
        "secretsmanager put-secret-value": lambda: operator.client("secretsmanager").put_secret_value(
            SecretId=operator.stack.credentials_secret_arn, SecretString=secret["SecretString"]
        ),
    }
    asked = {
        " ".join(line[1:3])
        for line in commands((DOCS / "operation.md").read_text().partition("## Uninstall")[0])
        if line[0] == "aws"
    }
    assert asked - {"sts get-caller-identity"} <= lines.keys()  # which everybody may
    refused = []
    for call in lines.values():
        try:
            call()
        except ClientError as failure:
            action = denied_action(failure)
            if action is None and aws_error_code(failure) != "ResourceNotFoundException":  # of the access logs
                raise
            refused += [f"not allowed: {action}"] if action else []
    return "\n".join(refused)


@pytest.fixture(scope="module")
def parked(stack: Stack, vendor: CustomerGaugeSandbox) -> Iterator[None]:
    """One parked request that is settled by now (`unavailable`), and one that is not (`forbidden`)."""
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(new_request()))
    assert stack.results(1, within=150)  # so the circuit is closed, whatever other files did with this worker
    settled = new_request()
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    park_a_day_old(stack, settled)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(settled))
    assert stack.results(1)
    vendor.script("personal-link", Reply.error(403))
    park_a_day_old(stack, new_request())
    yield
    for queue in (stack.parked_queue_url, stack.results_queue_url):
        stack.sqs.purge_queue(QueueUrl=queue)


# What misses which actions. Those of a row are taken away together: each is told in a line of its own.
MISSED: list[tuple[Callable[[Operator], str], set[str]]] = [
    (health, {"cloudformation:DescribeStacks"}),
    (health, {"cloudformation:ListStackResources"}),
    (
        health,
        {
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "cloudwatch:GetMetricData",
            "cloudwatch:DescribeAlarms",
            "lambda:GetAlias",
            "lambda:GetEventSourceMapping",
            "secretsmanager:DescribeSecret",
            "sns:ListSubscriptionsByTopic",
            "logs:FilterLogEvents",
        },
    ),
    (health, {"lambda:GetFunctionConfiguration"}),
    (check, {"secretsmanager:GetSecretValue"}),
    (follow_the_page, {"logs:FilterLogEvents", "secretsmanager:PutSecretValue"}),
    (find, {"logs:FilterLogEvents"}),
    (find, {"dynamodb:GetItem"}),
    (find, {"sqs:ReceiveMessage"}),
    (find, {"sqs:GetQueueAttributes"}),
    (tail, {"logs:FilterLogEvents"}),
    (outputs, {"cloudformation:DescribeStacks"}),
    (delete, {"sqs:DeleteMessage"}),
    (erase, {"dynamodb:DeleteItem"}),
    (redrive_open, {"dynamodb:GetItem"}),
    (bulk_status, {"dynamodb:BatchGetItem"}),
    (redrive_open, {"sqs:SendMessage"}),
    (redrive_settled, {"sqs:SendMessage"}),
    (redrive_settled, {"sqs:DeleteMessage"}),
]


@pytest.mark.usefixtures("parked")
def test_with_the_operator_policy_every_command_and_every_line_of_the_page_works(operator: Operator) -> None:
    operator.may(GRANTS)

    health_said, check_said, lines_said = health(operator), check(operator), follow_the_page(operator)
    others_said = "".join(ask(operator) for ask in (find, tail, outputs))

    assert "not allowed: " not in health_said + check_said + lines_said + others_said + bulk_status(operator)
    assert re.search("2 parked: (1 unavailable, 1 forbidden|1 forbidden, 1 unavailable)", health_said)
    assert check_said.count("ok ") == 3


@pytest.mark.usefixtures("parked")
@pytest.mark.parametrize(("ask", "actions"), MISSED)
def test_without_an_action_of_the_policy_its_command_reports_that_action_as_not_allowed(
    operator: Operator, ask: Callable[[Operator], str], actions: set[str]
) -> None:
    operator.may([one for one in GRANTS if one.action not in actions])

    said = ask(operator)

    assert [action for action in actions if f"not allowed: {OF_THE_EMULATOR.get(action, action)}" not in said] == []


@pytest.mark.usefixtures("parked")
@pytest.mark.parametrize(
    ("ask", "grant", "told"),
    [
        *((health, f"sqs:GetQueueAttributes {name.capitalize()}Queue", f"Queue {name}") for name in QUEUES),
        (follow_the_page, "logs:FilterLogEvents /aws/lambda/", "not allowed"),
        (follow_the_page, "logs:FilterLogEvents /aws/apigateway/", "not allowed"),
        (redrive_open, "sqs:SendMessage RequestsQueue", "not allowed"),
        (redrive_settled, "sqs:SendMessage ResultsQueue", "not allowed"),
    ],
)
def test_without_an_action_on_one_resource_its_command_reports_that_action_as_not_allowed(
    operator: Operator, ask: Callable[[Operator], str], grant: str, told: str
) -> None:
    action, resource = grant.split()
    operator.may([one for one in GRANTS if one.action != action or resource not in one.resource])

    assert [line for line in ask(operator).splitlines() if f"not allowed: {action}" in line and told in line]


@pytest.mark.usefixtures("parked")
def test_with_the_operator_policy_parked_requests_can_be_redriven(operator: Operator, stack: Stack) -> None:
    operator.may(GRANTS)

    assert re.search("1 +retried", redrive_open(operator))
    assert re.search("1 +its result is sent again", redrive_settled(operator))
    assert the_result(stack, lambda message: message["status"] == "created" and not message["replayed"])


def test_every_action_of_the_operator_policy_is_tested_in_this_file() -> None:
    elsewhere = {"lambda:GetAccountSettings", "sqs:ChangeMessageVisibility"}

    assert {one.action for one in GRANTS} - elsewhere == set().union(*(actions for _ask, actions in MISSED))


# The last of this file: they stay hidden for a minute.
@pytest.mark.usefixtures("parked")
def test_health_reports_when_it_may_not_return_parked_messages_to_the_queue(
    operator: Operator, stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(403))
    park_a_day_old(stack, new_request())
    operator.may([one for one in GRANTS if one.action != "sqs:ChangeMessageVisibility"])

    assert "Parked: not allowed: sqs:ChangeMessageVisibility" in health(operator).splitlines()
