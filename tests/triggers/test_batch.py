"""A batch of queued requests: each ends in a result, on the parked queue, or in the queue again, on its own."""

import json
import threading
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.circuit_breaker import CircuitBreaker
from personal_link.domain.clock import Deadline
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.deliveries import no_mapping
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import (
    TEN_SECONDS_AGO,
    Account,
    answering,
    doing_before,
    on_every_call,
    refusing,
    unreachable,
    values,
    watched,
)
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

DAY = 86_400.0


@pytest.fixture
def worker(account: Account, issuer: LinkIssuer, clock: FakeClock) -> BatchWorker:
    return BatchWorker(
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


def work(worker: BatchWorker, *records: dict[str, Any]) -> list[str]:
    return worker.work(records, Deadline.after(50, worker.clock))


class AtOnce:
    """Counts who is inside at the same time; the first so many wait for each other."""

    def __init__(self, at_least: int) -> None:
        self.most = self._inside = self._entered = 0
        self._lock = threading.Lock()
        self._first = threading.Barrier(at_least)

    def enter(self, _: object) -> None:
        with self._lock:
            self._entered += 1
            is_one_of_the_first = self._entered <= self._first.parties
            self._inside += 1
            self.most = max(self.most, self._inside)
        if is_one_of_the_first:
            self._first.wait(timeout=10)

    def leave(self, _: object) -> None:
        with self._lock:
            self._inside -= 1


class Killed(BaseException):
    """What nothing catches, as when Lambda ends an environment."""


def kill(_: object) -> None:
    raise Killed


# Messages that are done


def test_a_request_ends_as_a_result_and_its_message_is_done(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    again = work(worker, a_record({"record": {"Email": "ada@acme.example"}, "reference": "crm-0815"}))

    assert again == []
    (message,) = account.results()
    assert values(message) == {"status": "created", "code": "created", "source": "sqs"}
    body = json.loads(message["Body"])
    assert body["source"] == {"type": "sqs", "id": "m-1"}
    assert body["reference"] == "crm-0815"
    assert body["personal_link"]["survey_link"] == vendor.links[0].survey_link


def test_a_whole_event_from_eventbridge_is_a_request_too(worker: BatchWorker, account: Account) -> None:
    event: dict[str, object] = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Personal Link Requested",
        "source": "crm",
        "detail": {"record": {"Email": "ada@acme.example"}},
    }

    again = work(worker, a_record(event))

    assert again == []
    (message,) = account.results()
    assert values(message)["source"] == "eventbridge"
    assert json.loads(message["Body"])["source"] == {
        "type": "eventbridge",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    }


def test_an_event_put_on_the_queue_twice_is_one_call(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    event: dict[str, object] = {"id": "e-1", "detail-type": "x", "detail": {"record": {"Email": "ada@acme.example"}}}

    work(worker, a_record(event, "m-1"))
    work(worker, a_record(event, "m-2"))

    assert len(vendor.calls("personal-link")) == 1
    assert len({json.loads(message["Body"])["id"] for message in account.results()}) == 1


def test_a_refusal_of_the_vendor_is_a_result(worker: BatchWorker, account: Account) -> None:
    again = work(worker, a_record({"record": {"Email": "no-campaign@example.com"}}))

    assert again == []
    (message,) = account.results()
    assert values(message) == {"status": "rejected", "code": "no_matching_campaign", "source": "sqs"}


def test_a_readable_message_that_is_no_valid_request_is_a_rejected_result(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    again = work(worker, a_record({"record": {"Email": ["ada@acme.example"]}, "reference": "crm-0815"}))

    assert again == []
    assert account.parked() == []
    (message,) = account.results()
    assert values(message) == {"status": "rejected", "code": "invalid_request", "source": "sqs"}
    body = json.loads(message["Body"])
    assert body["error"]["errors"] == {"record.Email": ["must be a string, a number, a boolean or null"]}
    assert body["reference"] == "crm-0815"
    assert body["attempts"] == 0
    assert vendor.calls("token") == []


@pytest.mark.parametrize("body", ['{"record": [["Email", "ada@acme.example"]]}', '{"configuration": "map-1"}'])
def test_a_request_without_a_record_that_can_be_read_is_a_rejected_result(
    worker: BatchWorker, account: Account, body: str
) -> None:
    again = work(worker, a_record(body))

    assert again == []
    (message,) = account.results()
    result = json.loads(message["Body"])
    assert result["error"]["code"] == "invalid_request"
    assert list(result["error"]["errors"]) == ["record"]
    assert result.get("record") == json.loads(body).get("record")


def test_a_request_by_sns_is_done_once_however_often_sns_delivers_it(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    published = {"Type": "Notification", "MessageId": "n-1", "Message": '{"record": {"Email": "ada@acme.example"}}'}

    again = work(worker, a_record(dict(published), "m-1"), a_record(dict(published), "m-2"))

    assert again == []
    assert len(vendor.calls("personal-link")) == 1
    first, second = (json.loads(message["Body"]) for message in account.results())
    assert (first["status"], first["source"]) == ("created", {"type": "sqs", "id": "n-1"})
    assert second == {**first, "replayed": True}


def test_a_rejected_result_sent_again_is_the_same_to_the_byte(worker: BatchWorker, account: Account) -> None:
    record = a_record({"record": {}})

    work(worker, record)
    work(worker, {**record, "attributes": {**record["attributes"], "ApproximateReceiveCount": "2"}})

    first, second = account.results()
    assert first["Body"] == second["Body"]


def test_a_request_that_is_too_large_is_a_rejected_result(worker: BatchWorker, account: Account) -> None:
    work(worker, a_record({"record": {"Notes": "x" * 70_000}}))

    (message,) = account.results()
    assert values(message)["code"] == "too_large"
    assert json.loads(message["Body"])["record"] == {"Notes": "x" * 70_000}


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        pytest.param(
            json.dumps({"record": {"Notes": "x" * 500_000}}),
            "too_large",
            "The body is too large to be read: a request has at most 65536 bytes.",
            id="too large",
        ),
        pytest.param(
            json.dumps({"record": {"é" * 150_000: []}}, ensure_ascii=False),
            "invalid_request",
            "The request is not valid: see record.",
            id="too large once it is ASCII",
        ),
        pytest.param(
            '{"record": {"Score": 1e999}, "reference": "order-7"}',
            "invalid_request",
            "The request is not valid: see record.",
            id="a number that JSON writes and we cannot",
        ),
        pytest.param(
            '{"record": {"A": ' + "[" * 40 + "]" * 40 + "}}",
            "invalid_request",
            "The request is not valid: see record.",
            id="too deep for many readers",
        ),
    ],
)
def test_a_refused_request_that_no_result_can_hold_is_parked_whole_with_what_is_wrong(
    worker: BatchWorker, account: Account, body: str, code: str, detail: str
) -> None:
    again = work(worker, a_record(body))

    assert again == []
    assert account.results() == []
    (parked,) = account.parked()
    assert parked["Body"] == body
    assert (values(parked)["code"], values(parked)["detail"]) == (code, detail)


def test_a_body_that_no_request_can_have_is_parked_whole_without_being_parsed(
    worker: BatchWorker, account: Account
) -> None:
    body = "{" * (6 * 65_536 + 1)  # parsed, it would be no JSON: invalid_request

    assert work(worker, a_record(body)) == []

    (parked,) = account.parked()
    assert parked["Body"] == body
    assert values(parked)["code"] == "too_large"


def test_what_a_request_has_no_use_for_is_not_kept_while_the_batch_is_worked(
    worker: BatchWorker, account: Account
) -> None:
    junk = ', "junk": [' + "[]," * 120_000 + "[]]}"
    records = [
        a_record(f'{{"record": {{"Email": "m-{number}@acme.example"}}{junk}', f"m-{number}") for number in range(10)
    ]
    opened: list[int] = []
    tracemalloc.start()

    with doing_before(account.dynamodb, "PutItem", lambda _: opened.append(tracemalloc.get_traced_memory()[0])):
        assert work(worker, *records) == []

    tracemalloc.stop()
    assert opened[0] < 5_000_000  # with all of it, 80 MB


def test_a_key_used_for_another_request_is_a_rejected_result_of_its_own(worker: BatchWorker, account: Account) -> None:
    first = a_record({"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}, "m-1")
    other = a_record({"record": {"Email": "grace@acme.example"}, "idempotency_key": "order-1"}, "m-2")

    again = work(worker, first, other)

    assert again == []
    created, rejected = (json.loads(message["Body"]) for message in account.results())
    assert created["status"] == "created"
    assert rejected["error"]["code"] == "idempotency_key_reused"
    assert rejected["source"] == {"type": "sqs", "id": "m-2"}
    assert rejected["id"] != created["id"]


def test_two_messages_of_one_key_in_a_batch_are_one_call_and_one_answer_told_twice(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    body: dict[str, object] = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}

    again = work(worker, a_record(body, "m-1"), a_record(body, "m-2"))

    assert again == []
    assert len(vendor.calls("personal-link")) == 1
    first, second = (message["Body"] for message in account.results())
    assert second == first.replace('"replayed":false', '"replayed":true')
    assert second != first


def test_an_empty_batch_is_done(worker: BatchWorker) -> None:
    assert work(worker) == []


def test_a_rejected_result_fits_a_message_even_if_the_offending_heading_hardly_did(
    worker: BatchWorker, account: Account
) -> None:
    again = work(worker, a_record(json.dumps({"record": {"é" * 70_000: []}}, ensure_ascii=False)))

    assert again == []
    (message,) = account.results()
    assert values(message) == {"status": "rejected", "code": "invalid_request", "source": "sqs"}


# Messages that hold no request at all


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("Hello, is this the right queue?", id="text"),
        pytest.param('{"record": {"Email": "ada@acme.example"}', id="cut short"),
        pytest.param('{"record": {"Score": NaN}}', id="NaN"),
        pytest.param('{"record": {}, "record": {}}', id="a name twice"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="an array"),
        pytest.param("{}", id="an empty object"),
        pytest.param('{"Records": [{"eventSource": "aws:s3", "s3": {}}]}', id="an S3 notification"),
        pytest.param('{"Type": "Notification", "Message": "Shipped"}', id="an SNS notification without a request"),
        pytest.param('{"id": "e-1", "detail-type": "Other", "detail": {"order": 7}}', id="an event without a mapping"),
        pytest.param('{"detail-type": "Other", "detail": {"record": {"A": 1}}}', id="an event without an id"),
    ],
)
def test_what_cannot_be_read_is_parked_at_once_as_it_came(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, body: str
) -> None:
    again = work(worker, a_record(body))

    assert again == []
    (parked,) = account.parked()
    assert parked["Body"] == body
    assert values(parked)["code"] == "invalid_request"
    assert values(parked)["attempts"] == "1"
    assert account.results() == []
    assert vendor.calls("token") == []


def test_what_cannot_be_parked_stays_in_the_queue(worker: BatchWorker, account: Account) -> None:
    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"):
        again = work(worker, a_record("no JSON"))

    assert again == ["m-1"]


# Messages that come again


def test_a_message_waits_as_long_as_the_vendor_asks(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=120))
    record = account.queued_record('{"record": {"Email": "ada@acme.example"}}')

    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        again = work(worker, record)

    assert again == [record["messageId"]]
    assert changes == [
        {
            "QueueUrl": account.requests_url,
            "Entries": [{"Id": "0", "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 120}],
        }
    ]
    assert account.results() == []
    assert account.parked() == []


def test_a_message_waits_until_the_date_that_the_vendor_names(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(503, retry_after="Mon, 23 Nov 2026 10:01:30 GMT"))

    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        work(worker, a_record())

    assert [entry["VisibilityTimeout"] for change in changes for entry in change["Entries"]] == [90]


def waits_of(worker: BatchWorker, account: Account, *receives: int, message_id: str = "m-1") -> list[int]:
    """Deliver a message again and again; return how long it waits each time."""
    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        for count in receives:
            work(worker, a_record(message_id=message_id, attempts=count))
    return [entry["VisibilityTimeout"] for change in changes for entry in change["Entries"]]


@pytest.mark.parametrize(
    ("reply", "waits"),
    [
        pytest.param(Reply.error(503), [0, 1, 1, 2, 3, 4, 6, 9, 13, 19, 29, 43, 65, 97, 146, 150, 150], id="503"),
        pytest.param(Reply(fault="reset"), [0, 1, 1, 2, 3], id="no answer"),
        pytest.param(Reply.error(429), [1, 2, 2, 3, 5], id="429 without Retry-After"),
        pytest.param(Reply.error(403), [30, 45, 68, 101, 152, 228, 342, 450, 450], id="set-up fault"),
    ],
)
def test_a_message_waits_longer_with_each_attempt(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, reply: Reply, waits: list[int]
) -> None:
    vendor.script("personal-link", *[reply] * len(waits))

    assert waits_of(worker, account, *range(1, len(waits) + 1)) == waits


def test_a_record_that_a_firewall_refuses_waits_alone(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.misbehave = lambda call: Reply.html(403) if b"m-3@" in call.body else None

    first = work(replace(worker, concurrency=1), *(a_record(message_id=f"m-{n}") for n in range(5)))
    later = work(replace(worker, concurrency=1), a_record(message_id="m-3"), a_record(message_id="m-6"))

    assert (first, later) == (["m-3"], ["m-3"])
    assert [values(message)["status"] for message in account.results()] == ["created"] * 5


def test_a_firewall_that_refuses_two_records_in_a_row_makes_the_others_wait(
    worker: BatchWorker, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", *[Reply.html(403)] * 12)

    put_off = work(replace(worker, concurrency=1), *(a_record(message_id=f"m-{n}") for n in range(12)))

    assert put_off == [f"m-{n}" for n in range(12)]
    assert len(vendor.calls("personal-link")) == 9  # the first is its record's affair; eight more open the circuit


def test_a_201_with_the_documented_body_is_a_created_result(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply(201, {"data": {"survey_link": "https://cust.xx/1"}}))

    work(worker, a_record())

    (result,) = account.results()
    assert json.loads(result["Body"])["personal_link"]["survey_link"] == "https://cust.xx/1"


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0, 1, 1]), (0.999, [1, 1, 2])])
def test_chance_spreads_a_wait_up_to_its_ceiling_and_only_the_first_may_be_none(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, jitter: float, waits: list[int]
) -> None:
    vendor.script("personal-link", *[Reply.error(503)] * 3)

    assert waits_of(replace(worker, jitter=lambda: jitter), account, 1, 2, 3) == waits


def test_receives_without_an_attempt_do_not_lengthen_a_wait(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(503), Reply.error(503))

    assert waits_of(worker, account, 40, 50) == [0, 1]


def test_a_message_that_was_redriven_waits_as_a_new_one_does(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", *[Reply.error(503)] * 7)
    waits_of(worker, account, 1, 2, 3, 4, 5, 6)

    assert waits_of(worker, account, 1) == [0]


def test_a_message_that_meets_an_attempt_in_flight_waits_no_longer_the_tenth_time(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    with doing_before(account.dynamodb, "UpdateItem", kill), pytest.raises(Killed):
        work(worker, a_record())
    clock.advance(1)

    assert waits_of(worker, account, 2, 3, 10, 50) == [5, 5, 5, 5]


def test_a_message_that_was_received_fifty_times_waits_so_long_that_its_window_ends_before_its_receives(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(503), Reply.error(503))

    assert waits_of(worker, account, 50, 51) == [0, 96]


def test_a_message_comes_again_even_if_its_wait_cannot_be_set(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429))

    with unreachable(account.sqs, "ChangeMessageVisibilityBatch"):
        again = work(worker, a_record())

    assert again == ["m-1"]


def test_a_message_that_came_again_gets_its_link(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(503, retry_after=2))
    assert work(worker, a_record(attempts=1)) == ["m-1"]
    clock.advance(2.0)

    again = work(worker, a_record(attempts=2))

    assert again == []
    (message,) = account.results()
    assert json.loads(message["Body"])["status"] == "created"
    assert json.loads(message["Body"])["attempts"] == 2


def test_a_message_whose_link_was_lost_says_so(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.duplicate_rule = "campaign"
    vendor.script("personal-link", Reply(fault="close", commit=True))
    assert work(worker, a_record(attempts=1)) == ["m-1"]

    again = work(worker, a_record(attempts=2))

    assert again == []
    (message,) = account.results()
    assert values(message) == {"status": "unknown", "code": "outcome_unknown", "source": "sqs"}


def test_an_outage_of_the_ledger_costs_no_message(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with refusing(account.dynamodb, "PutItem", "ThrottlingException"):
        again = work(worker, a_record(message_id="m-1"), a_record(message_id="m-2"))

    assert again == ["m-1", "m-2"]
    assert vendor.calls("token") == []


# The end of the retry window


def test_a_message_at_the_end_of_its_window_is_parked_with_its_body_and_the_reason(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=120))
    record = a_record(attempts=288, sent_at=clock.wall() - DAY)

    again = work(worker, record)

    assert again == []
    (parked,) = account.parked()
    assert parked["Body"] == record["body"]
    assert values(parked) == {
        "code": "rate_limited",
        "detail": "CustomerGauge answered HTTP 429",
        "attempts": "288",
        "original_message_id": "m-1",
        "first_sent_at": "1795341600000",
    }
    assert account.results() == []


def test_a_message_just_before_the_end_of_its_window_waits_on(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=120))

    again = work(worker, a_record(attempts=900, sent_at=clock.wall() - DAY + 1))

    assert again == ["m-1"]
    assert account.parked() == []


def test_a_message_beyond_its_window_gets_one_more_try_before_it_is_parked(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    again = work(worker, a_record(sent_at=clock.wall() - 3 * DAY))

    assert again == []
    assert account.parked() == []
    assert len(account.results()) == 1


def test_what_was_not_started_is_not_parked_however_old_it_is(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=60))
    worker = replace(worker, concurrency=1)
    records = [a_record(message_id=f"m-{number}", sent_at=clock.wall() - 2 * DAY) for number in range(5)]

    again = work(worker, *records)

    assert again == ["m-1", "m-2", "m-3", "m-4"]  # the first had its attempt
    assert [values(message)["code"] for message in account.parked()] == ["rate_limited"]
    clock.advance(60.0)
    assert work(worker, *records[1:]) == []
    assert len(account.results()) == 4


def test_what_the_ledger_let_nobody_begin_is_not_parked_either(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    with refusing(account.dynamodb, "PutItem", "ThrottlingException"):
        again = work(worker, a_record(sent_at=clock.wall() - 2 * DAY))

    assert again == ["m-1"]
    assert account.parked() == []


def test_what_could_not_be_started_for_so_long_that_sqs_would_delete_it_is_parked(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    with refusing(account.dynamodb, "PutItem", "ThrottlingException"):
        again = work(worker, a_record(sent_at=clock.wall() - 84 * 3600))

    assert again == []
    assert [values(message)["code"] for message in account.parked()] == ["internal_error"]


def test_a_message_beyond_its_window_gets_its_attempt_although_the_circuit_is_open(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", *[Reply.error(503)] * 11)
    work(worker, *(a_record(message_id=f"m-{number}") for number in range(8)))

    again = work(
        worker,
        a_record(message_id="young"),
        *(a_record(message_id=f"old-{number}", sent_at=clock.wall() - DAY) for number in range(3)),
    )

    assert again == ["young"]
    assert len(vendor.calls("personal-link")) == 11
    assert [values(message)["attempts"] for message in account.parked()] == ["1", "1", "1"]


def test_a_message_parked_without_an_answer_and_redriven_still_knows_its_attempt(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    vendor.script("personal-link", Reply(fault="reset", commit=True))
    work(worker, a_record(sent_at=clock.wall() - DAY))
    (parked,) = account.parked()

    again = work(worker, redriven(parked))

    assert again == []
    (message,) = account.results()
    assert values(message)["code"] == "outcome_unknown"
    assert json.loads(message["Body"])["source"] == {"type": "sqs", "id": "m-1"}


def test_a_message_parked_twice_still_has_its_first_id(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(429), Reply.error(429))
    work(worker, a_record(message_id="m-1", sent_at=clock.wall() - DAY))
    (parked,) = account.parked()

    work(worker, redriven(parked, sent_at=clock.wall() - DAY))

    (parked_again,) = account.parked()
    assert parked_again["MessageId"] != parked["MessageId"]
    assert values(parked_again)["original_message_id"] == "m-1"


def test_an_invocation_that_was_parked_twice_is_still_known_as_one(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    attributes = {"original_invocation_id": {"stringValue": "i-1", "dataType": "String"}}
    vendor.script("personal-link", Reply.error(429))
    work(worker, {**a_record(message_id="m-1", sent_at=clock.wall() - DAY), "messageAttributes": attributes})
    (parked,) = account.parked()
    clock.advance(60)

    work(worker, redriven(parked))

    assert values(parked)["original_invocation_id"] == "i-1"
    assert "original_message_id" not in values(parked)
    (message,) = account.results()
    assert json.loads(message["Body"])["source"] == {"type": "direct", "id": "i-1"}


def redriven(parked: "MessageTypeDef", *, sent_at: float = TEN_SECONDS_AGO) -> dict[str, Any]:
    """Return a parked message as the worker gets it after a redrive: a new message id, its attributes kept."""
    record = a_record(parked["Body"], parked["MessageId"], sent_at=sent_at)
    record["messageAttributes"] = {
        name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
        for name, value in parked["MessageAttributes"].items()
    }
    return record


# A vendor that is down


def test_what_is_not_started_while_the_vendor_rests_goes_back_untouched(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=60))

    one_at_a_time = replace(worker, concurrency=1)

    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        again = work(one_at_a_time, *(a_record(message_id=f"m-{number}") for number in range(3)))

    assert again == ["m-0", "m-1", "m-2"]
    assert len(vendor.calls("personal-link")) == 1
    assert [entry["VisibilityTimeout"] for entry in changes[0]["Entries"]] == [60, 60, 60]
    assert len(account.ledger_items()) == 1


def test_what_cannot_be_read_is_parked_at_once_even_while_the_vendor_rests(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=60))

    again = work(worker, a_record(message_id="m-1"), a_record("{", "m-2"), a_record({"record": {}}, "m-3"))

    assert again == ["m-1"]
    assert [values(message)["code"] for message in account.parked()] == ["invalid_request"]
    assert [values(message)["code"] for message in account.results()] == ["invalid_request"]


def test_after_the_wait_that_was_asked_for_calls_are_made_again(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=60))
    work(worker, a_record(message_id="m-1"))
    clock.advance(60.0)

    again = work(worker, a_record(message_id="m-1", attempts=2), a_record(message_id="m-2", attempts=2))

    assert again == []
    assert len(account.results()) == 2


# At the same time


def test_the_messages_of_a_batch_are_worked_at_the_same_time(worker: BatchWorker, account: Account) -> None:
    all_ten = threading.Barrier(10)

    with on_every_call(account.dynamodb, "PutItem", lambda _: all_ten.wait(timeout=10)):
        again = work(worker, *(a_record(message_id=f"m-{number}") for number in range(10)))

    assert again == []
    assert not all_ten.broken
    assert len(account.results()) == 10


def test_no_more_of_them_than_the_setting_allows(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    at_once = AtOnce(at_least=3)

    with (
        on_every_call(account.dynamodb, "PutItem", at_once.enter),
        on_every_call(account.dynamodb, "UpdateItem", at_once.leave),
    ):
        work(replace(worker, concurrency=3), *(a_record(message_id=f"m-{number}") for number in range(10)))

    assert len(vendor.links) == 10
    assert at_once.most == 3


def test_their_results_go_out_together_in_their_order(worker: BatchWorker, account: Account) -> None:
    with watched(account.sqs, "SendMessageBatch") as sent:
        work(worker, *(a_record(message_id=f"m-{number}") for number in range(10)))

    (batch,) = sent
    sources = [json.loads(entry["MessageBody"])["source"]["id"] for entry in batch["Entries"]]
    assert sources == [f"m-{number}" for number in range(10)]


def open_the_circuit(worker: BatchWorker, vendor: CustomerGaugeSandbox, clock: FakeClock) -> None:
    """Let eight messages fail, and the rest that follows pass."""
    vendor.script("personal-link", *[Reply.error(502)] * 8)
    work(worker, *(a_record(message_id=f"failed-{number}") for number in range(8)))
    clock.advance(7.5)


def test_half_open_one_message_alone_is_tried(
    worker: BatchWorker, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    open_the_circuit(worker, vendor, clock)
    vendor.script("personal-link", Reply.error(502))

    again = work(worker, *(a_record(message_id=f"m-{number}") for number in range(1, 7)))

    assert again == ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]
    assert len(vendor.calls("personal-link")) == 9


def test_once_a_probe_has_succeeded_the_others_of_its_batch_are_worked_too(
    worker: BatchWorker, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    open_the_circuit(worker, vendor, clock)

    again = work(worker, *(a_record(message_id=f"m-{number}") for number in range(1, 7)))

    assert again == []
    assert len(vendor.links) == 6


def test_the_second_message_of_a_key_does_not_probe_after_the_first_has(
    worker: BatchWorker, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    open_the_circuit(worker, vendor, clock)
    vendor.script("personal-link", Reply.error(502))
    body: dict[str, object] = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}

    again = work(worker, a_record(body, "m-1"), a_record(body, "m-2"))

    assert again == ["m-1", "m-2"]
    assert len(vendor.calls("personal-link")) == 9


@pytest.mark.parametrize("settled_before", [False, True])
def test_a_permit_is_given_back_however_a_message_ends(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, *, settled_before: bool
) -> None:
    one_permit = replace(worker, breaker=CircuitBreaker(worker.clock, 1))
    if settled_before:
        work(one_permit, a_record(message_id="m-1"))
    with refusing(account.dynamodb, "PutItem", "ThrottlingException"):
        work(one_permit, a_record(message_id="m-1"), a_record(message_id="m-2"))
    vendor.script("personal-link", Reply.error(404), Reply(fault="reset"), Reply(200, "no link"))
    work(one_permit, *(a_record(message_id=f"m-{number}") for number in range(3, 6)))

    assert work(one_permit, a_record(message_id="m-9")) == []


def test_a_lease_begins_when_the_permit_is_there_not_when_the_waiting_began(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    one_permit = replace(worker, breaker=CircuitBreaker(clock, 1))

    with (
        watched(account.dynamodb, "PutItem") as begun,
        on_every_call(account.dynamodb, "UpdateItem", lambda _: clock.advance(7.0)),
    ):
        work(one_permit, a_record(message_id="m-1"), a_record(message_id="m-2"))

    first, second = (float(put["Item"]["lease_until"]["N"]) for put in begun)
    assert second == first  # both end with the invocation's deadline; neither took the other's time


def test_a_token_server_that_is_down_is_asked_once_for_a_whole_batch(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    all_five = threading.Barrier(5)
    vendor.script("token", Reply(503, delay=0.5))

    with on_every_call(account.dynamodb, "PutItem", lambda _: all_five.wait(timeout=10)):
        again = work(worker, *(a_record(message_id=f"m-{number}") for number in range(5)))

    assert again == ["m-0", "m-1", "m-2", "m-3", "m-4"]
    assert len(vendor.calls("token")) == 1


# One for all, none for one


def test_every_message_of_a_mixed_batch_ends_in_its_own_place(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    faults = {b"ambiguous@": Reply.html(502), b"busy@": Reply.error(429, retry_after=2)}
    vendor.misbehave = lambda call: next((reply for mark, reply in faults.items() if mark in call.body), None)

    again = work(
        worker,
        a_record({"record": {"Email": "ada@acme.example"}}, "created"),
        a_record({"record": {"Email": "ambiguous@acme.example"}}, "ambiguous"),
        a_record("{", "unreadable"),
        a_record({"record": {}}, "invalid"),
        a_record({"record": {"Email": "duplicate@example.com"}}, "duplicate"),
        a_record({"record": {"Email": "grace@acme.example"}}, "created-too"),
        a_record({"record": {"Email": "busy@acme.example"}}, "busy"),
    )

    assert again == ["ambiguous", "busy"]
    assert [message["Body"] for message in account.parked()] == ["{"]
    results = {json.loads(message["Body"])["source"]["id"]: values(message)["code"] for message in account.results()}
    assert results == {
        "created": "created",
        "invalid": "invalid_request",
        "duplicate": "duplicate_record",
        "created-too": "created",
    }
    assert len(vendor.links) == 2


@pytest.mark.parametrize("missing", ["body", "attributes"])
def test_a_record_that_nobody_expected_leaves_the_others_alone(
    worker: BatchWorker, account: Account, missing: str
) -> None:
    odd = a_record(message_id="odd")
    del odd[missing]

    again = work(worker, a_record(message_id="before"), odd, a_record(message_id="after"))

    assert again == ["odd"]
    results = [json.loads(message["Body"])["source"]["id"] for message in account.results()]
    assert results == ["before", "after"]


def test_without_the_results_queue_all_come_again_and_nothing_is_called_twice(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    records = [a_record(message_id=f"m-{number}") for number in range(10)]

    with refusing(account.sqs, "SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue"):
        first = work(worker, *records)
    assert first == [f"m-{number}" for number in range(10)]
    assert account.results() == []
    again = work(worker, *records)

    assert again == []
    assert len(vendor.calls("personal-link")) == 10
    links = {json.loads(message["Body"])["personal_link"]["survey_link"] for message in account.results()}
    assert links == {link.survey_link for link in vendor.links}


def test_a_link_of_a_redriven_invocation_whose_result_was_not_sent_waits_for_weeks(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    redriven = a_record({"record": {"Email": "ada@acme.example"}})  # no key of its own: its content is the key
    redriven["messageAttributes"] = {"original_invocation_id": {"stringValue": "invocation-1"}}
    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"):
        assert work(worker, redriven) == ["m-1"]
    clock.advance(20 * DAY)

    assert work(worker, redriven) == []

    (message,) = account.results()
    assert values(message)["status"] == "created"
    assert len(vendor.calls("personal-link")) == 1


def test_a_result_that_was_not_taken_brings_only_its_own_message_again(worker: BatchWorker, account: Account) -> None:
    answer = {"Successful": [{"Id": "0", "MessageId": "r-0"}, {"Id": "2", "MessageId": "r-2"}]}

    with answering(account.sqs, "SendMessageBatch", answer):
        again = work(worker, *(a_record(message_id=f"m-{number}") for number in range(3)))

    assert again == ["m-1"]


def test_a_result_that_cannot_be_sent_until_the_window_ends_is_parked(
    worker: BatchWorker, account: Account, clock: FakeClock
) -> None:
    record = a_record(sent_at=clock.wall() - DAY)

    account.sqs.delete_queue(QueueUrl=account.results_url)

    again = work(worker, record)

    assert again == []
    (parked,) = account.parked()
    assert parked["Body"] == record["body"]
    assert values(parked)["code"] == "internal_error"


def test_death_before_the_results_are_sent_loses_no_link(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    with doing_before(account.sqs, "SendMessageBatch", kill), pytest.raises(Killed):
        work(worker, a_record(message_id="m-1"), a_record(message_id="m-2"))

    again = work(worker, a_record(message_id="m-1", attempts=2), a_record(message_id="m-2", attempts=2))

    assert again == []
    assert len(vendor.calls("personal-link")) == 2
    links = {json.loads(message["Body"])["personal_link"]["survey_link"] for message in account.results()}
    assert links == {link.survey_link for link in vendor.links}


def test_death_after_the_results_are_sent_repeats_them_to_the_byte(worker: BatchWorker, account: Account) -> None:
    work(worker, a_record(attempts=1))  # and the message is never deleted
    (first,) = account.results()

    work(worker, a_record(attempts=2))

    (second,) = account.results()
    assert second["Body"] == first["Body"].replace('"replayed":false', '"replayed":true')


def test_what_no_time_is_left_for_comes_again(
    worker: BatchWorker, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    again = worker.work([a_record(message_id="m-1"), a_record(message_id="m-2")], Deadline.after(1, worker.clock))

    assert again == ["m-1", "m-2"]
    assert vendor.calls("token") == []
    assert account.ledger_items() == []
