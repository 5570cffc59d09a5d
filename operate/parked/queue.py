"""Read the parked queue without removing messages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import click
from botocore.exceptions import BotoCoreError, ClientError

from operate.stack import Stack
from operate.terminal.failures import denied_action
from operate.terminal.masking import known_code
from personal_link.triggers import deliveries

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN: Final = 60  # seconds that a message is hidden after it is read, unless it is released before
HIDDEN_BY_ANOTHER: Final = "parked, but hidden by another reader"
AGAIN: Final = "run this again in a minute"
LONG_POLL: Final = 1  # seconds; a short poll reads only some of the queue's servers
AT_ONCE: Final = 10  # messages per SQS call
# Attributes that Lambda adds to a failed invocation in its dead-letter queue. Any sender can write the same ones, so
# they do not count on messages that SQS moved there.
LAMBDAS_REASON: Final = "ErrorMessage"
_LAMBDAS_ATTRIBUTES: Final = frozenset({"RequestID", "ErrorCode", LAMBDAS_REASON})


@dataclass(frozen=True, slots=True, repr=False)
class ParkedMessage:
    """A parked message. Its repr does not show the body."""

    receipt_handle: str
    record: Mapping[str, Any]  # in the shape that Lambda gives to the worker

    @classmethod
    def received(cls, message: "MessageTypeDef") -> Self:
        """Return the message in an answer of SQS."""
        attributes = {
            name: {"stringValue": value["StringValue"]}
            for name, value in message.get("MessageAttributes", {}).items()
            if "StringValue" in value
        }
        if attributes.keys() >= _LAMBDAS_ATTRIBUTES and "DeadLetterQueueSourceArn" not in message["Attributes"]:
            attributes.setdefault(deliveries.ORIGINAL_INVOCATION_ID, attributes["RequestID"])
        record = {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": attributes,
        }
        return cls(message["ReceiptHandle"], record)

    @property
    def id(self) -> str:
        """The current message id."""
        return str(self.record["messageId"])

    @property
    def original_id(self) -> str:
        """The first id, of the message or of the direct invocation."""
        return deliveries.invocation_id(self.record) or deliveries.first_id(self.record)

    @property
    def body(self) -> str:
        """The original body."""
        return str(self.record["body"])

    @property
    def code(self) -> str:
        """The error code; a dash without one: parked by SQS or EventBridge, or by Lambda after a timeout."""
        return known_code(self.attribute("code") or self._lambdas_reason[0])

    @property
    def detail(self) -> str:
        """The error text; without a code, the error code of EventBridge or a dash."""
        if self.code != "-":
            return self.attribute("detail") or self._lambdas_reason[1]
        given = self.attribute("ERROR_CODE")  # of EventBridge, unless SQS moved the message: then its sender wrote it
        is_moved = "DeadLetterQueueSourceArn" in self.record["attributes"]
        return f"EventBridge: {given}" if re.fullmatch("[A-Z_]{1,64}", given) and not is_moved else "-"

    @property
    def parked_at(self) -> float:
        """When it was parked, in epoch seconds."""
        return int(self.record["attributes"]["SentTimestamp"]) / 1000

    @property
    def receives(self) -> int | None:
        """The number of receives; None if that is not known."""
        told = self.attribute("attempts")  # the public name of this attribute
        return int(told) if told.isascii() and told.isdecimal() else None

    @property
    def _lambdas_reason(self) -> tuple[str, str]:
        """Code and text of a direct invocation that Lambda parked."""
        code, _, words = self.attribute(LAMBDAS_REASON).partition(": ")
        return code, words

    def attribute(self, name: str) -> str:
        """Return an attribute of the message; empty if it does not have it."""
        value: str = self.record["messageAttributes"].get(name, {}).get("stringValue", "")
        return value

    def __repr__(self) -> str:
        return f"ParkedMessage(id={self.id!r}, code={self.code!r})"


def is_meant(message: ParkedMessage, code: str | None, before: float | None) -> bool:
    """Tell whether a message has a code and was parked before a time; None stands for any."""
    return (code is None or message.code == code) and (before is None or message.parked_at <= before)


class Sweep:
    """Iterate over each message of the queue once, in a `with` block; release all that were not deleted at its end."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._held: dict[str, str] = {}  # receipt handles, by id
        self._gone: set[str] = set()

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Return the sweep over a stack's parked queue."""
        return cls(stack.account.client("sqs"), stack.output("ParkedQueueUrl"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for batch in batched(enumerate(self._held.values()), AT_ONCE, strict=False):
            try:
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(position), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for position, handle in batch
                    ],
                )
            except (ClientError, BotoCoreError) as failure:
                # They become visible by themselves when HIDDEN is over.
                if denied_action(failure) and error is None:
                    raise

    def __iter__(self) -> Iterator[ParkedMessage]:
        """Yield messages until the queue is empty, or gives only messages that it gave since the last new one.

        A message that was not deleted becomes visible again after HIDDEN; new ones may follow it.
        """
        seen: set[str] = set()  # since the last new one
        while True:
            received = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=AT_ONCE,
                WaitTimeSeconds=LONG_POLL,
                VisibilityTimeout=HIDDEN,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
            messages = [ParkedMessage.received(message) for message in received]
            new = [one for one in messages if one.id not in self._held and one.id not in self._gone]
            self._held |= {one.id: one.receipt_handle for one in messages}
            for one in messages:
                if one.id in self._gone:  # SQS may deliver a deleted message again
                    self.delete(one)
            ids = {one.id for one in messages}
            if new:
                seen = set()
            elif not ids or ids & seen:
                return
            seen |= ids
            yield from new

    def delete(self, message: ParkedMessage) -> None:
        """Delete a message from the queue."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._held[message.id])
        del self._held[message.id]
        self._gone.add(message.id)

    def depth(self) -> int:
        """Return the approximate number of parked messages."""
        return self._count("ApproximateNumberOfMessages")

    def tell_hidden(self) -> bool:
        """Say on stderr that another reader hides all parked messages; False if it does not, or none are parked."""
        hidden = 0 if self._held or self._gone else self._count("ApproximateNumberOfMessagesNotVisible")
        if hidden:
            click.echo(f"{hidden} {HIDDEN_BY_ANOTHER}: {AGAIN}", err=True)
        return hidden > 0

    def _count(self, name: "QueueAttributeNameType") -> int:
        return int(self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])["Attributes"][name])
