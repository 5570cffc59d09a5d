"""SQS: the only sender of results and of parked messages, and the only one who makes a message wait."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from personal_link import observability
from personal_link.aws.aws_errors import aws_error_code, known_code
from personal_link.domain.errors import RequestError
from personal_link.domain.outcome import Outcome

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        MessageAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

MAX_BATCH: Final = 10  # messages in a SendMessageBatch
MAX_BYTES: Final = 1_000_000  # of a message, and of a batch: below SQS's 1 MiB, attributes included
LONGEST_WAIT: Final = 11 * 3600  # seconds; SQS hides a message for twelve hours, counted from when it was received


@dataclass(frozen=True, slots=True)
class ResultsQueue:
    """Where outcomes go."""

    sqs: "SQSClient"
    url: str
    echo_record: bool

    def send(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Send outcomes; return the positions of those that were not taken, and are to be sent again."""
        return _send(self.sqs, self.url, [self._entry(position, outcome) for position, outcome in enumerate(outcomes)])

    def body_of(self, outcome: Outcome) -> str:
        """Return the result message of an outcome, as it is sent."""
        return outcome.message(echo_record=self.echo_record)

    def _entry(self, position: int, outcome: Outcome) -> "SendMessageBatchRequestEntryTypeDef":
        return {
            "Id": str(position),
            "MessageBody": self.body_of(outcome),
            "MessageAttributes": {
                "status": _text(outcome.status),
                "code": _text(outcome.code),
                "source": _text(outcome.source.type),
            },
        }


@dataclass(frozen=True, slots=True, repr=False)
class Parked:
    """What goes to the parked queue: the original body, why, after how many tries, and what keeps its key."""

    body: str
    error: RequestError
    attempts: int
    origin: Mapping[str, str]  # attributes


@dataclass(frozen=True, slots=True)
class RequestsQueue:
    """Where requests wait, and the parked queue beside it."""

    sqs: "SQSClient"
    url: str
    parked_url: str

    def park(self, messages: Sequence[Parked]) -> set[int]:
        """Park messages; return the positions of those that were not taken, and stay where they are."""
        return _send(self.sqs, self.parked_url, [_parked(position, one) for position, one in enumerate(messages)])

    def hide(self, waits: Sequence[tuple[str, int]]) -> None:
        """Let messages, by receipt handle, come again after so many seconds at the earliest.

        If SQS refuses, they come at the end of the queue's own visibility timeout: later, not lost.
        """
        for batch in batched(enumerate(waits), MAX_BATCH, strict=False):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {"Id": str(position), "ReceiptHandle": handle, "VisibilityTimeout": min(seconds, LONGEST_WAIT)}
                for position, (handle, seconds) in batch
            ]
            try:
                response = self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
            except (ClientError, BotoCoreError) as failure:
                observability.report_not_hidden(aws_error_code(failure), len(batch))
                continue
            for entry in response.get("Failed", []):
                observability.report_not_hidden(known_code(entry["Code"]), 1)


def _send(sqs: "SQSClient", url: str, entries: "Sequence[SendMessageBatchRequestEntryTypeDef]") -> set[int]:
    """Send entries whose ids are their positions; return the positions that SQS did not take."""
    taken: set[int] = set()
    for batch in _batches(entries):
        try:
            response = sqs.send_message_batch(QueueUrl=url, Entries=batch)
        except (ClientError, BotoCoreError) as failure:
            observability.report_unsent(aws_error_code(failure), len(batch))
            continue  # the positions say that none of this batch is taken
        for entry in response.get("Failed", []):
            observability.report_unsent(known_code(entry["Code"]), 1)
        # Any HTTP 200 counts as success to botocore, so only a message id counts here.
        taken |= {int(entry["Id"]) for entry in response.get("Successful", []) if entry.get("MessageId")}
    return set(range(len(entries))) - taken


def _parked(position: int, message: Parked) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": {
            "code": _text(message.error.code),
            "detail": _text(message.error.message),
            "attempts": {"DataType": "Number", "StringValue": str(message.attempts)},
            **{name: _text(value) for name, value in message.origin.items()},
        },
    }


def _batches(
    entries: Sequence["SendMessageBatchRequestEntryTypeDef"],
) -> "Iterator[list[SendMessageBatchRequestEntryTypeDef]]":
    """Split entries where SQS would refuse them together: at ten, or at a megabyte."""
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _text(value: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": value}
