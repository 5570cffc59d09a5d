"""Read the OAuth client's credentials from Secrets Manager and cache them for five minutes."""

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.aws.aws_errors import aws_error_code
from personal_link.customergauge.credentials import ClientCredentials, missing
from personal_link.domain.clock import Clock
from personal_link.domain.errors import Code, NotProcessed

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

FRESH_FOR: Final = 300.0  # seconds that the cached credentials are used
STALE_FOR: Final = 3600.0  # seconds that they are used while Secrets Manager does not answer
# An operator has to fix these; every other failure of Secrets Manager is temporary.
_OPERATOR_ERRORS: Final = frozenset(
    {
        "ResourceNotFoundException",
        "InvalidRequestException",
        "InvalidParameterException",
        "AccessDeniedException",
        "DecryptionFailure",
    }
)


class CredentialsSecret:
    """Read one secret on demand and cache it."""

    def __init__(self, secretsmanager: "SecretsManagerClient", secret_arn: str, clock: Clock) -> None:
        self._secretsmanager = secretsmanager
        self._secret_arn = secret_arn
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: ClientCredentials | None = None
        self._read_at = 0.0

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials; read them again after five minutes, or if they still equal `newer_than`.

        Raises NotProcessed: `credentials_missing` when an operator has to fix the secret, otherwise `internal_error`.
        """
        with self._lock:
            age = self._clock.wall() - self._read_at
            if self._kept is not None and self._kept != newer_than and 0 <= age < FRESH_FOR:
                return self._kept
            try:
                read = self._read()
            except NotProcessed as error:
                if self._kept is not None and error.code is Code.INTERNAL_ERROR and 0 <= age < STALE_FOR:
                    return self._kept
                raise
            self._kept, self._read_at = read, self._clock.wall()
            return read

    @property
    def known(self) -> ClientCredentials | None:
        """Return the credentials that were read last, at any time; None before the first read."""
        return self._kept

    def forget(self) -> None:
        """Drop the cached credentials: they may be old when a snapshot is restored."""
        with self._lock:
            self._kept = None

    def _read(self) -> ClientCredentials:
        try:
            response = self._secretsmanager.get_secret_value(SecretId=self._secret_arn)
        except (ClientError, BotoCoreError) as failure:
            code = aws_error_code(failure)
            if code in _OPERATOR_ERRORS:
                raise missing(f"cannot be read ({code})") from None
            raise NotProcessed(Code.INTERNAL_ERROR, f"Secrets Manager failed ({code})") from None
        secret = response.get("SecretString")
        if secret is None and "SecretBinary" in response:
            raise missing("is binary: store it as a string")
        if secret is None:  # botocore takes any HTTP 200 for success, also a proxy's page
            raise NotProcessed(Code.INTERNAL_ERROR, "Secrets Manager answered without a secret")
        return replace(ClientCredentials.parse(secret), version=response.get("VersionId", ""))
