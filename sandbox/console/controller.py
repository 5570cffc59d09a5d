"""The console's actions, one per button, and the state that the page draws once a second."""

import json
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.emulator import SandboxError
from sandbox.console.calls import Calls
from sandbox.console.journal import Journal, Request
from sandbox.console.ledger import LedgerItems
from sandbox.console.life import Traces, life, pretty, texts
from sandbox.console.logs import Logs
from sandbox.console.outcomes import Answer
from sandbox.console.page_state import page_state, row, title, vendor_state
from sandbox.console.preview import Previews
from sandbox.console.queues import QueueReader
from sandbox.console.samples import JSON, WAYS, samples
from sandbox.console.sender import Sender, goes_to_the_bus
from sandbox.customergauge.fault_switches import SWITCHES
from sandbox.environment import Environment

_FRESH = 0.3  # seconds that several pages share one reading of the queues


class UnknownAction(Exception):
    """There is no such button, or no such request."""


class Controller:
    """Control an environment from the console. Safe for threads."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._queues = QueueReader(environment.stack)
        self._logs = Logs(environment.stack, time.time())
        self._ledger = LedgerItems(environment.stack)
        self._journal = Journal()
        self._previews = Previews()
        self._calls = Calls(environment.vendor, self._previews)
        self._sender = Sender(environment, self)
        self._lock = threading.Lock()
        self._filled_in = environment.vendor.client_secret
        self._looked_at = 0.0

    def state(self, show: str, most: int) -> dict[str, object]:
        """Return everything that the page shows all the time. Raises EmulatorGone after the emulator's end."""
        vendor = self._environment.vendor
        with self._lock:
            now = self._look()
            shown = page_state(self._journal, self._logs.last_retry, now, show, most)
            calls = vendor_state(vendor, self._calls, self._journal.requests)
        return {
            **shown,
            "vendor": calls,
            "switches": {
                **{name: name in vendor.faults for name in SWITCHES},
                "duplicates": vendor.duplicate_rule != "off",
                "secret": vendor.client_secret != self._filled_in,
            },
        }

    def samples(self) -> dict[str, object]:
        """Return the samples, each with what it sends and what that becomes."""
        return {
            "samples": [
                {
                    "name": one.name,
                    "label": one.label,
                    "way": WAYS[one.way],
                    "body": pretty(one.body) if one.media_type == JSON else one.body.strip(),
                    "becomes": self._becomes(one.way, one.body, one.media_type),
                }
                for one in samples()
            ]
        }

    def request(self, key: str) -> dict[str, object]:
        """Return the life of a request. Raises UnknownAction without such a request."""
        with self._lock:
            now = self._look()
            request = next((one for one in self._journal.requests if one.key == key), None)
            if request is None:
                raise UnknownAction(f"{key}: no such request; it was deleted")
            traces = self._traces(request)
            shown = row(request, self._logs.last_retry, now)
        preview = self._previews.of(request.way, request.content, request.media_type)
        return {**shown, "life": life(request, traces), "texts": texts(request, preview, traces)}

    def do(self, action: str, fields: Mapping[str, Any]) -> dict[str, object]:
        """Run a button's action. Raises UnknownAction without such a button, SandboxError if it fails."""
        try:
            return self._do(action, fields)
        except (BotoCoreError, ClientError) as error:
            self._environment.stack.emulator.require_alive()
            raise SandboxError(f"{action}: {error}") from None

    def sent(self, way: str, label: str, at: float, reference: str | None, content: str, *ids: str) -> Request:
        """Note a sent request."""
        with self._lock:
            request = self._journal.sent(way, label, at, reference, *ids)
            request.content = content
            return request

    def answered(self, request: Request, answer: Answer) -> None:
        """Note the answer to an HTTP call."""
        with self._lock:
            request.answer = answer

    def _do(self, action: str, fields: Mapping[str, Any]) -> dict[str, object]:
        match action, fields:
            case "send", {"sample": str(name)}:
                sample = next((one for one in samples() if one.name == name), None)
                if sample is None:
                    raise UnknownAction(f"{name}: no such sample")
                return _noted(self._sender.send(sample))
            case "send-many", _:
                return _noted(self._sender.send_many())
            case "try", {"text": str(text)}:
                return self._try(text)
            case "send-own", {"text": str(text)}:
                return _noted(self._sender.send_own(text))
            case "switch", {"name": str(name), "on": bool(on)}:
                self._switch(name, on=on)
            case "revoke-tokens", _:
                self._environment.vendor.revoke_tokens()
            case "clear", _:
                self._clear()
            case _:
                raise UnknownAction(f"{action}: no such button, or not with these fields")
        return {}

    def _look(self) -> float:
        """Read queues and logs, unless they were read just now; return the time."""
        now = time.time()
        if now - self._looked_at > _FRESH:
            self._environment.stack.emulator.require_alive()
            self._journal.observe(self._queues.read(), now)
            self._logs.follow(now)
            self._looked_at = now
        return now

    def _becomes(self, way: str, text: str, media_type: str = JSON) -> dict[str, object]:
        preview = self._previews.of(way, text, media_type)
        return {"request": preview.request and pretty(json.dumps(preview.request)), "problem": preview.problem}

    def _try(self, text: str) -> dict[str, object]:
        """Return what a pasted text becomes and where it would go."""
        content: object = None
        with suppress(ValueError, RecursionError):
            content = json.loads(text)
        bus = goes_to_the_bus(content)
        entries = content if isinstance(content, list) else [content]
        kinds = {str(one.get("DetailType")) for one in entries if isinstance(one, dict)} if bus else set()
        unheard = sorted(kinds - self._previews.detail_types)
        warning = f"The rule does not listen to {', '.join(unheard)}: see EventDetailType." if unheard else ""
        return {**self._becomes("sqs", text), "goes": WAYS["eventbridge" if bus else "sqs"], "warning": warning}

    def _traces(self, request: Request) -> Traces:
        ids = {*request.ids, *({request.result.source_id} if request.result else ())}
        calls = self._calls.of(request)
        shared = any(len(self._calls.requests_of(one, self._journal.requests)) > 1 for one in calls)
        return Traces(calls, self._calls.tokens(), self._logs.of(ids), self._ledger.of(ids), shared)

    def _switch(self, name: str, *, on: bool) -> None:
        vendor = self._environment.vendor
        if name in SWITCHES:
            vendor.faults.switch(name, on=on)
        elif name == "duplicates":
            vendor.duplicate_rule = "campaign" if on else "off"
        elif name == "secret" and on:
            vendor.rotate_secret(f"sandbox-{secrets.token_urlsafe(24)}")
            vendor.revoke_tokens()  # otherwise nothing happens until the current token expires
        elif name == "secret":
            self._environment.stack.fill_secret(vendor.client_id, vendor.client_secret)
            self._filled_in = vendor.client_secret
        else:
            raise UnknownAction(f"{name}: no such switch")

    def _clear(self) -> None:
        """Delete results and parked messages, and forget their requests."""
        stack = self._environment.stack
        with self._lock:
            urls = (stack.results_queue_url, stack.parked_queue_url)
            held = [(url, self._queues.hold(url)) for url in urls]
            self._journal.observe(self._queues.read(), time.time())
            for url, handles in held:
                self._queues.delete(url, handles)
            self._journal.forget_ended()
            self._looked_at = 0.0


def _noted(requests: list[Request]) -> dict[str, object]:
    return {"sent": [{"key": one.key, "title": title(one)} for one in requests]}
