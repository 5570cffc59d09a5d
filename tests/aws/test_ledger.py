"""The ledger: one attempt at a time, one outcome a key."""

from typing import TYPE_CHECKING

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.domain.errors import NotProcessed, Refused
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source
from tests.aws.account import Account, doing_before
from tests.aws.ledger_requests import LINK, RECORD, a_request, begin, begin_attempt, created
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from personal_link.aws.ledger_item import Attempt

LINK_OF_ANOTHER = PersonalLink(99999, "https://eu.customergauge.com/r/zzz", "https://cgqa.eu/zzz")


# Beginning and settling


def test_the_first_begin_of_a_key_gives_the_first_attempt(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 1
    assert not attempt.earlier_unanswered
    assert attempt.source == Source("sqs", "m-1")
    assert attempt.requested_at == "2026-11-23T09:59:59.500Z"


def test_a_settled_request_is_replayed_in_the_same_words(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    first = ledger.settle(attempt, created(attempt))
    clock.advance(3600)

    again = begin(ledger, a_request(source="m-2"), clock)

    assert isinstance(again, Outcome)
    assert again.replayed
    assert again.personal_link == LINK
    assert again.message(echo_record=True) == first.message(echo_record=True).replace(
        '"replayed":false', '"replayed":true'
    )


@pytest.mark.parametrize("settled", [True, False])
def test_a_key_used_for_another_request_is_refused(ledger: Ledger, clock: FakeClock, *, settled: bool) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    if settled:
        ledger.settle(attempt, created(attempt))

    with pytest.raises(Refused) as refusal:
        begin(ledger, a_request(record={"Email": "grace@example.com"}), clock)

    assert refusal.value.code == "idempotency_key_reused"


def test_outcome_ids_depend_on_the_key_alone(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(source="m-1"), clock)
    account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": attempt.key}})

    again = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert again.outcome_id == attempt.outcome_id


# Attempts in flight, and after them


@pytest.mark.parametrize(("passed", "hint"), [(0.0, 5.0), (18.0, 3.0), (20.75, 1.0)])
def test_a_request_in_flight_is_to_be_asked_for_again_in_seconds_or_when_its_lease_ends(
    ledger: Ledger, clock: FakeClock, passed: float, hint: float
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(passed)

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "in_progress"
    assert refusal.value.retry_after == pytest.approx(hint)


def test_the_lease_outlasts_the_deadline_by_more_than_two_clocks_may_differ(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request(), clock)

    clock.advance(10 + 10.9)
    with pytest.raises(NotProcessed):
        begin(ledger, a_request(), clock)
    clock.advance(0.2)
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 2


def test_an_attempt_after_one_that_never_ended_knows_that_and_speaks_for_the_first_delivery(
    ledger: Ledger, clock: FakeClock
) -> None:
    first = begin_attempt(ledger, a_request(source="m-1"), clock)
    clock.advance(22)

    second = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert (second.number, second.earlier_unanswered) == (2, True)
    assert second.source == Source("sqs", "m-1")
    assert (second.outcome_id, second.requested_at) == (first.outcome_id, first.requested_at)


@pytest.mark.parametrize(
    ("ends", "unanswered"),
    [
        pytest.param(["take_back"], False, id="an attempt that reached nobody leaves no mark"),
        pytest.param(["leave_marked"], True, id="one without an answer does"),
        pytest.param(["leave_marked", "take_back"], True, id="and keeps it when a later one is taken back"),
    ],
)
def test_an_attempt_that_has_ended_frees_the_key_at_once(
    ledger: Ledger, clock: FakeClock, ends: list[str], *, unanswered: bool
) -> None:
    for end in ends:
        getattr(ledger, end)(begin_attempt(ledger, a_request(), clock))

    attempt = begin_attempt(ledger, a_request(), clock)

    assert (attempt.number, attempt.earlier_unanswered) == (len(ends) + 1, unanswered)


# Late owners


def test_a_late_owner_cannot_settle_while_another_attempt_is_in_flight(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    current = begin_attempt(ledger, a_request(), clock)

    with pytest.raises(NotProcessed) as refusal:
        ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert refusal.value.code == "in_progress"
    assert ledger.settle(current, created(current)).personal_link == LINK


def test_a_late_owner_gets_the_outcome_that_was_stored_before(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    current = begin_attempt(ledger, a_request(), clock)
    ledger.settle(current, created(current))

    outcome = ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert outcome.personal_link == LINK
    assert outcome.replayed
    assert outcome.record == RECORD
    assert outcome.reference == "crm-0815"


def test_a_late_owner_cannot_take_back_the_attempt_in_flight(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    begin_attempt(ledger, a_request(), clock)

    ledger.take_back(late)

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(ledger, a_request(), clock)


def test_an_owner_whose_lease_ran_out_may_settle_while_nobody_took_over(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(60)

    outcome = ledger.settle(late, created(late))

    assert not outcome.replayed
    assert begin(ledger, a_request(), clock) == Outcome.replay(outcome.stored(), reference="crm-0815", record=RECORD)


def test_of_two_that_take_over_in_the_same_instant_the_first_wins(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    winners: list[Attempt] = []

    with (
        doing_before(
            account.dynamodb,
            "PutItem",
            lambda _: winners.append(begin_attempt(ledger, a_request(), clock)),
            call=2,
        ),
        pytest.raises(NotProcessed) as refusal,
    ):
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "in_progress"
    assert [attempt.number for attempt in winners] == [2]
    assert not ledger.settle(winners[0], created(winners[0])).replayed


def test_a_take_over_does_not_bring_back_the_mark_that_is_taken_back_in_the_same_instant(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(), clock))
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)

    with (
        doing_before(account.dynamodb, "PutItem", lambda _: ledger.take_back(late), call=2),
        pytest.raises(NotProcessed, match="in_progress"),
    ):
        begin(ledger, a_request(), clock)

    (item,) = account.ledger_items()
    assert (item["attempts"], item["unanswered"]) == ({"N": "2"}, {"N": "1"})


def test_an_owner_that_settles_in_the_instant_of_a_take_over_wins(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)

    with (
        doing_before(account.dynamodb, "PutItem", lambda _: ledger.settle(late, created(late)), call=2),
        pytest.raises(NotProcessed) as refusal,
    ):
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "in_progress"
    assert refusal.value.retry_after == 1.0
    assert isinstance(begin(ledger, a_request(), clock), Outcome)
