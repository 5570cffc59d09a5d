"""The ledger: one DynamoDB item per request key, so that a request is done once and its outcome is told again.

The vendor is not idempotent: a repeated contact gets "duplicates" without the link. So an attempt writes a marker
before it calls and the outcome after it, and may write only while its owner token stands. An item holds no personal
data but the link:

    pk            hash of the idempotency key and its owner
    fingerprint   keyed hash of the request: another request under the key is refused
    state         open | settled
    outcome       the outcome, once settled
    attempts      how many were begun; counts up, so that it also tells one state of an open item from another
    unanswered    how many of them may have reached the vendor: the marker
    owner         token of the attempt in flight; gone when there is none
    lease_until   epoch seconds by which that attempt has certainly ended
    outcome_id, source_type, source_id, requested_at
                  of the first delivery, so that every redelivery's result is the same
    format        version of this layout
    expires_at    epoch seconds; DynamoDB deletes late, so it is checked here too

A content key may stand for a new request soon, so it is forgotten an hour after it ended. While an attempt of it is in
flight or marked, or its result is not sent, it is kept like any other: a redriven invocation has to meet it.
The lease of the shared access token is an item of another layout (token_lease.py).
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from personal_link.aws.conditional_write import Item, conditional_write
from personal_link.domain.clock import Clock, Deadline, timestamp
from personal_link.domain.errors import Code, NotProcessed, Refused
from personal_link.domain.outcome import Outcome, outcome_id
from personal_link.domain.request import LinkRequest, Source, SourceType

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT: Final = "1"
LEASE_MARGIN: Final = 11.0  # seconds beyond an attempt's deadline: more than the 10 by which two clocks may differ
CONTENT_KEY_LIFE: Final = 3600.0  # seconds for which a request without a key of its own is remembered, once it ended
LONGEST_HINT: Final = 5.0  # seconds to wait for an attempt in flight: most end long before their lease


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
    life: float  # seconds for which it is remembered once it ended


class Ledger:
    """Begins, settles and takes back attempts.

    Every method raises NotProcessed (`internal_error`) when DynamoDB fails: without a marker nothing is sent.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, days: int, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._life = days * 86_400.0
        self._clock = clock

    def begin(self, request: LinkRequest, deadline: Deadline) -> Attempt | Outcome:
        """Return a new attempt, or the outcome if the request is settled.

        Raises Refused (`idempotency_key_reused`) when the key belongs to another request, NotProcessed (`in_progress`)
        while another attempt is in flight.
        """
        now = self._clock.wall()
        new = {
            "pk": {"S": self._pk(request)},
            "fingerprint": {"S": request.fingerprint},
            "state": {"S": "open"},
            "attempts": {"N": "1"},
            "unanswered": {"N": "1"},
            "owner": {"S": uuid.uuid4().hex},
            "lease_until": {"N": f"{now + deadline.remaining() + LEASE_MARGIN:.3f}"},
            "outcome_id": {"S": outcome_id(request)},
            "source_type": {"S": request.source.type},
            "source_id": {"S": request.source.id},
            "requested_at": {"S": timestamp(request.received_at)},
            "format": {"S": FORMAT},
            "expires_at": {"N": str(int(now + self._life))},
        }
        there = self._write(
            self._dynamodb.put_item,
            Item=new,
            ConditionExpression="attribute_not_exists(pk) OR expires_at < :now"
            " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
            ExpressionAttributeValues={":now": {"N": str(int(now))}},
        )
        if there is None or _owner(there) == _owner(new):
            # A put that was repeated because its answer got lost meets itself.
            return _attempt(new, self._life_of(request))
        return self._continue(request, there, new, now)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Store the outcome of an attempt and return it, or the one that another attempt stored first.

        Raises NotProcessed (`in_progress`) if the lease had run out and another attempt is in flight.
        """
        there = self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": attempt.key}},
            UpdateExpression="SET #state = :settled, outcome = :outcome, expires_at = :end REMOVE #owner, lease_until",
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
            ExpressionAttributeValues={
                ":owner": {"S": attempt.owner},
                ":settled": {"S": "settled"},
                ":outcome": {"S": outcome.stored()},
                ":end": {"N": str(int(self._clock.wall() + attempt.life))},
            },
        )
        if not there or there.get("outcome", {}).get("S") == outcome.stored():
            return outcome  # stored now, or by this update's first try, or the item is gone and nobody else knows
        if "outcome" in there:
            return _replay(there, reference=outcome.reference, record=outcome.record)
        raise NotProcessed(Code.IN_PROGRESS, "another attempt took over and is in flight")

    def take_back(self, attempt: Attempt) -> None:
        """End an attempt that certainly reached nobody: its marker goes, those of earlier ones stay."""
        update, values = "SET unanswered = unanswered - :one", {":one": {"N": "1"}}
        if not attempt.earlier_unanswered:
            update += ", expires_at = :end"
            values[":end"] = {"N": str(int(self._clock.wall() + attempt.life))}
        self._end(attempt, f"{update} REMOVE #owner, lease_until", values)

    def leave_marked(self, attempt: Attempt) -> None:
        """End an attempt of which nobody knows how it ended: its marker stays, and the next one may begin."""
        self._end(attempt, "REMOVE #owner, lease_until", {})

    def keep(self, key: str) -> None:
        """Remember the outcome under a key for `days` from now: its result is still to be sent."""
        self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": key}},
            UpdateExpression="SET expires_at = :end",
            ConditionExpression="attribute_exists(outcome)",
            ExpressionAttributeValues={":end": {"N": str(int(self._clock.wall() + self._life))}},
        )

    def began_before(self, request: LinkRequest) -> bool:
        """Tell whether an earlier version, in which keys had no owner, began this request."""
        if not request.key.owner:
            return False
        there = self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": request.key.former_digest}},
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(pk)",  # never: the role may not read
        )
        if not there or float(there["expires_at"]["N"]) < self._clock.wall():
            return False
        same_request = there["fingerprint"]["S"] == request.fingerprint
        return bool(same_request and there["source_type"]["S"] == request.source.type)  # not one of the queue's

    def _pk(self, request: LinkRequest) -> str:
        """Return the request's key; for an invocation that an earlier version parked, the one that it had there."""
        if request.redriven and self.began_before(request):
            return request.key.former_digest
        return request.key.digest

    def _continue(self, request: LinkRequest, there: Item, new: Item, now: float) -> Attempt | Outcome:
        if there["format"]["S"] != FORMAT:
            raise NotProcessed(Code.INTERNAL_ERROR, "the ledger's item is of another format")
        if there["fingerprint"]["S"] != request.fingerprint:
            message = "The idempotency key was used for another request."
            raise Refused(Code.IDEMPOTENCY_KEY_REUSED, message)
        if "outcome" in there:
            return _replay(there, reference=request.reference, record=request.record)
        lease = float(there["lease_until"]["N"]) - now if "lease_until" in there else 0.0
        if lease > 0:
            hint = min(max(lease, 1.0), LONGEST_HINT)
            raise NotProcessed(Code.IN_PROGRESS, "another attempt is in flight", retry_after=hint)
        return self._take_over(there, new, self._life_of(request))

    def _life_of(self, request: LinkRequest) -> float:
        return CONTENT_KEY_LIFE if request.key.scope == "content" else self._life

    def _take_over(self, there: Item, new: Item, life: float) -> Attempt:
        """Begin the next attempt of an open item, unless somebody else just did."""
        count, unanswered = int(there["attempts"]["N"]) + 1, int(there["unanswered"]["N"]) + 1
        changed = {
            **there,
            "attempts": {"N": str(count)},
            "unanswered": {"N": str(unanswered)},
            "owner": new["owner"],
            "lease_until": new["lease_until"],
            "expires_at": new["expires_at"],
        }
        now_there = self._write(
            self._dynamodb.put_item,
            Item=changed,
            # By expires_at one life of a key is told from the next, whose counters start anew.
            ConditionExpression="#state = :open AND attempts = :begun AND unanswered = :marks AND expires_at = :seen",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":open": {"S": "open"},
                ":begun": there["attempts"],
                ":marks": there["unanswered"],
                ":seen": there["expires_at"],
            },
        )
        if now_there is None or _owner(now_there) == _owner(new):
            return _attempt(changed, life)
        raise NotProcessed(Code.IN_PROGRESS, "another attempt just began", retry_after=1.0)

    def _end(self, attempt: Attempt, update: str, values: Item) -> None:
        self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": attempt.key}},
            UpdateExpression=update,
            ConditionExpression="#owner = :owner",  # fences an attempt whose lease ran out
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": attempt.owner}, **values},
        )

    def _write(self, operation: Callable[..., object], **arguments: object) -> Item | None:
        return conditional_write(operation, TableName=self._table, **arguments)


def _replay(item: Item, *, reference: str | None, record: object) -> Outcome:
    return Outcome.replay(item["outcome"]["S"], reference=reference, record=record, key=item["pk"]["S"])


def _owner(item: Item) -> str | None:
    owner: str | None = item.get("owner", {}).get("S")
    return owner


def _attempt(item: Item, life: float) -> Attempt:
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
