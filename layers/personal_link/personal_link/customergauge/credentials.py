"""The client id and secret, out of Secrets Manager; masked wherever they might be shown."""

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain import strict_json
from personal_link.domain.clock import Clock
from personal_link.domain.errors import Code, NotProcessed

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

FRESH_FOR: Final = 300.0  # seconds in which the secret is not read again unasked
STALE_FOR: Final = 3600.0  # seconds in which a copy serves while Secrets Manager does not answer

SHORTEST: Final = 8  # characters; what is shorter is a placeholder or a slip, and would be guessed
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
# What an operator has to mend; every other failure of Secrets Manager passes by itself.
_SETUP_FAULTS: Final = frozenset(
    {
        "ResourceNotFoundException",
        "InvalidRequestException",
        "InvalidParameterException",
        "AccessDeniedException",
        "DecryptionFailure",
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """What the token server asks for (OAuth 2.0 client credentials)."""

    client_id: str
    client_secret: str
    version: str = field(default="", compare=False)  # of the secret: a new one may hold the same credentials

    @property
    def mark(self) -> str:
        """What tells these credentials from others, and tells nothing of the client secret."""
        return f"{self.version} {hashlib.sha256(self.client_id.encode()).hexdigest()}"

    def __repr__(self) -> str:
        return "ClientCredentials(***)"

    @classmethod
    def parse(cls, secret: str) -> "ClientCredentials":
        """Return the credentials in a secret `{"client_id": …, "client_secret": …}`.

        Raises NotProcessed (`credentials_missing`) naming the field that is wrong, never its value.
        """
        try:
            content = strict_json.parse(secret)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _missing('is not a JSON object {"client_id": …, "client_secret": …}')
        client_id, client_secret = (_text_of(content, name) for name in ("client_id", "client_secret"))
        if len(client_secret) < SHORTEST:
            raise _missing(f"has a client_secret of less than {SHORTEST} characters")
        return cls(client_id, client_secret)


class CredentialsSecret:
    """One secret, read when it is needed and kept for a while."""

    def __init__(self, secretsmanager: "SecretsManagerClient", secret_arn: str, clock: Clock) -> None:
        self._secretsmanager = secretsmanager
        self._secret_arn = secret_arn
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: ClientCredentials | None = None
        self._read_at = 0.0

    def get(self, *, newer_than: ClientCredentials | None = None) -> ClientCredentials:
        """Return the credentials; read them again if they are older than five minutes or no `newer_than` those given.

        Raises NotProcessed: `credentials_missing` when an operator has to mend the secret, else `internal_error`.
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
        """Return the credentials that were read last, however long ago; None if none were."""
        return self._kept

    def forget(self) -> None:
        """Forget the credentials that are kept: no snapshot may hold them, and they may be old when it is restored."""
        with self._lock:
            self._kept = None

    def _read(self) -> ClientCredentials:
        try:
            response = self._secretsmanager.get_secret_value(SecretId=self._secret_arn)
        except (ClientError, BotoCoreError) as failure:
            response, code = None, aws_error_code(failure)
        if response is None:  # raised out here, since AWS's error, whose words may quote anything, is no context for it
            if code in _SETUP_FAULTS:
                raise _missing(f"cannot be read ({code})")
            raise NotProcessed(Code.INTERNAL_ERROR, f"Secrets Manager failed ({code})")
        secret = response.get("SecretString")
        if secret is None and "SecretBinary" in response:
            raise _missing("is binary: store it as a string")
        if secret is None:  # any HTTP 200 counts as success to botocore, a proxy's page too
            raise NotProcessed(Code.INTERNAL_ERROR, "Secrets Manager answered without a secret")
        return replace(ClientCredentials.parse(secret), version=response.get("VersionId", ""))


def _text_of(content: Mapping[str, object], name: str) -> str:
    """Return a field's text; a whole number is taken as its digits, since JSON editors drop the quotes."""
    value = content.get(name)
    if value is None or value == "":
        raise _missing(f"has no {name}: fill it in")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _missing(f"has a {name} that is neither text nor a whole number")
    text = str(value)
    if not _PRINTABLE.fullmatch(text):
        raise _missing(f"has a {name} with blanks, control or non-ASCII characters")
    return text


def _missing(problem: str) -> NotProcessed:
    return NotProcessed(Code.CREDENTIALS_MISSING, f"The credentials secret {problem}.")
