"""One access token for all environments, so that a burst of new ones costs one fetch.

The vendor's token server is shared by all its customers and throttles. The token lies in a secret (token_secret.py).
An environment takes it from there. If it is missing, spent or refused, one environment leases the right to fetch, in
the ledger's table; the others wait for what it stores. Whatever fails here costs no more than the sharing: the
environment then fetches a token of its own.

The lease is an item of the ledger's table:

    pk            access-token/2
    owner         of the lease: whoever is fetching; gone when nobody is
    lease_until   epoch seconds by which another environment may fetch
    version       the version id of the secret that was written last
    stored_at     epoch seconds, just before that write
    expires_at    epoch seconds, for DynamoDB's time to live
"""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from personal_link import observability
from personal_link.access_token import AccessToken, usable_life
from personal_link.client_credentials import ClientCredentials
from personal_link.clock import LONGEST_AWS_CALL, Clock, Deadline
from personal_link.conditional_write import Item, conditional_write
from personal_link.errors import NotProcessed, TryAgain
from personal_link.token_secret import StoredToken, TokenSecret

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: Final = "access-token/2"
LEASE: Final = 5.0  # seconds: as long as the token server is given to answer
WRITE_LEASE: Final = LONGEST_AWS_CALL + 1.0  # seconds more, for the write of the secret
PATIENCE: Final = 9.0  # seconds to wait for another environment's token: longer than a lease that nobody ends
FIRST_PAUSE: Final = 0.05  # seconds between two looks; doubles
LONGEST_PAUSE: Final = 0.5
WRITE_INTERVAL: Final = 600.0  # seconds: Secrets Manager asks for no more than a write in ten minutes (PutSecretValue)
STALE_READS: Final = 5.0  # seconds after a write in which Secrets Manager may still answer with the version before it
CLOCK_SKEW: Final = 60.0  # seconds by which another environment's clock may be ahead
KEPT_FOR: Final = 86_400.0  # seconds after which DynamoDB may delete the item


