"""The ledger: one attempt at a time, one outcome a key, nothing personal in an item."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, NotProcessed, Refused
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from tests.aws.account import Account, doing_before, losing_answer, one_write_at_a_time, refusing, unreachable
from tests.fake_clock import FakeClock

LINK = PersonalLink(12345, "https://eu.customergauge.com/r/abc", "https://cgqa.eu/abc")
LINK_OF_ANOTHER = PersonalLink(99999, "https://eu.customergauge.com/r/zzz", "https://cgqa.eu/zzz")
RECORD = {"Email": "ada@example.com", "First Name": "Ada", "Last Name": "Lovelace", "Phone": "+44 20 7946 0018"}

Scope = Literal["caller", "event", "message", "content"]


def a_request(
    key: str = "order-4711", *, scope: Scope = "caller", record: dict[str, str] | None = None, source: str = "m-1"
) -> LinkRequest:
    return LinkRequest(
        configuration="contact",
        record=RECORD if record is None else record,
        reference="crm-0815",
        key=IdempotencyKey(scope, key),
        source=Source("sqs", source),
        received_at=1_795_427_999.5,
    )


def begin(ledger: Ledger, request: LinkRequest, clock: FakeClock) -> Attempt | Outcome:
    """Begin as the worker does, with ten seconds to the deadline: with the margin a lease of 21 s."""
    return ledger.begin(request, Deadline.after(10, clock))


def begin_attempt(ledger: Ledger, request: LinkRequest, clock: FakeClock) -> Attempt:
    attempt = begin(ledger, request, clock)
    assert isinstance(attempt, Attempt)
    return attempt


def created(attempt: Attempt, link: PersonalLink = LINK) -> Outcome:
    return Outcome(
        id=attempt.outcome_id,
        status="created",
        source=attempt.source,
        requested_at=attempt.requested_at,
        completed_at="2026-11-23T10:00:01.000Z",
        attempts=attempt.number,
        configuration="contact",
        personal_link=link,
        reference="crm-0815",
        record=RECORD,
    )


# Beginning and settling


def test_the_first_begin_of_a_key_gives_the_first_attempt(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 1
    assert not attempt.earlier_unanswered
    assert attempt.source == Source("sqs", "m-1")
    assert attempt.requested_at == "2026-11-23T09:59:59.500Z"


def test_settling_gives_back_the_outcome_that_was_settled(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    outcome = ledger.settle(attempt, created(attempt))

    assert outcome == created(attempt)
    assert not outcome.replayed


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


def test_the_same_words_in_another_scope_are_another_key(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request("4711", scope="caller"), clock)

    other = begin_attempt(ledger, a_request("4711", scope="message"), clock)

    assert other.number == 1


def test_outcome_ids_depend_on_the_key_alone(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(source="m-1"), clock)
    account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": attempt.key}})

    again = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert again.outcome_id == attempt.outcome_id


# Attempts in flight, and after them


def test_a_request_in_flight_is_to_be_asked_for_again_in_seconds(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request(), clock)

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "in_progress"
    assert refusal.value.retry_after == 5.0


@pytest.mark.parametrize(("passed", "hint"), [(18.0, 3.0), (20.75, 1.0)])
def test_the_hint_is_the_rest_of_the_lease_when_that_is_shorter(
    ledger: Ledger, clock: FakeClock, passed: float, hint: float
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(passed)

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.retry_after == pytest.approx(hint)


def test_the_lease_outlasts_the_deadline_by_more_than_two_clocks_may_differ(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request(), clock)

    clock.advance(10 + 10.9)
    with pytest.raises(NotProcessed):
        begin(ledger, a_request(), clock)
    clock.advance(0.2)
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 2


def test_an_attempt_after_one_that_never_ended_knows_that_it_may_have_been_processed(
    ledger: Ledger, clock: FakeClock
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(22)

    attempt = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert attempt.number == 2
    assert attempt.earlier_unanswered


def test_a_later_attempt_speaks_for_the_first_delivery(ledger: Ledger, clock: FakeClock) -> None:
    first = begin_attempt(ledger, a_request(source="m-1"), clock)
    clock.advance(22)

    second = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert second.source == Source("sqs", "m-1")
    assert (second.outcome_id, second.requested_at) == (first.outcome_id, first.requested_at)


def test_an_attempt_that_reached_nobody_leaves_no_mark(ledger: Ledger, clock: FakeClock) -> None:
    first = begin_attempt(ledger, a_request(), clock)
    ledger.take_back(first)

    second = begin_attempt(ledger, a_request(), clock)

    assert second.number == 2
    assert not second.earlier_unanswered


def test_an_attempt_without_an_answer_leaves_its_mark_and_frees_the_key_at_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    first = begin_attempt(ledger, a_request(), clock)
    ledger.leave_marked(first)

    second = begin_attempt(ledger, a_request(), clock)

    assert second.number == 2
    assert second.earlier_unanswered


def test_taking_back_one_attempt_leaves_the_mark_of_an_earlier_one(ledger: Ledger, clock: FakeClock) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(), clock))
    ledger.take_back(begin_attempt(ledger, a_request(), clock))

    third = begin_attempt(ledger, a_request(), clock)

    assert third.number == 3
    assert third.earlier_unanswered


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


def test_a_take_over_does_not_meet_the_next_life_of_a_key_whose_counters_are_the_same(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    first = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    next_life: list[Attempt] = []

    def begin_anew(_: object) -> None:
        account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": first.key}})
        clock.advance(1)
        next_life.append(begin_attempt(ledger, a_request(), clock))

    with (
        doing_before(account.dynamodb, "PutItem", begin_anew, call=2),
        pytest.raises(NotProcessed, match="in_progress"),
    ):
        begin(ledger, a_request(), clock)

    assert not ledger.settle(next_life[0], created(next_life[0])).replayed


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


# Forgetting


def test_an_expired_item_counts_as_absent_before_dynamodb_deletes_it(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    ledger.settle(attempt, created(attempt))
    clock.advance(21 * 86_400 + 2)
    assert len(account.ledger_items()) == 1

    again = begin_attempt(ledger, a_request(), clock)

    assert again.number == 1
    assert not again.earlier_unanswered


def test_an_outcome_is_remembered_for_the_days_of_the_setting(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    ledger.settle(attempt, created(attempt))
    clock.advance(21 * 86_400 - 2)

    assert isinstance(begin(ledger, a_request(), clock), Outcome)


def test_a_request_without_a_key_is_remembered_for_one_hour(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(scope="content"), clock)
    ledger.settle(attempt, created(attempt))

    clock.advance(3598)
    assert isinstance(begin(ledger, a_request(scope="content"), clock), Outcome)
    clock.advance(4)
    again = begin_attempt(ledger, a_request(scope="content"), clock)

    assert again.number == 1
    assert again.outcome_id != attempt.outcome_id


def test_a_content_key_without_an_answer_keeps_its_mark_as_long_as_any_other(ledger: Ledger, clock: FakeClock) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(scope="content"), clock))
    clock.advance(21 * 86_400 - 2)

    again = begin_attempt(ledger, a_request(scope="content"), clock)

    assert again.number == 2
    assert again.earlier_unanswered


def test_a_content_key_whose_attempt_never_ended_keeps_its_mark_too(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request(scope="content"), clock)
    clock.advance(3602)

    assert begin_attempt(ledger, a_request(scope="content"), clock).earlier_unanswered


def test_a_content_key_that_reached_nobody_is_forgotten_after_an_hour(ledger: Ledger, clock: FakeClock) -> None:
    first = begin_attempt(ledger, a_request(scope="content"), clock)
    ledger.take_back(first)
    clock.advance(3602)

    again = begin_attempt(ledger, a_request(scope="content"), clock)

    assert again.number == 1
    assert again.outcome_id != first.outcome_id


def test_taking_back_an_attempt_of_a_content_key_leaves_the_mark_of_an_earlier_one_its_days(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(scope="content"), clock))
    ledger.take_back(begin_attempt(ledger, a_request(scope="content"), clock))
    clock.advance(3602)

    assert begin_attempt(ledger, a_request(scope="content"), clock).earlier_unanswered


def test_a_content_key_that_was_marked_is_remembered_for_one_hour_once_it_is_settled(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.leave_marked(begin_attempt(ledger, a_request(scope="content"), clock))
    attempt = begin_attempt(ledger, a_request(scope="content"), clock)
    ledger.settle(attempt, created(attempt))

    clock.advance(3602)

    assert begin_attempt(ledger, a_request(scope="content"), clock).number == 1


def test_a_settled_content_key_is_kept_for_as_long_as_any_other_when_that_is_asked_for(
    ledger: Ledger, clock: FakeClock
) -> None:
    request = a_request(scope="content")
    attempt = begin_attempt(ledger, request, clock)
    ledger.settle(attempt, created(attempt))

    ledger.keep(attempt.key)
    clock.advance(21 * 86_400 - 2)

    again = ledger.begin(request, Deadline.after(20, clock))
    assert isinstance(again, Outcome)
    assert again.id == attempt.outcome_id


def test_what_is_not_settled_is_not_kept_by_being_asked_to(ledger: Ledger, clock: FakeClock) -> None:
    request = a_request(scope="content")
    first = begin_attempt(ledger, request, clock)
    ledger.take_back(first)

    ledger.keep(first.key)
    clock.advance(3602)

    assert begin_attempt(ledger, request, clock).outcome_id != first.outcome_id


def test_what_is_gone_does_not_come_back_by_being_kept(ledger: Ledger, account: Account) -> None:
    ledger.keep(a_request(scope="content").key.digest)

    assert account.ledger_items() == []


def test_an_attempt_in_flight_outlives_the_expiry_of_its_item(ledger: Ledger, clock: FakeClock) -> None:
    ledger.take_back(begin_attempt(ledger, a_request(scope="content"), clock))
    clock.advance(3599)
    current = begin_attempt(ledger, a_request(scope="content"), clock)
    clock.advance(3)

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(ledger, a_request(scope="content"), clock)

    assert ledger.settle(current, created(current)).personal_link == LINK


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


def test_of_twenty_that_begin_at_once_one_gets_the_attempt(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    with one_write_at_a_time(account):
        attempts, refusals = begin_at_once(20, ledger, clock)

    assert len(attempts) == 1
    assert [refusal.code for refusal in refusals] == [Code.IN_PROGRESS] * 19


def test_of_twenty_that_take_over_at_once_one_gets_the_attempt(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(22)

    with one_write_at_a_time(account):
        attempts, refusals = begin_at_once(20, ledger, clock)

    assert [attempt.number for attempt in attempts] == [2]
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


def test_without_its_table_no_attempt_begins(account: Account, clock: FakeClock) -> None:
    ledger = Ledger(account.dynamodb, "no-such-table", 21, clock)

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"
    assert refusal.value.message == "the ledger failed (ResourceNotFoundException)"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError"])
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


def test_the_key_of_an_item_is_no_longer_the_callers_own(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request("invoice-of-ada"), clock)

    (item,) = account.ledger_items()

    assert "invoice-of-ada" not in json.dumps(item)
    assert len(item["pk"]["S"]) == 64


def test_an_item_expires_by_the_attribute_that_the_table_deletes_by(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    begin_attempt(ledger, a_request(), clock)

    (item,) = account.ledger_items()

    assert item["expires_at"] == {"N": "1797242400"}  # 2026-12-14T10:00:00Z, 21 days on
