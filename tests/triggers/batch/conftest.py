"""Batches of messages for the worker, and what became of them."""

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.deliveries import no_mapping
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.aws.account import TEN_SECONDS_AGO, Account
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

DAY = 86_400.0


@dataclass(frozen=True)
class Environment:
    """A batch worker, the AWS account and the vendor that it uses, and its clock."""

    worker: BatchWorker
    account: Account
    vendor: CustomerGaugeSandbox
    clock: FakeClock

    def work(self, *records: dict[str, Any]) -> list[str]:
        return self.worker.work(records, Deadline.after(50, self.clock))

    def having(self, **changes: Any) -> "Environment":
        """Return an environment whose worker differs in this."""
        return replace(self, worker=replace(self.worker, **changes))


@pytest.fixture
def env(account: Account, issuer: LinkIssuer, vendor: CustomerGaugeSandbox, clock: FakeClock) -> Environment:
    worker = BatchWorker(
        issuer=issuer,
        results=ResultsQueue(account.sqs, account.results_url, echo_record=True),
        requests=RequestsQueue(account.sqs, account.requests_url, account.parked_url),
        breaker=CircuitBreaker(clock, 10, lambda: 0.0),
        concurrency=10,
        map_event=no_mapping,
        retry_window=DAY,
        clock=clock,
        jitter=lambda: 0.5,
    )
    return Environment(worker, account, vendor, clock)


def a_record(
    body: str | dict[str, object] | None = None,
    message_id: str = "m-1",
    *,
    attempts: int = 1,
    sent_at: float = TEN_SECONDS_AGO,
) -> dict[str, Any]:
    content: object = {"record": {"Email": f"{message_id}@acme.example"}} if body is None else body
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt-of-{message_id}",
        "body": content if isinstance(content, str) else json.dumps(content),
        "attributes": {"ApproximateReceiveCount": str(attempts), "SentTimestamp": str(round(sent_at * 1000))},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


class Killed(BaseException):
    """What nothing catches, as when Lambda ends an environment."""


def kill(_: object) -> None:
    raise Killed


def redriven(parked: "MessageTypeDef", *, sent_at: float = TEN_SECONDS_AGO) -> dict[str, Any]:
    """Return a parked message as the worker gets it after a redrive: a new message id, its attributes kept."""
    record = a_record(parked["Body"], parked["MessageId"], sent_at=sent_at)
    record["messageAttributes"] = {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in parked["MessageAttributes"].items()
    }
    return record
