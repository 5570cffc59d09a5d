"""Send a test request and read its outcome from the ledger, because the results belong to the queue's consumer."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from operate.ledger_reader import Entry, LedgerReader, Standing
from personal_link.domain.errors import Refused
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers import deliveries, event_mappings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LOOK_EVERY: Final = 0.5  # seconds


@dataclass(frozen=True)
class TrialRequest:
    """One request for the requests queue."""

    sqs: "SQSClient"
    requests_url: str
    ledger: LedgerReader
    default_configuration: str

    def check(self, body: str) -> Entry:
        """Return the ledger's entry of the request in a body, before it is sent.

        Raises ClickException for a request that would be refused on arrival, because it would get no ledger entry.
        """
        request = _request(body, "00000000-0000-0000-0000-000000000000")
        if not (request.configuration or self.default_configuration):
            raise click.ClickException("The request names no configuration, and the stack has no DefaultConfiguration.")
        entry = self.ledger.entry(request)
        if entry.standing is Standing.ANOTHERS_KEY:
            raise click.ClickException("Its idempotency_key belongs to another request: choose another key.")
        return entry

    def send(self, body: str) -> LinkRequest:
        """Send a body; return its request, which finds the ledger entry."""
        sent = self.sqs.send_message(QueueUrl=self.requests_url, MessageBody=body)
        return _request(body, sent["MessageId"])

    def wait(self, request: LinkRequest, seconds: float) -> Entry:
        """Return the entry of a request when it is settled or when the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            entry = self.ledger.entry(request)
            if entry.standing is Standing.SETTLED or time.monotonic() >= deadline:
                return entry
            time.sleep(LOOK_EVERY)


def _request(body: str, message_id: str) -> LinkRequest:
    record: dict[str, Any] = {"messageId": message_id, "body": body, "attributes": {"SentTimestamp": "0"}}
    try:
        return check(deliveries.open_sqs(record, event_mappings.load().apply))
    except Refused as refusal:
        problem = refusal.message
    raise click.ClickException(f"{problem} Nothing was sent.")
