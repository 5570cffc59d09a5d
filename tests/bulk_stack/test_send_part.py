import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bulk_files import Files
from bulk_settings import SendLimits
from bulk_task import BulkError
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.aws.queues import RequestsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.request import check
from personal_link.triggers import deliveries
from send_part import ALL_SENT, Gate, RowSender
from tests.aws.account import Account
from tests.bulk_stack.conftest import Put, split_up
from tests.fake_clock import FakeClock

EMAILS = [f"person{number:02}@example.com" for number in range(25)]
FILE = "Email\n" + "".join(f"{email}\n" for email in EMAILS)
LATER = 1e9


def gate(account: Account, clock: FakeClock, **limits: Any) -> Gate:
    queue = RequestsQueue(account.sqs, account.requests_url, "")
    allowed = SendLimits(**{"most_waiting": 1000, "most_in_queue": 1000, "rows_per_second": 1000, **limits})
    return Gate(queue, allowed, sleep=clock.advance, monotonic=clock.monotonic)


@pytest.fixture
def files(put: Put) -> Files:
    whole = put(FILE)
    assert split_up(whole) == "split"
    return whole


@pytest.fixture
def sender(files: Files, account: Account, clock: FakeClock) -> Callable[..., RowSender]:
    lookup = LedgerLookup(account.dynamodb, account.ledger_table, clock)
    return lambda **limits: RowSender(files, lookup, gate(account, clock, **limits))


def sent(account: Account) -> list[str]:
    return [json.loads(body)["record"]["Email"] for body in taken(account)]


def taken(account: Account) -> Iterator[str]:
    url = account.requests_url
    while received := account.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (message["Body"] for message in received)


@pytest.mark.parametrize("first", [0, 20])
def test_every_row_from_the_first_on_is_sent_as_a_message_in_the_files_order(
    sender: Callable[..., RowSender], account: Account, first: int
) -> None:
    assert sender().send(1, first, LATER) == ALL_SENT

    assert sent(account) == EMAILS[first:]


def test_a_row_with_a_ledger_item_is_not_sent_again(
    sender: Callable[..., RowSender], account: Account, ledger: Ledger, clock: FakeClock, files: Files
) -> None:
    body = next(files.read_rows(1))["body"]
    record = {"messageId": "m", "body": body, "attributes": {"SentTimestamp": "0"}}
    ledger.begin(check(deliveries.open_sqs(record)), Deadline(clock, 30.0))

    sender().send(1, 0, LATER)

    assert sent(account) == EMAILS[1:]


def test_a_row_that_occurs_twice_is_sent_once_and_none_is_skipped_when_the_queue_is_full(
    put: Put, account: Account, clock: FakeClock
) -> None:
    files = put(FILE + "".join(f"{email}\n" for email in EMAILS[:10]), name="again")
    split_up(files)
    lookup = LedgerLookup(account.dynamodb, account.ledger_table, clock)

    assert RowSender(files, lookup, gate(account, clock, most_waiting=0)).send(1, 0, ends_at=5_060.0) == 0
    RowSender(files, lookup, gate(account, clock)).send(1, 0, LATER)

    assert sent(account) == EMAILS


def test_sending_pauses_while_too_many_messages_are_visible(sender: Callable[..., RowSender], account: Account) -> None:
    assert sender(most_waiting=11).send(1, 0, ends_at=5_060.0) == 20

    assert sent(account) == EMAILS[:20]


def test_sending_pauses_while_the_queue_holds_too_many(sender: Callable[..., RowSender], account: Account) -> None:
    """Messages in flight and in back-off count: in an outage nothing waits, and all of them are there."""
    sender().send(1, 20, LATER)
    in_flight = len(sent(account))

    assert sender(most_in_queue=in_flight + 10).send(1, 0, ends_at=5_060.0) == 10


def test_sending_waits_until_a_full_queue_has_room(
    sender: Callable[..., RowSender], account: Account, clock: FakeClock
) -> None:
    full = sender(most_waiting=5)
    looks: list[float] = []
    full.gate.sleep = lambda seconds: (looks.append(seconds), clock.advance(seconds), list(taken(account)))  # type: ignore[assignment, func-returns-value]

    assert full.send(1, 0, LATER) == ALL_SENT
    assert looks.count(0.1) == 2


def test_rows_are_sent_at_no_more_than_the_given_rate(sender: Callable[..., RowSender], clock: FakeClock) -> None:
    began = clock.monotonic()

    sender(rows_per_second=5).send(1, 0, LATER)

    assert clock.monotonic() - began == 4.0  # 20 rows before the last batch


def test_no_batch_starts_that_would_end_after_the_deadline(sender: Callable[..., RowSender], clock: FakeClock) -> None:
    assert sender(rows_per_second=1).send(1, 0, ends_at=clock.monotonic() + 15) == 20


def test_no_row_is_sent_after_the_file_was_replaced(
    sender: Callable[..., RowSender], put: Put, account: Account
) -> None:
    put("Email\nother@example.com\n")

    assert sender().send(1, 0, LATER) == ALL_SENT
    assert sent(account) == []


def test_the_task_fails_when_sqs_does_not_accept_every_row(
    sender: Callable[..., RowSender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RequestsQueue, "send", lambda _queue, _bodies: {3})

    with pytest.raises(BulkError, match="the requests queue did not take every row"):
        sender().send(1, 0, LATER)
