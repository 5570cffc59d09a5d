"""The soak's traffic: requests of every kind by each trigger, from clients that retry."""

import itertools
import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

_HTTP_CALLERS = 6  # at once
_HTTP_CALLS_WAITING = 64  # for their next try, at most; more calls wait for their first
_PACE = 1.5  # seconds between batches of ten by one trigger: about the rate of the workers
_LONGEST_WAIT = 10.0  # seconds, of an HTTP caller, also with a longer Retry-After


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
        self._counting = threading.Lock()
        self._calling = threading.Semaphore(_HTTP_CALLERS)
        self._giving_up = threading.Event()
        self._requests = requests
        self._pool = ThreadPoolExecutor(_HTTP_CALLS_WAITING, "soak")
        self._work: list[Future[None]] = []
        self._work.append(self._pool.submit(self._feed, "eventbridge", self._put_events))
        self._work.append(self._pool.submit(self._feed, "sqs", self._send_messages))
        self._work.append(self._pool.submit(self._feed, "http", self._start_calls))

    def is_over(self) -> bool:
        """Tell whether everything is sent and every HTTP caller has its answer. Raises an error of the threads."""
        done = [work for work in self._work if work.done()]
        for work in done:
            work.result()
        return len(done) == len(self._work)

    def give_up(self) -> None:
        """Stop sending and retrying. Calls in flight end with the emulator at the latest."""
        self._giving_up.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _feed(self, trigger: Trigger, send: Callable[[Sequence[SoakRequest]], None]) -> None:
        requests = [request for request in self._requests if trigger in request.deliveries]
        for batch in batched(requests, 10, strict=False):
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

    def _start_calls(self, batch: Sequence[SoakRequest]) -> None:
        self._work.extend([self._pool.submit(self._call, request) for request in batch])

    def _call(self, request: SoakRequest) -> None:
        """Make an HTTP call until its answer is final; while it waits for its next try, others may call."""
        for tries in itertools.count():
            if self._giving_up.is_set():
                return
            with self._calling:
                answer = self._try(request)
            with self._counting:
                self.http_calls += 1
            if answer is not None and not _is_worth_another_try(answer):
                replayed = answer.headers.get("idempotent-replayed") == "true"
                self.http_ends[request.reference] = HttpEnd(answer.status, answer.json(), replayed, tries + 1)
                return
            self._giving_up.wait(self._patience(answer, tries))

    def _try(self, request: SoakRequest) -> HttpReply | None:
        try:
            return self._caller.send("PUT", request.body.encode(), {"Idempotency-Key": request.key})
        except OSError:
            return None  # no answer

    def _patience(self, answer: HttpReply | None, tries: int) -> float:
        told = answer.headers.get("retry-after", "") if answer else ""
        seconds = float(told) if told.isdigit() else self._dice.uniform(0.5, 1.0) * 2.0 ** min(tries, 4)
        return min(seconds, _LONGEST_WAIT)


def _is_worth_another_try(answer: HttpReply) -> bool:
    """Tell whether a retry with the same key may get another answer: a retryable code, or a failure of AWS."""
    if answer.status not in {409, 429} and answer.status < 500:
        return False
    try:
        code = answer.json().get("code")
    except ValueError:
        return True
    return code not in FINAL.get(answer.status, set())
