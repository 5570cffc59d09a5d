"""docs/policies/operator.json on the running stack: with all of it every command works, and each part of it is missed.

What the emulator does not ask for is not proven here: kms:Decrypt and kms:GenerateDataKey (SQS developer guide,
sqs-key-management), and lambda:GetAccountSettings. Two actions of Lambda's it asks for by another name.
"""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from operate.commands import operate
from operate.terminal.failures import denied_action
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.customergauge.replies import Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.docs.documents import DOCS, commands
from tests.stack.deployed import Grant, PolicyUser, a_request, grants_of, hand_to_worker, result_of, the_result

KEY = "UseYourKeyOrDeleteThisWithoutKmsKeyArn"
SETTLED_KEY = "settled-for-the-policy"
GRANTS = [one for one in grants_of((DOCS / "policies" / "operator.json").read_text()) if one.sid != KEY]
OF_THE_EMULATOR = {
    "lambda:GetAlias": "lambda:ListAliases",
    "lambda:GetEventSourceMapping": "lambda:ListEventSourceMappings",
}
WITHOUT_A_RESOURCE = {"lambda:GetEventSourceMapping", "cloudwatch:DescribeAlarms"}  # on the emulator
BULK_FILE = str(REPOSITORY / "events" / "bulk_contacts.csv")
COMMANDS = {
    "health": ("health",),
    "check": ("check", "--yes"),
    "find": ("find", "--key", "order-1234"),
    "tail": ("tail", "--no-follow"),
    "outputs": ("outputs",),
    "delete": ("parked", "delete", "--code", "forbidden", "--yes"),
    "erase": ("erase", "--key", SETTLED_KEY, "--despite-queue", "--yes"),
    "redrive open": ("parked", "redrive", "--code", "forbidden"),
    "redrive settled": ("parked", "redrive", "--code", "unavailable"),
    "bulk status": ("bulk", "status", BULK_FILE, "--job", "policy", "--configuration", "contact"),
}


