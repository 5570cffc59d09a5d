"""What the console reads in messages and answers: results, ids and references."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.console.queues import QueuedMessage


@dataclass(frozen=True)
class Result:
    """A result message."""

    message_id: str
    way: str
    source_id: str
    status: str
    code: str
    replayed: bool
    reference: str | None
    requested_at: float
    sent_at: float
    content: Mapping[str, Any] = field(repr=False)

    @property
    def link(self) -> str | None:
        """The survey link."""
        link = (self.content.get("personal_link") or {}).get("survey_link")
        return link if isinstance(link, str) else None


@dataclass(frozen=True)
class Answer:
    """The answer to an HTTP call."""

    status: int  # 0: no answer
    at: float
    content: Mapping[str, Any] = field(repr=False)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.content.get("code", ""))

    @property
    def link(self) -> str | None:
        """The survey link."""
        link = (self.content.get("data") or {}).get("survey_link") if self.status == 200 else None
        return link if isinstance(link, str) else None


def event_of(content: dict[str, Any]) -> str | None:
    """Return the id of a whole EventBridge event; None for any other content."""
    event_id = content.get("id")
    return event_id if "detail-type" in content and isinstance(event_id, str) and event_id else None


def reference_of(content: dict[str, Any]) -> str | None:
    """Return the reference in a request or in an event's detail; None without one."""
    for holder in (content, content.get("detail")):
        if isinstance(holder, dict) and isinstance(holder.get("reference"), str):
            return str(holder["reference"])
    return None


def read_result(message: QueuedMessage) -> Result:
    """Return the result in a message."""
    content = message.content()
    error, source = (content.get(name) or {} for name in ("error", "source"))
    return Result(
        message_id=message.id,
        way=str(source.get("type", "?")),
        source_id=str(source.get("id", message.id)),
        status=str(content.get("status", "?")),
        code=str(error.get("code", "created")),
        replayed=content.get("replayed") is True,
        reference=content.get("reference"),
        requested_at=seconds_of(content.get("requested_at")) or message.sent_at,
        sent_at=message.sent_at,
        content=content,
    )


def seconds_of(timestamp: object) -> float | None:
    """Return the epoch seconds of a timestamp; None for any other value."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(timestamp)).timestamp()
    return None
