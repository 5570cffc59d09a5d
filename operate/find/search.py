"""Find one request by its key or its reference: in the parked queue, in the log, and in the ledger."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Literal

from operate import logs
from operate.health.checks import LOOKED_AT, queue_state
from operate.ledger_reader import Entry, LedgerReader, Standing
from operate.parked.queue import ParkedMessage, Sweep
from operate.send.event_entries import no_entry
from operate.stack import Stack
from operate.terminal.screen import when
from personal_link.domain.errors import Refused, Unreadable
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import IdempotencyKey, check, composed, digest_of_reference, names_of
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import MapEvent

WHOLE: Final = 64  # hexadecimal digits of a digest
# API Gateway names an assumed role, without the role's path and in another service.
_ROLE: Final = re.compile(r"arn:([^:]*):iam::([^:]*):role/(?:.*/)?([^/]+)")

State = Literal[
    "created", "rejected", "unknown", "parked", "retrying", "in flight", "not settled", "refused", "not found"
]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a request is sought by: the digests that its key may have, or their beginning, or its reference."""

    digests: Sequence[str] = ()
    reference: str | None = None

    @classmethod
    def by_key(cls, key: str, caller: str | None) -> "Sought":
        """Return the digests of a key: a request's own, or the id of an event or of a message."""
        key = str(composed(key))
        if caller is not None:
            caller = _ROLE.sub(r"arn:\1:sts::\2:assumed-role/\3", caller)
            return cls(
                [IdempotencyKey("caller", key, owner).digest for owner in (f"iam {caller}", f"api key {caller}")]
            )
        scopes: list[Literal["caller", "event", "message"]] = ["caller", "event", "message"]
        return cls([IdempotencyKey(scope, key, owner).digest for owner in ("", deliveries.DIRECT) for scope in scopes])

    def log_fields(self) -> dict[str, list[str]]:
        """Return the fields of the log lines of the request, with their possible values."""
        if self.reference is not None:
            return {"reference_digest": [digest_of_reference(self.reference)]}
        return {"key_digest": [one if len(one) == WHOLE else f"{one}*" for one in self.digests]}

    def is_key(self, digest: str | None) -> bool:
        """Tell whether a digest is one that is sought."""
        return digest is not None and digest.startswith(tuple(self.digests))


@dataclass(frozen=True, slots=True)
class Event:
    """One event in the life of a request, from the log."""

    at: str
    function: str
    what: str  # outcome, retry scheduled, parked, no outcome
    code: str
    detail: str
    wait_seconds: int | None  # of a retry


@dataclass(frozen=True, slots=True)
class Found:
    """Where a request is. It holds no value of the request."""

    state: State
    key_digest: str | None
    other_digests: list[str]  # of older requests with the same reference
    code: str | None  # of an error
    attempts: int | None  # calls to CustomerGauge that were begun, from the ledger
    requested_at: str | None
    source: str | None
    outcome_id: str | None
    result_sent_at: str | None
    parked_id: str | None
    parked_detail: str | None
    events: list[Event]
    waiting: int  # messages on the requests queue that no worker has received yet
    log_level: str


def advice_on(caller: str | None) -> str:
    """Return what to try if a key is not found."""
    if caller is None:
        return "a key by HTTP belongs to its caller: add --caller"
    return "compare the caller: the ARN of the role or user, or the id (not the value) of the API key"


def find(stack: Stack, ledger: LedgerReader, sought: Sought, since: float) -> Found:
    """Return where a request is."""
    lines = sorted(logs.lines(stack, sought.log_fields(), since), key=lambda line: line.at)
    parked, digest = _parked(stack, sought)
    newest_first = [digest or "", *(line.text("key_digest") for line in reversed(lines))]
    known = [one for one in dict.fromkeys([*newest_first, *sought.digests]) if one]
    entries = ((one, ledger.entry_at(one)) for one in known)
    key, entry = next(((one, entry) for one, entry in entries if entry), (next(iter(known), None), None))
    others = [one for one in dict.fromkeys(newest_first) if one not in {"", key}]
    lines = [line for line in lines if line.text("key_digest") not in others]
    outcome = entry.outcome if entry else None
    last = lines[-1] if lines else None
    sent = next((line for line in lines if line.message == logs.OUTCOME), None)
    state, code = _state(outcome, entry, parked, last)
    return Found(
        state=state,
        key_digest=key if entry or last or parked else None,
        other_digests=others,
        code=code,
        attempts=entry.attempts if entry else None,
        requested_at=when(datetime.fromisoformat(entry.requested_at).timestamp()) if entry else None,
        source=entry.source if entry else (last.text("source_type") or None) if last else None,
        outcome_id=outcome.id if outcome else sent.text("outcome_id") if sent else None,
        result_sent_at=when(sent.at) if sent else None,
        parked_id=parked.id if parked else None,
        parked_detail=(no_entry(parked.body, stack) or parked.detail) if parked else None,
        events=[_event(line) for line in lines],
        waiting=queue_state(stack, "requests").waiting,
        log_level=logs.level(stack),
    )


def _state(
    outcome: Outcome | None, entry: Entry | None, parked: ParkedMessage | None, last: logs.LogLine | None
) -> tuple[State, str | None]:
    if outcome:
        return outcome.status, outcome.code if outcome.error else None
    if parked:
        return "parked", parked.code
    if entry and entry.standing is Standing.IN_FLIGHT:
        return "in flight", None
    if last:
        states: dict[str, State] = {
            logs.OUTCOME: last.text("status"),  # type: ignore[dict-item]  # refused on arrival, or forgotten
            logs.RETRY: "retrying",
            logs.PARKED: "not settled",  # and not seen there now
            logs.NO_OUTCOME: "not settled" if entry else "refused",  # by HTTP or direct invocation
        }
        code = last.text("code")
        return states[last.message], None if code == "created" else code
    return ("not settled" if entry else "not found"), None


def _parked(stack: Stack, sought: Sought) -> tuple[ParkedMessage | None, str | None]:
    """Return the parked message of a request and the digest of its key, among the first LOOKED_AT."""
    with Sweep.of(stack) as sweep:
        for message in islice(sweep, LOOKED_AT):
            digest, reference = key_of(message, stack.map_event)
            if sought.is_key(digest) or (sought.reference is not None and reference == sought.reference):
                return message, digest
    return None, None


def key_of(message: ParkedMessage, map_event: MapEvent) -> tuple[str | None, str | None]:
    """Return the digest of a parked message's key, and its reference, as far as it has them."""
    try:
        delivery = deliveries.open_sqs(message.record, map_event)
    except Unreadable:
        return IdempotencyKey("message", message.original_id).digest, None
    key, reference = names_of(delivery)
    try:
        return (key or check(delivery).key).digest, reference
    except Refused:
        return None, reference


def _event(line: logs.LogLine) -> Event:
    wait = line.number("wait") if line.message == logs.RETRY else None
    return Event(when(line.at), line.function, line.message, line.text("code"), line.text("detail"), wait)
