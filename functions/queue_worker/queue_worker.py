"""SQS batch → links → results; what is to come again is named in the partial batch response."""

from typing import Any

from personal_link import wiring
from personal_link.clock import Deadline


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Work an SQS event; messages hold bare requests or whole EventBridge events."""
    deadline = Deadline.of_invocation(context, aws_calls_after=4)  # the ledger's; results, parked, visibility
    again = wiring.batch_worker().work(event["Records"], deadline)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}
