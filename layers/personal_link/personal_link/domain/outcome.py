"""Outcomes: exactly one result (created, rejected or unknown) per request."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, Self

from personal_link.domain import strict_json
from personal_link.domain.clock import timestamp
from personal_link.domain.errors import Refused, RequestError, Unreadable
from personal_link.domain.request import MAX_LABEL, Delivery, LinkRequest, Source, composed, is_scalar

SCHEMA: Final = "personal-link-result/1"
MAX_ECHO: Final = 448 * 1024  # characters of a refused record as ASCII JSON; a result may hold its headings twice
MAX_LEVELS: Final = 32  # of a refused record; some JSON parsers stop at 64
_NAMESPACE: Final = uuid.UUID("0b6f2c4e-5d0a-4f43-9f0e-6a1d1f0c2f57")  # any constant; turns keys into ids

Status = Literal["created", "rejected", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class PersonalLink:
    """A survey link. Its repr is masked, because anybody with the link can answer as the customer."""

    number_customergauge: int | None
    survey_link: str
    survey_link_short: str | None

    def as_json(self) -> dict[str, object]:
        """Return the link in the shape of the vendor's answer."""
        return asdict(self)

    def __repr__(self) -> str:
        return "PersonalLink(***)"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """How one request ended. Redeliveries give the same outcome, except for `replayed`."""

    id: str
    status: Status
    source: Source
    requested_at: str
    completed_at: str
    attempts: int
    configuration: str | None = None
    personal_link: PersonalLink | None = None
    error: Mapping[str, Any] | None = None  # {"code", "message", "errors"?}
    reference: str | None = None
    record: object = None  # an object; of a refused request any JSON value
    replayed: bool = False
    key: str | None = field(default=None, compare=False)  # of its ledger item; None if it has none
    kept: bool = field(default=False, compare=False)  # a content key, longer than its hour: its result was not sent
    unsettled: object | None = field(default=None, compare=False)  # its attempt, if the ledger did not store it

    @property
    def code(self) -> str:
        """Return the error's code, or `created`."""
        return str(self.error["code"]) if self.error else "created"

    def __repr__(self) -> str:
        return f"Outcome(id={self.id!r}, status={self.status!r}, code={self.code!r})"

    def message(self, *, echo_record: bool) -> str:
        """Return the result message: one line of ASCII JSON (docs/contracts/result.schema.json).

        Sort the headings and compose the text (NFC), so that a replay has the bytes of the first result. Keep the
        record of a request that was refused on arrival as it came.
        """
        message: dict[str, object] = {"schema": SCHEMA, "id": self.id, "status": self.status}
        if self.reference is not None:
            message["reference"] = composed(self.reference)
        message["source"] = {"type": self.source.type, "id": self.source.id}
        if self.configuration is not None:
            message["configuration"] = self.configuration
        if echo_record and self.record is not None:
            message["record"] = _canonical(self.record) if self.attempts else self.record
        if self.personal_link is not None:
            message["personal_link"] = self.personal_link.as_json()
        if self.error is not None:
            message["error"] = self.error
        message["replayed"] = self.replayed
        message["attempts"] = self.attempts
        message["requested_at"] = self.requested_at
        message["completed_at"] = self.completed_at
        return json.dumps(message, ensure_ascii=True, separators=(",", ":"))

    def stored(self) -> str:
        """Return the text for the ledger: without record and reference, which every redelivery brings again."""
        bare = replace(self, reference=None, replayed=False)
        return bare.message(echo_record=False)

    @classmethod
    def replay(cls, stored: str, *, reference: str | None, record: object, key: str | None = None) -> Self:
        """Return a stored outcome as a replay, with the record and reference of the new delivery."""
        kept: Any = strict_json.parse(stored)  # the error of `json.loads` would hold the text, with the link
        link = kept.get("personal_link")
        return cls(
            id=kept["id"],
            status=kept["status"],
            source=Source(**kept["source"]),
            requested_at=kept["requested_at"],
            completed_at=kept["completed_at"],
            attempts=kept["attempts"],
            configuration=kept.get("configuration"),
            personal_link=PersonalLink(**link) if link else None,
            error=kept.get("error"),
            reference=reference,
            record=record,
            replayed=True,
            key=key,
        )


def outcome_id(request: LinkRequest) -> str:
    """Return the id of a request's outcome: the same each time for a key of the caller or of the trigger.

    A content key is forgotten after an hour and may then stand for a new request, so it gets a new id each time.
    """
    if request.key.scope == "content":
        return str(uuid.uuid4())
    return str(uuid.uuid5(_NAMESPACE, request.key.digest))


def refused_on_arrival(delivery: Delivery, refusal: Refused) -> Outcome:
    """Return the `rejected` outcome of a delivery that got no attempt and no ledger item.

    All of it comes from the delivery, so a redelivery gives the same bytes. The id is not made of the key, which may
    belong to another request or to the corrected one.

    Raises Unreadable when the record is too large for a result; then the message itself has to be parked.
    """
    name = f"refused:{refusal.code}:{delivery.source.type}:{delivery.source.id}"
    arrived = timestamp(delivery.received_at)
    content = delivery.content
    record, reference, configuration = (content.get(name) for name in ("record", "reference", "configuration"))
    if not all(map(_is_echoable, (record, reference, configuration))):
        raise Unreadable(refusal.code, refusal.message, errors=refusal.errors)
    return Outcome(
        id=str(uuid.uuid5(_NAMESPACE, name)),
        status="rejected",
        source=delivery.source,
        requested_at=arrived,
        completed_at=arrived,
        attempts=0,
        configuration=_as_text(configuration),
        error=describe(refusal),
        reference=_as_text(reference),
        record=record,
    )


def _is_echoable(sent: object) -> bool:
    """Tell whether a result can hold a field's value: as JSON, not too long and not too deep."""
    level = [sent]
    for _ in range(MAX_LEVELS):
        inner = [value for value in level if isinstance(value, dict | list)]
        if not all(is_scalar(value) for value in level if not isinstance(value, dict | list)):
            return False
        level = [child for value in inner for child in (value.values() if isinstance(value, dict) else value)]
    return not level and len(json.dumps(sent)) <= MAX_ECHO


def _as_text(label: object) -> str | None:
    """Return any value of a label field as text, cut to the longest label."""
    text = label if isinstance(label, str) or label is None else json.dumps(label)
    return text[:MAX_LABEL] if text is not None else None


def _canonical(record: object) -> object:
    """Return a record with sorted headings and composed text, unless two headings would become one."""
    if not isinstance(record, Mapping):
        return record
    canonical = {composed(heading): composed(value) for heading, value in record.items()}
    return dict(sorted((canonical if len(canonical) == len(record) else record).items()))


def describe(error: RequestError) -> dict[str, Any]:
    """Return an error as callers and results show it: `{"code", "message", "errors"?}`."""
    description: dict[str, Any] = {"code": str(error.code), "message": error.vendor_message or error.message}
    if error.errors:
        description["errors"] = {field: list(messages) for field, messages in error.errors.items()}
    return description
