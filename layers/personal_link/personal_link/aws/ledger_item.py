"""The ledger's item: one per idempotency key. The only personal data in it is the link.

    pk            hash of the idempotency key and its owner
    fingerprint   keyed hash of the request; a different request with the same key is refused
    state         open | settled
    outcome       the outcome, once settled
    attempts      number of attempts begun
    unanswered    number of attempts that may have reached the vendor: the attempt marker
    owner         token of the attempt in flight; absent when there is none
    lease_until   epoch seconds by which that attempt has ended
    outcome_id, source_type, source_id, requested_at
                  from the first delivery, so that every redelivery gives the same result
    format        version of this layout
    expires_at    epoch seconds; the ledger checks it too, because DynamoDB deletes late

The lease of the shared access token is an item of another layout (token_lease.py).
"""

import uuid
from dataclasses import dataclass
from typing import Final

from personal_link.aws.conditional_write import Item
from personal_link.domain.clock import timestamp
from personal_link.domain.outcome import Outcome, outcome_id
from personal_link.domain.request import LinkRequest, Source, SourceType

FORMAT: Final = "1"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to call the vendor once for a request."""

    key: str
    owner: str
    number: int
    earlier_unanswered: bool  # an earlier attempt may have made the survey record
    outcome_id: str
    source: Source
    requested_at: str
    life: float  # seconds that the ledger keeps it after its end


def new_item(request: LinkRequest, key: str, *, lease_until: float, expires_at: float) -> Item:
    """Return the item of a first attempt, with a new owner token."""
    return {
        "pk": {"S": key},
        "fingerprint": {"S": request.fingerprint},
        "state": {"S": "open"},
        "attempts": {"N": "1"},
        "unanswered": {"N": "1"},
        "owner": {"S": uuid.uuid4().hex},
        "lease_until": {"N": f"{lease_until:.3f}"},
        "outcome_id": {"S": outcome_id(request)},
        "source_type": {"S": request.source.type},
        "source_id": {"S": request.source.id},
        "requested_at": {"S": timestamp(request.received_at)},
        "format": {"S": FORMAT},
        "expires_at": {"N": str(int(expires_at))},
    }


def next_attempt(item: Item, new: Item) -> Item:
    """Return an open item with one more attempt, which has the owner, lease and expiry of `new`."""
    return {
        **item,
        "attempts": {"N": str(int(item["attempts"]["N"]) + 1)},
        "unanswered": {"N": str(int(item["unanswered"]["N"]) + 1)},
        "owner": new["owner"],
        "lease_until": new["lease_until"],
        "expires_at": new["expires_at"],
    }


def attempt_of(item: Item, life: float) -> Attempt:
    """Return the attempt in flight of an item."""
    source_type: SourceType = item["source_type"]["S"]
    return Attempt(
        key=item["pk"]["S"],
        owner=item["owner"]["S"],
        number=int(item["attempts"]["N"]),
        earlier_unanswered=int(item["unanswered"]["N"]) > 1,
        outcome_id=item["outcome_id"]["S"],
        source=Source(source_type, item["source_id"]["S"]),
        requested_at=item["requested_at"]["S"],
        life=life,
    )


def replay_of(item: Item, *, reference: str | None, record: object) -> Outcome | None:
    """Return the stored outcome as a replay; None if the item is not settled."""
    stored = text_in(item, "outcome")
    return Outcome.replay(stored, reference=reference, record=record, key=item["pk"]["S"]) if stored else None


def text_in(item: Item, name: str) -> str | None:
    """Return a text attribute; None if the item does not have it."""
    text: str | None = item.get(name, {}).get("S")
    return text


def number_in(item: Item, name: str) -> float | None:
    """Return a number attribute; None if the item does not have it."""
    return float(item[name]["N"]) if name in item else None
