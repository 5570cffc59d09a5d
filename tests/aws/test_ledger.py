"""The ledger: one attempt at a time, one outcome a key, for as long as it is to be remembered.

What happens when deliveries meet, die or lose an answer is in tests/model and tests/crash.
"""

import json
from typing import Literal

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotProcessed, Refused
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from tests.aws.account import Account, doing_before, refusing, unreachable
from tests.fake_clock import FakeClock
from tests.tables import table

DAYS = 21 * 86_400.0  # seconds that the ledger of these tests remembers
LINK_OF_ANOTHER = PersonalLink(99999, "https://eu.customergauge.com/r/zzz", "https://cgqa.eu/zzz")
LINK = PersonalLink(12345, "https://eu.customergauge.com/r/abc", "https://cgqa.eu/abc")
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


def test_the_first_begin_of_a_key_returns_attempt_number_one(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 1
    assert not attempt.earlier_unanswered
    assert attempt.source == Source("sqs", "m-1")
    assert attempt.requested_at == "2026-11-23T09:59:59.500Z"


def test_a_settled_request_is_replayed_with_its_message_marked_as_replayed(ledger: Ledger, clock: FakeClock) -> None:
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


# Attempts in flight and ended attempts


@pytest.mark.parametrize(("passed", "hint"), [(0.0, 5.0), (18.0, 3.0), (20.75, 1.0)])
def test_a_request_in_flight_is_to_be_retried_after_five_seconds_or_when_its_lease_ends(
    ledger: Ledger, clock: FakeClock, passed: float, hint: float
) -> None:
    begin_attempt(ledger, a_request(), clock)
    clock.advance(passed)

    with pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "in_progress"
    assert refusal.value.retry_after == pytest.approx(hint)


def test_the_lease_lasts_eleven_seconds_longer_than_the_attempts_deadline(ledger: Ledger, clock: FakeClock) -> None:
    begin_attempt(ledger, a_request(), clock)

    clock.advance(10 + 10.9)
    with pytest.raises(NotProcessed):
        begin(ledger, a_request(), clock)
    clock.advance(0.2)
    attempt = begin_attempt(ledger, a_request(), clock)

    assert attempt.number == 2


def test_an_attempt_after_one_that_never_ended_is_marked_and_keeps_the_source_and_id_of_the_first(
    ledger: Ledger, clock: FakeClock
) -> None:
    first = begin_attempt(ledger, a_request(source="m-1"), clock)
    clock.advance(22)

    second = begin_attempt(ledger, a_request(source="m-2"), clock)

    assert (second.number, second.earlier_unanswered) == (2, True)
    assert second.source == Source("sqs", "m-1")
    assert (second.outcome_id, second.requested_at) == (first.outcome_id, first.requested_at)


@table(
    "ends, unanswered",
    ("taken back", ["take_back"], False),
    ("unanswered", ["leave_marked"], True),
    ("unanswered, then one taken back", ["leave_marked", "take_back"], True),
)
def test_an_attempt_that_has_ended_frees_the_key_at_once(
    ledger: Ledger, clock: FakeClock, ends: list[str], *, unanswered: bool
) -> None:
    for end in ends:
        getattr(ledger, end)(begin_attempt(ledger, a_request(), clock))

    attempt = begin_attempt(ledger, a_request(), clock)

    assert (attempt.number, attempt.earlier_unanswered) == (len(ends) + 1, unanswered)


# Attempts whose lease has expired


def test_an_attempt_whose_lease_expired_cannot_settle_while_another_is_in_flight(
    ledger: Ledger, clock: FakeClock
) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    current = begin_attempt(ledger, a_request(), clock)

    with pytest.raises(NotProcessed) as refusal:
        ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert refusal.value.code == "in_progress"
    assert ledger.settle(current, created(current)).personal_link == LINK


def test_an_attempt_whose_lease_expired_gets_the_outcome_that_another_stored(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    current = begin_attempt(ledger, a_request(), clock)
    ledger.settle(current, created(current))

    outcome = ledger.settle(late, created(late, LINK_OF_ANOTHER))

    assert outcome.personal_link == LINK
    assert outcome.replayed
    assert outcome.record == RECORD
    assert outcome.reference == "crm-0815"


def test_an_attempt_whose_lease_expired_cannot_take_back_another_in_flight(ledger: Ledger, clock: FakeClock) -> None:
    late = begin_attempt(ledger, a_request(), clock)
    clock.advance(22)
    begin_attempt(ledger, a_request(), clock)

    ledger.take_back(late)

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(ledger, a_request(), clock)


def test_a_take_over_does_not_restore_a_mark_that_is_taken_back_at_the_same_time(
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


# Retention


def test_an_outcome_is_remembered_for_the_configured_days_and_then_counts_as_absent(
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


@table(
    "ends, marked",
    ("taken back", ["take_back"], False),
    ("unanswered, then settled", ["leave_marked", "settle"], False),
    ("never ended", ["never"], True),
    ("unanswered", ["leave_marked"], True),
    ("unanswered, then one taken back", ["leave_marked", "take_back"], True),
)
def test_without_a_key_an_unanswered_attempt_is_kept_for_the_configured_days_and_any_other_for_an_hour(
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


def test_keep_extends_a_settled_request_without_a_key_to_the_configured_days(ledger: Ledger, clock: FakeClock) -> None:
    request = a_request(scope="content")
    attempt = begin_attempt(ledger, request, clock)
    ledger.settle(attempt, created(attempt))

    ledger.keep(attempt.key)
    clock.advance(DAYS - 2)

    again = begin(ledger, request, clock)
    assert isinstance(again, Outcome)
    assert again.id == attempt.outcome_id


def test_keep_does_not_extend_an_item_that_is_absent_or_not_settled(
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


def test_an_expired_item_is_not_overwritten_while_its_attempt_is_in_flight(account: Account, clock: FakeClock) -> None:
    forgetful = Ledger(account.dynamodb, account.ledger_table, 0, clock)
    current = begin_attempt(forgetful, a_request(), clock)
    clock.advance(2)

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(forgetful, a_request(), clock)

    assert forgetful.settle(current, created(current)).personal_link == LINK


def test_settle_returns_the_outcome_if_the_ledger_item_is_gone(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    account.dynamodb.delete_item(TableName="ledger", Key={"pk": {"S": attempt.key}})

    outcome = ledger.settle(attempt, created(attempt))

    assert outcome == created(attempt)


# DynamoDB failures


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_no_attempt_begins_while_dynamodb_refuses_the_write(
    ledger: Ledger, account: Account, clock: FakeClock, code: str
) -> None:
    with refusing(account.dynamodb, "PutItem", code), pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"
    assert refusal.value.message == f"the ledger failed ({code})"


def test_no_attempt_begins_while_dynamodb_is_unreachable(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    with unreachable(account.dynamodb, "PutItem"), pytest.raises(NotProcessed) as refusal:
        begin(ledger, a_request(), clock)

    assert refusal.value.code == "internal_error"


@pytest.mark.parametrize("end", ["take_back", "leave_marked"])
def test_an_attempt_whose_end_could_not_be_written_counts_as_unanswered(
    ledger: Ledger, account: Account, clock: FakeClock, end: str
) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(NotProcessed):
        getattr(ledger, end)(attempt)

    clock.advance(22)
    assert begin_attempt(ledger, a_request(), clock).earlier_unanswered


def test_an_item_of_another_format_is_left_unchanged_and_is_a_retryable_error(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
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


# Content of an item


def test_a_ledger_item_holds_no_personal_data_but_the_link(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request("ada@example.com"), clock)
    ledger.settle(attempt, created(attempt))

    item = json.dumps(account.ledger_items()).lower()

    assert LINK.survey_link in item
    for personal in ("ada@", '"ada"', "lovelace", "example.com", "7946", "crm-0815", "email", "phone"):
        assert personal not in item
