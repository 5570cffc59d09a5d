"""From the ledger to the output: the lines of each part, then the whole file."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

import collect_part
import join_parts
import split_file
from bulk_files import Files
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.domain.clock import Deadline, timestamp
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import check
from personal_link.triggers import deliveries
from tests.aws.account import Account
from tests.bulk_stack.conftest import Put, split_up
from tests.fake_clock import FakeClock

FILE = "Email\nann@example.com\nbob@example.com\nbroken,row\n"
HOUR = 3600.0

Settle = Callable[[Files, int], None]
Look = Callable[..., dict[str, Any]]


@pytest.fixture
def files(put: Put) -> Files:
    whole = put(FILE)
    split_up(whole)
    return whole


@pytest.fixture
def settle(ledger: Ledger, clock: FakeClock) -> Settle:
    """Lets the worker end a row of the first part with the link number 1000 and the row's own."""

    def settle_row(files: Files, row: int) -> None:
        body = list(files.read_rows(1))[row]["body"]
        request = check(
            deliveries.open_sqs({"messageId": "m", "body": body, "attributes": {"SentTimestamp": "1795427990000"}})
        )
        attempt = ledger.begin(request, Deadline(clock, clock.monotonic() + 30))
        assert not isinstance(attempt, Outcome)
        link = PersonalLink(1000 + row, f"https://x/{row}", f"https://s/{row}")
        now = timestamp(clock.wall())
        made = Outcome(attempt.outcome_id, "created", attempt.source, now, now, 1, "contact", link)
        ledger.settle(attempt, made)

    return settle_row


@pytest.fixture
def look(account: Account, clock: FakeClock) -> Look:
    """Looks once, `after` seconds after all rows were sent."""
    sent_at = timestamp(clock.wall())

    def once(files: Files, after: float = 0.0, parts: int = 1, join_after: float | None = None) -> dict[str, Any]:
        now = clock.wall() + after
        lookup = LedgerLookup(account.dynamodb, account.ledger_table, clock)
        over = collect_part.is_over(sent_at, lambda: now)
        for part in range(1, parts + 1):
            collect_part.collect(files, lookup, part, over=over)
        return join_parts.join(files, sent_at, lambda: clock.wall() + (join_after or after))

    return once


def output(files: Files) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.read(files.run.links).decode(), newline="")))


def test_the_output_has_the_link_reason_or_waiting_status_of_each_row(files: Files, settle: Settle, look: Look) -> None:
    settle(files, 1)

    look(files)

    assert [(row["Email"], row["status"], row["survey_link"]) for row in output(files)] == [
        ("ann@example.com", "waiting", ""),
        ("bob@example.com", "created", "https://x/1"),
        ("broken", "rejected", ""),
    ]


@pytest.mark.parametrize(("after", "pause"), [(0, 10), (100, 50), (24 * HOUR, 1800)])
def test_the_pause_between_lookups_grows_with_the_time_since_sending(
    files: Files, look: Look, after: float, pause: int
) -> None:
    assert look(files, after)["pause"] == pause


def test_a_job_is_finished_when_no_row_waits(files: Files, settle: Settle, look: Look) -> None:
    settle(files, 0)
    settle(files, 1)

    found = look(files)

    assert found["outcome"] == "finished"
    assert found["summary"] == {
        "job": "orders",
        "rows": 3,
        "created": 2,
        "rejected": 1,
        "unknown": 0,
        "parked": 0,
        "waiting": 0,
        "bucket": "files",
        "links": "out/orders.links.csv",
        "summary": "out/orders.summary.json",
    }


def test_a_lookup_of_a_job_that_waits_writes_the_summary(files: Files, settle: Settle, look: Look) -> None:
    settle(files, 0)

    assert look(files, after=60)["outcome"] == "waiting"

    written = json.loads(files.read(files.run.summary))
    assert (written["state"], written["rows"], written["created"], written["waiting"]) == ("waiting", 3, 1, 1)


def test_rows_that_wait_count_as_parked_after_four_days(files: Files, settle: Settle, look: Look) -> None:
    settle(files, 0)

    # a message without an attempt is parked after 84 hours, and Retry-After may hide it for eleven more
    assert look(files, after=96 * HOUR)["outcome"] == "waiting"
    assert look(files, after=96 * HOUR + 1)["outcome"] == "finished"
    assert [row["status"] for row in output(files)] == ["created", "parked", "rejected"]


def test_a_job_is_not_finished_while_its_output_has_a_row_that_waits(files: Files, look: Look) -> None:
    assert look(files, after=96 * HOUR, join_after=97 * HOUR)["outcome"] == "waiting"


def test_a_part_whose_rows_are_all_settled_is_not_looked_up_again(
    files: Files, settle: Settle, look: Look, account: Account
) -> None:
    settle(files, 0)
    settle(files, 1)
    look(files)
    account.dynamodb.delete_table(TableName=account.ledger_table)

    assert look(files)["outcome"] == "finished"


def test_a_file_without_rows_is_finished_at_once(put: Put, look: Look) -> None:
    files = put("Email\n", name="none")
    split_up(files)

    assert look(files, parts=0)["outcome"] == "finished"
    assert files.read(files.run.links).startswith(b"Email,status,code,")


def test_the_parts_of_an_output_of_many_megabytes_follow_in_order_under_one_heading_line(
    put: Put, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, "ROWS_PER_PART", 100)
    note = "x" * 60_000
    files = put("Email,Note\n" + "".join(f"p{number}@example.com,{note}\n" for number in range(300)), name="long")
    split_up(files)

    look(files, parts=len(files.read_parts()))

    assert [row["Email"] for row in output(files)] == [f"p{number}@example.com" for number in range(300)]


def test_a_replaced_or_deleted_file_writes_no_output(files: Files, put: Put, look: Look) -> None:
    put("Email\nother@example.com\n")

    assert look(files) == {"outcome": "replaced"}
    files.s3.delete_object(Bucket=files.run.bucket, Key=files.run.key)
    assert look(files) == {"outcome": "replaced"}
    assert files.metadata(files.run.links) is None
