"""The functions with the variables that the template sets, and calls of them."""

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

import http_api
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import Account
from tests.lambda_environment import Context, lambda_environment


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, account: Account, vendor: CustomerGaugeSandbox) -> Iterator[None]:
    """The variables that the template sets, and nothing kept from another test."""
    with lambda_environment(monkeypatch, account, vendor):
        yield


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def api_event(
    body: object,
    *,
    key: str | None = None,
    method: str = "PUT",
    content_type: str = "application/json",
    request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
) -> dict[str, Any]:
    return {
        "resource": "/personal-link",
        "path": "/personal-link",
        "httpMethod": method,
        "headers": {"Content-Type": content_type, **({"Idempotency-Key": key} if key else {})},
        "queryStringParameters": None,
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": request_id,
            "requestTimeEpoch": 1_795_427_999_500,
            "stage": "live",
        },
    }


def sqs_event(*bodies: object, hours_ago: float = 0.0) -> dict[str, Any]:
    sent = str(round((time.time() - hours_ago * 3600) * 1000))
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"receipt-of-m-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": sent},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


def call(body: object, **options: Any) -> dict[str, Any]:
    return http_api.handler(api_event(body, **options), Context())


ADA: dict[str, object] = {"record": {"Email": "ada@acme.example", "First Name": "Ada"}}
