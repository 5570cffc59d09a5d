"""The console's actions, one per button, and the state that the page draws once a second."""

import json
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.console.journal import Journal, Request, event_of, reference_of
from sandbox.console.page_state import page_state, vendor_state
from sandbox.console.queues import QueueReader
from sandbox.console.reasons import Reasons
from sandbox.console.samples import WAYS, Sample, samples
from sandbox.emulator import SandboxError
from sandbox.environment import Environment
from sandbox.fault_switches import SWITCHES
from sandbox.http_caller import HttpReply

CONFIGURATION = "9dd58237-c913-4073-9c76-07da0b49ff50"
MANY = 20
_FRESH = 0.3  # seconds that several pages share one reading of the queues


class UnknownAction(Exception):
    """There is no such button."""


class Controller:
    """Control an environment from the console. Safe for threads."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._queues = QueueReader(environment.stack)
        self._reasons = Reasons(environment.stack, time.time())
        self._journal = Journal()
        self._lock = threading.Lock()
        self._filled_in = environment.vendor.client_secret
        self._looked_at = 0.0
        self._numbers = 0

    def state(self) -> dict[str, object]:
        """Return everything that the page shows."""
        with self._lock:
            now = time.time()
            if now - self._looked_at > _FRESH:
                self._journal.observe(self._queues.read(), now)
                self._reasons.follow(now)
                self._looked_at = now
            shown = page_state(self._journal, self._reasons.of, now)
        vendor = self._environment.vendor
        return {
            **shown,
            "samples": [{"name": sample.name, "label": sample.label, "way": WAYS[sample.way]} for sample in samples()],
            "vendor": vendor_state(vendor),
            "switches": {
                **{name: name in vendor.faults for name in SWITCHES},
                "duplicates": vendor.duplicate_rule != "off",
                "secret": vendor.client_secret != self._filled_in,
            },
        }

    def do(self, action: str, fields: Mapping[str, Any]) -> None:
        """Run a button's action. Raises UnknownAction without such a button, SandboxError if it fails."""
        try:
            self._do(action, fields)
        except (BotoCoreError, ClientError) as error:
            raise SandboxError(f"{action}: {error}") from None

    def _do(self, action: str, fields: Mapping[str, Any]) -> None:
        match action, fields:
            case "send", {"sample": str(name)}:
                self._send(name)
            case "send-many", _:
                self._send_many()
            case "switch", {"name": str(name), "on": bool(on)}:
                self._switch(name, on=on)
            case "revoke-tokens", _:
                self._environment.vendor.revoke_tokens()
            case "clear", _:
                self._clear()
            case _:
                raise UnknownAction(f"{action}: no such button, or not with these fields")

    def _send(self, name: str) -> None:
        sample = next((one for one in samples() if one.name == name), None)
        if sample is None:
            raise UnknownAction(f"{name}: no such sample")
        {"http": self._call, "eventbridge": self._put_events, "sqs": self._send_message}[sample.way](sample)

    def _send_message(self, sample: Sample) -> None:
        answer = self._environment.stack.sqs.send_message(
            QueueUrl=self._environment.stack.requests_queue_url, MessageBody=sample.body
        )
        content = _object(sample.body)
        event_id = event_of(content)
        way, ids = ("eventbridge", [event_id]) if event_id else ("sqs", [])
        self._note(way, sample.label, reference_of(content), answer["MessageId"], *ids)

    def _put_events(self, sample: Sample) -> None:
        try:
            entries = json.loads(sample.body)
        except ValueError as error:
            raise SandboxError(f"events/{sample.name} is not JSON: {error}") from None
        answer = self._environment.stack.events.put_events(Entries=entries)
        for entry, put in zip(entries, answer["Entries"], strict=True):
            if "EventId" not in put:
                raise SandboxError(f"events/{sample.name}: the bus refuses it: {put.get('ErrorMessage')}")
            self._note("eventbridge", sample.label, reference_of(_object(entry["Detail"])), put["EventId"])

    def _call(self, sample: Sample) -> None:
        """Make an HTTP call with a new key in a thread, because its answer may take half a minute."""
        is_json = sample.media_type == "application/json"
        reference = reference_of(_object(sample.body)) if is_json else _first(parse_qs(sample.body), "reference")
        request = self._note("http", sample.label, reference)
        threading.Thread(target=self._wait_for_the_answer, args=(request, sample), daemon=True).start()

    def _wait_for_the_answer(self, request: Request, sample: Sample) -> None:
        headers = {"Content-Type": sample.media_type, "Idempotency-Key": f"console-{uuid.uuid4()}"}
        try:
            reply = self._environment.caller.send("PUT", sample.body, headers)
        except (OSError, HTTPException):  # the emulator is stopping, or did not answer in time
            reply = HttpReply(0, {}, "{}")
        answer = _object(reply.body)
        link = (answer.get("data") or {}).get("survey_link") if reply.status == 200 else None
        with self._lock:
            self._journal.answered(request, reply.status, str(answer.get("code", "")), link)

    def _send_many(self) -> None:
        """Send twenty different requests, ten per call."""
        for _ in range(MANY // 10):
            bodies = [self._one_of_many() for _ in range(10)]
            answer = self._environment.stack.sqs.send_message_batch(
                QueueUrl=self._environment.stack.requests_queue_url,
                Entries=[{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)],
            )
            for taken in answer["Successful"]:
                body = bodies[int(taken["Id"])]
                self._note("sqs", f"one of {MANY}", body["reference"], taken["MessageId"])

    def _one_of_many(self) -> dict[str, Any]:
        with self._lock:
            self._numbers += 1
            number = self._numbers
        record = {"Email": f"customer-{number}@example.com", "First Name": "Ada", "Order": str(number)}
        return {"configuration": CONFIGURATION, "record": record, "reference": f"visit-{number:03}"}

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

    def _note(self, way: str, label: str, reference: str | None, *ids: str) -> Request:
        with self._lock:
            return self._journal.sent(way, label, time.time(), reference, *ids)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _first(fields: Mapping[str, list[str]], name: str) -> str | None:
    values = fields.get(name)
    return values[0] if values else None