class Operator:
    """An IAM user who may do what it is granted here and nothing else."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        names = {"CREDENTIALS_SECRET_ARN": stack.credentials_secret_arn, "STACK": STACK_NAME}
        self._user = PolicyUser(stack.emulator, "operator", names)

    def may(self, grants: list[Grant]) -> None:
        self._user.may(
            one._replace(
                action=OF_THE_EMULATOR.get(one.action, one.action),
                resource="*" if one.action in WITHOUT_A_RESOURCE else one.resource,
            )
            for one in grants
        )

    def do(self, what: str) -> str:
        """Run a command, or the lines of the page; return what it says."""
        if what == "the page":
            return self._follow_the_page()
        words = COMMANDS[what]
        place = 2 if words[0] in {"parked", "bulk"} else 1
        arguments = [*words[:place], STACK_NAME, *words[place:]]
        return CliRunner(env=self.stack.emulator.environment() | self._user.key).invoke(operate, arguments).output

    def _follow_the_page(self) -> str:
        """Do what the AWS CLI lines of docs/operation.md do; return what is not allowed."""
        secret = {"SecretId": self.stack.credentials_secret_arn}
        kept = self.stack.secretsmanager.get_secret_value(**secret)["SecretString"]
        logs, functions, cloudformation, secrets = (
            self.stack.emulator.client(service, *self._user.key.values())
            for service in ("logs", "lambda", "cloudformation", "secretsmanager")
        )
        lines: dict[str, Callable[[], object]] = {
            "logs filter-log-events": lambda: logs.filter_log_events(
                logGroupName=f"/aws/lambda/{STACK_NAME}-queue-worker"
            ),
            "logs filter-log-events of the API": lambda: logs.filter_log_events(
                logGroupName=f"/aws/apigateway/{STACK_NAME}-access"
            ),
            "lambda get-account-settings": functions.get_account_settings,
            "cloudformation describe-stacks": lambda: cloudformation.describe_stacks(StackName=STACK_NAME),
            "secretsmanager put-secret-value": lambda: secrets.put_secret_value(**secret, SecretString=kept),
        }
        page = (DOCS / "operation.md").read_text().partition("## Uninstall")[0]
        asked = {" ".join(line[1:3]) for line in commands(page) if line[0] == "aws"}
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
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture(scope="module", autouse=True)
def parked(stack: Stack, vendor: CustomerGaugeSandbox) -> Iterator[None]:
    """One parked request that is settled by now (`unavailable`), and one that is not (`forbidden`)."""
    first, settled = a_request(idempotency_key=SETTLED_KEY), a_request()
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(first))
    assert result_of(stack, first, within=150)  # so the circuit is closed, whatever other files did with this worker
    vendor.script("personal-link", Reply.error(503, retry_after=1))
    hand_to_worker(stack, settled, hours_old=25)
    stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=json.dumps(settled))
    assert result_of(stack, settled)
    vendor.script("personal-link", Reply.error(403))
    hand_to_worker(stack, a_request(), hours_old=25)
    yield
    for queue in (stack.parked_queue_url, stack.results_queue_url):
        stack.sqs.purge_queue(QueueUrl=queue)


def test_with_the_operator_policy_every_command_and_every_line_of_the_page_works(operator: Operator) -> None:
    operator.may(GRANTS)

    said = {
        what: operator.do(what) for what in ("health", "check", "the page", "find", "tail", "outputs", "bulk status")
    }

    assert [what for what, text in said.items() if "not allowed: " in text] == []
    assert re.search("! 2 parked: (1 unavailable, 1 forbidden|1 forbidden, 1 unavailable)", said["health"])
    assert len(re.findall(r"\d +Active", said["health"])) == 3  # all functions
    assert re.search("^Queue to worker +Enabled$", said["health"], re.MULTILINE)
    assert said["check"].count("ok ") == 3


# What misses which actions, or an action on one of its resources. Those of a row are taken away together: each is
# told in a line of its own.
MISSED: list[tuple[str, set[str]]] = [
    ("health", {"cloudformation:DescribeStacks"}),
    ("health", {"cloudformation:ListStackResources"}),
    (
        "health",
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
    ("health", {"lambda:GetFunctionConfiguration"}),
    *(("health", {f"sqs:GetQueueAttributes {name}Queue"}) for name in ("Requests", "Parked", "Results")),
    ("check", {"secretsmanager:GetSecretValue"}),
    ("the page", {"logs:FilterLogEvents", "secretsmanager:PutSecretValue"}),
    ("the page", {"logs:FilterLogEvents /aws/lambda/"}),
    ("the page", {"logs:FilterLogEvents /aws/apigateway/"}),
    ("find", {"logs:FilterLogEvents"}),
    ("find", {"dynamodb:GetItem"}),
    ("find", {"sqs:ReceiveMessage"}),
    ("find", {"sqs:GetQueueAttributes"}),
    ("tail", {"logs:FilterLogEvents"}),
    ("outputs", {"cloudformation:DescribeStacks"}),
    ("delete", {"sqs:DeleteMessage"}),
    ("erase", {"dynamodb:DeleteItem"}),
    ("redrive open", {"dynamodb:GetItem"}),
    ("bulk status", {"dynamodb:BatchGetItem"}),
    ("redrive open", {"sqs:SendMessage"}),
    ("redrive open", {"sqs:SendMessage RequestsQueue"}),
    ("redrive settled", {"sqs:SendMessage"}),
    ("redrive settled", {"sqs:SendMessage ResultsQueue"}),
    ("redrive settled", {"sqs:DeleteMessage"}),
]


@pytest.mark.parametrize(("what", "taken"), MISSED, ids=lambda part: part if isinstance(part, str) else min(part))
def test_without_an_action_of_the_policy_its_command_reports_that_action_as_not_allowed(
    operator: Operator, what: str, taken: set[str]
) -> None:
    pairs = [one.partition(" ")[::2] for one in taken]
    kept = [one for one in GRANTS if not any(one.action == action and of in one.resource for action, of in pairs)]
    assert len(kept) < len(GRANTS)
    operator.may(kept)

    said = operator.do(what)

    told = {f"not allowed: {OF_THE_EMULATOR.get(action, action)}" for action, _of in pairs}
    assert [one for one in told if one not in said] == []


def test_with_the_operator_policy_parked_requests_can_be_redriven(operator: Operator, stack: Stack) -> None:
    operator.may(GRANTS)

    assert re.search("1 +retried", operator.do("redrive open"))
    assert re.search("1 +its result is sent again", operator.do("redrive settled"))
    assert the_result(stack, lambda result: result["status"] == "created" and not result["replayed"])


def test_every_action_of_the_operator_policy_is_tested_in_this_file() -> None:
    elsewhere = {"lambda:GetAccountSettings", "sqs:ChangeMessageVisibility"}

    assert {one.action for one in GRANTS} - elsewhere == {one.split()[0] for _what, taken in MISSED for one in taken}


# The last of this file: they stay hidden for a minute.
def test_health_reports_when_it_may_not_return_parked_messages_to_the_queue(
    operator: Operator, stack: Stack, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(403))
    hand_to_worker(stack, a_request(), hours_old=25)
    operator.may([one for one in GRANTS if one.action != "sqs:ChangeMessageVisibility"])

    assert "Parked: not allowed: sqs:ChangeMessageVisibility" in operator.do("health").splitlines()
