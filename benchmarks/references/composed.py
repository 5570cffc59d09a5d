"""The same with Powertools' utilities: cached secret and token, idempotency by DynamoDB, partial batch response.

requests fetches the token: it is imported anyway, and an OAuth2 client library would only start more slowly.
"""

import json
import os
import time
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

SECRET = os.environ["CREDENTIALS_SECRET_ARN"]
RESULTS = os.environ["RESULTS_QUEUE_URL"]
TOKEN_URL = os.environ["AUTH_BASE_URL"] + "/oauth2/token"
LINK_URL = os.environ["IMPORTS_BASE_URL"] + "/personal-link/"
CONFIGURATION = os.environ["DEFAULT_CONFIGURATION"]

logger = Logger(service="survey-links")
metrics = Metrics(namespace="SurveyLinks", service="survey-links")
processor = BatchProcessor(event_type=EventType.SQS)
# Each utility makes its own session unless it gets one. Its examples pass none; both ways are measured.
aws = boto3.Session() if "ONE_SESSION" in os.environ else None
sqs = (aws or boto3).client("sqs")
secrets = SecretsProvider(boto3_session=aws)
ledger = DynamoDBPersistenceLayer(
    table_name=os.environ["LEDGER_TABLE"], key_attr="pk", expiry_attr="expires_at", boto3_session=aws
)
once = IdempotencyConfig(event_key_jmespath="idempotency_key", expires_after_seconds=21 * 86_400)
vendor = requests.Session()


class Token:
    """The access token, cached until it expires."""

    value = ""
    expires_at = 0.0

    def get(self) -> str:
        """Return a token that is valid for another minute at least."""
        if time.time() > self.expires_at - 60:
            secret: Any = secrets.get(SECRET, transform="json", max_age=300)
            form = {"grant_type": "client_credentials", **secret}
            response = vendor.post(TOKEN_URL, data=form, timeout=10)
            response.raise_for_status()
            answer = response.json()
            self.value, self.expires_at = answer["access_token"], time.time() + answer["expires_in"]
        return self.value


token = Token()


@idempotent_function(data_keyword_argument="request", persistence_store=ledger, config=once)  # type: ignore[untyped-decorator]
def create_link(request: dict[str, Any]) -> dict[str, Any]:
    """Return the link of a survey record, a new one only if the request is new."""
    response = vendor.put(
        LINK_URL,
        json={"configuration": request.get("configuration", CONFIGURATION), "record": request["record"]},
        headers={"Authorization": f"Bearer {token.get()}", "Accept": "application/json"},
        timeout=10,
    )
    response.raise_for_status()
    link: dict[str, Any] = response.json()["data"]
    return link


def work(record: SQSRecord) -> None:
    """Send a message's link to the results queue."""
    request = {"idempotency_key": record.message_id, **record.json_body}
    result = {"reference": request.get("reference"), "personal_link": create_link(request=request)}
    sqs.send_message(QueueUrl=RESULTS, MessageBody=json.dumps(result))
    metrics.add_metric(name="Links", unit=MetricUnit.Count, value=1)
    logger.info("link created", message_id=record.message_id)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Work an SQS event; a failed message is retried."""
    once.register_lambda_context(context)
    return process_partial_response(event, record_handler=work, processor=processor, context=context)
