"""The AWS account that these tests run in, and how its calls are watched and made to fail."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from sandbox.customergauge.server import CustomerGaugeSandbox

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

TEN_SECONDS_AGO = 1_795_427_990.0  # by the clock of the tests, 2026-11-23T09:59:50Z
CLIENT_ID = "client-7f3a"
CLIENT_SECRET = "s3cret-QkVBUkVS"


@cache
def _session() -> boto3.Session:
    """Return one session for all tests: a new one would read the models of the services anew."""
    return boto3.Session()


@dataclass(frozen=True)
class Account:
    """What the template makes, as far as the package calls it."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    secretsmanager: "SecretsManagerClient"
    ledger_table: str
    requests_url: str
    parked_url: str
    results_url: str
    secret_arn: str
    token_secret_arn: str

    @classmethod
    def create(cls) -> "Account":
        """Make the ledger's table, the three queues and the two secrets."""
        once = Config(retries={"mode": "standard", "total_max_attempts": 1})
        dynamodb = _session().client("dynamodb", config=once)
        sqs = _session().client("sqs", config=once)
        secretsmanager = _session().client("secretsmanager", config=once)
        dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        secret = f'{{"client_id": "{CLIENT_ID}", "client_secret": "{CLIENT_SECRET}"}}'
        return cls(
            dynamodb=dynamodb,
            sqs=sqs,
            secretsmanager=secretsmanager,
            ledger_table="ledger",
            requests_url=sqs.create_queue(QueueName="requests")["QueueUrl"],
            parked_url=sqs.create_queue(QueueName="parked")["QueueUrl"],
            results_url=sqs.create_queue(QueueName="results")["QueueUrl"],
            secret_arn=secretsmanager.create_secret(Name="credentials", SecretString=secret)["ARN"],
            token_secret_arn=secretsmanager.create_secret(Name="access-token", SecretString="{}")["ARN"],
        )

    def results(self) -> list["MessageTypeDef"]:
        """Take every message off the results queue."""
        return self._take(self.results_url)

    def parked(self) -> list["MessageTypeDef"]:
        """Take every message off the parked queue."""
        return self._take(self.parked_url)

    def queued_record(self, body: str, *, sent_at: float = TEN_SECONDS_AGO) -> dict[str, Any]:
        """Send a request, receive it, and return it as Lambda hands it to the worker; `sent_at` in epoch seconds."""
        self.sqs.send_message(QueueUrl=self.requests_url, MessageBody=body)
        received = self.sqs.receive_message(QueueUrl=self.requests_url, MessageSystemAttributeNames=["All"])
        message = received["Messages"][0]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {**message["Attributes"], "SentTimestamp": str(round(sent_at * 1000))},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }

    def ledger_items(self) -> list[dict[str, Any]]:
        """Return the ledger's items as they are stored."""
        return self.dynamodb.scan(TableName=self.ledger_table)["Items"]

    def _take(self, url: str) -> list["MessageTypeDef"]:
        taken: list[MessageTypeDef] = []
        while received := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in received:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += received
        return taken


def values(message: "MessageTypeDef") -> dict[str, str]:
    """Return a message's attributes as a consumer reads them."""
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


@contextmanager
def refusing(client: "BaseClient", operation: str, code: str, *, calls: int | None = None) -> Iterator[None]:
    """Let AWS refuse an operation, or only its next so many calls, with an error code."""
    left = itertools.count(calls or 0, -1)

    def refuse(**_: object) -> tuple[AWSResponse, Mapping[str, object]] | None:
        if calls is not None and next(left) <= 0:
            return None
        return AWSResponse("https://aws.example", 400, HTTPHeaders(), None), {"Error": {"Code": code, "Message": "no"}}

    with _hook(client, "before-call", operation, refuse):
        yield


@contextmanager
def answering(client: "BaseClient", operation: str, content: Mapping[str, object], status: int = 200) -> Iterator[None]:
    """Let an operation do nothing and answer this."""

    def answer(**_: object) -> tuple[AWSResponse, Mapping[str, object]]:
        return AWSResponse("https://aws.example", status, HTTPHeaders(), None), content

    with _hook(client, "before-call", operation, answer):
        yield


@contextmanager
def unreachable(client: "BaseClient", operation: str) -> Iterator[None]:
    """Let no connection come about."""

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://aws.example")

    with _hook(client, "before-call", operation, fail):
        yield


@contextmanager
def on_every_call(client: "BaseClient", operation: str, action: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Do something with the parameters of each call of an operation right before it is made, in the caller's thread."""

    def act(params: dict[str, Any], **_: object) -> None:
        action(params)

    with _hook(client, "provide-client-params", operation, act):
        yield


@contextmanager
def watched(client: "BaseClient", operation: str) -> Iterator[list[dict[str, Any]]]:
    """Collect the parameters of an operation's calls."""
    calls: list[dict[str, Any]] = []
    with on_every_call(client, operation, calls.append):
        yield calls


@contextmanager
def doing_before(
    client: "BaseClient", operation: str, action: Callable[[dict[str, Any]], object], *, call: int = 1
) -> Iterator[None]:
    """Do something with the parameters of the n-th call of an operation right before it is made."""
    counter = itertools.count(1)
    with on_every_call(client, operation, lambda params: action(params) if next(counter) == call else None):
        yield


@contextmanager
def _hook(client: "BaseClient", event: str, operation: str, action: Callable[..., Any]) -> Iterator[None]:
    service = client.meta.service_model.service_id.hyphenize()
    name = f"{event}.{service}.{operation}"
    client.meta.events.register(name, action)
    try:
        yield
    finally:
        client.meta.events.unregister(name, action)


@contextmanager
def one_write_at_a_time(account: Account) -> Iterator[None]:
    """DynamoDB checks and writes in one step; moto, which answers in mid-"before-send", does not."""
    writing, events = threading.Lock(), account.dynamodb.meta.events

    def enter(**_: object) -> None:
        writing.acquire()

    def leave(**_: object) -> None:
        writing.release()

    events.register_first("before-send", enter)
    events.register_last("before-send", leave)
    try:
        yield
    finally:
        events.unregister("before-send", enter)
        events.unregister("before-send", leave)


def template_variables(account: Account, vendor: CustomerGaugeSandbox) -> dict[str, str]:
    """Return the environment that the template gives both functions."""
    return {
        "CUSTOMERGAUGE_REGION": "eu",
        "CUSTOMERGAUGE_ENCODING": "json",
        "AUTH_BASE_URL": vendor.base_url,
        "IMPORTS_BASE_URL": vendor.base_url,
        "DEFAULT_CONFIGURATION": "contact",
        "CREDENTIALS_SECRET_ARN": account.secret_arn,
        "LEDGER_TABLE": account.ledger_table,
        "LEDGER_DAYS": "21",
        "ACCESS_TOKEN_SECRET_ARN": account.token_secret_arn,
        "RESULTS_QUEUE_URL": account.results_url,
        "ECHO_RECORD": "true",
        "LOG_LEVEL": "DEBUG",
        "STACK_NAME": "links",
        "REQUESTS_QUEUE_URL": account.requests_url,
        "PARKED_QUEUE_URL": account.parked_url,
        "RETRY_WINDOW_HOURS": "24",
        "BATCH_CONCURRENCY": "10",
        "MAXIMUM_CONCURRENCY": "5",
        "VENDOR_CALLS_PER_SECOND": "0",
    }
