"""A delivery, run by the real classes one call at a time.

A run is a function of the answers that its calls got. So it is started anew with all answers so far, and stopped at the
first call that has none: that is the next step.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from personal_link import issue_link, observability
from personal_link.aws.ledger import Ledger
from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, NotProcessed, OutcomeUnknown, Refused, RequestError, Unanswered
from personal_link.domain.outcome import PersonalLink
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.deliveries import no_mapping
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation

START = 1_800_000_000.0
LIMIT = 20.0  # seconds of a delivery until its deadline
DAYS = 21
Trigger = Literal["http", "sqs", "direct"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of the request."""

    name: str
    trigger: Trigger
    key: str | None = "order-1"  # the caller's own
    skew: float = 0.0  # seconds by which its environment's wall clock is ahead
    other_form: bool = False  # the same request, its headings in another order and its text in another form
    redriven: bool = False  # by SQS: it was a direct invocation


@dataclass(frozen=True, slots=True)
class Call:
    """What a delivery does next."""

    to: Literal["start", "ledger", "vendor", "results", "parked"]
    arguments: str  # JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought, and when."""

    kind: str
    at: float
    content: str = ""  # JSON


@dataclass(frozen=True, slots=True)
class End:
    """How a delivery ended: with a result (its caller has it, its message is gone), to come again, or in death."""

    how: Literal["told", "again", "dead"]
    code: str = ""


class _Suspended(BaseException):
    def __init__(self, call: Call) -> None:
        self.call = call


class _Run:
    """The clock and every client of a run."""

    def __init__(self, delivery: Delivery, answers: tuple[Answer, ...]) -> None:
        self._skew = delivery.skew
        self._left = iter(answers)
        self._now = START
        self.call("start", None)

    def wall(self) -> float:
        return self._now + self._skew

    def monotonic(self) -> float:
        return START  # calls take no time; a pause is that of a frozen environment, whose monotonic clock stands

    def call(self, to: Any, arguments: object) -> Answer:
        answer = next(self._left, None)
        if answer is None:
            raise _Suspended(Call(to, json.dumps(arguments, sort_keys=True)))
        self._now = answer.at
        return answer

    # DynamoDB

    def put_item(self, **arguments: object) -> dict[str, Any]:
        answer = self.call("ledger", arguments)
        if answer.kind == "error":
            raise EndpointConnectionError(endpoint_url="https://aws.example")
        if answer.kind == "refused":
            error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
            raise ClientError(error | ({"Item": json.loads(answer.content)} if answer.content else {}), "PutItem")  # type: ignore[arg-type]
        return {}

    update_item = put_item

    # SQS

    def send_message_batch(self, QueueUrl: Any, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        if self.call(QueueUrl, [entry["MessageBody"] for entry in Entries]).kind == "error":
            raise EndpointConnectionError(endpoint_url="https://aws.example")
        return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in Entries]}

    def change_message_visibility_batch(self, **_: object) -> dict[str, Any]:
        return {}  # whether a message comes again does not hang on it

    # the vendor, and the token for it

    def authorised(self, call: Callable[[None], PersonalLink], _deadline: Deadline) -> PersonalLink:
        return call(None)

    def create_personal_link(self, _configuration: str, _record: object, _token: object, _deadline: Deadline) -> Any:
        answer = self.call("vendor", None)
        match answer.kind:
            case "link":
                return PersonalLink(None, f"https://survey.example/{answer.content}", None)
            case "duplicate":
                raise Refused(Code.DUPLICATE_RECORD, "The contact falls under a duplication rule.")
            case "gone":
                raise Refused(Code.MAPPING_NOT_FOUND, "The inbound mapping was not found.")
            case "no link":
                raise OutcomeUnknown(Code.BAD_RESPONSE, "no usable link")
            case "unavailable":
                raise NotProcessed(Code.UNAVAILABLE, "CustomerGauge answered HTTP 503")
            case _:
                raise Unanswered(Code.NO_ANSWER, "sent, no answer")


def next_of(delivery: Delivery, answers: tuple[Answer, ...]) -> Call | End:
    """Return the next step of a delivery whose calls have got these answers; the first of them only starts it."""
    _IDS[:] = [f"00000000-0000-4000-8000-{ord(delivery.name):06x}{number:06}" for number in range(9, -1, -1)]
    try:
        run: Any = _Run(delivery, answers)
        return _deliver(delivery, run)
    except _Suspended as suspended:
        return suspended.call
    finally:
        _IDS.clear()


_IDS: list[str] = []
_uuid4 = uuid.uuid4


def _next_id() -> uuid.UUID:
    return uuid.UUID(_IDS.pop()) if _IDS else _uuid4()  # outside of a run botocore asks for some


def _deliver(delivery: Delivery, run: Any) -> End:
    issuer = LinkIssuer(Ledger(run, "ledger", DAYS, run), run, run, run, "contact", sleep=lambda _: None)
    results, deadline = ResultsQueue(run, "results", echo_record=True), Deadline(run, run.monotonic() + LIMIT, 28.0)
    body = _body(delivery)
    try:
        match delivery.trigger:
            case "http":
                return End("told", HttpApi(issuer, results).serve(http_event(delivery), deadline).code)
            case "direct":
                direct = DirectInvocation(issuer, results, no_mapping, issuer.clock)
                return End("told", direct.answer(body, delivery.name, deadline)["id"])
            case "sqs":
                worker = BatchWorker(
                    issuer,
                    results,
                    RequestsQueue(run, "requests", "parked"),
                    CircuitBreaker(run, 1, lambda: 0.5),
                    86_400.0 * DAYS * 2,
                    run,
                    1,
                    no_mapping,
                    lambda: 0.5,
                )
                return End("again" if worker.work([_record(delivery, body)], deadline) else "told")
    except RequestError as error:
        return End("again", error.code)


def http_event(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as API Gateway hands it over."""
    context = {"identity": {"userArn": "arn:aws:iam::123456789012:user/shop"}, "requestId": delivery.name}
    return {"body": json.dumps(_body(delivery)), "requestContext": {**context, "requestTimeEpoch": START * 1000}}


def _body(delivery: Delivery) -> dict[str, Any]:
    record = {"Name": "Zo\u00eb", "Email": "zoe@acme.example"}
    if delivery.other_form:
        record = {"Email": "zoe@acme.example", "Name": "Zoe\u0308"}
    return {"record": record, "reference": "crm-1"} | ({"idempotency_key": delivery.key} if delivery.key else {})


def _record(delivery: Delivery, body: Mapping[str, Any]) -> dict[str, Any]:
    invocation = {"original_invocation_id": {"stringValue": "i-1"}} if delivery.redriven else {}
    return {
        "messageId": f"m-{delivery.name[0]}",
        "receiptHandle": delivery.name,
        "body": json.dumps(body),
        "attributes": {"SentTimestamp": str(round(START * 1000)), "ApproximateReceiveCount": "1"},
        "messageAttributes": invocation,
    }


def prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be logged, and fewer tries be made that are alike."""
    monkeypatch.setattr(issue_link, "SETTLE_PAUSES", (0.1,))
    for name in dir(observability):
        if name.startswith(("report_", "count_")):
            monkeypatch.setattr(observability, name, _nothing)
    monkeypatch.setattr(uuid, "uuid4", _next_id)  # another in each run, and the same in each repetition


_nothing = partial(lambda *_, **__: None)
