"""Read the log lines of a stack's functions that say what became of requests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from operate.stack import Stack
from personal_link.aws.aws_errors import aws_error_code

WORKER: Final = "queue-worker"
FUNCTIONS: Final = (WORKER, "http-api", "direct-invocation")
RETRY: Final = "retry scheduled"
OUTCOME: Final = "outcome"
PARKED: Final = "parked"
NO_OUTCOME: Final = "no outcome"
ENDS: Final = (OUTCOME, RETRY, PARKED, NO_OUTCOME)  # the lines about one request each


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line about a request. It holds no personal data."""

    id: str  # CloudWatch's, of the event
    at: float  # epoch seconds
    function: str
    fields: Mapping[str, Any]

    @property
    def message(self) -> str:
        """What happened: one of ENDS."""
        return str(self.fields["message"])

    def text(self, name: str) -> str:
        """Return a field; empty if the line does not have it."""
        return str(self.fields.get(name, ""))

    def number(self, name: str) -> int:
        """Return a field; 0 if the line does not have it."""
        value = self.fields.get(name)
        return round(value) if isinstance(value, int | float) else 0


def level(stack: Stack) -> str:
    """Return the lowest level of the lines that the functions write: outcomes are INFO, retries are WARNING."""
    return stack.parameters.get("LogLevel", "INFO")


def lines(
    stack: Stack,
    fields: Mapping[str, Sequence[str]],
    since: float,
    functions: Sequence[str] = FUNCTIONS,
    waits_over: int = 0,
) -> Iterator[LogLine]:
    """Yield the lines since a time that have one of the values of one of the fields, function by function.

    A value that ends with an asterisk stands for all that begin so. `waits_over` (seconds) leaves out what is retried
    sooner.
    """
    terms = [f'($.{name} = "{value}")' for name, values in fields.items() for value in values]
    condition = f"({' || '.join(terms)}) && ($.wait > {waits_over})" if waits_over else " || ".join(terms)
    for function in functions:
        for event in _events(stack, function, f"{{ {condition} }}", since):
            for part in event["message"].splitlines():
                found = _json_object(part)
                # The emulator ignores such a pattern.
                if found.get("message") in ENDS and _fits(found, fields):
                    # The emulator's events have no id.
                    name = event.get("eventId") or f"{event['timestamp']} {part}"
                    yield LogLine(name, event["timestamp"] / 1000, function, found)


def _fits(found: Mapping[str, Any], fields: Mapping[str, Sequence[str]]) -> bool:
    patterns = [(str(found.get(name, "")), value) for name, values in fields.items() for value in values]
    return any(text.startswith(value[:-1]) if value[-1] == "*" else text == value for text, value in patterns)


def _events(stack: Stack, function: str, pattern: str, since: float) -> Iterator[dict[str, Any]]:
    pages = stack.account.client("logs").get_paginator("filter_log_events")
    start = max(0, round(since * 1000))
    group = f"/aws/lambda/{stack.name}-{function}"
    try:
        for page in pages.paginate(logGroupName=group, filterPattern=pattern, startTime=start):
            yield from page["events"]
    except ClientError as failure:
        if aws_error_code(failure) != "ResourceNotFoundException":  # a log that nothing has written yet
            raise


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
