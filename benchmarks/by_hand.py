"""The I/O of one warm request written by hand with boto3 and urllib3, and nothing else.

It makes the calls of the handlers, with the same content in the same order: the marker, the vendor's PUT with a cached
token, the outcome, the result. It hashes no key, checks no answer, handles no failure and logs nothing. The difference
to a handler is the handler's own time.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import boto3
import urllib3

NOW = 1_795_428_000
MOMENT = "2026-11-23T10:00:00.000Z"


class ByHand:
    """Builds the clients and fetches the token once, and keeps the connections."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._dynamodb = boto3.client("dynamodb")
        self._sqs = boto3.client("sqs")
        self._http = urllib3.PoolManager()
        self._token = self._fetch_token()

    def _fetch_token(self) -> str:
        secretsmanager = boto3.client("secretsmanager")
        secret = secretsmanager.get_secret_value(SecretId=self._variables["CREDENTIALS_SECRET_ARN"])["SecretString"]
        answer = self._http.request(
            "POST",
            f"{self._variables['AUTH_BASE_URL']}/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode({"grant_type": "client_credentials", **json.loads(secret)}),
        )
        return str(answer.json()["access_token"])

    def issue(self, request: Mapping[str, Any]) -> None:
        """Make one request's calls."""
        digest, owner, outcome_id, message_id = uuid4().hex * 2, uuid4().hex, str(uuid4()), str(uuid4())
        configuration = self._variables["DEFAULT_CONFIGURATION"]
        self._dynamodb.put_item(
            TableName=self._variables["LEDGER_TABLE"],
            Item={
                "pk": {"S": digest},
                "fingerprint": {"S": digest},
                "state": {"S": "open"},
                "attempts": {"N": "1"},
                "unanswered": {"N": "1"},
                "owner": {"S": owner},
                "lease_until": {"N": f"{NOW + 37:.3f}"},
                "outcome_id": {"S": outcome_id},
                "source_type": {"S": "sqs"},
                "source_id": {"S": message_id},
                "requested_at": {"S": MOMENT},
                "format": {"S": "1"},
                "expires_at": {"N": str(NOW + 1_814_400)},
            },
            ConditionExpression="attribute_not_exists(pk) OR expires_at < :now"
            " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
            ExpressionAttributeValues={":now": {"N": str(NOW)}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        answer = self._http.request(
            "PUT",
            f"{self._variables['IMPORTS_BASE_URL']}/personal-link/",
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=json.dumps({"configuration": configuration, "record": request["record"]}),
        )
        outcome = {
            "schema": "personal-link-result/1",
            "id": outcome_id,
            "status": "created",
            "source": {"type": "sqs", "id": message_id},
            "configuration": configuration,
            "personal_link": answer.json()["data"],
            "replayed": False,
            "attempts": 1,
            "requested_at": MOMENT,
            "completed_at": MOMENT,
        }
        self._dynamodb.update_item(
            TableName=self._variables["LEDGER_TABLE"],
            Key={"pk": {"S": digest}},
            UpdateExpression="SET #state = :settled, outcome = :outcome, expires_at = :end REMOVE #owner, lease_until",
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":settled": {"S": "settled"},
                ":outcome": {"S": json.dumps(outcome, separators=(",", ":"))},
                ":end": {"N": str(NOW + 1_814_400)},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        result = outcome | {"reference": request["reference"], "record": request["record"]}
        self._sqs.send_message_batch(
            QueueUrl=self._variables["RESULTS_QUEUE_URL"],
            Entries=[
                {
                    "Id": "0",
                    "MessageBody": json.dumps(result, separators=(",", ":")),
                    "MessageAttributes": {
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in {"status": "created", "code": "created", "source": "sqs"}.items()
                    },
                }
            ],
        )
