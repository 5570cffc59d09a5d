"""The access token of all environments: an item of the ledger's table, so that a burst of new ones costs one token.

The vendor's token server is shared by all its customers and throttles. One environment leases the right to fetch; the
others wait a moment and take what it stored. Whatever fails here costs no more than the sharing.

    pk            access-token/1
    version       names the stored token, so that one that was refused or grew old is told from the next
    sealed        the token, encrypted (sealing.py)
    fetched_at    epoch seconds, just before it was asked for
    life          seconds, as the vendor said
    spent_at      epoch seconds from which it is not given to anybody any more
    owner         of the lease: whoever is fetching
    lease_until   epoch seconds
    expires_at    epoch seconds, for DynamoDB's time to live
"""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from personal_link import observability
from personal_link.access_token import AccessToken, usable_life
from personal_link.client_credentials import ClientCredentials
from personal_link.clock import LONGEST_AWS_CALL, Clock, Deadline
from personal_link.conditional_write import Item, conditional_write
from personal_link.errors import NotProcessed, TryAgain
from personal_link.sealing import seal, unseal
from personal_link.sign_in import Secret

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: Final = "access-token/1"  # with the version of this layout; the ledger's other keys are hashes
LEASE: Final = 5.0  # seconds: as long as the token server is given to answer
PATIENCE: Final = 6.0  # seconds to wait for another environment's token: longer than a lease that nobody ends
FIRST_PAUSE: Final = 0.05  # seconds between two looks; doubles
LONGEST_PAUSE: Final = 0.5
KEPT_FOR: Final = 86_400.0  # seconds after which DynamoDB may delete the item


class SharedToken:
    """Gets tokens for one environment's cache: another environment's, or a new one from `fetch`."""

    def __init__(  # noqa: PLR0913  # each of them a seam
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        secret: Secret,
        fetch: Callable[[Deadline], AccessToken],
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._secret = secret
        self._fetch = fetch
        self._clock = clock
        self._sleep = sleep
        self._had = ""  # the version that this environment got last; it asks again because that one does not do

    def fetch(self, deadline: Deadline) -> AccessToken:
        """Return a token that this environment has not had yet. Raises what `fetch` and the secret raise."""
        credentials = self._secret.get()
        patience, pause, unwanted, owner = deadline.within(PATIENCE), FIRST_PAUSE, self._had, uuid.uuid4().hex
        while patience.remaining() > 0 and deadline.remaining() > LONGEST_AWS_CALL:
            try:
                there = self._lease(owner, unwanted)
            except NotProcessed as failure:
                observability.report_token_not_shared(failure)
                break
            if there is None or there.get("owner", {}).get("S") == owner:
                return self._fetch_for_all(owner, deadline)
            if self._serves(there, unwanted):
                token = self._open(there, credentials)
                if token is not None:
                    self._had = there["version"]["S"]
                    return token
                unwanted = there["version"]["S"]  # sealed with another secret: to be replaced
                continue
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return self._fetch(deadline)

    def _fetch_for_all(self, owner: str, deadline: Deadline) -> AccessToken:
        try:
            token = self._fetch(deadline)
        except TryAgain:
            self._end_lease(owner, "REMOVE #owner, lease_until", {}, deadline)
            raise
        credentials, version = self._secret.get(), uuid.uuid4().hex  # by now maybe a rotated secret
        stored = self._end_lease(
            owner,
            "SET version = :version, sealed = :sealed, fetched_at = :fetched_at, life = :life, spent_at = :spent_at,"
            " expires_at = :expires_at REMOVE #owner, lease_until",
            {
                ":version": {"S": version},
                ":sealed": {"B": seal(token.value, credentials.client_secret, credentials.client_id)},
                ":fetched_at": {"N": f"{token.wall:.3f}"},
                ":life": {"N": f"{token.life:.3f}"},
                ":spent_at": {"N": f"{token.wall + usable_life(token.life):.3f}"},
                ":expires_at": {"N": str(int(token.wall + KEPT_FOR))},
            },
            deadline,
        )
        if stored:
            self._had = version
        return token

    def _lease(self, owner: str, unwanted: str) -> Item | None:
        """Lease the right to fetch, unless somebody else has it, or a token other than the unwanted one serves."""
        now = self._clock.wall()
        return conditional_write(
            self._dynamodb.update_item,
            TableName=self._table,
            Key={"pk": {"S": KEY}},
            UpdateExpression="SET #owner = :owner, lease_until = :end, expires_at = :expires_at",
            ConditionExpression="(attribute_not_exists(version) OR spent_at <= :now OR version = :unwanted)"
            " AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":end": {"N": f"{now + LEASE:.3f}"},
                ":expires_at": {"N": str(int(now + KEPT_FOR))},
                ":now": {"N": f"{now:.3f}"},
                ":unwanted": {"S": unwanted or "-"},
            },
        )

    def _end_lease(self, owner: str, update: str, values: Item, deadline: Deadline) -> bool:
        """Return whether the lease was still ours; if the table fails it runs out by itself."""
        if deadline.remaining() < LONGEST_AWS_CALL:
            return False
        try:
            there = conditional_write(
                self._dynamodb.update_item,
                TableName=self._table,
                Key={"pk": {"S": KEY}},
                UpdateExpression=update,
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": {"S": owner}, **values},
            )
        except NotProcessed as failure:
            observability.report_token_not_shared(failure)
            return False
        return there is None

    def _serves(self, there: Item, unwanted: str) -> bool:
        return (
            "version" in there
            and there["version"]["S"] != unwanted
            and float(there["spent_at"]["N"]) > self._clock.wall()
        )

    def _open(self, there: Item, credentials: ClientCredentials) -> AccessToken | None:
        value = unseal(there["sealed"]["B"], credentials.client_secret, credentials.client_id)
        if value is None:
            return None
        fetched_at = float(there["fetched_at"]["N"])
        age = max(0.0, self._clock.wall() - fetched_at)
        return AccessToken(value, float(there["life"]["N"]), fetched_at, self._clock.monotonic() - age)
