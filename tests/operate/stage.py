"""A stack as the commands find it: AWS in this process, but for CloudFormation, Lambda and SNS, which only answer."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from click.testing import CliRunner, Result
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from operate import stack as located
from operate.commands import operate
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.aws.queues import Parked, RequestsQueue
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import Code, RequestError, TryAgain
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers import deliveries
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account, template_variables
from tests.leaks import canaries

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

NAME = "personal-link"
REQUEST = {
    "configuration": "contact",
    "record": canaries.RECORD,
    "reference": canaries.REFERENCE.value,
    "idempotency_key": canaries.KEY.value,
}
BODY = json.dumps(REQUEST)
FIRST_ID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class EmulatedAccount(located.Account):
    """Keeps its clients, so that a test can make them fail; three services answer what they are told to."""

    answers: dict[str, Any] = field(default_factory=dict)  # of an operation
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            client = self.clients[service] = super().client(service)
            if service in {"cloudformation", "lambda", "sns"}:
                client.meta.events.register("before-call", self.answer)
        return self.clients[service]

    def answer(self, model: Any, **_: object) -> tuple[AWSResponse, Any]:
        """Answer a call as told, in the place of AWS."""
        answer = self.answers[model.name]
        return AWSResponse("https://aws.example", 403 if "Error" in answer else 200, HTTPHeaders(), None), answer

    def deny(self, operation: str, action: str) -> None:
        """Let AWS refuse an operation to whoever asks, naming the action, as it does."""
        said = f"User: arn:aws:iam::123456789012:user/joe.doe is not authorized to perform: {action} on resource: x"
        self.answers[operation] = {"Error": {"Code": "AccessDeniedException", "Message": said}}
        for service in ("sqs", "cloudwatch", "dynamodb", "secretsmanager", "logs"):
            client = self.client(service)
            if operation in client.meta.service_model.operation_names:
                client.meta.events.register(f"before-call.*.{operation}", self.answer)


@dataclass(frozen=True)
class Stage:
    """The stack, its vendor, and the command line."""

    aws: Account
    vendor: CustomerGaugeSandbox
    located: EmulatedAccount

    @property
    def host(self) -> str:
        """The host of the vendor, which is not CustomerGauge's."""
        return self.vendor.base_url.removeprefix("http://")

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run a command; a failure that is no line of its own would be raised."""
        return CliRunner().invoke(operate, arguments, obj=self.located, input=typed, catch_exceptions=False)

    def stand(self) -> None:
        """Let CloudFormation, Lambda and SNS tell of the stack that `aws` is."""
        resources = {
            "LedgerTable": ("AWS::DynamoDB::Table", self.aws.ledger_table),
            "HttpApiFunction": ("AWS::Lambda::Function", "personal-link-HttpApiFunction-1"),
            "QueueWorkerFunction": ("AWS::Lambda::Function", "personal-link-QueueWorkerFunction-1"),
            "QueueWorkerFunctionRequests": ("AWS::Lambda::EventSourceMapping", "22222222-2222-4222-8222-222222222222"),
            "ParkedRequests": ("AWS::CloudWatch::Alarm", "personal-link-ParkedRequests-1"),
            "AlarmTopic": ("AWS::SNS::Topic", "arn:aws:sns:eu-west-1:123456789012:personal-link-AlarmTopic-1"),
        }
        outputs = {
            "RequestsQueueUrl": self.aws.requests_url,
            "ParkedQueueUrl": self.aws.parked_url,
            "ResultsQueueUrl": self.aws.results_url,
            "CredentialsSecretArn": self.aws.secret_arn,
        }
        parameters = {"DefaultConfiguration": "", "EchoRecord": "true"}
        stack = {
            "StackStatus": "UPDATE_COMPLETE",
            "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        }
        summaries = [
            {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical}
            for name, (kind, physical) in resources.items()
        ]
        variables = {"Variables": template_variables(self.aws, self.vendor)}
        live = {"State": "Active", "LastUpdateStatus": "Successful", "Environment": variables}
        subscription = {"SubscriptionArn": "arn:aws:sns:eu-west-1:123456789012:alarms:1"}
        self.located.answers.update(
            DescribeStacks={"Stacks": [stack]},
            ListStackResources={"StackResourceSummaries": summaries},
            GetAlias={"FunctionVersion": "7"},
            GetFunctionConfiguration=live,
            GetEventSourceMapping={"State": "Enabled"},
            ListSubscriptionsByTopic={"Subscriptions": [subscription]},
        )

    def park(
        self,
        body: str = BODY,
        code: Code = Code.UNAVAILABLE,
        *,
        first_id: str = FIRST_ID,
        days_ago: float = 0.0,
    ) -> str:
        """Park a message that was first sent so long ago, as the worker does; return its id."""
        before = set(self.parked_ids())
        error = (RequestError if code is Code.INVALID_REQUEST else TryAgain)(code, "Our own words.")
        origin = {
            "original_message_id": first_id,
            "first_sent_at": str(round(1000 * (time.time() - days_ago * 86_400))),
        }
        RequestsQueue(self.aws.sqs, self.aws.requests_url, self.aws.parked_url).park([Parked(body, error, 40, origin)])
        [new] = set(self.parked_ids()) - before
        return new

    def park_as_lambda(self, body: str = BODY, reason: str = "unavailable: Our own words.") -> str:
        """Park a direct invocation as Lambda does; return its id."""
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            "RequestID": {"DataType": "String", "StringValue": FIRST_ID},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": reason},
        }
        sent = self.aws.sqs.send_message(QueueUrl=self.aws.parked_url, MessageBody=body, MessageAttributes=attributes)
        return sent["MessageId"]

    def parked_ids(self) -> list[str]:
        """Return the ids of the parked messages that anybody could receive now."""
        soon = time.time() * 1000 + 1  # what was just given back is hidden to the end of its millisecond
        return [message.id for message in self._parked() if message.visible_at < soon]

    def make_older(self, message_id: str, seconds: float) -> None:
        """Let a parked message have come so much earlier; by less than twelve hours, or moto would not give it back."""
        [message] = [one for one in self._parked() if one.id == message_id]
        message.sent_timestamp -= round(seconds * 1000)

    def hide(self) -> None:
        """Let another reader hold the parked messages."""
        self.aws.sqs.receive_message(QueueUrl=self.aws.parked_url, MaxNumberOfMessages=10)

    def unhide(self) -> None:
        """Let the parked messages that somebody received be visible again, as after their visibility timeout."""
        for message in self._parked():
            message.visible_at = 0.0

    def requests(self) -> list[dict[str, Any]]:
        """Take the messages off the requests queue."""
        received = self.aws.sqs.receive_message(
            QueueUrl=self.aws.requests_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [dict(message) for message in received.get("Messages", [])]

    def log(self, message: str, seconds_ago: float = 0.0, function: str = "queue-worker", /, **fields: Any) -> None:
        """Let a function have logged a line."""
        client = self.located.client("logs")
        group = f"/aws/lambda/{NAME}-{function}"
        streams = {"logGroupName": group, "logStreamName": "s"}
        if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            client.create_log_group(logGroupName=group)
            client.create_log_stream(**streams)
        event = {
            "timestamp": round((time.time() - seconds_ago) * 1000),
            "message": json.dumps({"message": message, **fields}),
        }
        client.put_log_events(**streams, logEvents=[event])

    def log_retry(
        self, message_id: str, seconds_ago: float, wait: int, code: str = "unavailable", **fields: Any
    ) -> None:
        """Let the worker have logged a retry of a message that came three minutes before."""
        detail = "CustomerGauge answered HTTP 503"
        told = {"message_id": message_id, "code": code, "detail": detail, "receives": 2, "wait": wait, "age": 180}
        self.log("retry scheduled", seconds_ago, **(told | fields))

    def parameter(self, name: str, value: str) -> None:
        """Let the stack have a parameter of a value."""
        parameters = self.located.answers["DescribeStacks"]["Stacks"][0]["Parameters"]
        parameters.append({"ParameterKey": name, "ParameterValue": value})

    def environment(self) -> dict[str, str]:
        """Return the environment of the functions, to be changed."""
        variables: dict[str, str] = self.located.answers["GetFunctionConfiguration"]["Environment"]["Variables"]
        return variables

    def begin(self, request: LinkRequest | None = None) -> Attempt:
        """Begin an attempt of a request, as a function does."""
        begun = self._ledger.begin(request or the_request(), Deadline.after(30, SystemClock()))
        assert isinstance(begun, Attempt)
        return begun

    def settle(self, request: LinkRequest | None = None, error: Mapping[str, Any] | None = None) -> Outcome:
        """Settle a request, as a function does; return its outcome."""
        request = request or the_request()
        attempt = self.begin(request)
        link = PersonalLink(12345, canaries.LINK.value, canaries.SHORT_LINK.value)
        outcome = Outcome(
            id=attempt.outcome_id,
            status="rejected" if error else "created",
            source=attempt.source,
            requested_at=attempt.requested_at,
            completed_at="2026-11-23T10:00:01.000Z",
            attempts=attempt.number,
            configuration="contact",
            personal_link=None if error else link,
            error=error,
            reference=request.reference,
            record=request.record,
        )
        return self._ledger.settle(attempt, outcome)

    def change_item(self, name: str, value: dict[str, str]) -> None:
        """Give the ledger's item of the request another value of an attribute."""
        self.aws.dynamodb.update_item(
            TableName=self.aws.ledger_table,
            Key={"pk": {"S": the_request().key.digest}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )

    def leave_marked(self) -> None:
        """Let an attempt end without an answer."""
        self._ledger.leave_marked(self.begin())

    def take_back(self) -> None:
        """Let an attempt end before it reached anybody."""
        self._ledger.take_back(self.begin())

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.aws.dynamodb, self.aws.ledger_table, 21, SystemClock())

    def _parked(self) -> list[Any]:
        queue = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].queues["parked"]
        messages: list[Any] = queue._messages  # noqa: SLF001  # moto shows hidden messages and their times nowhere else
        return messages


def the_request(body: str = BODY) -> LinkRequest:
    """Return the request in a body."""
    return check(
        deliveries.open_sqs(
            {
                "messageId": FIRST_ID,
                "body": body,
                "attributes": {"SentTimestamp": "1795427990000"},
                "messageAttributes": {},
            }
        )
    )
