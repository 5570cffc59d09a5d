"""Looking up many ledger items by their keys, with retries of unprocessed keys."""

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.domain.errors import NotProcessed
from tests.aws.account import Account, answering, refusing, watched
from tests.aws.test_ledger import LINK, a_request, begin_attempt, created
from tests.fake_clock import FakeClock


def lookup_of(account: Account, clock: FakeClock, pauses: list[float] | None = None) -> LedgerLookup:
    return LedgerLookup(account.dynamodb, account.ledger_table, clock, (pauses if pauses is not None else []).append)


def test_the_lookup_finds_a_settled_request_with_its_outcome_and_an_open_one_without(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    settled, begun, unknown = a_request("settled"), a_request("begun"), a_request("unknown")
    attempt = begin_attempt(ledger, settled, clock)
    ledger.settle(attempt, created(attempt))
    begin_attempt(ledger, begun, clock)

    found = lookup_of(account, clock).find(one.key.digest for one in (settled, begun, unknown))

    assert found.keys() == {settled.key.digest, begun.key.digest}
    assert found[begun.key.digest].outcome is None
    outcome = found[settled.key.digest].outcome
    assert outcome is not None
    assert (outcome.status, outcome.personal_link) == ("created", LINK)
    assert found[settled.key.digest].fingerprint == settled.fingerprint


def test_keys_are_read_consistently_in_batches_of_a_hundred_each_key_once(account: Account, clock: FakeClock) -> None:
    digests = [a_request(str(number)).key.digest for number in range(101)]
    with watched(account.dynamodb, "BatchGetItem") as calls:
        assert lookup_of(account, clock).find([*digests, *digests]) == {}

    asked = [call["RequestItems"][account.ledger_table] for call in calls]
    assert [len(one["Keys"]) for one in asked] == [100, 1]
    assert {key["pk"]["S"] for one in asked for key in one["Keys"]} == set(digests)
    assert all(one["ConsistentRead"] for one in asked)


def test_an_expired_item_is_not_found_unless_its_attempt_is_in_flight(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin_attempt(ledger, a_request("settled"), clock)
    ledger.settle(attempt, created(attempt))
    clock.advance(21 * 86_400 + 2)
    in_flight = a_request("in flight")
    begin_attempt(ledger, in_flight, clock)
    account.dynamodb.update_item(
        TableName=account.ledger_table,
        Key={"pk": {"S": in_flight.key.digest}},
        UpdateExpression="SET expires_at = :now",
        ExpressionAttributeValues={":now": {"N": str(int(clock.wall() - 1))}},
    )

    assert lookup_of(account, clock).find([attempt.key, in_flight.key.digest]).keys() == {in_flight.key.digest}


def test_keys_that_dynamodb_leaves_unprocessed_are_read_again_after_a_pause(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    begun, pauses = begin_attempt(ledger, a_request(), clock), list[float]()
    unread = {account.ledger_table: {"Keys": [{"pk": {"S": begun.key}}], "ConsistentRead": True}}
    lookup = lookup_of(account, clock, pauses)
    with answering(account.dynamodb, "BatchGetItem", {"Responses": {}, "UnprocessedKeys": unread}):
        with pytest.raises(NotProcessed, match=r"the ledger failed \(UnprocessedKeys\)"):
            lookup.find([begun.key])
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]

    assert lookup.find([begun.key]).keys() == {begun.key}


def test_a_lookup_of_an_item_of_another_format_fails(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin_attempt(ledger, a_request(), clock)
    account.dynamodb.update_item(
        TableName=account.ledger_table,
        Key={"pk": {"S": attempt.key}},
        UpdateExpression="SET #format = :other",
        ExpressionAttributeNames={"#format": "format"},
        ExpressionAttributeValues={":other": {"S": "2"}},
    )

    with pytest.raises(NotProcessed, match="the ledger item has another format"):
        lookup_of(account, clock).find([attempt.key])


def test_a_failure_of_dynamodb_is_raised_and_not_reported_as_nothing_found(account: Account, clock: FakeClock) -> None:
    with (
        refusing(account.dynamodb, "BatchGetItem", "AccessDeniedException"),
        pytest.raises(account.dynamodb.exceptions.ClientError),
    ):
        lookup_of(account, clock).find([a_request().key.digest])
