"""Read a request's state from the ledger. Only the functions write the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from operate.stack import Stack
from personal_link.aws.ledger_item import FORMAT
from personal_link.domain.clock import Clock, SystemClock
from personal_link.domain.errors import Refused, Unreadable
from personal_link.domain.outcome import Outcome, refused_on_arrival
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers import deliveries, event_mappings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Standing(StrEnum):
    """The state of a request, which decides what a redrive does with it."""

    SETTLED = "settled"
    IN_FLIGHT = "in flight"
    UNANSWERED = "tried, without an answer"
    UNTRIED = "not processed yet"
    REFUSED = "not valid"
    ANOTHERS_KEY = "key of another request"
    UNREADABLE = "no request that can be read"
    FORGOTTEN = "older than the ledger remembers"


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """The ledger's entry of a request."""

    standing: Standing
    attempts: int = 0
    outcome: Outcome | None = None  # once settled

    def __repr__(self) -> str:
        return f"Entry({self.standing!r}, attempts={self.attempts})"


def ledger_of(stack: Stack) -> "LedgerReader":
    """Return the ledger of a stack."""
    return LedgerReader(stack.account.client("dynamodb"), stack.resource("LedgerTable"), SystemClock())


class LedgerReader:
    """Find requests by their key."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._map_event = event_mappings.load().apply

    def entry_of(self, record: Mapping[str, Any]) -> Entry:
        """Return the entry of the request in an SQS record, in the shape that Lambda gives to the worker."""
        try:
            delivery = deliveries.open_sqs(record, self._map_event)
            try:
                request = check(delivery)
            except Refused as refusal:
                refused_on_arrival(delivery, refusal)  # raises Unreadable if it is too large for a result
                return Entry(Standing.REFUSED)
        except Unreadable:
            return Entry(Standing.UNREADABLE)
        return self.entry(request)

    def entry(self, request: LinkRequest) -> Entry:
        """Return the entry of a request."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"pk": {"S": request.key.digest}}, ConsistentRead=True
        )
        item, now = answer.get("Item"), self._clock.wall()
        if item is None:
            return Entry(Standing.UNTRIED)
        in_flight = float(item["lease_until"]["N"]) > now if "lease_until" in item else False
        if float(item["expires_at"]["N"]) < now and not in_flight:  # DynamoDB deletes late
            return Entry(Standing.UNTRIED)
        attempts = int(item["attempts"]["N"])
        if item["fingerprint"]["S"] != request.fingerprint:
            return Entry(Standing.ANOTHERS_KEY, attempts)
        if "outcome" in item and item["format"]["S"] == FORMAT:
            stored = item["outcome"]["S"]
            outcome = Outcome.replay(stored, reference=request.reference, record=request.record)
            return Entry(Standing.SETTLED, attempts, outcome)
        if in_flight:
            return Entry(Standing.IN_FLIGHT, attempts)
        return Entry(Standing.UNANSWERED if int(item["unanswered"]["N"]) else Standing.UNTRIED, attempts)
