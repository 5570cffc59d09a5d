"""Send samples, many requests, and events of the user's own; note each in the journal."""

import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from sandbox.aws.emulator import SandboxError
from sandbox.aws.http_caller import HttpReply
from sandbox.console.journal import Request
from sandbox.console.outcomes import Answer, event_of, reference_of
from sandbox.console.queues import object_in
from sandbox.console.samples import JSON, Sample
from sandbox.environment import Environment
from sandbox.mapping import is_entry

CONFIGURATION: Final = "9dd58237-c913-4073-9c76-07da0b49ff50"
MANY: Final = 20
OWN: Final = "own event"


class Notes(Protocol):
    """The journal, safe for threads."""

    def sent(self, way: str, label: str, at: float, reference: str | None, content: str, *ids: str) -> Request:
        """Note a sent request."""
        ...

    def answered(self, request: Request, answer: Answer) -> None:
        """Note the answer to an HTTP call."""
        ...


class Sender:
    """Send by every trigger."""

    def __init__(self, environment: Environment, notes: Notes) -> None:
        self._environment = environment
        self._notes = notes
        self._numbers = 0
        self._lock = threading.Lock()

    def send(self, sample: Sample) -> list[Request]:
        """Send a sample by its trigger."""
        if sample.way == "http":
            return [self._call(sample)]
        if sample.way == "eventbridge":
            return self._put_events(sample.label, entries_in(sample.body, f"events/{sample.name}"))
        return [self._send_message(sample.label, sample.body)]

    def send_own(self, text: str) -> list[Request]:
        """Send entries for put-events to the bus, and any other JSON to the requests queue."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise SandboxError("This is not JSON, so it is not sent. The preview says where it breaks.") from None
        if goes_to_the_bus(content):
            return self._put_events(OWN, entries_in(text, "your event"))
        return [self._send_message(OWN, text)]

    def send_many(self) -> list[Request]:
        """Send twenty different requests, ten per call."""
        stack, noted = self._environment.stack, []
        for _ in range(MANY // 10):
            bodies = [self._one_of_many() for _ in range(10)]
            entries: Any = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)]
            at = time.time()
            answer = stack.sqs.send_message_batch(QueueUrl=stack.requests_queue_url, Entries=entries)
            for taken in answer["Successful"]:
                body = bodies[int(taken["Id"])]
                label, text = f"one of {MANY}", json.dumps(body)
                noted.append(self._notes.sent("sqs", label, at, body["reference"], text, taken["MessageId"]))
        return noted

    def _send_message(self, label: str, body: str) -> Request:
        stack, at = self._environment.stack, time.time()
        message_id = stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=body)["MessageId"]
        content = object_in(body)
        event_id = event_of(content)
        way, ids = ("eventbridge", [event_id]) if event_id else ("sqs", [])
        return self._notes.sent(way, label, at, reference_of(content), body, message_id, *ids)

    def _put_events(self, label: str, entries: Sequence[Mapping[str, Any]]) -> list[Request]:
        at = time.time()
        answer = self._environment.stack.events.put_events(Entries=entries)  # type: ignore[arg-type]  # the bus checks
        noted = []
        for entry, put in zip(entries, answer["Entries"], strict=True):
            if "EventId" not in put:
                raise SandboxError(f"The bus refuses the event: {put.get('ErrorMessage')}")
            reference = reference_of(object_in(entry["Detail"]))
            noted.append(self._notes.sent("eventbridge", label, at, reference, json.dumps(entry), put["EventId"]))
        return noted

    def _call(self, sample: Sample) -> Request:
        """Make an HTTP call in a thread, because its answer may take half a minute."""
        is_json = sample.media_type == JSON
        reference = reference_of(object_in(sample.body)) if is_json else _first(parse_qs(sample.body), "reference")
        request = self._notes.sent("http", sample.label, time.time(), reference, sample.body)
        request.media_type = sample.media_type
        threading.Thread(target=self._wait_for_the_answer, args=(request, sample), daemon=True).start()
        return request

    def _wait_for_the_answer(self, request: Request, sample: Sample) -> None:
        headers = {"Content-Type": sample.media_type}
        if "idempotency_key" not in object_in(sample.body):  # two different keys would be refused
            headers["Idempotency-Key"] = f"console-{uuid.uuid4()}"
        try:
            reply = self._environment.caller.send("PUT", sample.body, headers)
        except (OSError, HTTPException):  # the emulator is stopping, or did not answer in time
            reply = HttpReply(0, {}, "{}")
        self._notes.answered(request, Answer(reply.status, time.time(), object_in(reply.body)))

    def _one_of_many(self) -> dict[str, Any]:
        with self._lock:
            self._numbers += 1
            number = self._numbers
        record = {"Email": f"customer-{number}@example.com", "First Name": "Ada", "Order": str(number)}
        return {"configuration": CONFIGURATION, "record": record, "reference": f"visit-{number:03}"}


def goes_to_the_bus(content: object) -> bool:
    """Tell whether a JSON value is one or more entries for put-events."""
    return isinstance(content, list) or (isinstance(content, dict) and is_entry(content))


def entries_in(text: str, name: str) -> list[dict[str, Any]]:
    """Return the entries for put-events in a text. Raises SandboxError, which begins with `name`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{name} is not JSON: {error}") from None
    entries = content if isinstance(content, list) else [content]
    if not entries or not all(isinstance(one, dict) and isinstance(one.get("Detail"), str) for one in entries):
        raise SandboxError(f"{name}: each entry needs Source, DetailType and Detail, a text that holds a JSON object")
    return entries


def _first(fields: Mapping[str, list[str]], name: str) -> str | None:
    values = fields.get(name)
    return values[0] if values else None
