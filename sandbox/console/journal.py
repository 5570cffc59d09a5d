"""The journal of the console: each request that was sent or seen, and where it is now.

A request has the ids of its messages and of its event, and a result names one of them. Only a replayed result names the
first request with the key; it is given to the request that waits for a result.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.console.queues import QueuedMessage, Queues

Place = Literal["under way", "waiting", "result", "parked", "answered"]

ORIGINAL_MESSAGE_ID = "original_message_id"  # an attribute of parked messages
ELSEWHERE = "from elsewhere"


@dataclass(frozen=True)
class Result:
    """The part of a result message that the console shows."""

    message_id: str
    way: str
    source_id: str
    status: str
    code: str
    replayed: bool
    reference: str | None
    link: str | None = field(repr=False)
    message: str = field(repr=False)


@dataclass(eq=False)
class Request:
    """A request and its place in the stack."""

    number: int
    way: str  # http, eventbridge, sqs
    label: str  # the sample or button
    sent_at: float
    reference: str | None = None
    ids: set[str] = field(default_factory=set)
    message: QueuedMessage | None = None  # its last message
    place: Place = "under way"
    seen_at: float = 0.0  # when it last had a place
    result: Result | None = None
    answer: tuple[int, str] | None = None  # of an HTTP call: status, and code or link
    link: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The request's key on the page."""
        return f"request-{self.number}"


class Journal:
    """All requests, oldest first. Not safe for threads: its owner has a lock."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._by_id: dict[str, list[Request]] = {}
        self._results: dict[str, Result] = {}  # seen so far, by message id
        self._unclaimed: dict[str, Result] = {}
        self._numbers = 0

    def sent(self, way: str, label: str, now: float, reference: str | None, *ids: str) -> Request:
        """Note a sent request with the known ids of its message and event."""
        known = next((one for name in ids for one in self._by_id.get(name, ()) if one.label == ELSEWHERE), None)
        request = known or self._add(way, label, now)
        request.seen_at = now
        request.label, request.reference = label, request.reference or reference
        self._name(request, *ids)
        return request

    def answered(self, request: Request, status: int, code: str, link: str | None) -> None:
        """Note the answer to an HTTP call, which is its end if it has no result."""
        request.answer, request.link = (status, code), link

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
            elif request.answer and not request.link:
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
        request = self._add(result.way, ELSEWHERE, 0.0)
        self._name(request, result.source_id)
        return request

    def _callers(self, result: Result) -> Iterator[Request]:
        """Yield the HTTP calls with this result as their answer."""
        for request in self.requests:
            if request.answer and request.result is None:
                same_link = request.link is not None and request.link == result.link
                if same_link or (not result.link and request.answer[1] == result.code):
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
            found.reference = reference_of(message.content())
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


def event_of(content: dict[str, Any]) -> str | None:
    """Return the id of a whole EventBridge event; None for any other content."""
    event_id = content.get("id")
    return event_id if "detail-type" in content and isinstance(event_id, str) and event_id else None


def reference_of(content: dict[str, Any]) -> str | None:
    """Return the reference in a request or in an event's detail; None without one."""
    for holder in (content, content.get("detail")):
        if isinstance(holder, dict) and isinstance(holder.get("reference"), str):
            return str(holder["reference"])
    return None


def read_result(message: QueuedMessage) -> Result:
    """Return the result in a message."""
    content = message.content()
    error, link, source = (content.get(name) or {} for name in ("error", "personal_link", "source"))
    return Result(
        message_id=message.id,
        way=str(source.get("type", "?")),
        source_id=str(source.get("id", message.id)),
        status=str(content.get("status", "?")),
        code=str(error.get("code", "created")),
        replayed=content.get("replayed") is True,
        reference=content.get("reference"),
        link=link.get("survey_link"),
        message=str(error.get("message", "")),
    )
