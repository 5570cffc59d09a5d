"""Invocations of the real handlers, as Lambda makes them; each brings a new request."""

import itertools
import json
import os
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal
from uuid import uuid4

Function = Literal["http_api", "queue_worker"]

TIMEOUTS: Mapping[Function, int] = {"http_api": 28_000, "queue_worker": 60_000}  # ms, as in template.yaml

_numbers = itertools.count(1)

Record = dict[str, Any]


class Context:
    """The part of Lambda's context object that the handlers use."""

    def __init__(self, milliseconds: int) -> None:
        self._ends_at = time.monotonic() + milliseconds / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        return int((self._ends_at - time.monotonic()) * 1000)


def new_request() -> dict[str, Any]:
    """Return a request of ordinary size."""
    number = f"{os.getpid()}-{next(_numbers)}"
    record = {
        "Account Name": "ACME",
        "First Name": "Joe",
        "Last Name": "Doe",
        "Email": f"joe.doe+{number}@example.com",
        "Order": number,
    }
    return {"record": record, "reference": f"order-{number}"}


def sqs_event(size: int) -> dict[str, list[Record]]:
    """Return an event of the queue's event source mapping with this many new requests."""
    return {"Records": [_sqs_record() for _ in range(size)]}


def _sqs_record() -> Record:
    message_id = str(uuid4())
    now = str(int(time.time() * 1000))
    return {
        "messageId": message_id,
        "receiptHandle": f"handle-of-{message_id}",
        "body": json.dumps(new_request()),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "SenderId": "000000000000",
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:requests",
        "awsRegion": "eu-west-1",
    }


def http_event() -> dict[str, Any]:
    """Return an event of API Gateway with a new request and an idempotency key."""
    return {
        "resource": "/personal-link",
        "path": "/personal-link",
        "httpMethod": "PUT",
        "headers": {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())},
        "queryStringParameters": None,
        "pathParameters": None,
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": str(uuid4()),
            "requestTimeEpoch": int(time.time() * 1000),
            "stage": "live",
        },
        "body": json.dumps(new_request()),
        "isBase64Encoded": False,
    }


def handler_of(function: Function) -> Callable[[dict[str, Any]], None]:
    """Return a call of a function's handler that raises RuntimeError unless the handler did its work."""
    handler = import_module(function).handler
    milliseconds = TIMEOUTS[function]

    def invoke(event: dict[str, Any]) -> None:
        answer = handler(event, Context(milliseconds))
        if answer not in ({"batchItemFailures": []}, None) and answer.get("statusCode") != 200:
            raise RuntimeError(f"the handler did not do its work: {answer}")

    return invoke


def invoked(function: Function) -> Callable[[], float]:
    """Return a call of a function with one new request, which returns the seconds that it took."""
    invoke = handler_of(function)
    new_event = http_event if function == "http_api" else lambda: sqs_event(1)

    def once() -> float:
        event = new_event()
        started = time.perf_counter()
        invoke(event)
        return time.perf_counter() - started

    return once
