"""The request that a text becomes, as the deployed code reads it, or the reason why it becomes none."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import REPOSITORY, mapping
from sandbox.aws.emulator import SandboxError
from sandbox.console.samples import JSON

sys.path.insert(0, str(REPOSITORY / "layers" / "personal_link"))

from personal_link.domain.errors import RequestError
from personal_link.domain.request import check
from personal_link.triggers import event_mappings
from personal_link.triggers.http_request import open_http

_CALLER = "arn:aws:iam::000000000000:user/console"


@dataclass(frozen=True)
class Preview:
    """A request, or the problem in plain words."""

    request: Mapping[str, Any] | None = field(default=None, repr=False)
    problem: str = field(default="", repr=False)

    @property
    def record(self) -> str | None:
        """The record as a text that is the same for the same record."""
        return None if self.request is None else canonical(self.request["record"])


class Previews:
    """Preview texts with the mappings that were there when the stack was deployed."""

    def __init__(self) -> None:
        self._mappings = event_mappings.load()

    @property
    def detail_types(self) -> frozenset[str]:
        """The detail-types that the rule of this stack listens to."""
        return frozenset({"Personal Link Requested", *(one.detail_type for one in self._mappings.entries.values())})

    def of(self, way: str, text: str, media_type: str = JSON) -> Preview:
        """Return the request in a call, a message or an event. Of several entries it is the first one's."""
        try:
            if way == "http":
                return Preview(_called(text, media_type))
            events = list(mapping.events_in(text, "The text"))
            if not events:
                return Preview(problem="The list is empty.")
            return Preview(mapping.request_of(events[0], self._mappings))
        except SandboxError as error:
            return Preview(problem=str(error))
        except RequestError as error:
            return Preview(problem=in_words(error.message, error.errors))


def canonical(record: object) -> str:
    """Return a record as a text that is the same for the same record."""
    return json.dumps(record, sort_keys=True, default=str)


def in_words(message: str, errors: Mapping[str, Any]) -> str:
    """Return an error with its fields in one line, without a message that only repeats a field's."""
    fields = [f"{name}: {'; '.join(map(str, texts))}" for name, texts in errors.items()]
    repeats = any(str(text) in message for texts in errors.values() for text in texts)
    return " ".join(fields if repeats else [message, *fields])


def _called(text: str, media_type: str) -> dict[str, Any]:
    """Return the request in the body of an HTTP call."""
    context = {"requestId": "console", "requestTimeEpoch": 0, "identity": {"userArn": _CALLER}}
    delivery = open_http({"requestContext": context, "headers": {"Content-Type": media_type}, "body": text})
    request = check(delivery)
    named = delivery.content.get("idempotency_key")
    return {
        "configuration": request.configuration or "(the stack's DefaultConfiguration)",
        "record": dict(request.record),
        "reference": request.reference,
        "idempotency_key": named or "(a new one)",
    }
