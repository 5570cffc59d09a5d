"""Requests: the delivery of a trigger, the checked request, and its idempotency key."""

import hashlib
import hmac
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal

from personal_link.domain.errors import Code, InvalidRequest

Scalar = str | int | float | bool | None
SourceType = Literal["http", "eventbridge", "sqs", "direct"]

_NOT_PLAIN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's categories Cc and Cs, whole
_NOT_IN_VALUES: Final = re.compile("[\x00\ud800-\udfff]")  # many programs end a text at NUL; UTF-8 has no surrogates

# The longest integer that Python prints by default. Incoming JSON is within it, but a mapping may add two integers.
_LONGEST_INTEGER: Final = 10**4300 - 1

MAX_BYTES: Final = 64 * 1024
MAX_HEADINGS: Final = 200
MAX_LABEL: Final = 256  # characters of configuration, reference and idempotency key
LONGEST_RUN: Final = 256  # combining marks in a row: Python takes quadratic time for a run, and no writing has a tenth
FORM: Final = "application/x-www-form-urlencoded"  # media type of a form
FIELDS: Final = frozenset({"configuration", "record", "reference", "idempotency_key"})

NO_RECORD: Final[Mapping[str, list[str]]] = {"record": ["is required: an object of at least one heading and its value"]}


@dataclass(frozen=True, slots=True)
class Source:
    """The trigger of a request, and the trigger's id of the HTTP request, event, message or invocation."""

    type: SourceType
    id: str


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The idempotency key of a request.

    A `caller` key is named by the request; `event` and `message` keys are ids of the delivery; a `content` key is the
    hash of the request. Keys of the queue and the event bus are shared and have no owner. A key that came by HTTP or
    by direct invocation belongs to its owner: no other caller can use it.
    """

    scope: Literal["caller", "event", "message", "content"]
    value: str = field(repr=False)
    owner: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        """Return the key's hash (64 hexadecimal digits), which replaces the key outside this process."""
        owned = json.dumps([self.owner, self.scope, self.value]) if self.owner else f"{self.scope}:{self.value}"
        return hashlib.sha256(owned.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as a trigger delivered it, unwrapped but not checked.

    `content` is the request as the caller wrote it, or as the event's mapping made it. `key` is used when the content
    names none; None means the hash of the content.
    """

    source: Source
    content: Mapping[str, object] = field(repr=False)
    key: IdempotencyKey | None
    received_at: float  # epoch seconds
    problems: Mapping[str, list[str]] = field(default_factory=dict)  # of its mapping, by field
    owner: str = field(default="", repr=False)  # of `caller` and `content` keys


@dataclass(frozen=True, slots=True, repr=False)
class LinkRequest:
    """A checked request (docs/contracts/request.schema.json). Its repr shows nothing of the record."""

    configuration: str | None
    record: Mapping[str, Scalar]
    reference: str | None
    key: IdempotencyKey
    source: Source
    received_at: float  # epoch seconds

    @property
    def fingerprint(self) -> str:
        """Return a hash of the request, keyed so that nobody can guess a contact. It detects a reused key."""
        text = _canonical(self.configuration, self.record, self.reference)
        return hmac.new(self.key.value.encode(), text.encode(), "sha256").hexdigest()

    def __repr__(self) -> str:
        return f"LinkRequest(source={self.source!r}, key={self.key.digest[:12]}…, headings={len(self.record)})"


def check(delivery: Delivery) -> LinkRequest:
    """Return the checked request of a delivery.

    Raises InvalidRequest that names every wrong field, or has the code `too_large`.
    """
    content = delivery.content
    problems = dict(delivery.problems)
    configuration = _label(content, "configuration", problems)
    reference = _label(content, "reference", problems)
    named = _label(content, "idempotency_key", problems)
    record = _record(content.get("record"), problems)
    if problems:
        fields = ", ".join(sorted({field.partition(".")[0] for field in problems}))
        raise InvalidRequest(Code.INVALID_REQUEST, f"The request is not valid: see {fields}.", errors=problems)
    size = size_of({"configuration": configuration, "record": record, "reference": reference})
    if size > MAX_BYTES:
        raise InvalidRequest(Code.TOO_LARGE, f"The request has {size} bytes; at most {MAX_BYTES} are allowed.")
    key = _key(delivery, named)
    if key is None:
        text = _canonical(configuration, record, reference)
        key = IdempotencyKey("content", hashlib.sha256(text.encode()).hexdigest(), delivery.owner)
    return LinkRequest(configuration, record, reference, key, delivery.source, delivery.received_at)


def names_of(delivery: Delivery) -> tuple[IdempotencyKey | None, str | None]:
    """Return the key and the reference of a delivery as far as they are valid, also of a request that is not."""
    named, reference = (_label(delivery.content, field, {}) for field in ("idempotency_key", "reference"))
    return _key(delivery, named), reference


def _key(delivery: Delivery, named: str | None) -> IdempotencyKey | None:
    if named is None:
        return delivery.key
    return IdempotencyKey("caller", unicodedata.normalize("NFC", named), delivery.owner)


def require_known_headings(record: Mapping[str, Scalar], known: frozenset[str]) -> None:
    """Raise InvalidRequest for a heading that the inbound mapping does not have: the vendor drops it silently.

    Without known headings any heading is accepted.
    """
    if not known:
        return
    from difflib import get_close_matches  # noqa: PLC0415  # it would slow down every cold start

    problems: dict[str, list[str]] = {}
    for heading in record.keys() - known:
        nearest = get_close_matches(heading, sorted(known), n=1, cutoff=0)[0]
        problems[f"record.{heading[:MAX_LABEL]}"] = [
            f"is not a heading of the inbound mapping; did you mean {nearest}?"
        ]
    if problems:
        raise InvalidRequest(Code.INVALID_REQUEST, "The request is not valid: see record.", errors=problems)


def _label(content: Mapping[str, object], field: str, problems: dict[str, list[str]]) -> str | None:
    value = content.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        problems[field] = ["must be a string"]
    elif not 1 <= len(value) <= MAX_LABEL:
        problems[field] = [f"must have 1 to {MAX_LABEL} characters"]
    elif not is_plain_text(value):
        problems[field] = ["must not hold control characters or lone surrogates"]
    else:
        return value
    return None


def _record(value: object, problems: dict[str, list[str]]) -> dict[str, Scalar]:
    if not isinstance(value, dict) or not value:
        problems |= NO_RECORD
        return {}
    if len(value) > MAX_HEADINGS:
        message = f"The record has {len(value)} headings; at most {MAX_HEADINGS} are allowed."
        raise InvalidRequest(Code.TOO_LARGE, message)
    for heading, scalar in value.items():
        if not heading or not is_plain_text(heading):
            problems["record"] = ["a heading is empty or holds control characters or lone surrogates"]
        elif (problem := _scalar_problem(scalar)) is not None:
            problems[f"record.{heading[:MAX_LABEL]}"] = [problem]
    return value


def _scalar_problem(value: object) -> str | None:
    match value:
        case None | bool():
            return None
        case str():
            return "must not hold NUL or lone surrogates" if _NOT_IN_VALUES.search(value) else None
        case int():
            # PHP, the vendor's language, turns larger integers into floats.
            return None if -(2**63) <= value < 2**63 else "is too large a number: send it as a string"
        case float():
            return None if math.isfinite(value) else "is too large a number: send it as a string"
        case _:
            return "must be a string, a number, a boolean or null"


def is_scalar(value: object) -> bool:
    """Tell whether a value is a JSON scalar: a string, a finite number, a boolean or null."""
    if isinstance(value, int):
        return abs(value) <= _LONGEST_INTEGER
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def digest_of_reference(reference: str) -> str:
    """Return a reference's hash (64 hexadecimal digits), which replaces the reference in the log."""
    return hashlib.sha256(f"reference:{composed(reference)}".encode("utf-8", "replace")).hexdigest()


def size_of(value: object) -> int:
    """Return the number of bytes of a value as JSON in UTF-8; a lone surrogate counts three."""
    return len(_compact(value).encode("utf-8", "surrogatepass"))


def is_label(value: str) -> bool:
    """Tell whether a string can be a key or an id: 1 to 256 characters of plain text."""
    return 1 <= len(value) <= MAX_LABEL and is_plain_text(value)


def is_plain_text(value: str) -> bool:
    """Tell whether a string has no control characters and no lone surrogates."""
    return _NOT_PLAIN.search(value) is None


def _canonical(configuration: str | None, record: Mapping[str, Scalar], reference: str | None) -> str:
    """Return the same text for equal requests only: Unicode composed (NFC), headings sorted."""
    headings = sorted(([composed(heading), composed(value)] for heading, value in record.items()), key=str)
    return _compact([composed(configuration), headings, composed(reference)])


def composed[T](value: T) -> T | str:
    """Return a text in composed form (NFC); any other value, and a text with a longer run of marks, unchanged."""
    if not isinstance(value, str) or value.isascii():
        return value
    runs = (
        sum(1 for _mark in run)
        for is_mark, run in groupby(value, lambda one: unicodedata.combining(one) > 0)
        if is_mark
    )
    return value if max(runs, default=0) > LONGEST_RUN else unicodedata.normalize("NFC", value)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
