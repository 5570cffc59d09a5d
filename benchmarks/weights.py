"""What one request weighs where bytes are billed: measured on what the connector really writes.

The ledger is the real one on an AWS account in this process (moto); its item is weighed as DynamoDB says, by
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import io
import json
import logging
import os
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from personal_link import observability
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline, timestamp
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import LinkRequest, check
from personal_link.metrics import metrics
from personal_link.triggers import deliveries
from sandbox.template import REPOSITORY, source_template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

REQUEST = REPOSITORY / "events" / "sqs_request.json"  # the demo's
# The vendor's own example of a link.
LINK = PersonalLink(12345, "https://survey.eu.customergauge.com/r/987656abcdef", "https://cust.xx/987656abcdef")
REGION = "us-east-1"
KIB = 1024  # bytes of a write request unit
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
# What Lambda itself logs of each invocation, in its text format.
START = f"START RequestId: {REQUEST_ID} Version: 12\n"
END = f"END RequestId: {REQUEST_ID}\n"
REPORT = (
    f"REPORT RequestId: {REQUEST_ID}\tDuration: 412.34 ms\tBilled Duration: 413 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 101 MB\t\n"
)
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=0"  # always there in Lambda
PER_EVENT = 26  # bytes that CloudWatch Logs adds to each line (from memory, not seen on a page)

NOW = 1_795_517_471.685  # 2026-11-24, in epoch seconds; any moment that has milliseconds

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Weights:
    """Bytes of one request."""

    request: int  # the message's body
    result: int  # the result's body and attributes
    begun: Mapping[str, int]  # the ledger's item while the attempt is in flight, by attribute
    settled: Mapping[str, int]  # the same once the outcome is in it
    log_line: int  # of an outcome
    metric_lines: int  # of an invocation with one outcome, all of them
    metric_values: int  # what each further outcome adds to them
    platform_lines: tuple[int, int, int]  # START, END, REPORT of an invocation
    access_line: int  # of API Gateway

    @property
    def write_units(self) -> tuple[int, int]:
        """Return the write request units of both writes: an update counts the larger of before and after."""
        before, after = sum(self.begun.values()), sum(self.settled.values())
        return ceil(before / KIB), ceil(max(before, after) / KIB)

    def logged(self, requests_an_invocation: int) -> float:
        """Return the bytes that a function logs for one request."""
        platform = sum(size + PER_EVENT for size in self.platform_lines)
        metrics = self.metric_lines + self.metric_values * (requests_an_invocation - 1)
        return self.log_line + PER_EVENT + (platform + metrics) / requests_an_invocation


class _Standing:
    """A clock that stands, so that every run weighs the same."""

    def wall(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW


def weigh() -> Weights:
    """Send the demo's request through the ledger to the results queue, as the worker does, and weigh what is left."""
    body = REQUEST.read_text()
    request = _received(body)
    clock = _Standing()
    with _account() as (dynamodb, sqs):
        ledger = Ledger(dynamodb, "ledger", 21, clock)
        attempt = ledger.begin(request, Deadline.after(60, clock))
        if not isinstance(attempt, Attempt):
            raise TypeError("a new request has no outcome yet")
        begun = _only_item(dynamodb)
        outcome = ledger.settle(attempt, _created(attempt, request))
        one, eleven = _counted(outcome, 1), _counted(outcome, 11)
        return Weights(
            request=len(body.encode()),
            result=_sent(sqs, outcome),
            begun=item_bytes(begun),
            settled=item_bytes(_only_item(dynamodb)),
            log_line=len(_logged(outcome).encode()),
            metric_lines=one,
            metric_values=round((eleven - one) / 10),
            platform_lines=(len(START), len(END), len(REPORT)),
            access_line=len(_access_line().encode()),
        )


def item_bytes(item: Item) -> dict[str, int]:
    """Return what DynamoDB counts for each attribute of an item, name and value."""
    return {name: len(name.encode()) + _value_bytes(value) for name, value in item.items()}


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":  # a byte for two significant digits, and one
            digits = "".join(map(str, Decimal(content).normalize().as_tuple().digits))
            return ceil(len(digits) / 2) + 1
        case _:
            raise ValueError(f"the ledger has no attributes of type {kind}")


def _received(body: str) -> LinkRequest:
    attributes = {"SentTimestamp": str(round(NOW * 1000))}
    return check(deliveries.open_sqs({"messageId": str(uuid.uuid4()), "body": body, "attributes": attributes}))


@contextmanager
def _account() -> Iterator[tuple["DynamoDBClient", "SQSClient"]]:
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield dynamodb, boto3.client("sqs", region_name=REGION)


def _only_item(dynamodb: "DynamoDBClient") -> Item:
    (item,) = dynamodb.scan(TableName="ledger")["Items"]
    return item


def _created(attempt: Attempt, request: LinkRequest) -> Outcome:
    return Outcome(
        id=attempt.outcome_id,
        status="created",
        source=attempt.source,
        requested_at=attempt.requested_at,
        completed_at=timestamp(NOW),
        attempts=attempt.number,
        configuration=request.configuration,
        personal_link=LINK,
        reference=request.reference,
        record=request.record,
    )


def _sent(sqs: "SQSClient", outcome: Outcome) -> int:
    url = sqs.create_queue(QueueName="results")["QueueUrl"]
    if ResultsQueue(sqs, url, echo_record=True).send([outcome]):
        raise RuntimeError("the result was not sent")
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    attributes = message["MessageAttributes"].items()
    texts = [message["Body"], *(name + one["DataType"] + one["StringValue"] for name, one in attributes)]
    return sum(len(text.encode()) for text in texts)


def _logged(outcome: Outcome) -> str:
    """Return the line that the connector logs for an outcome, written by its own logger."""
    written = io.StringIO()
    (handler,) = observability.logger().handlers
    if not isinstance(handler, logging.StreamHandler):
        raise TypeError("the connector logs to a stream")
    before = handler.setStream(written)
    try:
        with patch.dict(os.environ, {"_X_AMZN_TRACE_ID": TRACE}):
            observability.report_outcome(outcome)
    finally:
        handler.setStream(before)
    return written.getvalue()


def _counted(outcome: Outcome, outcomes: int) -> int:
    """Return the bytes of the metrics of an invocation with so many outcomes, each after an answer of the vendor's."""
    written = io.StringIO()
    metrics().stack = "personal-link"
    with patch.object(sys, "stdout", written):
        observability.write_metrics()  # of what was weighed before
        written.truncate(written.seek(0))
        for _ in range(outcomes):
            observability.count_vendor_answer(200, 0.2034)
            with patch.object(observability, "logger"):
                observability.report_outcome(outcome)
        observability.write_metrics()
    metrics().stack = ""
    lines = written.getvalue().splitlines()
    return sum(len(line) + PER_EVENT for line in lines)


def _access_line() -> str:
    """Return a line of API Gateway's access log, by the template's own format."""
    properties = source_template()["Resources"]["PersonalLinkApi"]["Properties"]
    _condition, setting, _otherwise = properties["AccessLogSetting"]["Fn::If"]
    values = {
        "requestTimeEpoch": "1795517471685",
        "requestId": REQUEST_ID,
        "status": "200",
        "resourcePath": "/personal-link",
        "identity.accountId": "123456789012",
        "responseLatency": "270",
        "responseLength": "178",
    }
    line: str = re.sub(r"\$context\.([A-Za-z.]+)", lambda found: values.get(found[1], "-"), setting["Format"])
    return json.dumps(json.loads(line), separators=(",", ":"))
