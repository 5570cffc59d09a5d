"""Every way a request can fail: one tree for the code, one table for the people.

    PersonalLinkError
    ├── SettingsError            the environment or the event mappings are wrong; nothing can be done
    └── RequestError             one request failed; `code` says how, CODES what becomes of it
        ├── Refused              final: a person has to change the request or the vendor's set-up
        │   └── InvalidRequest   refused by us before anything was sent
        │       └── Unreadable   there is no request in it, or more than a result can hold: kept as it came
        ├── OutcomeUnknown       final: a survey record probably exists and its link is lost
        └── TryAgain             not final
            ├── Unanswered       sent, and how it ended is not known: the attempt's marker stays
            └── NotProcessed     certainly no survey record was made: the marker is taken back
                ├── NotStarted           not even begun: too little time, an open circuit, or no token
                ├── Blocked              a firewall before the API refused it (HTTP 403), and no other record
                ├── Unauthorized         the API refused this access token (HTTP 401)
                └── CredentialsRefused   the token server refused this client id and secret

The class says what the connector may do next (design, section 4.3); the code says what a caller or an operator is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The public error codes: in HTTP answers, in results, on parked messages."""

    INVALID_REQUEST = "invalid_request"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    NO_MATCHING_CAMPAIGN = "no_matching_campaign"
    DUPLICATE_RECORD = "duplicate_record"
    MAPPING_NOT_FOUND = "mapping_not_found"
    VALIDATION_FAILED = "validation_failed"
    BAD_REQUEST = "bad_request"
    OUTCOME_UNKNOWN = "outcome_unknown"
    BAD_RESPONSE = "bad_response"
    IN_PROGRESS = "in_progress"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    NO_ANSWER = "no_answer"
    CREDENTIALS_MISSING = "credentials_missing"
    CREDENTIALS_REFUSED = "credentials_refused"
    FORBIDDEN = "forbidden"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means to an HTTP caller, and how long the queue waits before it tries again."""

    http_status: int
    http_retry_after: int | None = None  # seconds an HTTP caller is told to wait when the vendor named none
    first_delay: int = 1  # seconds, the ceiling of the queue's first back-off; half as much more with each attempt
    longest_delay: int = 300  # seconds, the ceiling of every later one


# Set-up faults mend when a person acts, so the queue asks rarely; see design, section 3.
SETUP_FAULTS: Final = frozenset({Code.CREDENTIALS_MISSING, Code.CREDENTIALS_REFUSED, Code.FORBIDDEN})
_SETUP: Final = {"first_delay": 60, "longest_delay": 900}

CODES: Final[Mapping[Code, Meaning]] = {
    Code.INVALID_REQUEST: Meaning(400),
    Code.TOO_LARGE: Meaning(413),
    Code.UNSUPPORTED_MEDIA_TYPE: Meaning(415),
    Code.IDEMPOTENCY_KEY_REUSED: Meaning(422),
    Code.NO_MATCHING_CAMPAIGN: Meaning(400),
    Code.DUPLICATE_RECORD: Meaning(400),
    Code.MAPPING_NOT_FOUND: Meaning(404),
    Code.VALIDATION_FAILED: Meaning(422),
    Code.BAD_REQUEST: Meaning(400),
    Code.OUTCOME_UNKNOWN: Meaning(409),
    Code.BAD_RESPONSE: Meaning(502),
    Code.IN_PROGRESS: Meaning(409, http_retry_after=2, longest_delay=30),
    Code.RATE_LIMITED: Meaning(429, http_retry_after=5, first_delay=2),
    Code.UNAVAILABLE: Meaning(503, http_retry_after=5),
    Code.NO_ANSWER: Meaning(504),
    Code.CREDENTIALS_MISSING: Meaning(502, **_SETUP),
    Code.CREDENTIALS_REFUSED: Meaning(502, **_SETUP),
    Code.FORBIDDEN: Meaning(502, **_SETUP),
    Code.INTERNAL_ERROR: Meaning(503, http_retry_after=5, longest_delay=60),
}

FieldErrors = Mapping[str, Sequence[str]]


class PersonalLinkError(Exception):
    """The root: whatever this package raises on purpose."""


class SettingsError(PersonalLinkError):
    """The environment, or event_mappings.toml, lacks something or holds what is wrong; the text names all of it."""


class RequestError(PersonalLinkError):
    """One request failed.

    `message` is in our own words and safe anywhere. `vendor_message` and `errors` may quote what the caller sent: they
    go back to the caller and to the results queue, never into a log; `str()` and `repr()` leave them out.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        errors: FieldErrors | None = None,
        vendor_message: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.errors = errors or {}
        self.vendor_message = vendor_message
        self.retry_after = retry_after  # seconds, as the vendor asked; None when it named none
        self.attempt: int | None = None  # that failed, by the ledger's count; None: none was begun


class Refused(RequestError):
    """Final: the answer is no until a person changes the request or the vendor's set-up."""


class InvalidRequest(Refused):
    """Refused by us: the request breaks the contract, and nothing was sent."""


class Unreadable(InvalidRequest):
    """What arrived holds no request, or a refused one that no result can hold: the queue parks it as it came."""


class OutcomeUnknown(RequestError):
    """Final: a survey record probably exists, and its link is lost."""


class TryAgain(RequestError):
    """Not final: a later try may succeed."""


class Unanswered(TryAgain):
    """The request was sent and no answer tells how it ended: it may have been processed."""


class NotProcessed(TryAgain):
    """Certainly no survey record was made by this attempt."""


class NotStarted(NotProcessed):
    """Not even begun: too little time was left, the circuit was open, or another thread failed to get a token."""


class Blocked(NotProcessed):
    """A firewall before the API refused this record, and no other one in a row: it says nothing of the rest."""


class Unauthorized(NotProcessed):
    """The API refused the access token: it is expired, revoked or foreign."""


class CredentialsRefused(NotProcessed):
    """The token server refused the client id and secret."""
