"""Look many requests up in the ledger at once, for a bulk job. It writes nothing."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from personal_link.aws.conditional_write import Item
from personal_link.aws.ledger_item import FORMAT, number_in, replay_of, text_in
from personal_link.domain.clock import Clock
from personal_link.domain.errors import Code, NotProcessed
from personal_link.domain.outcome import Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT_ONCE: Final = 100  # keys of a BatchGetItem
PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # seconds before what DynamoDB left unread is asked for again
UNREAD: Final = "UnprocessedKeys"


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What the ledger knows of a request."""

    fingerprint: str
    attempts: int
    requested_at: str
    outcome: Outcome | None  # once settled

    def __repr__(self) -> str:
        return f"Found(attempts={self.attempts}, outcome={self.outcome!r})"


@dataclass(frozen=True, slots=True)
class LedgerLookup:
    """Read the items of many keys."""

    dynamodb: "DynamoDBClient"
    table: str
    clock: Clock
    sleep: Callable[[float], None] = field(default=time.sleep)

    def find(self, digests: Iterable[str]) -> dict[str, Found]:
        """Return what is known by digest, without those that were not begun or have expired.

        Raises NotProcessed (`internal_error`) for an item of another format or if DynamoDB leaves keys unread, and
        botocore's own errors.
        """
        found: dict[str, Found] = {}
        for batch in batched(sorted(set(digests)), AT_ONCE, strict=False):
            for item in self._items(batch):
                if not self._is_over(item):
                    found[item["pk"]["S"]] = _found(item)
        return found

    def _items(self, digests: Iterable[str]) -> list[Item]:
        items: list[Item] = []
        keys = [{"pk": {"S": digest}} for digest in digests]
        unread: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
        for pause in (*PAUSES, None):
            answer = self.dynamodb.batch_get_item(RequestItems=unread)
            items += [item for some in answer["Responses"].values() for item in some]
            unread = answer.get(UNREAD, {})
            if not unread:
                return items
            if pause is not None:
                self.sleep(pause)
        raise NotProcessed(Code.INTERNAL_ERROR, f"the ledger failed ({UNREAD})")

    def _is_over(self, item: Item) -> bool:
        """Tell whether an item has expired; DynamoDB deletes late. One in flight is not over."""
        now = self.clock.wall()
        return (number_in(item, "expires_at") or 0.0) < now and (number_in(item, "lease_until") or 0.0) <= now


def _found(item: Item) -> Found:
    if text_in(item, "format") != FORMAT:
        raise NotProcessed(Code.INTERNAL_ERROR, "the ledger item has another format")
    return Found(
        fingerprint=item["fingerprint"]["S"],
        attempts=int(item["attempts"]["N"]),
        requested_at=item["requested_at"]["S"],
        outcome=replay_of(item, reference=None, record=None),
    )
