"""What the soak sends: requests of every kind, through each trigger, by clients that try again as good ones do."""

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

from sandbox.emulator import SandboxError
from sandbox.http_caller import HttpCaller, HttpReply
from sandbox.stack import Stack

Trigger = Literal["http", "eventbridge", "sqs"]
Kind = Literal[
    "good", "same contact", "key of another", "no campaign", "no contact", "no mapping", "invalid", "cut off"
]

TRIGGERS: tuple[Trigger, ...] = ("http", "eventbridge", "sqs")
SHARES: dict[Kind, int] = {  # in a hundred
    "good": 78,
    "same contact": 4,
    "key of another": 3,
    "no campaign": 3,
    "no contact": 3,
    "no mapping": 3,
    "invalid": 3,
    "cut off": 3,
}
DELIVERED_TWICE = 0.12  # of the good ones: the same request under the same key, through the two that share their keys
SHARE_KEYS: tuple[Trigger, ...] = ("eventbridge", "sqs")
FINAL = {409: {"outcome_unknown"}, 502: {"bad_response"}}  # of the statuses that are worth another try, those that end

_HTTP_CALLERS = 6
_PACE = 1.5  # seconds between two batches of ten through the same trigger: about what the workers can do
_LONGEST_WAIT = 10.0  # seconds before an HTTP caller tries again, whatever it is told


@dataclass(frozen=True)
class SoakRequest:
    """One request; `deliveries` names the triggers that bring it, more than one of them for a duplicate."""

    reference: str
    kind: Kind
    key: str
    contact: str | None = field(repr=False)
    body: str = field(repr=False)
    deliveries: tuple[Trigger, ...]


@dataclass
class HttpEnd:
    """How a request by HTTP ended: the last answer, and how many it took."""

    status: int
    answer: dict[str, Any] = field(repr=False)
    replayed: bool
    tries: int

    @property
    def code(self) -> str:
        """Return the error's code, or `created`."""
        return str(self.answer.get("code", "created" if self.status == 200 else "none"))


def make_requests(count: int, seed: int) -> list[SoakRequest]:
    """Return that many requests, always the same ones for a seed."""
    dice = random.Random(f"{seed}/requests")  # noqa: S311 - reproducible is what it has to be
    hundred = [kind for kind, share in SHARES.items() for _ in range(share)]
    kinds = [kind for _ in range(0, count, 100) for kind in dice.sample(hundred, 100)][:count]
    requests: list[SoakRequest] = []
    unshared: list[SoakRequest] = []  # good ones that came through one trigger
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
            key, deliveries = other.key, other.deliveries  # elsewhere it would be a key of its own
        if kind == "cut off":  # an event always holds JSON
            deliveries = (dice.choice(("http", "sqs")),)
        content = _content(kind, reference, contact)
        if "http" not in deliveries or dice.random() < 0.5 or len(deliveries) > 1:  # else only the header has it
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
    """Sends the requests: `start`, then `wait`; `http_ends` fills meanwhile."""

    def __init__(self, stack: Stack, caller: HttpCaller, requests: Sequence[SoakRequest], seed: int) -> None:
        self.http_ends: dict[str, HttpEnd] = {}
        self.sent = dict.fromkeys(TRIGGERS, 0)
        self.http_calls = 0
        self._stack = stack
        self._caller = caller
        self._dice = random.Random(f"{seed}/patience")  # noqa: S311
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
        """Tell whether everything is sent and every HTTP caller has its answer; raise what went wrong on the way."""
        for work in self._work:
            if work.done():
                work.result()
        return all(work.done() for work in self._work)

    def give_up(self) -> None:
        """Stop sending and trying again; calls under way end with the emulator at the latest."""
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
        """Call for whoever's turn it is. A caller who is told to wait is put back, and does not hold up the others."""
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
            return None  # no answer at all

    def _patience(self, answer: HttpReply | None, tries: int) -> float:
        told = answer.headers.get("retry-after", "") if answer else ""
        seconds = float(told) if told.isdigit() else self._dice.uniform(0.5, 1.0) * 2.0 ** min(tries, 4)
        return min(seconds, _LONGEST_WAIT)


def _through(trigger: Trigger, requests: Sequence[SoakRequest]) -> Iterator[SoakRequest]:
    return (request for request in requests if trigger in request.deliveries)


def _is_worth_another_try(answer: HttpReply) -> bool:
    """Tell whether the same key may bring another answer: what the README says waits, and what AWS itself failed at."""
    if answer.status not in {409, 429} and answer.status < 500:
        return False
    try:
        code = answer.json().get("code")
    except ValueError:
        return True
    return code not in FINAL.get(answer.status, set())
