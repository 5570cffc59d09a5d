"""The functions' log lines, by the ids of messages, events and calls."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stack import STACK_NAME, Stack
from sandbox.console.queues import object_in

_GROUPS: Final = tuple(f"/aws/lambda/{STACK_NAME}-{name}" for name in ("http-api", "queue-worker", "direct-invocation"))
_LATE: Final = 5.0  # seconds until a line is in the log
_IDS: Final = ("message_id", "source_id", "outcome_id")


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
