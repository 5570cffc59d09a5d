"""Read the stack's queues without receiving messages, which only the emulator allows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from sandbox.aws.emulator import SandboxError, opener_that_trusts
from sandbox.aws.stack import Stack

# Seconds. A message in flight is hidden for the queue's visibility timeout, which is longer than any back-off here.
_VISIBILITY = 360
_LONGEST_IN_HAND = 60
WHOLE = 1.0  # seconds: the emulator shows the times of messages in whole ones


@dataclass(frozen=True)
class QueuedMessage:
    """A message on a queue."""

    id: str
    body: str = field(repr=False)
    sent_at: float  # epoch seconds, like visible_at
    visible_at: float
    receives: int
    attributes: Mapping[str, str]

    def content(self) -> dict[str, Any]:
        """Return the body's JSON object; an empty one for any other body."""
        return object_in(self.body)

    def in_hand(self, now: float) -> bool:
        """Tell whether the message is in flight."""
        return self.receives > 0 and _VISIBILITY - _LONGEST_IN_HAND < self.visible_at - now <= _VISIBILITY


@dataclass(frozen=True)
class Queues:
    """The three queues at one moment, each with its oldest message first."""

    requests: Sequence[QueuedMessage] = ()
    results: Sequence[QueuedMessage] = ()
    parked: Sequence[QueuedMessage] = ()


class QueueReader:
    """Read the queues of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._opener = opener_that_trusts(stack.emulator.authority)
        self._stack = stack

    def read(self) -> Queues:
        """Return the messages on the queues."""
        stack = self._stack
        try:
            with self._opener.open(f"{stack.emulator.url}/_ministack/sqs/messages", timeout=10) as answer:
                shown = json.load(answer)["messages"]
        except OSError as error:
            stack.emulator.require_alive()
            raise SandboxError(f"The emulator does not show its queues: {error}") from None
        by_name = {
            url.rpartition("/")[2]: messages
            for regions in shown.values()
            for queues in regions.values()
            for url, messages in queues.items()
        }
        urls = (stack.requests_queue_url, stack.results_queue_url, stack.parked_queue_url)
        return Queues(*(_messages(by_name.get(url.rpartition("/")[2], ())) for url in urls))

    def hold(self, queue_url: str) -> list[str]:
        """Receive all visible messages of a queue, which `read` still shows; return their receipt handles."""
        handles: list[str] = []
        while messages := self._stack.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            handles += [message["ReceiptHandle"] for message in messages]
        return handles

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete messages by receipt handle."""
        for batch in batched(handles, 10, strict=False):
            entries: Any = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(batch)]
            self._stack.sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)


def _messages(shown: Sequence[Mapping[str, Any]]) -> tuple[QueuedMessage, ...]:
    messages = [
        QueuedMessage(
            id=one["MessageId"],
            body=one["Body"],
            sent_at=float(one["SentTimestamp"]),
            visible_at=float(one["VisibleAt"]),
            receives=int(one["ReceiveCount"]),
            attributes={name: text.get("StringValue", "") for name, text in one["MessageAttributes"].items()},
        )
        for one in shown
    ]
    return tuple(sorted(messages, key=lambda message: message.sent_at))


def object_in(text: str) -> dict[str, Any]:
    """Return the JSON object in a text; an empty one for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
