"""Build the real template and deploy it on the emulator.

Use it inside `with running_emulator() as emulator:`, first `deploy`, then `Stack.fill_secret`.
"""

import json
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator, SandboxError
from sandbox.aws.sam import build_what_changed, one_at_a_time, run_sam
from sandbox.contracts import violations

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

STACK_NAME = "personal-link-local"  # as in samconfig.toml
MAPPINGS = REPOSITORY / "layers" / "personal_link" / "personal_link" / "event_mappings.toml"

_SECONDS_TO_DEPLOY = 120


@dataclass(frozen=True)
class Message:
    """A message received and deleted from a queue."""

    body: str
    attributes: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """Return the body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Stack:
    """The deployed stack: its outputs, and clients with the account's root credentials."""

    emulator: Emulator
    http_url: str
    requests_queue_url: str
    requests_queue_arn: str
    direct_invocation_arn: str
    parked_queue_url: str
    results_queue_url: str
    credentials_secret_arn: str
    event_bus_name: str
    api_key_id: str | None  # only with HttpAuth=API_KEY
    sqs: "SQSClient"
    events: "EventBridgeClient"
    secretsmanager: "SecretsManagerClient"
    dynamodb: "DynamoDBClient"
    iam: "IAMClient"

    @property
    def region(self) -> str:
        """The region of the stack."""
        return REGION

    @property
    def authority(self) -> Path:
        """The certificate that its callers trust."""
        return self.emulator.authority

    def fill_secret(self, client_id: str, client_secret: str) -> None:
        """Fill the vendor's client credentials into the secret."""
        secret = json.dumps({"client_id": client_id, "client_secret": client_secret})
        self.secretsmanager.put_secret_value(SecretId=self.credentials_secret_arn, SecretString=secret)

    def take(self, queue_url: str, count: int, within: float = 30.0) -> list[Message]:
        """Receive and delete `count` messages; return fewer after `within` seconds."""
        taken: list[Message] = []
        deadline = time.monotonic() + within
        while len(taken) < count and (left := deadline - time.monotonic()) > 0:
            answer = self.sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=min(10, count - len(taken)),
                WaitTimeSeconds=min(2, int(left)),
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {})
                taken.append(Message(message["Body"], {name: a["StringValue"] for name, a in attributes.items()}))
        return taken

    def results(self, count: int, within: float = 30.0) -> list[Message]:
        """Take `count` results. Raises SandboxError if one of them breaks its contract."""
        taken = self.take(self.results_queue_url, count, within)
        if broken := [problem for message in taken for problem in violations("result", message.json())]:
            raise SandboxError(f"results break docs/contracts/result.schema.json: {broken}")
        return taken

    def leftovers(self, within: float = 10.0) -> dict[str, int]:
        """Return the number of messages per queue after `within` seconds; an empty dict when all queues are empty."""
        queues = {
            "requests": self.requests_queue_url,
            "parked": self.parked_queue_url,
            "results": self.results_queue_url,
        }
        deadline = time.monotonic() + within
        while left := {name: depth for name, url in queues.items() if (depth := self.depth(url))}:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return left

    def depth(self, queue_url: str) -> int:
        """Return the number of messages in a queue, with those in flight and delayed."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def function_logs(self) -> str:
        """Return the functions' logs."""
        logs = self.emulator.client("logs")
        groups = [f"/aws/lambda/{STACK_NAME}-{name}" for name in ("http-api", "queue-worker", "direct-invocation")]
        events = [event for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]
        return "\n".join(event["message"] for event in events)

    def parked(self, count: int, within: float = 30.0) -> list[Message]:
        """Take `count` parked messages."""
        return self.take(self.parked_queue_url, count, within)


def deploy(emulator: Emulator, **parameters: str) -> Stack:
    """Build what has changed, deploy the stack with these template parameters, and return it.

    Its rule listens to the detail-types of all mappings, so that a new entry in event_mappings.toml works at once.
    """
    if sys.version_info[:2] != (3, 13):
        raise SandboxError(f"Python 3.13 is needed, this is {sys.version.split()[0]}: use `make`, which finds one")
    with one_at_a_time():
        build_what_changed(emulator.process_group)
        parameters = {"EventDetailType": ",".join(detail_types()), **parameters}
        # In quotes, because SAM cuts an unquoted value at its first blank.
        options = ["--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())]
        run_sam("deploy", emulator.process_group, emulator.environment(), _SECONDS_TO_DEPLOY, *options)
    description = emulator.client("cloudformation").describe_stacks(StackName=STACK_NAME)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Stacks"][0]["Outputs"]}
    set_concurrency(emulator.client("lambda"), int(parameters.get("MaximumConcurrency", "5")))
    return Stack(
        emulator=emulator,
        http_url=local_url(emulator.url, outputs["PersonalLinkUrl"]),
        requests_queue_url=outputs["RequestsQueueUrl"],
        requests_queue_arn=outputs["RequestsQueueArn"],
        direct_invocation_arn=outputs["DirectInvocationArn"],
        parked_queue_url=outputs["ParkedQueueUrl"],
        results_queue_url=outputs["ResultsQueueUrl"],
        credentials_secret_arn=outputs["CredentialsSecretArn"],
        event_bus_name=outputs["EventBusName"],
        api_key_id=outputs.get("ApiKeyId"),
        sqs=emulator.client("sqs"),
        events=emulator.client("events"),
        secretsmanager=emulator.client("secretsmanager"),
        dynamodb=emulator.client("dynamodb"),
        iam=emulator.client("iam"),
    )


def detail_types() -> list[str]:
    """Return the detail-types to which the stack's rule listens, each once."""
    entries = tomllib.loads(MAPPINGS.read_text())
    mapped = [entry.get("detail_type", name) for name, entry in entries.items()]
    return list(dict.fromkeys(["Personal Link Requested", *mapped]))


def local_url(endpoint: str, url: str) -> str:
    """Return the emulator's URL of an API, whose host name exists only on AWS."""
    address = urlsplit(url)
    api_id = address.netloc.split(".")[0]
    return f"{endpoint}/_aws/execute-api/{api_id}{address.path}"


def set_concurrency(client: Any, maximum: int) -> None:
    """Set the worker's concurrency as a number, because the emulator keeps a template's `!Ref` as text."""
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": maximum})
