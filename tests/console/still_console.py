"""A console without a stack: its journal is real, its CustomerGauge too, and what its queues hold is written down."""

import json
import threading
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sandbox.console.controller import Controller
from sandbox.console.journal import Journal
from sandbox.console.outcomes import Answer
from sandbox.console.queues import QueuedMessage, Queues
from sandbox.customergauge.server import CustomerGaugeSandbox

HOSTILE = '<img src="//evil.example" onerror="document.title=\'got you\'"><script>alert(1)</script>'


def queued(message_id: str, body: object, **facts: Any) -> QueuedMessage:
    """Return a message as it lies on a queue; a body that is no text is JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    known: dict[str, Any] = {"sent_at": time.time(), "visible_at": time.time(), "receives": 0, "attributes": {}}
    return QueuedMessage(message_id, text, **(known | facts))


def result(message_id: str, source_id: str, **facts: object) -> QueuedMessage:
    """Return a result message about the request with that id."""
    link = {"survey_link": f"http://127.0.0.1/r/{message_id}-0123456789abcdef0123456789abcdef0123456789"}
    body = {"status": "created", "source": {"type": "sqs", "id": source_id}, "personal_link": link, "replayed": False}
    return queued(message_id, body | facts)


class StillConsole(Controller):
    """Shows what its queues are told to hold; notes which buttons were pressed, and lets the switches follow."""

    def __init__(self, vendor: CustomerGaugeSandbox) -> None:  # without super's, which needs a stack
        self.vendor = vendor
        self.queues = Queues()
        self.journal = self._journal = Journal()
        self.pressed: list[tuple[str, Mapping[str, Any]]] = []
        self.failure: Exception | None = None
        self.on = dict.fromkeys(("outage", "rate-limit", "lost-answers", "duplicates", "secret"), False)
        self._environment: Any = SimpleNamespace(vendor=vendor)
        self._logs: Any = SimpleNamespace(last_retry=self._last_retry, of=lambda _ids: [])
        self._lock = threading.Lock()

    def switches(self) -> dict[str, bool]:
        """Return the switches as they were pressed."""
        return self.on

    def do(self, action: str, fields: Mapping[str, Any]) -> None:
        """Note it."""
        if self.failure:
            raise self.failure
        self.pressed.append((action, fields))
        if action == "switch":
            self.on[fields["name"]] = fields["on"]

    def look(self) -> float:
        """Read the queues; return the time."""
        if self.failure:
            raise self.failure
        now = time.time()
        self.journal.observe(self.queues, now)
        return now

    def _last_retry(self, message_id: str) -> Mapping[str, Any]:
        return {"code": "unavailable", "detail": "CustomerGauge answered HTTP 503"} if message_id == "late" else {}


def busy(vendor: CustomerGaugeSandbox) -> StillConsole:
    """Return a console with something, and something hostile, at every place."""
    now = time.time()
    console = StillConsole(vendor)
    for number in range(24):
        console.journal.sent("sqs", "one of 20", now - 90, f"visit-{number:03}", f"message-{number}")
    call = console.journal.sent("http", "HTTP, JSON", now - 5, "ticket-1")
    refused = {"code": "invalid_request", "message": HOSTILE, "errors": {"record": [HOSTILE]}}
    call.answer = Answer(400, now, refused)
    hostile = console.journal.sent("sqs", HOSTILE, now - 9, HOSTILE, "late", "hostile")
    hostile.content = HOSTILE
    reason = {"code": HOSTILE, "detail": HOSTILE, "attempts": "1"}
    console.queues = Queues(
        requests=[
            queued("late", {"reference": HOSTILE}, receives=2, visible_at=now + 30, sent_at=now - 70),
            queued("in hand", {"reference": "order-2"}, receives=1, visible_at=now + 355),
            *(queued(f"message-{number}", {"reference": f"visit-{number:03}"}) for number in range(12)),
        ],
        results=[
            *(
                result(f"result-{number}", f"message-{number}", reference=f"visit-{number:03}")
                for number in range(14, 24)
            ),
            result("refused", "message-12", status="rejected", error={"code": "bad_request"}, reference=HOSTILE),
            result("unsure", "message-13", status="unknown", error={"code": "outcome_unknown", "message": HOSTILE}),
            result(
                "script", "elsewhere", reference="odd", personal_link={"survey_link": "javascript:document.title='x'"}
            ),
        ],
        parked=[queued("parked", '{"cut": "off', receives=1, attributes=reason)],
    )
    return console
