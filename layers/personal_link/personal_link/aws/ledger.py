"""The ledger: one DynamoDB item per idempotency key, so that a retry replays the outcome and makes no second survey.

The vendor is not idempotent: it refuses a repeated contact as a duplicate, without the link. So an attempt writes a
marker before it calls the vendor and the outcome after the call. Its owner token fences late writers.

A content key may soon stand for a new request, so an ended one is forgotten after an hour. While its attempt is in
flight or marked, or its result is not sent, it is kept as long as any other key: a redriven invocation has to find it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from personal_link.aws.conditional_write import Item, conditional_write
from personal_link.aws.ledger_item import (
    FORMAT,
    Attempt,
    attempt_of,
    new_item,
    next_attempt,
    number_in,
    replay_of,
    text_in,
)
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import Code, NotProcessed, Refused
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import LinkRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_MARGIN: Final = 11.0  # seconds after an attempt's deadline: more than the 10 by which two clocks may differ
CONTENT_KEY_LIFE: Final = 3600.0  # seconds that an ended request without a key of its own is remembered
LONGEST_HINT: Final = 5.0  # seconds to wait for an attempt in flight: most end long before their lease


class Ledger:
    """Begin, settle and take back attempts.

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
        new = new_item(
            request,
            request.key.digest,
            lease_until=now + deadline.remaining() + LEASE_MARGIN,
            expires_at=now + self._life,
        )
        there = self._write(
            self._dynamodb.put_item,
            Item=new,
            ConditionExpression="attribute_not_exists(pk) OR expires_at < :now"
            " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
            ExpressionAttributeValues={":now": {"N": str(int(now))}},
        )
        if there is None or text_in(there, "owner") == text_in(new, "owner"):
            # botocore repeats a write whose answer was lost; the repeated write then finds the first one
            return attempt_of(new, self._life_of(request))
        return self._continue(request, there, new, now)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Store the outcome of an attempt and return it, or return the outcome that another attempt stored first.

        Raises NotProcessed (`in_progress`) if the lease expired and another attempt is in flight.
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
        if not there or text_in(there, "outcome") == outcome.stored():
            return outcome  # stored now, or by this update's first try; or the item is gone
        if replay := replay_of(there, reference=outcome.reference, record=outcome.record):
            return replay
        raise NotProcessed(Code.IN_PROGRESS, "another attempt took over and is in flight")

    def take_back(self, attempt: Attempt) -> None:
        """End an attempt that certainly did not reach the vendor: remove its marker, keep those of earlier attempts."""
        update, values = "SET unanswered = unanswered - :one", {":one": {"N": "1"}}
        if not attempt.earlier_unanswered:
            update += ", expires_at = :end"
            values[":end"] = {"N": str(int(self._clock.wall() + attempt.life))}
        self._end(attempt, f"{update} REMOVE #owner, lease_until", values)

    def leave_marked(self, attempt: Attempt) -> None:
        """End an attempt without an answer: keep its marker, and allow the next attempt."""
        self._end(attempt, "REMOVE #owner, lease_until", {})

    def keep(self, key: str) -> None:
        """Keep the outcome of a key for `days` from now, because its result is not sent yet."""
        self._end_in(self._life, key)

    def keep_no_longer(self, key: str) -> None:
        """Forget the outcome of a content key in an hour, because its result, for which it was kept, is sent."""
        self._end_in(CONTENT_KEY_LIFE, key)

    def _end_in(self, seconds: float, key: str) -> None:
        self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": key}},
            UpdateExpression="SET expires_at = :end",
            ConditionExpression="attribute_exists(outcome)",
            ExpressionAttributeValues={":end": {"N": str(int(self._clock.wall() + seconds))}},
        )

    def look_up(self, request: LinkRequest) -> tuple[Outcome | None, bool]:
        """Return the outcome of a request if it has one, and whether an attempt got no answer; begin nothing."""
        there = self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": request.key.digest}},
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(pk)",  # never: the role may not read
        )
        now = self._clock.wall()
        is_current = there and text_in(there, "format") == FORMAT and (number_in(there, "expires_at") or 0.0) >= now
        if not there or not is_current or text_in(there, "fingerprint") != request.fingerprint:
            return None, False
        return self._replay(there, request, now), (number_in(there, "unanswered") or 0.0) > 0

    def _continue(self, request: LinkRequest, there: Item, new: Item, now: float) -> Attempt | Outcome:
        if text_in(there, "format") != FORMAT:
            raise NotProcessed(Code.INTERNAL_ERROR, "the ledger item has another format")
        if text_in(there, "fingerprint") != request.fingerprint:
            message = "The idempotency key was used for another request."
            raise Refused(Code.IDEMPOTENCY_KEY_REUSED, message)
        if replay := self._replay(there, request, now):
            return replay
        lease = (number_in(there, "lease_until") or now) - now
        if lease > 0:
            hint = min(max(lease, 1.0), LONGEST_HINT)
            raise NotProcessed(Code.IN_PROGRESS, "another attempt is in flight", retry_after=hint)
        return self._take_over(there, new, self._life_of(request))

    def _replay(self, there: Item, request: LinkRequest, now: float) -> Outcome | None:
        replay = replay_of(there, reference=request.reference, record=request.record)
        is_content = request.key.scope == "content"
        kept = is_content and (number_in(there, "expires_at") or 0.0) > now + CONTENT_KEY_LIFE
        return replay and replace(replay, kept=kept)

    def _life_of(self, request: LinkRequest) -> float:
        return CONTENT_KEY_LIFE if request.key.scope == "content" else self._life

    def _take_over(self, there: Item, new: Item, life: float) -> Attempt:
        """Begin the next attempt of an open item, unless another delivery has just begun it."""
        changed = next_attempt(there, new)
        now_there = self._write(
            self._dynamodb.put_item,
            Item=changed,
            # A new life of the key starts its counters again; expires_at tells the two apart.
            ConditionExpression="#state = :open AND attempts = :begun AND unanswered = :marks AND expires_at = :seen",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":open": {"S": "open"},
                ":begun": there["attempts"],
                ":marks": there["unanswered"],
                ":seen": there["expires_at"],
            },
        )
        if now_there is None or text_in(now_there, "owner") == text_in(new, "owner"):
            return attempt_of(changed, life)
        raise NotProcessed(Code.IN_PROGRESS, "another attempt just began", retry_after=1.0)

    def _end(self, attempt: Attempt, update: str, values: Item) -> None:
        self._write(
            self._dynamodb.update_item,
            Key={"pk": {"S": attempt.key}},
            UpdateExpression=update,
            ConditionExpression="#owner = :owner",  # fences an attempt whose lease expired
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": attempt.owner}, **values},
        )

    def _write(self, operation: Callable[..., object], **arguments: object) -> Item | None:
        return conditional_write(operation, TableName=self._table, **arguments)
