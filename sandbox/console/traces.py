"""What a request leaves behind: its calls to CustomerGauge and its log lines."""

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.console.journal import Request
from sandbox.console.queues import object_in
from sandbox.customergauge.log import Exchange

_SLACK: Final = 0.1  # seconds: a queue may round the time
_GROUPS: Final = tuple(f"/aws/lambda/{STACK_NAME}-{name}" for name in ("http-api", "queue-worker", "direct-invocation"))
_LATE: Final = 5.0  # seconds until a line is in the log
_IDS: Final = ("message_id", "source_id", "outcome_id")


def calls_of(request: Request, exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return the calls for a link that are about a request: those with its contact, while it waited.

    CustomerGauge gets neither reference nor key. Two requests of one contact at the same time share their calls.
    """
    text = request.content or (json.dumps(request.result.content) if request.result else "")
    end = request.ended_at
    return [
        one
        for one in exchanges
        if one.endpoint == "personal-link"
        and request.sent_at - _SLACK <= one.began
        and (end is None or one.began <= end)
        and (contact := _contact_in(one)) in text + unquote_plus(text)
        and contact
    ]


def _contact_in(exchange: Exchange) -> str:
    record = object_in(exchange.call.body.decode(errors="replace")).get("record")
    return str(record.get("Email") or record.get("Phone") or "") if isinstance(record, dict) else ""


@dataclass(frozen=True)
class LogLine:
    """A line of JSON about a request."""

    at: float  # epoch seconds
    content: dict[str, Any]
    text: str = field(repr=False)


class Logs:
    """Follow the functions' logs. Not safe for threads."""

    def __init__(self, stack: Stack, now: float) -> None:
        self._logs = stack.emulator.client("logs")
        self._since = now
        self._seen: set[tuple[str, str]] = set()
        self._by_id: dict[str, list[LogLine]] = {}

    def follow(self, now: float) -> None:
        """Read the lines since the last time."""
        since, self._since = self._since - _LATE, now
        for group in _GROUPS:
            with suppress(ClientError, BotoCoreError):  # the function has not run yet, or the emulator is busy
                events = self._logs.filter_log_events(logGroupName=group, startTime=int(since * 1000))["events"]
                for event in events:
                    self._note(event)

    def of(self, ids: Collection[str]) -> list[LogLine]:
        """Return the lines about any of these ids, oldest first."""
        found = {line.text: line for name in ids for line in self._by_id.get(name, ())}
        return sorted(found.values(), key=lambda line: line.at)

    def last_retry(self, message_id: str) -> dict[str, Any]:
        """Return the last line that says why a message is retried; empty without one."""
        lines = [one for one in self._by_id.get(message_id, ()) if one.content.get("message") == "retry scheduled"]
        return lines[-1].content if lines else {}

    def _note(self, event: dict[str, Any]) -> None:
        text = event["message"].strip()
        content = object_in(text)
        identity = (str(event["timestamp"]), text)
        if "_aws" in content or identity in self._seen:
            return
        self._seen.add(identity)
        line = LogLine(_time_of(content) or event["timestamp"] / 1000, content, text)
        for name in {str(content[one]) for one in _IDS if content.get(one)}:
            self._by_id.setdefault(name, []).append(line)


def _time_of(content: dict[str, Any]) -> float | None:
    """Return the time in a line: the emulator's is the end of the invocation."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(content.get("timestamp")).replace(",", ".")).timestamp()
    return None
