"""Every way a request can fail: one tree of classes, one table of codes.

    PersonalLinkError
    ├── SettingsError            the environment or the event mappings are wrong; nothing can be done
    └── RequestError             one request failed; CODES says what each `code` means
        ├── Refused              final: a person has to change the request or the vendor's set-up
        │   └── InvalidRequest   refused by this connector; nothing was sent
        │       └── Unreadable   no readable request, or too large for a result: parked unchanged
        ├── OutcomeUnknown       final: a survey record probably exists and its link is lost
        └── TryAgain             not final
            ├── Unanswered       sent, and no answer: the attempt's marker stays
            └── NotProcessed     certainly no survey record: the marker is taken back
                ├── NotStarted           not sent: too little time, an open circuit, a rate limit, or no token
                ├── Blocked              a firewall refused this record (HTTP 403), and no other one
                ├── Unauthorized         the API refused this access token (HTTP 401)
                └── CredentialsRefused   the token server refused this client id and secret

The class decides what the connector may do next; the code tells callers and operators what happened. Three more
are defined where they are raised: UnreadableFile (bulk/sheet.py), BulkError (bulk/functions/bulk_task.py), and
UnreadableHead (customergauge/answer_bytes.py), which never leaves transport.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The public error codes of HTTP answers, results and parked messages."""

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
    """What a code means to an HTTP caller, and how long the queue backs off."""

    http_status: int
    http_retry_after: int | None = None  # seconds for the caller when the vendor sent no Retry-After
    first_delay: int = 1  # seconds, ceiling of the queue's first back-off; grows by 30 % with each attempt
    longest_delay: int = 300  # seconds, ceiling of every later back-off


# A set-up fault lasts until a person acts, so the queue backs off for longer.
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
    """The root of all errors that this package raises."""


class SettingsError(PersonalLinkError):
    """The environment or event_mappings.toml is incomplete or wrong; the text names every problem."""


class RequestError(PersonalLinkError):
    """One request failed.

    `message` quotes no input and is safe everywhere. `vendor_message` and `errors` may quote the caller's input: they
    go back to the caller and to the results queue, never into a log. `str()` and `repr()` leave them out.
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
        self.retry_after = retry_after  # seconds, from the vendor; None if it sent none
        self.attempt: int | None = None  # number of the failed attempt; None: none was begun


class Refused(RequestError):
    """Final: refused until a person changes the request or the vendor's set-up."""


class InvalidRequest(Refused):
    """Refused by this connector: the request breaks the contract, and nothing was sent."""


class Unreadable(InvalidRequest):
    """The body holds no request, or a refused one that is too large for a result: the queue parks it unchanged."""


class OutcomeUnknown(RequestError):
    """Final: a survey record probably exists, and its link is lost."""


class TryAgain(RequestError):
    """Not final: a retry may succeed."""


class Unanswered(TryAgain):
    """The request was sent and got no clear answer: it may have been processed."""


class NotProcessed(TryAgain):
    """No survey record was made by this attempt, for certain."""


class NotStarted(NotProcessed):
    """Not sent: too little time, an open circuit, a rate limit or Retry-After, or no token from another thread."""


class Blocked(NotProcessed):
    """A firewall in front of the API refused this record only; other requests may succeed."""


class Unauthorized(NotProcessed):
    """The API refused the access token: it is expired, revoked or from elsewhere."""


class CredentialsRefused(NotProcessed):
    """The token server refused the client id and secret."""
