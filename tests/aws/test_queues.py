"""The queues: results with their attributes, parked messages with their reason, and what SQS did not take."""

import json
from typing import Any, Literal

import pytest

from personal_link.aws.queues import Parked, RequestsQueue, ResultsQueue
from personal_link.domain.errors import Code, NotProcessed, Refused, Unreadable
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source
from tests.aws.account import Account, answering, refusing, unreachable, values, watched
from tests.tables import table

PROXYS_PAGE: dict[str, Any] = {}
DOWN = NotProcessed(Code.UNAVAILABLE, "no connection")


def results(account: Account) -> ResultsQueue:
    return ResultsQueue(account.sqs, account.results_url, echo_record=True)


def requests(account: Account) -> RequestsQueue:
    return RequestsQueue(account.sqs, account.requests_url, account.parked_url)


def an_outcome(
    number: int = 1,
    *,
    status: Literal["created", "rejected"] = "created",
    record: dict[str, object] | None = None,
) -> Outcome:
    return Outcome(
        id=f"5a0d2f63-2c1e-5c5b-9d0c-{number:012}",
        status=status,
        source=Source("eventbridge", "event-1"),
        requested_at="2026-11-23T10:00:00.000Z",
        completed_at="2026-11-23T10:00:01.000Z",
        attempts=1,
        configuration="contact",
        personal_link=PersonalLink(12345, "https://eu.customergauge.com/r/abc", None) if status == "created" else None,
        error={"code": "duplicate_record", "message": "No."} if status == "rejected" else None,
        reference="crm-0815",
        record={"Email": "ada@example.com"} if record is None else record,
    )


# Results


@pytest.mark.parametrize(("status", "code"), [("created", "created"), ("rejected", "duplicate_record")])
def test_a_result_has_status_code_and_source_as_message_attributes(
    account: Account, status: Literal["created", "rejected"], code: str
) -> None:
    results(account).send([an_outcome(status=status)])

    (message,) = account.results()
    assert values(message) == {"status": status, "code": code, "source": "eventbridge"}


@table(
    "number, record, batches",
    ("none", 0, {}, []),
    ("ten at a time", 23, {}, [10, 10, 3]),
    ("too large together", 5, {"Notes": "x" * 400_000}, [2, 2, 1]),
)
def test_results_are_sent_in_batches_within_the_limits_of_sqs(
    account: Account, number: int, record: dict[str, object], batches: list[int]
) -> None:
    outcomes = [an_outcome(one, record=record) for one in range(number)]

    with watched(account.sqs, "SendMessageBatch") as sent:
        assert results(account).send(outcomes) == set()

    assert [len(batch["Entries"]) for batch in sent] == batches
    assert {json.loads(message["Body"])["id"] for message in account.results()} == {one.id for one in outcomes}


@table(
    "number, answer, unsent",
    (
        "one of three failed",
        3,
        {
            "Successful": [{"Id": "0", "MessageId": "m-0"}, {"Id": "2", "MessageId": "m-2"}],
            "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
        },
        {1},
    ),
    ("the page of a proxy", 3, PROXYS_PAGE, {0, 1, 2}),
    ("no message id", 3, {"Successful": [{"Id": "0"}, {"Id": "1", "MessageId": ""}]}, {0, 1, 2}),
    ("the second batch", 12, {"Successful": [{"Id": "10", "MessageId": "m-10"}]}, {*range(12)} - {10}),
)
def test_a_result_for_which_sqs_returns_no_message_id_is_reported_as_unsent(
    account: Account, number: int, answer: dict[str, Any], unsent: set[int]
) -> None:
    with answering(account.sqs, "SendMessageBatch", answer):
        assert results(account).send([an_outcome(one) for one in range(number)]) == unsent


def test_every_result_is_reported_as_unsent_after_one_call_while_sqs_is_unreachable(account: Account) -> None:
    with watched(account.sqs, "SendMessageBatch") as calls, unreachable(account.sqs, "SendMessageBatch"):
        assert results(account).send([an_outcome(number) for number in range(12)]) == set(range(12))

    assert len(calls) == 1  # each further one might hang as long


# Parking


def test_a_parked_message_has_its_original_body_and_the_reason(account: Account) -> None:
    body = '{"record": {"Email": "ada@example.com"},  "idempotency_key": "order-4711" }'
    reason = Unreadable(Code.INVALID_REQUEST, "The body is not valid JSON: malformed at line 1, column 2.")

    requests(account).park([Parked(body, reason, 7, {"original_message_id": "m-1"})])

    (message,) = account.parked()
    assert message["Body"] == body
    assert values(message) == {
        "code": "invalid_request",
        "detail": "The body is not valid JSON: malformed at line 1, column 2.",
        "attempts": "7",
        "original_message_id": "m-1",
    }


def test_the_reason_for_parking_never_quotes_customergauge(account: Account) -> None:
    error = Refused(
        Code.VALIDATION_FAILED, "CustomerGauge refused the values.", vendor_message="ada@example.com is bad"
    )

    requests(account).park([Parked("{}", error, 1, {})])

    (message,) = account.parked()
    assert values(message)["detail"] == "CustomerGauge refused the values."


def test_messages_that_sqs_does_not_accept_are_returned_as_not_parked(account: Account) -> None:
    messages = [Parked("{}", DOWN, 1, {}), Parked("{}", DOWN, 1, {})]

    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"):
        assert requests(account).park(messages) == {0, 1}
    with answering(account.sqs, "SendMessageBatch", PROXYS_PAGE):
        assert requests(account).park(messages) == {0, 1}


# Waiting


def test_the_visibility_timeout_is_the_wait_of_each_message_and_at_most_eleven_hours(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = account.queued_record("{}"), account.queued_record("[]")

    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        requests(account).hide([(first["receiptHandle"], 43_200), (second["receiptHandle"], 7)])

    assert changes == [
        {
            "QueueUrl": account.requests_url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": first["receiptHandle"], "VisibilityTimeout": 39_600},
                {"Id": "1", "ReceiptHandle": second["receiptHandle"], "VisibilityTimeout": 7},
            ],
        }
    ]
    assert caplog.records == []


def test_a_visibility_timeout_that_sqs_does_not_accept_is_logged_and_raises_nothing(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    requests(account).hide([("no-such-receipt", 120)])

    assert [record.message for record in caplog.records] == ["visibility not set"]
