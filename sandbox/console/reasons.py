"""The codes of waiting messages, from the worker's log."""

import json
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.stack import STACK_NAME, Stack

_WORKER = f"/aws/lambda/{STACK_NAME}-queue-worker"
_LATE = 5.0  # seconds until a line is in the log


class Reasons:
    """Follow the worker's log."""

    def __init__(self, stack: Stack, now: float) -> None:
        self._logs = stack.emulator.client("logs")
        self._since = now
        self._codes: dict[str, str] = {}

    def follow(self, now: float) -> None:
        """Read the lines since the last time."""
        since, self._since = self._since - _LATE, now
        with suppress(ClientError, BotoCoreError):  # no worker has run yet, or the emulator is busy
            for event in self._events(int(since * 1000)):
                line = _object(event["message"])
                if line.get("message") == "retry scheduled":
                    self._codes[str(line.get("message_id"))] = str(line.get("code"))

    def of(self, message_id: str) -> str:
        """Return the code of a message's last retry; empty without a retry."""
        return self._codes.get(message_id, "")

    def _events(self, since: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._logs.filter_log_events(logGroupName=_WORKER, startTime=since)["events"]
        return found


def _object(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        value = json.loads(line)
        if isinstance(value, dict):
            return value
    return {}
