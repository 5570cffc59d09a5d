"""Send a test request and read its outcome from the ledger, because the results belong to the queue's consumer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from operate import logs
from operate.ledger_reader import Entry, LedgerReader, Standing, ledger_of
from operate.send.event_entries import no_entry
from operate.stack import Stack
from operate.terminal.failures import WrongCall, denied_action
from operate.terminal.screen import when
from personal_link.aws.queues import LONGEST_WAIT
from personal_link.domain import strict_json
from personal_link.domain.errors import Refused
from personal_link.domain.request import LinkRequest, check, require_known_headings
from personal_link.settings import Reader
from personal_link.triggers import deliveries

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LOOK_EVERY: Final = 0.5  # seconds
READ_EVERY: Final = 5.0  # seconds; CloudWatch limits how often a log is read
_PUT_EVENTS: Final = {"Source", "DetailType", "Detail"}


@dataclass(frozen=True)
class TrialRequest:
    """One request for the requests queue."""

    stack: Stack
    sqs: "SQSClient"
    ledger: LedgerReader

    @classmethod
    def to(cls, stack: Stack) -> "TrialRequest":
        """Return a request to a stack."""
        return cls(stack, stack.account.client("sqs"), ledger_of(stack))

    def check(self, body: str) -> Entry:
        """Return the ledger's entry of the request in a body, before it is sent.

        Raises WrongCall for a request that would be refused on arrival, because it would get no ledger entry.
        """
        request = self._request(body, "00000000-0000-0000-0000-000000000000")
        entry = self.ledger.entry(request)
        if entry.standing is Standing.ANOTHERS_KEY:
            raise WrongCall("Its idempotency_key belongs to another request: choose another key.")
        if entry.standing is not Standing.SETTLED:  # a settled request is replayed, whatever the settings are now
            self._require_settings(request)
        return entry

    def send(self, body: str) -> LinkRequest:
        """Send a body; return its request, which finds the ledger entry."""
        sent = self.sqs.send_message(QueueUrl=self.stack.output("RequestsQueueUrl"), MessageBody=body)
        return self._request(body, sent["MessageId"])

    def wait(self, request: LinkRequest, seconds: float, tell: Callable[[str], None]) -> tuple[Entry, str]:
        """Return the entry of a request and where it is, when it is settled or the time is over; tell each change."""
        began, told, read_at, put_off = time.monotonic(), "", -READ_EVERY, ""
        while True:
            entry, at = self.ledger.entry(request), time.monotonic() - began
            if not entry.attempts and at - read_at >= READ_EVERY:
                read_at, put_off = at, self._put_off(request)
            line = standing_line(entry, put_off)
            if entry.standing is Standing.SETTLED or at >= seconds:
                return entry, line
            if line != told:
                tell(line)
                told = line
            time.sleep(LOOK_EVERY)

    def _put_off(self, request: LinkRequest) -> str:
        """Return why the worker has put a request off before any attempt, and until when; empty if it has not."""
        kind = {"key_digest": [request.key.digest]}
        try:
            found = [
                line
                for line in logs.lines(self.stack, kind, time.time() - LONGEST_WAIT, [logs.WORKER])
                if line.message == logs.RETRY
            ]
        except ClientError as failure:
            if not denied_action(failure):
                raise
            return ""
        if not found:
            return ""
        last = max(found, key=lambda line: line.at)
        return f"{last.text('detail').removeprefix('not started: ')}; tried at {when(last.at + last.number('wait'))}"

    def _require_settings(self, request: LinkRequest) -> None:
        parameters = self.stack.parameters
        if not (request.configuration or parameters.get("DefaultConfiguration")):
            raise WrongCall("The request names no configuration, and the stack has no DefaultConfiguration.")
        try:
            require_known_headings(request.record, Reader(parameters).names("KnownHeadings"))
        except Refused as refusal:
            raise WrongCall(f"{_problem(refusal)} Nothing was sent.") from None

    def _request(self, body: str, message_id: str) -> LinkRequest:
        record: dict[str, Any] = {"messageId": message_id, "body": body, "attributes": {"SentTimestamp": "0"}}
        try:
            return check(deliveries.open_sqs(record, self.stack.map_event))
        except Refused as refusal:
            problem = self._other_file(body) or _problem(refusal)
        raise WrongCall(f"{problem} Nothing was sent.") from None

    def _other_file(self, body: str) -> str | None:
        """Return what a file is instead of a request, if that is known."""
        try:
            content = strict_json.parse(body)
        except ValueError:
            return None
        first = content[0] if isinstance(content, list) and content else content
        if isinstance(first, dict) and _PUT_EVENTS & first.keys():
            return "It holds entries for `aws events put-events`, not a request: send it with that command."
        found = no_entry(body, self.stack)
        return f"The event has {found}." if found else None


def _problem(refusal: Refused) -> str:
    fields = (f"{name} {'; '.join(problems)}" for name, problems in refusal.errors.items())
    return " ".join([refusal.message, *(field if field.endswith("?") else f"{field}." for field in fields)])


def standing_line(entry: Entry, put_off: str = "") -> str:
    """Return where a request without an outcome is; `put_off` says why it has no attempt yet, if that is known."""
    if entry.standing is Standing.IN_FLIGHT:
        return f"attempt {entry.attempts} is in flight"
    if entry.attempts:
        ended = "ended without an answer" if entry.standing is Standing.UNANSWERED else "was not processed"
        return f"attempt {entry.attempts} {ended}; it is retried"
    return f"no attempt yet{put_off and f': {put_off}'}"
