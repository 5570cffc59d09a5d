"""SQS: send results, park messages, and set the visibility of messages to retry."""

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
MAX_BATCH_BYTES: Final = 1_000_000  # below SQS's 1 MiB for a message and for a batch, attributes included
LAST_CALL: Final = 84 * 3600.0  # seconds; an older message is parked without an attempt, because SQS deletes it soon
LONGEST_WAIT: Final = 11 * 3600  # seconds; SQS hides a message for at most twelve hours after it was received


@dataclass(frozen=True, slots=True)
class ResultsQueue:
    """The results queue."""

    sqs: "SQSClient"
    url: str
    echo_record: bool

    def send(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Send outcomes; return the positions of those that SQS did not accept."""
        return _send(self.sqs, self.url, [self._entry(position, outcome) for position, outcome in enumerate(outcomes)])

    def body_of(self, outcome: Outcome) -> str:
        """Return the result message of an outcome."""
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
    """A message to park: the original body, the error, the number of receives, and the attributes that keep its key."""

    body: str
    error: RequestError
    attempts: int
    origin: Mapping[str, str]  # attributes


@dataclass(frozen=True, slots=True)
class RequestsQueue:
    """The requests queue and its parked (dead-letter) queue."""

    sqs: "SQSClient"
    url: str
    parked_url: str

    def send(self, bodies: Sequence[str]) -> set[int]:
        """Send requests; return the positions of those that SQS did not accept."""
        return _send(self.sqs, self.url, [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)])

    def park(self, messages: Sequence[Parked]) -> set[int]:
        """Park messages; return the positions of those that SQS did not accept."""
        return _send(self.sqs, self.parked_url, [_parked(position, one) for position, one in enumerate(messages)])

    def hide(self, waits: Sequence[tuple[str, int]]) -> None:
        """Set the visibility timeout in seconds of messages, by receipt handle.

        If SQS refuses, the queue's own visibility timeout applies: the retry is later, not lost.
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
    """Send entries whose ids are their positions; return the positions that SQS did not accept."""
    taken: set[int] = set()
    for batch in _batches(entries):
        try:
            response = sqs.send_message_batch(QueueUrl=url, Entries=batch)
        except (ClientError, BotoCoreError) as failure:
            observability.report_unsent(aws_error_code(failure), len(batch))
            if isinstance(failure, BotoCoreError):
                break  # no answer: each further batch might hang as long
            continue  # the caller sees the whole batch as not accepted
        for entry in response.get("Failed", []):
            observability.report_unsent(known_code(entry["Code"]), 1)
        # botocore takes any HTTP 200 for success, so only a message id counts.
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
    """Split entries into batches that SQS accepts: ten messages, one megabyte."""
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _text(value: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": value}
