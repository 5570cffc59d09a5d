"""The ledger: one attempt at a time, one outcome a key, for as long as it is to be remembered.

What happens when deliveries meet, die or lose an answer is in tests/model and tests/crash.
"""

import json
from dataclasses import replace

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.errors import NotProcessed, Refused
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source
from tests.aws.account import doing_before, refusing, unreachable
from tests.aws.conftest import DAYS, LINK, Books, a_request, created
from tests.tables import table

LINK_OF_ANOTHER = PersonalLink(99999, "https://eu.customergauge.com/r/zzz", "https://cgqa.eu/zzz")


# Beginning and settling


def test_the_first_begin_of_a_key_returns_attempt_number_one(books: Books) -> None:
    attempt = books.attempt()

    assert attempt.number == 1
    assert not attempt.earlier_unanswered
    assert attempt.source == Source("sqs", "m-1")
    assert attempt.requested_at == "2026-11-23T09:59:59.500Z"


def test_a_settled_request_is_replayed_with_its_message_marked_as_replayed(books: Books) -> None:
    attempt = books.attempt()
    first = books.ledger.settle(attempt, created(attempt))
    books.clock.advance(3600)

    again = books.begin(a_request(source="m-2"))

    assert isinstance(again, Outcome)
    assert again.personal_link == LINK
    told = first.message(echo_record=True)
    assert again.message(echo_record=True) == told.replace('"replayed":false', '"replayed":true')


@pytest.mark.parametrize("settled", [True, False])
def test_a_key_used_for_another_request_is_refused(books: Books, *, settled: bool) -> None:
    books.settled() if settled else books.attempt()

    with pytest.raises(Refused) as refusal:
        books.begin(a_request(record={"Email": "grace@example.com"}))

    assert refusal.value.code == "idempotency_key_reused"


# Attempts in flight and ended attempts


@pytest.mark.parametrize(("passed", "hint"), [(0.0, 5.0), (18.0, 3.0), (20.75, 1.0)])
def test_a_request_in_flight_is_to_be_retried_after_five_seconds_or_when_its_lease_ends(
    books: Books, passed: float, hint: float
) -> None:
    books.attempt()
    books.clock.advance(passed)

    assert books.in_progress().retry_after == pytest.approx(hint)


def test_the_lease_lasts_eleven_seconds_longer_than_the_attempts_deadline(books: Books) -> None:
    books.attempt()

    books.clock.advance(10 + 10.9)
    books.in_progress()
    books.clock.advance(0.2)
    assert books.attempt().number == 2


def test_an_attempt_after_one_that_never_ended_is_marked_and_keeps_the_source_and_id_of_the_first(books: Books) -> None:
    first = books.attempt(a_request(source="m-1"))
    books.clock.advance(22)

    second = books.attempt(a_request(source="m-2"))

    assert (second.number, second.earlier_unanswered) == (2, True)
    assert second.source == Source("sqs", "m-1")
    assert (second.outcome_id, second.requested_at) == (first.outcome_id, first.requested_at)


@table(
    "ends, unanswered",
    ("taken back", ["take_back"], False),
    ("unanswered", ["leave_marked"], True),
    ("unanswered, then one taken back", ["leave_marked", "take_back"], True),
)
def test_an_attempt_that_has_ended_frees_the_key_at_once(books: Books, ends: list[str], *, unanswered: bool) -> None:
    for end in ends:
        getattr(books.ledger, end)(books.attempt())

    attempt = books.attempt()

    assert (attempt.number, attempt.earlier_unanswered) == (len(ends) + 1, unanswered)


# Attempts whose lease has expired


def test_an_attempt_whose_lease_expired_cannot_settle_while_another_is_in_flight(books: Books) -> None:
    late = books.attempt()
    books.clock.advance(22)
    current = books.attempt()

    with pytest.raises(NotProcessed) as refusal:
        books.ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert refusal.value.code == "in_progress"
    assert books.ledger.settle(current, created(current)).personal_link == LINK


def test_an_attempt_whose_lease_expired_gets_the_outcome_that_another_stored(books: Books) -> None:
    late = books.attempt()
    books.clock.advance(22)
    current = books.settled()

    outcome = books.ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert outcome == replace(created(current), replayed=True)


def test_an_attempt_whose_lease_expired_cannot_take_back_another_in_flight(books: Books) -> None:
    late = books.attempt()
    books.clock.advance(22)
    books.attempt()

    books.ledger.take_back(late)

    books.in_progress()


def test_a_take_over_does_not_restore_a_mark_that_is_taken_back_at_the_same_time(books: Books) -> None:
    books.ledger.leave_marked(books.attempt())
    late = books.attempt()
    books.clock.advance(22)

    with doing_before(books.account.dynamodb, "PutItem", lambda _: books.ledger.take_back(late), call=2):
        books.in_progress()

    (item,) = books.account.ledger_items()
    assert (item["attempts"], item["unanswered"]) == ({"N": "2"}, {"N": "1"})


