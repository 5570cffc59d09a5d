"""The consumer of docs/examples/consumer, deployed beside the stack: each result is handled once, and none is lost."""

import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from samcli.yamlhelper import yaml_parse

from sandbox import REPOSITORY
from sandbox.aws.stack import Stack
from sandbox.contracts import schema
from sandbox.customergauge.server import CustomerGaugeSandbox
from sandbox.template import translated_template
from tests.stack.conftest import companion

CONSUMER: Final = REPOSITORY / "docs" / "examples" / "consumer"


@dataclass
class System:
    """The system that takes the links: what it got, and with which statuses it answers next; 204 when none is given."""

    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def of(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        """What came under a result's id, in order."""
        return [body for key, body in self.got if key == result["id"]]


@dataclass(frozen=True)
class Consumer:
    """The deployed example."""

    stack: Stack
    system: System
    people: str  # the URL of a queue that is subscribed to what people are told

    def deliver(self, *results: dict[str, Any]) -> None:
        """Put results on the results queue."""
        for result in results:
            self.stack.sqs.send_message(QueueUrl=self.stack.results_queue_url, MessageBody=json.dumps(result))

    def has_taken_all(self) -> bool:
        """Whether the results queue is empty within half a minute."""
        return soon(lambda: self.stack.depth(self.stack.results_queue_url) == 0)


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something holds within half a minute."""
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def system() -> Iterator[tuple[System, str]]:
    system = System()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            system.got.append((self.headers["Idempotency-Key"], body))
            self.send_response(system.answers.pop(0) if system.answers else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield system, f"http://127.0.0.1:{server.server_port}/links"
    server.shutdown()
    thread.join()
    server.server_close()


def upload(stack: Stack) -> None:
    """Put the function's code where `translated_template` says it is."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.write(CONSUMER / "function" / "consumer.py", "consumer.py")
    s3 = stack.emulator.client("s3")
    s3.create_bucket(Bucket="artefacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="artefacts", Key="upload", Body=archive.getvalue())


def subscribed_queue(stack: Stack, topic: str) -> str:
    url = stack.sqs.create_queue(QueueName="people")["QueueUrl"]
    arn = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**sns, "Resource": arn}]})
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stack.emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


@pytest.fixture(scope="module")
def consumer(stack: Stack, system: tuple[System, str]) -> Iterator[Consumer]:
    """Deploy it; on a queue that hides a message for two seconds, so that what fails comes again soon."""
    queue = {"QueueUrl": stack.results_queue_url}
    arn = stack.sqs.get_queue_attributes(**queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    stack.sqs.set_queue_attributes(**queue, Attributes={"VisibilityTimeout": "2"})
    upload(stack)
    template = translated_template(yaml_parse((CONSUMER / "template.yaml").read_text()))
    parameters = {"ResultsQueueArn": arn, "WebhookUrl": system[1]}
    with companion(stack, "consumer", json.dumps(template), parameters) as topic:
        yield Consumer(stack, system[0], subscribed_queue(stack, topic))
    stack.sqs.set_queue_attributes(**queue, Attributes={"VisibilityTimeout": "30"})


def a_result(status: str) -> dict[str, Any]:
    """An example of the schema, of that status, under an id of its own."""
    [example, *_] = [result for result in schema("result")["examples"] if result["status"] == status]
    return {**deepcopy(example), "id": str(uuid.uuid4())}


def test_the_link_of_a_real_request_reaches_the_target_system(consumer: Consumer, vendor: CustomerGaugeSandbox) -> None:
    request = {"configuration": "contact", "record": {"Email": "ana@example.com"}, "reference": "consumed-1"}
    consumer.stack.sqs.send_message(QueueUrl=consumer.stack.requests_queue_url, MessageBody=json.dumps(request))

    def links() -> list[str]:
        return [body["survey_link"] for _id, body in consumer.system.got if body["reference"] == "consumed-1"]

    assert soon(lambda: bool(links()))
    assert links() == [vendor.links[-1].survey_link]


def test_a_result_delivered_three_times_is_passed_to_the_target_system_once(consumer: Consumer) -> None:
    result = a_result("created")

    consumer.deliver(result, result, {**result, "replayed": True})

    assert consumer.has_taken_all()
    assert consumer.system.of(result) == [
        {"reference": "order-1234", "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef"}
    ]


def test_a_result_that_the_target_system_refuses_is_retried_and_delays_no_other_result(consumer: Consumer) -> None:
    failing, other = a_result("created"), a_result("created")
    consumer.system.answers[:] = [503, 503]
    consumer.deliver(failing)
    assert soon(lambda: not consumer.system.answers)

    consumer.deliver(other, failing)

    assert consumer.has_taken_all()
    assert len(consumer.system.of(failing)) == 3
    assert len(consumer.system.of(other)) == 1


def test_a_rejected_result_is_announced_once_and_without_the_record(consumer: Consumer) -> None:
    result = a_result("rejected")

    consumer.deliver(result, result)

    assert consumer.has_taken_all()
    told = [message.json()["Message"] for message in consumer.stack.take(consumer.people, 50, within=4)]
    assert [text for text in told if result["id"] in text] == [  # others are of other tests
        f"""rejected: validation_failed
The Email field is required when Phone is not present.
{{"Email": ["The Email field is required when Phone is not present."]}}
reference call-1004, result {result["id"]}"""
    ]
    assert consumer.system.of(result) == []


def test_a_result_claimed_by_a_dead_worker_is_passed_on_when_the_claim_ends(consumer: Consumer) -> None:
    result = a_result("created")
    [table] = [name for name in consumer.stack.dynamodb.list_tables()["TableNames"] if "HandledResults" in name]
    claim = {"id": {"S": result["id"]}, "claimed_until": {"N": str(int(time.time()) + 3)}}
    consumer.stack.dynamodb.put_item(TableName=table, Item=claim)

    consumer.deliver(result)

    assert consumer.has_taken_all()
    assert len(consumer.system.of(result)) == 1