class Credentials(Protocol):
    """The credentials secret, as far as it is needed to tell whose a stored token is."""

    @property
    def known(self) -> ClientCredentials | None:
        """The credentials that were read last; None if none were."""
        ...

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials, read again if they are still those of `newer_than`."""
        ...


class SharedToken:
    """Gets tokens for one environment's cache: another environment's, or a new one from `fetch`.

    `origin` names the token server and the credentials secret: a token from elsewhere is not taken.
    """

    def __init__(  # noqa: PLR0913  # each of them a seam
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        secret: TokenSecret,
        credentials: Credentials,
        fetch: Callable[[Deadline], AccessToken],
        clock: Clock,
        *,
        origin: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._secret = secret
        self._credentials = credentials
        self._fetch = fetch
        self._clock = clock
        self._origin = origin
        self._sleep = sleep
        self._had = 0.0  # when the last token given out here was asked for: it, and any before it, did not do

    def fetch(self, deadline: Deadline) -> AccessToken:
        """Return a token that this environment has not had yet. Raises what `fetch` and the credentials raise."""
        owner = uuid.uuid4().hex
        found: StoredToken | bool = False
        try:
            found = self._take_or_lease(owner, deadline)
        except NotProcessed as failure:
            observability.report_token_not_shared(failure)
        if isinstance(found, StoredToken):
            age = max(0.0, self._clock.wall() - found.asked_at)
            token = AccessToken(found.value, found.life, found.asked_at, self._clock.monotonic() - age)
        else:
            token = self._fetch_for_all(owner, deadline) if found else self._fetch(deadline)
        self._had = token.wall
        return token

    def _take_or_lease(self, owner: str, deadline: Deadline) -> StoredToken | bool:
        """Return the stored token; True if this environment is to fetch for all, False if it is to fetch for itself."""
        patience, pause, foreign = deadline.within(PATIENCE), FIRST_PAUSE, ""
        while deadline.remaining() > LONGEST_AWS_CALL:
            version, stored = self._secret.read()
            if stored is not None and stored.credentials != foreign and self._is_fresh(stored):
                if self._is_of_these_credentials(stored):
                    return stored
                foreign = stored.credentials
            if patience.remaining() == 0 or deadline.remaining() <= LONGEST_AWS_CALL:
                break
            there = self._lease(owner, version)
            if there is None or there.get("owner", {}).get("S") == owner:
                return True  # a write that botocore repeated, since its answer got lost, meets itself
            if not self._somebody_fetches(there) and there.get("version", {}).get("S") == version:
                break  # what was stored does not do, and may not be written again so soon
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return False

    def _fetch_for_all(self, owner: str, deadline: Deadline) -> AccessToken:
        try:
            token = self._fetch(deadline)
        except TryAgain:
            self._write(owner, "REMOVE #owner, lease_until", {}, deadline)
            raise
        version, known = uuid.uuid4().hex, self._credentials.known
        if known is None or token.life <= 0:
            return token
        now = self._clock.wall()
        about_to_write = {
            ":version": {"S": version},
            ":now": {"N": f"{now:.3f}"},
            ":end": {"N": f"{now + WRITE_LEASE:.3f}"},
        }
        # The lease is renewed first: PutSecretValue has no condition, and only the owner of the lease may write.
        ours = self._write(
            owner, "SET version = :version, stored_at = :now, lease_until = :end", about_to_write, deadline
        )
        if ours and deadline.remaining() > LONGEST_AWS_CALL:
            try:
                self._secret.write(StoredToken.of(token, self._origin, known.mark), version)
            except NotProcessed as failure:
                observability.report_token_not_shared(failure)
            self._write(owner, "REMOVE #owner, lease_until", {}, deadline)
        return token

    def _is_fresh(self, stored: StoredToken) -> bool:
        """Tell whether a token is from this origin, newer than the last one, and still serves."""
        age = self._clock.wall() - stored.asked_at
        newer = stored.asked_at > self._had
        return newer and stored.origin == self._origin and -CLOCK_SKEW <= age < usable_life(stored.life)

    def _is_of_these_credentials(self, stored: StoredToken) -> bool:
        """Tell whether a token is of the current credentials, as far as they are known here.

        If it is of others, either may be the older ones. Only the secret tells, so it is read again.
        """
        known = self._credentials.known
        if known is None or stored.credentials == known.mark:
            return True
        return stored.credentials == self._credentials.get(newer_than=known).mark

    def _somebody_fetches(self, there: Item) -> bool:
        return "owner" in there and float(there["lease_until"]["N"]) > self._clock.wall()

    def _lease(self, owner: str, seen: str) -> Item | None:
        """Lease the right to fetch, unless somebody has it, or the secret was written a short while ago.

        `seen` is the secret's version as it was just read. A write that does not show was lost, or another is there.
        """
        now = self._clock.wall()
        return conditional_write(
            self._dynamodb.update_item,
            TableName=self._table,
            Key={"pk": {"S": KEY}},
            UpdateExpression="SET #owner = :owner, lease_until = :end, expires_at = :expires_at",
            ConditionExpression="(attribute_not_exists(lease_until) OR lease_until <= :now)"
            " AND (attribute_not_exists(stored_at) OR stored_at <= :long_ago OR (stored_at <= :shown AND version <> :seen))",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":end": {"N": f"{now + LEASE:.3f}"},
                ":expires_at": {"N": str(int(now + KEPT_FOR))},
                ":now": {"N": f"{now:.3f}"},
                ":long_ago": {"N": f"{now - WRITE_INTERVAL:.3f}"},
                ":shown": {"N": f"{now - STALE_READS:.3f}"},
                ":seen": {"S": seen or "-"},
            },
        )

    def _write(self, owner: str, update: str, values: Item, deadline: Deadline) -> bool:
        """Change the item while the lease is ours; return whether it was. If the table fails, the lease runs out."""
        if deadline.remaining() <= LONGEST_AWS_CALL:
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
