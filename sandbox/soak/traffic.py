"""The soak's traffic: requests of every kind by each trigger, from clients that retry."""

import heapq
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Literal

from sandbox.aws.emulator import SandboxError
from sandbox.aws.http_caller import HttpCaller, HttpReply
from sandbox.aws.stack import Stack

Trigger = Literal["http", "eventbridge", "sqs"]
Kind = Literal[
    "good", "same contact", "key of another", "no campaign", "no contact", "no mapping", "invalid", "cut off"
]

TRIGGERS: tuple[Trigger, ...] = ("http", "eventbridge", "sqs")
SHARES: dict[Kind, int] = {  # per cent
    "good": 78,
    "same contact": 4,
    "key of another": 3,
    "no campaign": 3,
    "no contact": 3,
    "no mapping": 3,
    "invalid": 3,
    "cut off": 3,
}
DELIVERED_TWICE = 0.12  # share of the good ones: the same request and key, by the two triggers that share keys
SHARE_KEYS: tuple[Trigger, ...] = ("eventbridge", "sqs")
FINAL = {409: {"outcome_unknown"}, 502: {"bad_response"}}  # final codes of retryable statuses

_HTTP_CALLERS = 6
_PACE = 1.5  # seconds between batches of ten by one trigger: about the rate of the workers
_LONGEST_WAIT = 10.0  # seconds; longest wait of an HTTP caller, also with a longer Retry-After


@dataclass(frozen=True)
class SoakRequest:
    """One request. `deliveries` are its triggers; a duplicate has more than one."""

    reference: str
    kind: Kind
    key: str
    contact: str | None = field(repr=False)
    body: str = field(repr=False)
    deliveries: tuple[Trigger, ...]


@dataclass
class HttpEnd:
    """The end of an HTTP request: the last answer and the number of tries."""

    status: int
    answer: dict[str, Any] = field(repr=False)
    replayed: bool
    tries: int

    @property
    def code(self) -> str:
        """Return the error's code, or `created`."""
        return str(self.answer.get("code", "created" if self.status == 200 else "none"))


def make_requests(count: int, seed: int) -> list[SoakRequest]:
    """Return `count` requests, the same ones for each seed."""
    dice = random.Random(f"{seed}/requests")
    hundred = [kind for kind, share in SHARES.items() for _ in range(share)]
    kinds = [kind for _ in range(0, count, 100) for kind in dice.sample(hundred, 100)][:count]
    requests: list[SoakRequest] = []
    unshared: list[SoakRequest] = []  # good ones by one trigger
    for number, drawn in enumerate(kinds):
        kind: Kind = drawn if unshared else "good"
        reference = f"soak-{number:05}"
        key, contact = f"key-of-{reference}", f"{reference}@example.com"
        twice = kind == "good" and dice.random() < DELIVERED_TWICE
        deliveries = SHARE_KEYS if twice else (dice.choice(TRIGGERS),)
        if kind == "same contact":
            contact = str(dice.choice(unshared).contact)
        if kind == "key of another":
            other = dice.choice(unshared)
            key, deliveries = other.key, other.deliveries  # other triggers do not share its key
        if kind == "cut off":  # an event always holds JSON
            deliveries = (dice.choice(("http", "sqs")),)
        content = _content(kind, reference, contact)
        if "http" not in deliveries or dice.random() < 0.5 or len(deliveries) > 1:  # else only a header
            content["idempotency_key"] = key
        body = json.dumps(content)
        request = SoakRequest(
            reference=reference,
            kind=kind,
            key=key,
            contact=None if kind == "no contact" else contact,
            body=body[:-9] if kind == "cut off" else body,
            deliveries=deliveries,
        )
        requests.append(request)
        if kind == "good" and len(deliveries) == 1:
            unshared.append(request)
    return requests


def _content(kind: Kind, reference: str, contact: str) -> dict[str, Any]:
    record: dict[str, Any] = {"Order": reference, "First Name": "Zoë", "Email": contact}
    if kind == "no campaign":
        record["Touchpoint"] = "No campaign"
    if kind == "no contact":
        del record["Email"]
    if kind == "invalid":
        record["Products"] = ["a list is no value"]
    return {"configuration": "nobody" if kind == "no mapping" else "contact", "record": record, "reference": reference}


