"""Looking up many ledger items by their keys, with retries of unprocessed keys."""

import pytest

from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.domain.errors import NotProcessed
from tests.aws.account import answering, refusing, watched
from tests.aws.conftest import DAYS, LINK, Books, a_request


def lookup_of(books: Books, pauses: list[float] | None = None) -> LedgerLookup:
    pause = (pauses if pauses is not None else []).append
    return LedgerLookup(books.account.dynamodb, books.account.ledger_table, books.clock, pause)


def test_the_lookup_finds_a_settled_request_with_its_outcome_and_an_open_one_without(books: Books) -> None:
    settled, begun, unknown = (a_request(key) for key in ("settled", "begun", "unknown"))
    books.settled(settled)
    books.attempt(begun)

    found = lookup_of(books).find(one.key.digest for one in (settled, begun, unknown))

    assert found.keys() == {settled.key.digest, begun.key.digest}
    assert found[begun.key.digest].outcome is None
    outcome = found[settled.key.digest].outcome
    assert outcome is not None
    assert (outcome.status, outcome.personal_link) == ("created", LINK)
    assert found[settled.key.digest].fingerprint == settled.fingerprint


def test_keys_are_read_consistently_in_batches_of_a_hundred_each_key_once(books: Books) -> None:
    digests = [a_request(str(number)).key.digest for number in range(101)]
    with watched(books.account.dynamodb, "BatchGetItem") as calls:
        assert lookup_of(books).find([*digests, *digests]) == {}

    asked = [call["RequestItems"][books.account.ledger_table] for call in calls]
    assert [len(one["Keys"]) for one in asked] == [100, 1]
    assert {key["pk"]["S"] for one in asked for key in one["Keys"]} == set(digests)
    assert all(one["ConsistentRead"] for one in asked)


def test_an_expired_item_is_not_found_unless_its_attempt_is_in_flight(books: Books) -> None:
    settled = books.settled(a_request("settled"))
    books.clock.advance(DAYS + 2)
    in_flight = books.attempt(a_request("in flight"))
    books.change(in_flight.key, "expires_at", {"N": str(int(books.clock.wall() - 1))})

    assert lookup_of(books).find([settled.key, in_flight.key]).keys() == {in_flight.key}


def test_keys_that_dynamodb_leaves_unprocessed_are_read_again_after_a_pause(books: Books) -> None:
    begun, pauses = books.attempt(), list[float]()
    unread = {books.account.ledger_table: {"Keys": [{"pk": {"S": begun.key}}], "ConsistentRead": True}}
    lookup = lookup_of(books, pauses)
    with answering(books.account.dynamodb, "BatchGetItem", {"Responses": {}, "UnprocessedKeys": unread}):
        with pytest.raises(NotProcessed, match=r"the ledger failed \(UnprocessedKeys\)"):
            lookup.find([begun.key])
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]

    assert lookup.find([begun.key]).keys() == {begun.key}


def test_a_lookup_of_an_item_of_another_format_fails(books: Books) -> None:
    attempt = books.attempt()
    books.change(attempt.key, "format", {"S": "2"})

    with pytest.raises(NotProcessed, match="the ledger item has another format"):
        lookup_of(books).find([attempt.key])


def test_a_failure_of_dynamodb_is_raised_and_not_reported_as_nothing_found(books: Books) -> None:
    with (
        refusing(books.account.dynamodb, "BatchGetItem", "AccessDeniedException"),
        pytest.raises(books.account.dynamodb.exceptions.ClientError),
    ):
        lookup_of(books).find([a_request().key.digest])
