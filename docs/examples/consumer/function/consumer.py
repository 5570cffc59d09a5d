"""Consume the results queue: post each link to your system once, and tell people about the other results.

A result is delivered at least once, so a worker claims its id before it hands the result on. A claim of a worker that
died ends after a minute. Your system gets the id as well, for the one case that is left: the worker died after your
system took the link and before it recorded that.
"""

import json
import os
import time
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError

HANDLED = boto3.resource("dynamodb").Table(os.environ["HANDLED_TABLE"])
SNS = boto3.client("sns")
CLAIM = 60  # seconds: longer than this function may run
REMEMBERED = 30 * 86_400  # seconds: longer than the queue keeps a result, and than a redrive may bring one again


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Handle a batch; return the ids of the messages that failed, so that only those are received again."""
    failures = []
    for record in event["Records"]:
        try:
            handle(json.loads(record["body"]))
        except Exception as error:  # any error concerns this result only
            print(json.dumps({"failed": record["messageId"], "error": type(error).__name__}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def handle(result: dict[str, Any]) -> None:
    """Hand a result on, unless that has been done."""
    if not claim(result["id"]):
        return
    try:
        if result["status"] == "created":
            tell_your_system(result)
        else:  # rejected: fix the request, send it with a new key. unknown: see CustomerGauge's Request History
            tell_people(result)
    except Exception:
        let_go(result["id"])
        raise
    remember(result["id"])


def claim(result_id: str) -> bool:
    """Claim a result; return False if it was handled. Raises ClientError if another worker has it."""
    now = int(time.time())
    try:
        HANDLED.put_item(
            Item={"id": result_id, "claimed_until": now + CLAIM, "expires_at": now + REMEMBERED},
            ConditionExpression="attribute_not_exists(id) OR claimed_until < :now",
            ExpressionAttributeValues={":now": now},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        there: Any = error.response.get("Item")
        if there is not None and "claimed_until" not in there:
            return False
        raise
    return True


def remember(result_id: str) -> None:
    """Record that a result was handled: its claim never ends."""
    HANDLED.update_item(Key={"id": result_id}, UpdateExpression="REMOVE claimed_until")


def let_go(result_id: str) -> None:
    """End a claim, so that the next delivery does not wait."""
    HANDLED.update_item(
        Key={"id": result_id}, UpdateExpression="SET claimed_until = :now", ExpressionAttributeValues={":now": 0}
    )


def tell_your_system(result: dict[str, Any]) -> None:
    """Post the link. Raises for anything but a 2xx, so that the result is received again."""
    body = {"reference": result.get("reference"), "survey_link": result["personal_link"]["survey_link"]}
    headers = {"Content-Type": "application/json", "Idempotency-Key": result["id"]}
    request = urllib.request.Request(os.environ["WEBHOOK_URL"], json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=3):
        pass


def tell_people(result: dict[str, Any]) -> None:
    """Publish what went wrong, without the record, which does not belong in a mail."""
    error = result["error"]
    lines = [f"{result['status']}: {error['code']}", error["message"], json.dumps(error.get("errors", {}))]
    lines.append(f"reference {result.get('reference')}, result {result['id']}")
    SNS.publish(TopicArn=os.environ["PEOPLE_TOPIC"], Subject="A survey link was not made", Message="\n".join(lines))
