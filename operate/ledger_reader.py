"""Read a request's state from the ledger. Only the functions write the ledger, and `erase` deletes from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from operate.stack import Stack
from personal_link.aws.conditional_write import Item
from personal_link.aws.ledger_item import FORMAT
from personal_link.domain.clock import Clock, SystemClock
from personal_link.domain.errors import Refused, Unreadable
from personal_link.domain.outcome import Outcome, refused_on_arrival
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import MapEvent

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
    requested_at: str = ""
    source: str = ""  # http, eventbridge, sqs, direct

    def __repr__(self) -> str:
        return f"Entry({self.standing!r}, attempts={self.attempts})"


def ledger_of(stack: Stack) -> "LedgerReader":
    """Return the ledger of a stack."""
    return LedgerReader(stack.account.client("dynamodb"), stack.resource("LedgerTable"), SystemClock(), stack.map_event)


class LedgerReader:
    """Find requests by their key."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock, map_event: MapEvent) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._map_event = map_event

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
        item = self._item(request.key.digest)
        if item is not None and item["fingerprint"]["S"] != request.fingerprint:
            return Entry(Standing.ANOTHERS_KEY, int(item["attempts"]["N"]))
        return self._entry(item, reference=request.reference, record=request.record)

    def entry_at(self, digest: str, *, expired: bool = False) -> Entry | None:
        """Return the entry of whatever request has the key with this digest; None without one, or an expired one."""
        item = self._item(digest, expired=expired)
        return self._entry(item, reference=None, record=None) if item is not None else None

    def _item(self, digest: str, *, expired: bool = False) -> Item | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key={"pk": {"S": digest}}, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        if item is None:
            return None
        # DynamoDB deletes late.
        is_kept = float(item["expires_at"]["N"]) >= self._clock.wall() or self._in_flight(item)
        return item if is_kept or expired else None

    def _in_flight(self, item: Item) -> bool:
        return float(item["lease_until"]["N"]) > self._clock.wall() if "lease_until" in item else False

    def _entry(self, item: Item | None, *, reference: str | None, record: object) -> Entry:
        if item is None:
            return Entry(Standing.UNTRIED)
        standing, outcome = Standing.UNANSWERED if int(item["unanswered"]["N"]) else Standing.UNTRIED, None
        if "outcome" in item and item["format"]["S"] == FORMAT:
            standing = Standing.SETTLED
            outcome = Outcome.replay(item["outcome"]["S"], reference=reference, record=record)
        elif self._in_flight(item):
            standing = Standing.IN_FLIGHT
        attempts, came = int(item["attempts"]["N"]), (item["requested_at"]["S"], item["source_type"]["S"])
        return Entry(standing, attempts, outcome, *came)
