"""Turn rows into requests: the job's name and a row's values are its idempotency key.

So the same file under the same name never asks twice, and the same row twice is one request. The request is made and
checked here, with the event's mapping if a detail-type is named, because a request that the worker refuses on arrival
leaves nothing in the ledger, which is the job's state.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from personal_link.bulk.output import Ending, refused
from personal_link.bulk.sheet import Row
from personal_link.domain import strict_json
from personal_link.domain.errors import Code, InvalidRequest, Refused
from personal_link.domain.request import (
    MAX_LABEL,
    Delivery,
    IdempotencyKey,
    LinkRequest,
    Source,
    check,
    composed,
    is_plain_text,
    require_known_headings,
)
from personal_link.triggers.deliveries import MapEvent, no_mapping

SOURCE: Final = "personal-link.bulk"  # `source` of the event that a row becomes for its mapping
MAX_NAME: Final = 128  # characters of a job's name

_SCOPE: Final = "bulk"
_PATH: Final = re.compile(r"\w+(\.\w+)+")


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """A row's request, ready for the requests queue."""

    body: str = field(repr=False)
    key: str = field(repr=False)
    digest: str  # of its ledger item
    fingerprint: str = field(repr=False)  # of its ledger item


@dataclass(frozen=True, slots=True)
class Job:
    """How the rows of a file become requests. The same name means the same keys, whatever else changes."""

    name: str
    configuration: str | None = None  # not with a detail-type: its mapping names the configuration
    detail_type: str | None = None
    map_event: MapEvent = no_mapping
    has_default_configuration: bool = False  # of the stack
    known_headings: frozenset[str] = frozenset()  # of the stack

    def __post_init__(self) -> None:
        """Raise ValueError for a name that cannot be a part of a key, or two sources of the configuration."""
        if not self.name.strip() or len(self.name) > MAX_NAME or not is_plain_text(self.name):
            raise ValueError(f"a job's name has 1 to {MAX_NAME} characters and no control characters")
        if self.configuration is not None and self.detail_type is not None:
            raise ValueError("with a detail-type its mapping names the configuration")

    def to_request(self, row: Row) -> BulkRequest | Ending:
        """Return a row's request, or its end as `rejected`."""
        if row.fault is not None:
            reason = f"The row {row.fault}."
            return Ending("rejected", Code.INVALID_REQUEST, reason, kind=reason)
        key = self.key_of(row)
        try:
            request = self._checked(row, key)
        except Refused as refusal:
            return refused(refusal)
        body = {
            "configuration": request.configuration,
            "record": request.record,
            "reference": request.reference,
            "idempotency_key": key,
        }
        # In ASCII: SQS refuses some characters.
        text = json.dumps({name: value for name, value in body.items() if value is not None})
        return BulkRequest(text, key, request.key.digest, request.fingerprint)

    def key_of(self, row: Row) -> str:
        """Return a row's idempotency key. Blank cells and the order of the columns do not count."""
        values = sorted([composed(heading), composed(value)] for heading, value in row.record.items())
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        return f"{_prefix(self.name)}{hashlib.sha256(text.encode()).hexdigest()}"

    def digest_in(self, body: str) -> str | None:
        """Return the digest of the key in a message's body; None if it is no request of this job."""
        try:
            content = strict_json.parse(body)
        except ValueError:
            return None
        key = content.get("idempotency_key") if isinstance(content, dict) else None
        if not isinstance(key, str) or not key.startswith(_prefix(self.name)):
            return None
        return IdempotencyKey("caller", key).digest

    def _checked(self, row: Row, key: str) -> LinkRequest:
        content, problems = self._content(row, key)
        request = check(Delivery(Source("sqs", key), {**content, "idempotency_key": key}, None, 0.0, problems))
        if not (request.configuration or self.has_default_configuration):
            named = {"configuration": ["is required: the stack has no default configuration"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The request is not valid: see configuration.", errors=named)
        require_known_headings(request.record, self.known_headings)
        return request

    def _content(self, row: Row, key: str) -> tuple[Mapping[str, object], Mapping[str, list[str]]]:
        record = row.record
        if self.detail_type is None:
            return {"configuration": self.configuration, "record": record}, {}
        # No time: the request has to be the same when the file is sent again.
        event = {"id": key, "source": SOURCE, "detail-type": self.detail_type, "detail": _nested(record)}
        mapped = self.map_event(event)
        if mapped is None:
            return {"record": record}, {"record": ["no entry of the event mappings takes this row"]}
        # The job's key replaces that of the mapping, so it does not matter whether the mapping finds one.
        return mapped.content, {name: said for name, said in mapped.problems.items() if name != "idempotency_key"}


def _nested(record: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as the detail of an event: the heading `customer.email` is the field `email` of `customer`."""
    detail: dict[str, Any] = {}
    for heading, value in record.items():
        inner, names = detail, heading.split(".") if _PATH.fullmatch(heading) else [heading]
        for name in names[:-1]:
            inner = inner.setdefault(name, {}) if isinstance(inner, dict) else inner
        if not isinstance(inner, dict) or names[-1] in inner:
            problem = {f"record.{heading[:MAX_LABEL]}": ["is a field and has fields, of two columns"]}
            raise InvalidRequest(Code.INVALID_REQUEST, "The request is not valid: see record.", errors=problem)
        inner[names[-1]] = value
    return detail


def _prefix(name: str) -> str:
    return f"{_SCOPE}:{composed(name)}:"
