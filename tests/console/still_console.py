"""A console without a stack: its journal is real, its CustomerGauge too, and what its queues hold is written down."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sandbox.console.calls import Calls
from sandbox.console.journal import Journal
from sandbox.console.life import Traces, life, texts
from sandbox.console.outcomes import Answer
from sandbox.console.page_state import page_state, vendor_state
from sandbox.console.preview import Previews
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


class StillConsole:
    """Shows what its queues are told to hold; notes which buttons were pressed, and lets the switches follow."""

    def __init__(self, vendor: CustomerGaugeSandbox, queues: Queues | None = None) -> None:
        self.vendor = vendor
        self.queues = queues or Queues()
        self.journal = Journal()
        self.previews = Previews()
        self.calls = Calls(vendor, self.previews)
        self.pressed: list[tuple[str, Mapping[str, Any]]] = []
        self.failure: Exception | None = None
        self._switches = dict.fromkeys(("outage", "rate-limit", "lost-answers", "duplicates", "secret"), False)

    def state(self, show: str, most: int) -> dict[str, object]:
        """Return what the page shows."""
        if self.failure:
            raise self.failure
        now = time.time()
        self.journal.observe(self.queues, now)
        return {
            **page_state(self.journal, self._last_retry, now, show, most),
            "vendor": vendor_state(self.vendor, self.calls, self.journal.requests),
            "switches": self._switches,
        }

    def samples(self) -> dict[str, object]:
        """Return one sample with a preview and one that becomes nothing."""
        well = {"name": "http_put.json", "label": "HTTP, JSON", "way": "HTTP call", "body": '{"a": 1}'}
        ill = {"name": "sqs_malformed.txt", "label": "Malformed message", "way": "Requests queue", "body": HOSTILE}
        problem = {"request": None, "problem": HOSTILE}
        return {"samples": [well | {"becomes": {"request": "{}", "problem": ""}}, ill | {"becomes": problem}]}

    def request(self, key: str) -> dict[str, object]:
        """Return the life of a request."""
        [request] = [one for one in self.journal.requests if one.key == key]
        traces = Traces(self.calls.of(request), self.calls.tokens(), lines=(), item=None, shared=False)
        preview = self.previews.of("sqs", request.content)
        return {"life": life(request, traces), "texts": texts(request, preview, traces)}

    def do(self, action: str, fields: Mapping[str, Any]) -> dict[str, object]:
        """Note it."""
        if self.failure:
            raise self.failure
        self.pressed.append((action, fields))
        if action == "switch":
            self._switches[fields["name"]] = fields["on"]
        if action == "try":
            return {"request": None, "problem": HOSTILE, "goes": "Requests queue", "warning": ""}
        sent = self.journal.requests[-1:] if action.startswith("send") else ()
        return {"sent": [{"key": one.key, "title": one.reference} for one in sent]}

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
