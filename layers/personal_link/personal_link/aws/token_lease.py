"""The lease for fetching the shared access token: an item of the ledger's table.

pk            access-token/2
owner         token of the environment that fetches; absent when none does
lease_until   epoch seconds after which another environment may fetch
version       version id of the secret's last write
stored_at     epoch seconds just before that write
expires_at    epoch seconds, for DynamoDB's time to live
"""

from typing import TYPE_CHECKING, Final

from personal_link.aws.conditional_write import Item, conditional_write
from personal_link.domain.clock import LONGEST_AWS_CALL, Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: Final = "access-token/2"
LEASE: Final = 5.0  # seconds: the token server's time limit
WRITE_LEASE: Final = LONGEST_AWS_CALL + 1.0  # seconds, for writing the secret
WRITE_INTERVAL: Final = 600.0  # seconds; Secrets Manager recommends at most one write in ten minutes (PutSecretValue)
STALE_READS: Final = 5.0  # seconds after a write in which Secrets Manager may return the version before it
KEPT_FOR: Final = 86_400.0  # seconds after which DynamoDB may delete the item


class TokenLease:
    """Take, renew and end the lease. Every method raises NotProcessed (`internal_error`) when DynamoDB fails."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def take(self, owner: str, seen: str) -> bool | None:
        """Take the lease, unless another environment has it or the secret was written recently.

        `seen` is the secret's version as just read. A write of another version was lost, or will show soon.
        Return True for the lease, False if the caller should wait and read again, None if waiting is useless.
        """
        now = self._clock.wall()
        there = self._update(
            "SET #owner = :owner, lease_until = :end, expires_at = :expires_at",
            "(attribute_not_exists(lease_until) OR lease_until <= :now) AND (attribute_not_exists(stored_at)"
            " OR stored_at <= :long_ago OR (stored_at <= :shown AND version <> :seen))",
            {
                ":owner": {"S": owner},
                ":end": {"N": f"{now + LEASE:.3f}"},
                ":expires_at": {"N": str(int(now + KEPT_FOR))},
                ":now": {"N": f"{now:.3f}"},
                ":long_ago": {"N": f"{now - WRITE_INTERVAL:.3f}"},
                ":shown": {"N": f"{now - STALE_READS:.3f}"},
                ":seen": {"S": seen or "-"},
            },
        )
        if there is None or there.get("owner", {}).get("S") == owner:
            return True  # botocore repeats a write whose answer was lost; the repeated write finds the first one
        taken = "owner" in there and float(there["lease_until"]["N"]) > now
        is_shown = there.get("version", {}).get("S") == seen
        return None if is_shown and not taken else False

    def renew(self, owner: str, version: str) -> bool:
        """Extend the lease for writing the secret as this version; return whether the owner still had the lease."""
        now = self._clock.wall()
        values = {
            ":owner": {"S": owner},
            ":version": {"S": version},
            ":now": {"N": f"{now:.3f}"},
            ":end": {"N": f"{now + WRITE_LEASE:.3f}"},
        }
        update = "SET version = :version, stored_at = :now, lease_until = :end"
        return self._update(update, "#owner = :owner", values) is None

    def end(self, owner: str) -> None:
        """End the owner's lease, but not the lease of another owner."""
        self._update("REMOVE #owner, lease_until", "#owner = :owner", {":owner": {"S": owner}})

    def _update(self, update: str, condition: str, values: Item) -> Item | None:
        return conditional_write(
            self._dynamodb.update_item,
            TableName=self._table,
            Key={"pk": {"S": KEY}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=values,
        )
