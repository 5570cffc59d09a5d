"""The OAuth client id and secret, masked in every repr."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from personal_link.domain import strict_json
from personal_link.domain.errors import Code, NotProcessed

SHORTEST: Final = 8  # characters; a shorter secret is a placeholder or a mistake
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """Client credentials of OAuth 2.0."""

    client_id: str
    client_secret: str
    version: str = field(default="", compare=False)  # of the secret; a new version may hold the same credentials

    @property
    def mark(self) -> str:
        """A text that identifies these credentials and reveals nothing of the client secret."""
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
            raise missing('is not a JSON object {"client_id": …, "client_secret": …}')
        client_id, client_secret = (_text_of(content, name) for name in ("client_id", "client_secret"))
        if len(client_secret) < SHORTEST:
            raise missing(f"has a client_secret of less than {SHORTEST} characters")
        return cls(client_id, client_secret)


def _text_of(content: Mapping[str, object], name: str) -> str:
    """Return a field's text. Accept a whole number as its digits, because JSON editors drop the quotes."""
    value = content.get(name)
    if value is None or value == "":
        raise missing(f"has no {name}: fill it in")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise missing(f"has a {name} that is neither text nor a whole number")
    text = str(value)
    if not _PRINTABLE.fullmatch(text):
        raise missing(f"has a {name} with blanks, control or non-ASCII characters")
    return text


def missing(problem: str) -> NotProcessed:
    """Return the error for a secret that an operator has to fix."""
    return NotProcessed(Code.CREDENTIALS_MISSING, f"The credentials secret {problem}.")
