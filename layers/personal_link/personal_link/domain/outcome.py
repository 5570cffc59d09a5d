"""The honest end of a request: what the results queue and the ledger say of it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

from personal_link.domain import strict_json
from personal_link.domain.clock import timestamp
from personal_link.domain.errors import OutcomeUnknown, Refused, Unreadable
from personal_link.domain.request import MAX_LABEL, Delivery, LinkRequest, Source, composed, is_scalar

SCHEMA: Final = "personal-link-result/1"
MAX_ECHO: Final = 448 * 1024  # characters of a refused record as ASCII JSON; its headings may stand in a result twice
MAX_DEPTH: Final = 32  # levels of a refused record: readers of JSON give up at 64
_NAMESPACE: Final = uuid.UUID("0b6f2c4e-5d0a-4f43-9f0e-6a1d1f0c2f57")  # any constant: makes ids of keys

Status = Literal["created", "rejected", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class PersonalLink:
    """A survey link. Whoever has it answers as the customer, so its repr is masked."""

    number_customergauge: int | None
    survey_link: str
    survey_link_short: str | None

    def as_json(self) -> dict[str, object]:
        """Return the vendor's own shape of a link."""
        return {
            "number_customergauge": self.number_customergauge,
            "survey_link": self.survey_link,
            "survey_link_short": self.survey_link_short,
        }

    def __repr__(self) -> str:
        return "PersonalLink(***)"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """How one request ended. Equal redeliveries give an equal outcome but for `replayed`."""

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
    record: object = None  # of a refused request whatever it is, of all others an object
    replayed: bool = False
    key: str | None = field(default=None, compare=False)  # of its item in the ledger; None if it has none
    unsettled: object | None = field(default=None, compare=False)  # its attempt, if the ledger did not take it

    @property
    def code(self) -> str:
        """Return the error's code, or `created`."""
        return str(self.error["code"]) if self.error else "created"

    def __repr__(self) -> str:
        return f"Outcome(id={self.id!r}, status={self.status!r}, code={self.code!r})"

    def message(self, *, echo_record: bool) -> str:
        """Return the result message of design section 3: one line of ASCII JSON.

        Record and reference are in one form, whichever of the equal requests brought them: headings sorted, text
        composed (NFC). So a replay has the bytes of the first result.
        The record of what was refused on arrival is as it came.
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
        """Return what the ledger keeps: all but record and reference, which every redelivery brings again."""
        bare = replace(self, reference=None, replayed=False)
        return bare.message(echo_record=False)

    @classmethod
    def replay(cls, stored: str, *, reference: str | None, record: object, key: str | None = None) -> Self:
        """Return a stored outcome, with what the same request delivered again brings, as a replay."""
        kept: Any = strict_json.parse(stored)  # json's own error would hold the text, link and all
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
    """Return the id of a request's outcome: always the same for a key that the caller or the trigger gave.

    A content key is forgotten after an hour and may then stand for a new request, so it gets a new id each time.
    """
    if request.key.scope == "content":
        return str(uuid.uuid4())
    return str(uuid.uuid5(_NAMESPACE, request.key.digest))


def refused_on_arrival(delivery: Delivery, refusal: Refused) -> Outcome:
    """Return the `rejected` outcome of a delivery for which no attempt was made: the ledger knows nothing of it.

    Everything in it comes from the delivery, so that a redelivery gives the same bytes. Its id is of its own: the key
    may belong to another request (reused), or to the corrected one still to come.

    Raises Unreadable when no result can hold the record: then the message itself has to be kept.
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
    """Tell whether a result can hold what was sent in a field: as JSON, within a message, and for every reader."""
    level = [sent]
    for _ in range(MAX_DEPTH):
        inner = [value for value in level if isinstance(value, dict | list)]
        if not all(is_scalar(value) for value in level if not isinstance(value, dict | list)):
            return False
        level = [child for value in inner for child in (value.values() if isinstance(value, dict) else value)]
    return not level and len(json.dumps(sent)) <= MAX_ECHO


def _as_text(label: object) -> str | None:
    """Return a label that may not be one, as far as a result has room for it."""
    text = label if isinstance(label, str) or label is None else json.dumps(label)
    return text[:MAX_LABEL] if text is not None else None


def _canonical(record: object) -> object:
    """Return a record with its headings sorted, and its text composed unless two headings would become one."""
    if not isinstance(record, Mapping):
        return record
    canonical = {composed(heading): composed(value) for heading, value in record.items()}
    return dict(sorted((canonical if len(canonical) == len(record) else record).items()))


def describe(error: Refused | OutcomeUnknown) -> dict[str, Any]:
    """Return an error as callers and results see it: `{"code", "message", "errors"?}`."""
    description: dict[str, Any] = {"code": str(error.code), "message": error.vendor_message or error.message}
    if error.errors:
        description["errors"] = {field: list(messages) for field, messages in error.errors.items()}
    return description