class Traffic:
    """Send the requests; `http_ends` collects the ends of HTTP calls."""

    def __init__(self, stack: Stack, caller: HttpCaller, requests: Sequence[SoakRequest], seed: int) -> None:
        self.http_ends: dict[str, HttpEnd] = {}
        self.sent = dict.fromkeys(TRIGGERS, 0)
        self.http_calls = 0
        self._stack = stack
        self._caller = caller
        self._dice = random.Random(f"{seed}/patience")
        self._changing = threading.Condition()
        pace, now = _PACE / 10, time.monotonic()
        through_http = enumerate(_through("http", requests))
        self._due = [(now + number * pace, number, request, 0) for number, request in through_http]
        self._calling = 0
        self._giving_up = threading.Event()
        self._requests = requests
        self._pool = ThreadPoolExecutor(_HTTP_CALLERS + 2, "soak")
        self._work = [
            self._pool.submit(self._feed, "eventbridge", self._put_events),
            self._pool.submit(self._feed, "sqs", self._send_messages),
            *(self._pool.submit(self._call) for _ in range(_HTTP_CALLERS)),
        ]

    def is_over(self) -> bool:
        """Tell whether everything is sent and every HTTP caller has its answer. Raises an error of the threads."""
        for work in self._work:
            if work.done():
                work.result()
        return all(work.done() for work in self._work)

    def give_up(self) -> None:
        """Stop sending and retrying. Calls in flight end with the emulator at the latest."""
        self._giving_up.set()
        with self._changing:
            self._changing.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _feed(self, trigger: Trigger, send: Any) -> None:
        for batch in batched(_through(trigger, self._requests), 10, strict=False):
            if self._giving_up.is_set():
                return
            send(batch)
            self.sent[trigger] += len(batch)
            self._giving_up.wait(_PACE)

    def _put_events(self, batch: Sequence[SoakRequest]) -> None:
        answer = self._stack.events.put_events(
            Entries=[
                {
                    "Source": "com.example.soak",
                    "DetailType": "Personal Link Requested",
                    "Detail": request.body,
                    "EventBusName": self._stack.event_bus_name,
                }
                for request in batch
            ]
        )
        if answer["FailedEntryCount"]:
            raise SandboxError(f"the event bus refused {answer['FailedEntryCount']} events")

    def _send_messages(self, batch: Sequence[SoakRequest]) -> None:
        answer = self._stack.sqs.send_message_batch(
            QueueUrl=self._stack.requests_queue_url,
            Entries=[{"Id": str(number), "MessageBody": request.body} for number, request in enumerate(batch)],
        )
        if answer.get("Failed"):
            raise SandboxError(f"the requests queue refused {len(answer['Failed'])} messages")

    def _call(self) -> None:
        """Make the next HTTP call. Put back a call that has to wait, so that it does not block the others."""
        while turn := self._next_turn():
            _due, number, request, tries = turn
            answer = self._try(request)
            with self._changing:
                self.http_calls += 1
                self.sent["http"] += not tries
                if answer is None or _is_worth_another_try(answer):
                    due = time.monotonic() + self._patience(answer, tries)
                    heapq.heappush(self._due, (due, number, request, tries + 1))
                else:
                    replayed = answer.headers.get("idempotent-replayed") == "true"
                    self.http_ends[request.reference] = HttpEnd(answer.status, answer.json(), replayed, tries + 1)
                self._calling -= 1
                self._changing.notify_all()

    def _next_turn(self) -> tuple[float, int, SoakRequest, int] | None:
        with self._changing:
            while not self._giving_up.is_set() and (self._due or self._calling):
                wait = self._due[0][0] - time.monotonic() if self._due else 1.0
                if self._due and wait <= 0:
                    self._calling += 1
                    return heapq.heappop(self._due)
                self._changing.wait(min(wait, 1.0))
            return None

    def _try(self, request: SoakRequest) -> HttpReply | None:
        try:
            return self._caller.send("PUT", request.body.encode(), {"Idempotency-Key": request.key})
        except OSError:
            return None  # no answer

    def _patience(self, answer: HttpReply | None, tries: int) -> float:
        told = answer.headers.get("retry-after", "") if answer else ""
        seconds = float(told) if told.isdigit() else self._dice.uniform(0.5, 1.0) * 2.0 ** min(tries, 4)
        return min(seconds, _LONGEST_WAIT)


def _through(trigger: Trigger, requests: Sequence[SoakRequest]) -> Iterator[SoakRequest]:
    return (request for request in requests if trigger in request.deliveries)


def _is_worth_another_try(answer: HttpReply) -> bool:
    """Tell whether a retry with the same key may get another answer: a retryable code, or a failure of AWS."""
    if answer.status not in {409, 429} and answer.status < 500:
        return False
    try:
        code = answer.json().get("code")
    except ValueError:
        return True
    return code not in FINAL.get(answer.status, set())
