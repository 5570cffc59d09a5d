"""Forty lines with boto3 and requests: no cache, no ledger, and a failure retries the whole batch."""

import json
import os
from typing import Any

import boto3
import requests

SECRET = os.environ["CREDENTIALS_SECRET_ARN"]
RESULTS = os.environ["RESULTS_QUEUE_URL"]
TOKEN_URL = os.environ["AUTH_BASE_URL"] + "/oauth2/token"
LINK_URL = os.environ["IMPORTS_BASE_URL"] + "/personal-link/"
CONFIGURATION = os.environ["DEFAULT_CONFIGURATION"]

secretsmanager = boto3.client("secretsmanager")
sqs = boto3.client("sqs")


def handler(event: dict[str, Any], _context: Any) -> None:
    """Send a link for every message of an SQS event to the results queue."""
    token = fetch_token()
    for message in event["Records"]:
        request = json.loads(message["body"])
        result = {"reference": request.get("reference"), "personal_link": create_link(request, token)}
        sqs.send_message(QueueUrl=RESULTS, MessageBody=json.dumps(result))


def fetch_token() -> str:
    """Return a new access token."""
    secret = json.loads(secretsmanager.get_secret_value(SecretId=SECRET)["SecretString"])
    response = requests.post(TOKEN_URL, data={"grant_type": "client_credentials", **secret}, timeout=10)
    response.raise_for_status()
    return str(response.json()["access_token"])


def create_link(request: dict[str, Any], token: str) -> dict[str, Any]:
    """Return the link of a new survey record."""
    response = requests.put(
        LINK_URL,
        json={"configuration": request.get("configuration", CONFIGURATION), "record": request["record"]},
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        timeout=10,
    )
    response.raise_for_status()
    link: dict[str, Any] = response.json()["data"]
    return link
