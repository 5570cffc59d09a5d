"""Reads the results queue: a link goes to your system once, what a person has to see goes to people.

A result is delivered at least once, so its id is claimed before it is handed on: who claims it first hands it on, and
who dies in between loses the claim after a minute. Your system gets the id as well, for the one case that is left: it
was told, and the worker died before it could write that down.
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
    """Handle a batch; what fails is named, and only that comes again."""
    failures = []
    for record in event["Records"]:
        try:
            handle(json.loads(record["body"]))
        except Exception as error:  # whatever it is: this one comes again, the others do not
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
        else:  # rejected: mend the request, send it with a new key. unknown: look into CustomerGauge's Request History
            tell_people(result)
    except Exception:
        let_go(result["id"])
        raise
    remember(result["id"])


def claim(result_id: str) -> bool:
    """Claim a result; return whether it is still to be handed on. Raises ClientError if another worker has it."""
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
    """Write down that a result is handled: its claim never ends."""
    HANDLED.update_item(Key={"id": result_id}, UpdateExpression="REMOVE claimed_until")


def let_go(result_id: str) -> None:
    """End a claim: the next delivery need not wait for it."""
    HANDLED.update_item(
        Key={"id": result_id}, UpdateExpression="SET claimed_until = :now", ExpressionAttributeValues={":now": 0}
    )


def tell_your_system(result: dict[str, Any]) -> None:
    """Post the link; anything but a 2xx raises, and the result comes again."""
    body = {"reference": result.get("reference"), "survey_link": result["personal_link"]["survey_link"]}
    headers = {"Content-Type": "application/json", "Idempotency-Key": result["id"]}
    request = urllib.request.Request(os.environ["WEBHOOK_URL"], json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=3):
        pass


def tell_people(result: dict[str, Any]) -> None:
    """Publish what went wrong, without the record: a mail is no place for it."""
    error = result["error"]
    lines = [f"{result['status']}: {error['code']}", error["message"], json.dumps(error.get("errors", {}))]
    lines.append(f"reference {result.get('reference')}, result {result['id']}")
    SNS.publish(TopicArn=os.environ["PEOPLE_TOPIC"], Subject="A survey link was not made", Message="\n".join(lines))
