"""Send samples, many requests, and events of the user's own; note each in the journal."""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

from sandbox import REPOSITORY
from sandbox.aws.emulator import SandboxError
from sandbox.aws.http_caller import HttpReply
from sandbox.aws.stack import detail_types
from sandbox.console.journal import Request
from sandbox.console.outcomes import Answer, event_of, reference_of
from sandbox.console.queues import object_in
from sandbox.environment import Environment
from sandbox.mapping import is_entry

if TYPE_CHECKING:
    from sandbox.console.controller import Controller

EVENTS = REPOSITORY / "events"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
WAYS: Mapping[str, str] = {"http": "HTTP call", "eventbridge": "Event bus", "sqs": "Requests queue"}
_LABELS: Mapping[str, str] = {
    "http_put.json": "HTTP, JSON",
    "http_form.txt": "HTTP, form",
    "eventbridge_woocommerce_order_completed.json": "WooCommerce order completed",
    "sqs_request.json": "Queue request",
    "sqs_refused.json": "Refused request",
    "sqs_malformed.txt": "Malformed message",
}
CONFIGURATION: Final = "9dd58237-c913-4073-9c76-07da0b49ff50"
MANY: Final = 20
OWN: Final = "own event"


@dataclass(frozen=True)
class Sample:
    """A file of the sample events."""

    name: str
    way: str  # http, eventbridge or sqs: the first word of the name
    label: str  # the button's text
    body: str
    media_type: str


def samples() -> Sequence[Sample]:
    """Return the samples by trigger; skip files with other names."""
    found = []
    for path in sorted(EVENTS.iterdir()):
        way, _, words = path.stem.partition("_")
        label = _LABELS.get(path.name, words.removeprefix("event_").replace("_", " ").capitalize())
        found.append(Sample(path.name, way, label, path.read_text(), JSON if path.suffix == ".json" else FORM))
    return [sample for way in WAYS for sample in found if sample.way == way and sample.label]


class Sender:
    """Send by every trigger."""

    def __init__(self, environment: Environment, notes: "Controller") -> None:
        self._environment = environment
        self._notes = notes
        self._numbers = itertools.count(1)

    def send(self, sample: Sample) -> None:
        """Send a sample by its trigger."""
        if sample.way == "http":
            self._call(sample)
        elif sample.way == "eventbridge":
            self._put_events(sample.label, _entries_in(json.loads(sample.body)))
        else:
            self._send_message(sample.label, sample.body)

    def send_own(self, text: str) -> None:
        """Send entries for put-events to the bus, and any other JSON to the requests queue.

        Raises SandboxError for what the rule would drop.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SandboxError(f"This is not JSON, so it is not sent: {error}") from None
        if not (isinstance(content, list) or (isinstance(content, dict) and is_entry(content))):
            self._send_message(OWN, text)
            return
        entries = _entries_in(content)
        if unheard := sorted({str(one.get("DetailType")) for one in entries}.difference(detail_types())):
            raise SandboxError(f"Not sent: the rule does not listen to {', '.join(unheard)}. See EventDetailType.")
        self._put_events(OWN, entries)

    def send_many(self) -> None:
        """Send twenty different requests, ten per call."""
        stack = self._environment.stack
        for _ in range(MANY // 10):
            bodies = [self._one_of_many() for _ in range(10)]
            texts = [json.dumps(body) for body in bodies]
            entries: Any = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(texts)]
            at = time.time()
            answer = stack.sqs.send_message_batch(QueueUrl=stack.requests_queue_url, Entries=entries)
            for taken in answer["Successful"]:
                number = int(taken["Id"])
                reference = bodies[number]["reference"]
                self._notes.sent("sqs", f"one of {MANY}", at, reference, texts[number], taken["MessageId"])

    def _send_message(self, label: str, body: str) -> None:
        stack, at = self._environment.stack, time.time()
        message_id = stack.sqs.send_message(QueueUrl=stack.requests_queue_url, MessageBody=body)["MessageId"]
        content = object_in(body)
        event_id = event_of(content)
        way, ids = ("eventbridge", [event_id]) if event_id else ("sqs", [])
        self._notes.sent(way, label, at, reference_of(content), body, message_id, *ids)

    def _put_events(self, label: str, entries: Sequence[Mapping[str, Any]]) -> None:
        at = time.time()
        answer = self._environment.stack.events.put_events(Entries=entries)  # type: ignore[arg-type]  # the bus checks
        for entry, put in zip(entries, answer["Entries"], strict=True):
            if "EventId" not in put:
                raise SandboxError(f"The bus refuses the event: {put.get('ErrorMessage')}")
            reference = reference_of(object_in(entry["Detail"]))
            self._notes.sent("eventbridge", label, at, reference, json.dumps(entry), put["EventId"])

    def _call(self, sample: Sample) -> None:
        """Make an HTTP call in a thread, because its answer may take half a minute."""
        reference = reference_of(object_in(sample.body))
        request = self._notes.sent("http", sample.label, time.time(), reference, sample.body)
        threading.Thread(target=self._wait_for_the_answer, args=(request, sample), daemon=True).start()

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
        number = next(self._numbers)
        record = {"Email": f"customer-{number}@example.com", "First Name": "Ada", "Order": str(number)}
        return {"configuration": CONFIGURATION, "record": record, "reference": f"visit-{number:03}"}


def _entries_in(content: object) -> list[dict[str, Any]]:
    """Return one or more entries for put-events. Raises SandboxError for anything else."""
    entries: list[Any] = content if isinstance(content, list) else [content]
    if not entries or not all(isinstance(one, dict) and isinstance(one.get("Detail"), str) for one in entries):
        raise SandboxError("Each entry needs Source, DetailType and Detail, a text that holds a JSON object.")
    return entries
