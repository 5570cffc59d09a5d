"""The journal of the console: each request that was sent or seen, and where it is now.

A request has the ids of its messages and of its event, and a result names one of them. Only a replayed result names the
first request with the key; it is given to the request that waits for a result.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sandbox.console.outcomes import Answer, Result, event_of, read_result, reference_of
from sandbox.console.queues import WHOLE, QueuedMessage, Queues
from sandbox.console.samples import JSON

Place = Literal["under way", "waiting", "result", "parked", "answered"]

ORIGINAL_MESSAGE_ID = "original_message_id"  # an attribute of parked messages
ELSEWHERE = "from elsewhere"


@dataclass(eq=False)
class Request:
    """A request and its place in the stack."""

    number: int
    way: str  # http, eventbridge, sqs
    label: str  # the sample or button
    sent_at: float
    reference: str | None = None
    content: str = field(default="", repr=False)  # as it was sent
    media_type: str = JSON
    ids: set[str] = field(default_factory=set)
    message: QueuedMessage | None = None  # its last message
    place: Place = "under way"
    seen_at: float = 0.0  # when it last had a place
    result: Result | None = None
    answer: Answer | None = None  # to an HTTP call

    @property
    def key(self) -> str:
        """The request's key on the page."""
        return f"request-{self.number}"

    @property
    def ended_at(self) -> float | None:
        """By when its result, its answer or the parked message had come; None while it waits."""
        if self.place == "result" and self.result:
            return self.result.sent_at + WHOLE
        if self.place == "answered" and self.answer:
            return self.answer.at
        return self.message.sent_at + WHOLE if self.place == "parked" and self.message else None


class Journal:
    """All requests, oldest first. Not safe for threads: its owner has a lock."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._by_id: dict[str, list[Request]] = {}
        self._results: dict[str, Result] = {}  # seen so far, by message id
        self._unclaimed: dict[str, Result] = {}
        self._numbers = 0

    def sent(self, way: str, label: str, at: float, reference: str | None, *ids: str) -> Request:
        """Note a request that was sent at a time, with the known ids of its message and event."""
        known = next((one for name in ids for one in self._by_id.get(name, ()) if one.label == ELSEWHERE), None)
        request = known or self._add(way, label, at)
        request.sent_at, request.seen_at = min(at, request.sent_at), max(at, request.seen_at)
        request.label, request.reference = label, request.reference or reference
        self._name(request, *ids)
        return request

    def observe(self, queues: Queues, now: float) -> None:
        """Update the place of each request."""
        for request in self.requests:
            request.place = "under way"
        self._find("parked", queues.parked)
        self._find("waiting", queues.requests)
        for message in queues.results:
            if message.id not in self._results:
                self._results[message.id] = self._unclaimed[message.id] = read_result(message)
        self._give_out_results()
        for request in self.requests:
            if request.result:
                request.place = "result"
            elif request.answer and not request.answer.link:
                request.place = "answered"
            if request.place != "under way":
                request.seen_at = now

    def counts(self) -> Counter[str]:
        """Count the requests at each place."""
        return Counter(request.place for request in self.requests)

    def forget_ended(self) -> None:
        """Forget all ended requests and their results."""
        kept = [request for request in self.requests if request.place in {"under way", "waiting"}]
        self.requests, self._by_id = kept, {}
        self._unclaimed.clear()
        for request in kept:
            self._name(request, *request.ids)

    def _find(self, place: Place, messages: Sequence[QueuedMessage]) -> None:
        for message in messages:
            request = self._of_message(message)
            request.message, request.place = message, place

    def _give_out_results(self) -> None:
        for message_id, result in list(self._unclaimed.items()):
            owner = self._owner(result)
            if owner is not None:
                owner.result, owner.reference = result, result.reference or owner.reference
                del self._unclaimed[message_id]

    def _owner(self, result: Result) -> Request | None:
        """Return the request of a result, or a new one; None if it is not known yet."""
        own = [one for one in self._by_id.get(result.source_id, ()) if one.result is None]
        if own:
            return own[0]
        if result.way == "http" and (caller := next(self._callers(result), None)):
            return caller
        if result.replayed and (heir := next(self._heirs(result), None)):
            return heir
        if result.source_id in self._by_id or self._may_be_claimed(result):
            return None
        request = self._add(result.way, ELSEWHERE, result.requested_at)
        self._name(request, result.source_id)
        return request

    def _callers(self, result: Result) -> Iterator[Request]:
        """Yield the HTTP calls with this result as their answer."""
        for request in self.requests:
            if request.answer and request.result is None:
                same_link = request.answer.link is not None and request.answer.link == result.link
                if same_link or (not result.link and request.answer.code == result.code):
                    yield request

    def _heirs(self, result: Result) -> Iterator[Request]:
        """Yield the requests that left the queue without a result and may have this replayed one."""
        for request in self.requests:
            gone = request.place == "under way" and request.way != "http" and request.result is None
            if gone and request.reference in {None, result.reference}:
                yield request

    def _may_be_claimed(self, result: Result) -> bool:
        """Tell whether a known request may still get this result: a call without an answer, a message in flight."""
        if result.way == "http" and any(one.way == "http" and not one.answer for one in self.requests):
            return True
        return result.replayed and any(
            one.result is None and one.reference == result.reference for one in self.requests
        )

    def _of_message(self, message: QueuedMessage) -> Request:
        original = message.attributes.get(ORIGINAL_MESSAGE_ID, message.id)
        event_id = event_of(message.content())
        found = next((one for name in (message.id, original) for one in self._by_id.get(name, ())), None)
        if found is None and event_id:  # an event of this console, seen for the first time
            found = next((one for one in self._by_id.get(event_id, ()) if one.message is None and not one.result), None)
        if found is None:
            found = self._add("eventbridge" if event_id else "sqs", ELSEWHERE, message.sent_at)
            found.reference, found.content = reference_of(message.content()), message.body
        self._name(found, message.id, original, *([event_id] if event_id else []))
        return found

    def _add(self, way: str, label: str, now: float) -> Request:
        self._numbers += 1
        request = Request(self._numbers, way, label, now)
        self.requests.append(request)
        return request

    def _name(self, request: Request, *ids: str) -> None:
        request.ids.update(ids)
        for name in ids:
            known = self._by_id.setdefault(name, [])
            if request not in known:
                known.append(request)
