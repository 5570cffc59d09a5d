"""boto3 with the connector's three clients and nothing else: code that uses them cannot start faster."""

from typing import Any

import boto3

secretsmanager = boto3.client("secretsmanager")
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Do nothing."""
    return {}
