"""How long the ledger remembers, lost answers, many writers at once, and what an item holds."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.errors import Code, NotProcessed
from personal_link.domain.outcome import Outcome
from tests.aws.account import Account, losing_answer, one_write_at_a_time, refusing, unreachable
from tests.aws.ledger_requests import LINK, a_request, begin, begin_attempt, created
from tests.fake_clock import FakeClock

DAYS = 21 * 86_400.0  # seconds that the ledger of these tests remembers

# Forgetting


def test_an_outcome_is_remembered_for_the_days_of_the_setting_and_then_counts_as_absent(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    ledger.settle(attempt, created(attempt))

    clock.advance(DAYS - 2)
    assert isinstance(begin(ledger, a_request(), clock), Outcome)
    clock.advance(4)
    again = begin_attempt(ledger, a_request(), clock)

    assert len(account.ledger_items()) == 1, "DynamoDB has not deleted it yet"
    assert (again.number, again.earlier_unanswered) == (1, False)


def test_a_settled_request_without_a_key_is_remembered_for_one_hour(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(scope="content"), clock)
    ledger.settle(attempt, created(attempt))

    clock.advance(3598)
    assert isinstance(begin(ledger, a_request(scope="content"), clock), Outcome)
    clock.advance(4)
    assert begin_attempt(ledger, a_request(scope="content"), clock).outcome_id != attempt.outcome_id


@pytest.mark.parametrize(
    ("ends", "marked"),
    [
        pytest.param(["take_back"], False, id="reached nobody"),
        pytest.param(["leave_marked", "settle"], False, id="unanswered, then settled"),
        pytest.param(["never"], True, id="never ended"),
        pytest.param(["leave_marked"], True, id="unanswered"),
        pytest.param(["leave_marked", "take_back"], True, id="unanswered, then reached nobody"),
    ],
)
def test_the_mark_of_a_request_without_a_key_is_kept_as_long_as_any_other_and_all_else_for_an_hour(
    ledger: Ledger, clock: FakeClock, ends: list[str], *, marked: bool
) -> None:
    request = a_request(scope="content")
    for end in ends:
        attempt = begin_attempt(ledger, request, clock)
        match end:
            case "settle":
                ledger.settle(attempt, created(attempt))
            case "take_back" | "leave_marked":
                getattr(ledger, end)(attempt)

    clock.advance(DAYS - 2 if marked else 3602)

    again = begin_attempt(ledger, request, clock)
    assert (again.earlier_unanswered, again.outcome_id == attempt.outcome_id) == (marked, marked)


def test_a_settled_content_key_is_kept_for_as_long_as_any_other_when_that_is_asked_for(
    ledger: Ledger, clock: FakeClock
) -> None:
    request = a_request(scope="content")
    attempt = begin_attempt(ledger, request, clock)
    ledger.settle(attempt, created(attempt))

    ledger.keep(attempt.key)
    clock.advance(DAYS - 2)

    again = begin(ledger, request, clock)
    assert isinstance(again, Outcome)
    assert again.id == attempt.outcome_id


def test_what_is_not_settled_or_gone_is_not_kept_by_being_asked_to(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    request = a_request(scope="content")
    ledger.keep(request.key.digest)
    assert account.ledger_items() == []
    first = begin_attempt(ledger, request, clock)
    ledger.take_back(first)

    ledger.keep(first.key)
    clock.advance(3602)

    assert begin_attempt(ledger, request, clock).outcome_id != first.outcome_id


def test_an_expired_item_is_not_begun_anew_while_its_attempt_is_in_flight(account: Account, clock: FakeClock) -> None:
    forgetful = Ledger(account.dynamodb, account.ledger_table, 0, clock)
    current = begin_attempt(forgetful, a_request(), clock)
    clock.advance(2)

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(forgetful, a_request(), clock)

    assert forgetful.settle(current, created(current)).personal_link == LINK


def test_an_outcome_whose_item_is_gone_is_still_told(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": attempt.key}})

    outcome = ledger.settle(attempt, created(attempt))

    assert outcome == created(attempt)


# Writes whose answer got lost


def test_a_begin_repeated_because_its_answer_got_lost_meets_itself(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    with losing_answer(account.dynamodb, "PutItem"):
        attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 1
    assert not ledger.settle(attempt, created(attempt)).replayed


def test_a_take_over_repeated_because_its_answer_got_lost_meets_itself(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(), clock))

    with losing_answer(account.dynamodb, "PutItem", call=2):
        attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 2
    assert not ledger.settle(attempt, created(attempt)).replayed


def test_an_outcome_stored_twice_because_the_answer_got_lost_is_no_replay(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    with losing_answer(account.dynamodb, "UpdateItem"):
        outcome = ledger.settle(attempt, created(attempt))

    assert outcome == created(attempt)
    assert not outcome.replayed


def test_an_attempt_taken_back_twice_because_the_answer_got_lost_is_taken_back_once(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(), clock))
    second = begin_attempt(ledger, a_request(), clock)

    with losing_answer(account.dynamodb, "UpdateItem"):
        ledger.take_back(second)

    assert begin_attempt(ledger, a_request(), clock).earlier_unanswered


# Many at once


@pytest.mark.parametrize("number", [1, 2], ids=["begin", "take over"])
def test_of_twenty_that_begin_at_once_one_gets_the_attempt(
    ledger: Ledger, account: Account, clock: FakeClock, number: int
) -> None:
    if number == 2:
        begin_attempt(ledger, a_request(), clock)
        clock.advance(22)

    with one_write_at_a_time(account):
        attempts, refusals = begin_at_once(20, ledger, clock)

    assert [attempt.number for attempt in attempts] == [number]
    assert [refusal.code for refusal in refusals] == [Code.IN_PROGRESS] * 19


def begin_at_once(threads: int, ledger: Ledger, clock: FakeClock) -> tuple[list[Attempt], list[NotProcessed]]:
    start = threading.Barrier(threads)

    def try_to_begin(_: int) -> Attempt | NotProcessed:
        start.wait()
        try:
            return begin_attempt(ledger, a_request(), clock)
        except NotProcessed as refusal:
            return refusal

    with ThreadPoolExecutor(threads) as pool:
        ends = list(pool.map(try_to_begin, range(threads)))
    return [end for end in ends if isinstance(end, Attempt)], [end for end in ends if isinstance(end, NotProcessed)]


# DynamoDB out of order


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_while_dynamodb_refuses_no_attempt_begins(
    ledger: Ledger, account: Account, clock: FakeClock, code: str
) -> None:
    with refusing(account.dynamodb, "PutItem", code), pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"
    assert refusal.value.message == f"the ledger failed ({code})"


def test_while_dynamodb_is_out_of_reach_no_attempt_begins(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    with unreachable(account.dynamodb, "PutItem"), pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"


@pytest.mark.parametrize("end", ["take_back", "leave_marked"])
def test_an_attempt_whose_end_could_not_be_written_keeps_its_mark(
    ledger: Ledger, account: Account, clock: FakeClock, end: str
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(NotProcessed):
        getattr(ledger, end)(attempt)

    clock.advance(22)
    assert begin_attempt(ledger, a_request(), clock).earlier_unanswered


def test_an_item_of_another_format_is_left_alone_for_later(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    account.dynamodb.update_item(
        TableName="ledger",
        Key={"pk": {"S": attempt.key}},
        UpdateExpression="SET #format = :newer",
        ExpressionAttributeNames={"#format": "format"},
        ExpressionAttributeValues={":newer": {"S": "2"}},
    )
    clock.advance(22)
    before = account.ledger_items()

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"
    assert account.ledger_items() == before


# What an item holds


def test_an_item_holds_nothing_personal_but_the_link(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request("ada@example.com"), clock)
    ledger.settle(attempt, created(attempt))

    item = json.dumps(account.ledger_items()).lower()

    assert LINK.survey_link in item
    for personal in ("ada@", '"ada"', "lovelace", "example.com", "7946", "crm-0815", "email", "phone"):
        assert personal not in item