# Retention


def test_an_outcome_is_remembered_for_the_configured_days_and_then_counts_as_absent(books: Books) -> None:
    books.settled()

    books.clock.advance(DAYS - 2)
    assert isinstance(books.begin(), Outcome)
    books.clock.advance(4)
    again = books.attempt()

    assert len(books.account.ledger_items()) == 1, "DynamoDB has not deleted it yet"
    assert (again.number, again.earlier_unanswered) == (1, False)


@table(
    "ends, passed, result",
    ("settled", ["settle"], 3598, "replayed"),
    ("settled, an hour ago", ["settle"], 3602, "forgotten"),
    ("settled and kept", ["settle", "keep"], DAYS - 2, "replayed"),
    ("taken back", ["take_back"], 3602, "forgotten"),
    ("taken back, which keep does not extend", ["take_back", "keep"], 3602, "forgotten"),
    ("unanswered, then settled", ["leave_marked", "settle"], 3602, "forgotten"),
    ("never ended", ["never"], DAYS - 2, "marked"),
    ("unanswered", ["leave_marked"], DAYS - 2, "marked"),
    ("unanswered, then one taken back", ["leave_marked", "take_back"], DAYS - 2, "marked"),
)
def test_without_a_key_an_unanswered_or_kept_attempt_is_remembered_for_the_configured_days_and_any_other_for_an_hour(
    books: Books, ends: list[str], passed: float, result: str
) -> None:
    request = a_request(scope="content")
    attempt = books.attempt(request)
    for number, end in enumerate(ends):
        if end == "keep":
            books.ledger.keep(attempt.key)
            continue
        attempt = books.attempt(request) if number else attempt
        if end == "settle":
            books.ledger.settle(attempt, created(attempt))
        elif end != "never":
            getattr(books.ledger, end)(attempt)

    books.clock.advance(passed)

    again = books.begin(request)
    is_the_same = (again.id if isinstance(again, Outcome) else again.outcome_id) == attempt.outcome_id
    assert is_the_same == (result != "forgotten")
    assert isinstance(again, Outcome) == (result == "replayed")
    assert (isinstance(again, Attempt) and again.earlier_unanswered) == (result == "marked")


def test_an_expired_item_is_not_overwritten_while_its_attempt_is_in_flight(books: Books) -> None:
    forgetful = replace(books, ledger=Ledger(books.account.dynamodb, books.account.ledger_table, 0, books.clock))
    current = forgetful.attempt()
    books.clock.advance(2)

    forgetful.in_progress()

    assert forgetful.ledger.settle(current, created(current)).personal_link == LINK


def test_settle_returns_the_outcome_if_the_ledger_item_is_gone(books: Books) -> None:
    attempt = books.attempt()
    books.account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": attempt.key}})

    assert books.ledger.settle(attempt, created(attempt)) == created(attempt)


# DynamoDB failures


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_no_attempt_begins_while_dynamodb_refuses_the_write(books: Books, code: str) -> None:
    with (
        refusing(books.account.dynamodb, "PutItem", code),
        pytest.raises(NotProcessed, match=rf"^internal_error: the ledger failed \({code}\)$"),
    ):
        books.begin()


def test_no_attempt_begins_while_dynamodb_is_unreachable(books: Books) -> None:
    with (
        unreachable(books.account.dynamodb, "PutItem"),
        pytest.raises(NotProcessed, match="internal_error: the ledger failed"),
    ):
        books.begin()


@pytest.mark.parametrize("end", ["take_back", "leave_marked"])
def test_an_attempt_whose_end_could_not_be_written_counts_as_unanswered(books: Books, end: str) -> None:
    attempt = books.attempt()

    with refusing(books.account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(NotProcessed):
        getattr(books.ledger, end)(attempt)

    books.clock.advance(22)
    assert books.attempt().earlier_unanswered


def test_an_item_of_another_format_is_left_unchanged_and_is_a_retryable_error(books: Books) -> None:
    attempt = books.attempt()
    books.change(attempt.key, "format", {"S": "2"})
    books.clock.advance(22)
    before = books.account.ledger_items()

    with pytest.raises(NotProcessed) as refusal:
        books.begin()

    assert refusal.value.code == "internal_error"
    assert books.account.ledger_items() == before


# Content of an item


def test_a_ledger_item_holds_no_personal_data_but_the_link(books: Books) -> None:
    books.settled(a_request("ada@example.com"))

    item = json.dumps(books.account.ledger_items()).lower()

    assert LINK.survey_link in item
    for personal in ("ada@", '"ada"', "lovelace", "example.com", "7946", "crm-0815", "email", "phone"):
        assert personal not in item
