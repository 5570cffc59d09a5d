"""Single requests by HTTP and by event, and how long each takes until its link is there."""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import Stack

EVERY = 0.5  # seconds


@dataclass
class Singles:
    """Send single requests, one at a time of each kind, and keep their latencies in seconds."""

    stack: Stack
    caller: HttpCaller
    prefix: str
    http: list[float] = field(default_factory=list)
    event: list[float] = field(default_factory=list)
    _sent: dict[str, float] = field(default_factory=dict)  # when, by reference; without those that have their result
    _over: threading.Event = field(default_factory=threading.Event)

    def p95(self) -> tuple[float, float]:
        """Return the 95th percentiles of HTTP calls and of events."""
        return _p95(self.http), _p95(self.event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send during the block."""
        threads = [threading.Thread(target=one, daemon=True) for one in (self._http, self._events, self._consume)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def _http(self) -> None:
        number = 0
        while not self._over.wait(EVERY):
            number += 1
            body = {"configuration": "contact", "record": {"Email": f"{self.prefix}-http-{number}@example.com"}}
            began = time.monotonic()
            if self.caller.send("PUT", json.dumps(body)).status == 200:
                self.http.append(time.monotonic() - began)

    def _events(self) -> None:
        events, number = self.stack.emulator.client("events"), 0
        while not self._over.wait(EVERY):
            number += 1
            reference = f"{self.prefix}-event-{number}"
            record = {"Email": f"{reference}@example.com"}
            detail = json.dumps({"configuration": "contact", "record": record, "reference": reference})
            self._sent[reference] = time.monotonic()
            entry = {"Source": "test", "DetailType": "Personal Link Requested", "Detail": detail}
            events.put_events(Entries=[entry])

    def _consume(self) -> None:
        sqs, url = self.stack.emulator.client("sqs"), self.stack.results_queue_url
        while not self._over.is_set() or self._sent:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages: list[Any] = answer.get("Messages", [])
            for message in messages:
                began = self._sent.pop(json.loads(message["Body"]).get("reference", ""), None)
                if began is not None:
                    self.event.append(time.monotonic() - began)
            if messages:
                done = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
                sqs.delete_message_batch(QueueUrl=url, Entries=done)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
