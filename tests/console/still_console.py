"""A console without a stack: its journal is real, its CustomerGauge too, and what its queues hold is written down."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sandbox.console.journal import Journal
from sandbox.console.page_state import page_state, vendor_state
from sandbox.console.queues import QueuedMessage, Queues
from sandbox.console.samples import WAYS, samples
from sandbox.customergauge import CustomerGaugeSandbox

HOSTILE = '<img src="//evil.example" onerror="document.title=\'got you\'"><script>alert(1)</script>'


def queued(message_id: str, body: object, **facts: Any) -> QueuedMessage:
    """Return a message as it lies on a queue; a body that is no text is JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    known: dict[str, Any] = {"sent_at": time.time(), "visible_at": time.time(), "receives": 0, "attributes": {}}
    return QueuedMessage(message_id, text, **(known | facts))


def result(message_id: str, source_id: str, *, way: str = "sqs", **facts: object) -> QueuedMessage:
    """Return a result message about the request with that id."""
    link = {"survey_link": f"http://127.0.0.1/r/{message_id}-0123456789abcdef0123456789abcdef0123456789"}
    body = {"status": "created", "source": {"type": way, "id": source_id}, "personal_link": link, "replayed": False}
    return queued(message_id, body | facts)


def refusal(message_id: str, source_id: str, code: str, *, way: str = "sqs", **facts: object) -> QueuedMessage:
    """Return a message that says why there is no link."""
    error = {"code": code, "message": "The Email must be a valid email address."}
    return result(message_id, source_id, way=way, status="rejected", error=error, personal_link=None, **facts)


class StillConsole:
    """Shows what its queues are told to hold; notes which buttons were pressed, and lets the switches follow."""

    def __init__(self, vendor: CustomerGaugeSandbox, queues: Queues | None = None) -> None:
        self.vendor = vendor
        self.queues = queues or Queues()
        self.journal = Journal()
        self.pressed: list[tuple[str, Mapping[str, Any]]] = []
        self.failure: Exception | None = None
        self._switches = dict.fromkeys(("outage", "rate-limit", "lost-answers", "duplicates", "secret"), False)

    def state(self) -> dict[str, object]:
        """Return what the page shows."""
        now = time.time()
        self.journal.observe(self.queues, now)
        return {
            **page_state(self.journal, {"late": "unavailable"}.get, now),  # type: ignore[arg-type]  # of the one that is late
            "samples": [{"name": one.name, "label": one.label, "way": WAYS[one.way]} for one in samples()],
            "vendor": vendor_state(self.vendor),
            "switches": self._switches,
        }

    def do(self, action: str, fields: Mapping[str, Any]) -> None:
        """Note it."""
        if self.failure:
            raise self.failure
        self.pressed.append((action, fields))
        if action == "switch":
            self._switches[fields["name"]] = fields["on"]


def busy(vendor: CustomerGaugeSandbox) -> StillConsole:
    """Return a console with something, and something hostile, at every place."""
    now = time.time()
    console = StillConsole(vendor)
    for number in range(24):
        console.journal.sent("sqs", "one of 20", now - 90, f"visit-{number:03}", f"message-{number}")
    call = console.journal.sent("http", "Put", now - 5, "ticket-1")
    console.journal.answered(call, 503, "unavailable", None)
    console.journal.sent("sqs", "Request", now - 9, HOSTILE, "late", "hostile")
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
            refusal("refused", "message-12", "validation_failed", reference=HOSTILE),
            result("unsure", "message-13", status="unknown", error={"code": "outcome_unknown", "message": HOSTILE}),
            result(
                "script", "elsewhere", reference="odd", personal_link={"survey_link": "javascript:document.title='x'"}
            ),
        ],
        parked=[queued("parked", '{"cut": "off', receives=1, attributes=reason)],
    )
    return console
