"""Deliveries as each trigger brings them."""

from collections.abc import Mapping
from typing import Any

FORM = "application/x-www-form-urlencoded"


def http_event(
    body: str | None, headers: Mapping[str, str] | None = None, *, base64_encoded: bool = False
) -> dict[str, Any]:
    return {
        "httpMethod": "PUT",
        "headers": headers,
        "body": body,
        "isBase64Encoded": base64_encoded,
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": "request-1",
            "requestTimeEpoch": 1_800_000_000_500,
        },
    }
