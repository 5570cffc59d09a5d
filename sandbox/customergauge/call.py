"""One call to CustomerGauge, and the paths of its endpoints."""

from dataclasses import dataclass, field
from email.message import Message

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
PERSONAL_LINK_PATH = "/personal-link/"
ANONYMIZE_PATH = "/v6/system-admin/data-admin/contacts/anonymize"


@dataclass(frozen=True)
class Call:
    """One request. Header names match in any case; `connection` is the number of the TCP connection."""

    method: str
    path: str
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)
    connection: int
