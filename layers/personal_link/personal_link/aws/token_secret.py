"""The secret of the shared access token. Secrets Manager encrypts it and controls who may read it.

Its text is a JSON object:

    access_token  the bearer token
    asked_at      epoch seconds just before the request for it
    life          seconds, from the token server
    origin        its token server and its credentials secret
    credentials   `ClientCredentials.mark` of its credentials

Any other text counts as no token: the stack creates the secret with `{}`.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from personal_link.aws.aws_errors import aws_error_code
from personal_link.customergauge.access_token import BEARER, LONGEST_LIFE, AccessToken
from personal_link.domain import strict_json
from personal_link.domain.errors import Code, NotProcessed

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token in the form that the secret stores."""

    value: str = field(repr=False)
    asked_at: float  # epoch seconds
    life: float  # seconds
    origin: str
    credentials: str

    @classmethod
    def of(cls, token: AccessToken, origin: str, credentials: str) -> Self:
        """Return a token in its stored form."""
        return cls(token.value, token.wall, token.life, origin, credentials)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the token in the secret's text; None if there is no usable one."""
        try:
            content = strict_json.parse(text)
        except ValueError:
            return None
        if not isinstance(content, dict):
            return None
        value, origin, credentials = (content.get(name) for name in ("access_token", "origin", "credentials"))
        asked_at, life = _number(content.get("asked_at")), _number(content.get("life"))
        if not (isinstance(value, str) and isinstance(origin, str) and isinstance(credentials, str)):
            return None
        if not BEARER.fullmatch(value) or asked_at is None or life is None or not 0 < life <= LONGEST_LIFE:
            return None
        return cls(value, asked_at, life, origin, credentials)

    def text(self) -> str:
        """Return the secret's text for this token."""
        return json.dumps(
            {
                "access_token": self.value,
                "asked_at": self.asked_at,
                "life": self.life,
                "origin": self.origin,
                "credentials": self.credentials,
            }
        )


class TokenSecret:
    """Read and write the secret. Both raise NotProcessed (`internal_error`) when Secrets Manager fails or refuses."""

    def __init__(self, secretsmanager: "SecretsManagerClient", secret_arn: str) -> None:
        self._secretsmanager = secretsmanager
        self._secret_arn = secret_arn

    def read(self) -> tuple[str, StoredToken | None]:
        """Return the secret's version id and its token."""
        response = _call(self._secretsmanager.get_secret_value, SecretId=self._secret_arn)
        return response.get("VersionId", ""), StoredToken.parse(response.get("SecretString", ""))

    def write(self, token: StoredToken, version: str) -> None:
        """Store a token as this version (32 to 64 characters), so that a repeated write stays one version."""
        put, text = self._secretsmanager.put_secret_value, token.text()
        _call(put, SecretId=self._secret_arn, ClientRequestToken=version, SecretString=text)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _call(operation: Callable[..., Mapping[str, Any]], **arguments: str) -> Mapping[str, Any]:
    try:
        return operation(**arguments)
    except (ClientError, BotoCoreError) as failure:
        code = aws_error_code(failure)
        raise NotProcessed(Code.INTERNAL_ERROR, f"the secret of the shared token failed ({code})") from None
