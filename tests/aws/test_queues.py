"""The queues: results with their attributes, parked messages with their reason, and what SQS did not take."""

import json
from typing import Any, Literal

import pytest

from personal_link.aws.queues import Parked, RequestsQueue, ResultsQueue
from personal_link.domain.errors import Code, NotProcessed, Refused, Unreadable
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source
from tests.aws.account import Account, answering, refusing, unreachable, values, watched


@pytest.fixture
def results(account: Account) -> ResultsQueue:
    return ResultsQueue(account.sqs, account.results_url, echo_record=True)


@pytest.fixture
def requests(account: Account) -> RequestsQueue:
    return RequestsQueue(account.sqs, account.requests_url, account.parked_url)


def an_outcome(
    number: int = 1,
    *,
    status: Literal["created", "rejected", "unknown"] = "created",
    code: str | None = None,
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
        error={"code": code, "message": "No."} if code else None,
        reference="crm-0815",
        record={"Email": "ada@example.com"} if record is None else record,
    )


# Results


def test_a_result_carries_the_message_that_the_design_shows(account: Account, results: ResultsQueue) -> None:
    results.send([an_outcome()])

    (message,) = account.results()
    assert json.loads(message["Body"]) == {
        "schema": "personal-link-result/1",
        "id": "5a0d2f63-2c1e-5c5b-9d0c-000000000001",
        "status": "created",
        "reference": "crm-0815",
        "source": {"type": "eventbridge", "id": "event-1"},
        "configuration": "contact",
        "record": {"Email": "ada@example.com"},
        "personal_link": {
            "number_customergauge": 12345,
            "survey_link": "https://eu.customergauge.com/r/abc",
            "survey_link_short": None,
        },
        "replayed": False,
        "attempts": 1,
        "requested_at": "2026-11-23T10:00:00.000Z",
        "completed_at": "2026-11-23T10:00:01.000Z",
    }


@pytest.mark.parametrize(
    ("outcome", "attributes"),
    [
        (an_outcome(), {"status": "created", "code": "created", "source": "eventbridge"}),
        (
            an_outcome(status="rejected", code="duplicate_record"),
            {"status": "rejected", "code": "duplicate_record", "source": "eventbridge"},
        ),
        (
            an_outcome(status="unknown", code="outcome_unknown"),
            {"status": "unknown", "code": "outcome_unknown", "source": "eventbridge"},
        ),
    ],
    ids=lambda value: value["status"] if isinstance(value, dict) else "",
)
def test_a_result_can_be_filtered_by_three_attributes(
    account: Account, results: ResultsQueue, outcome: Outcome, attributes: dict[str, str]
) -> None:
    results.send([outcome])

    (message,) = account.results()
    assert values(message) == attributes


def test_a_record_is_not_echoed_when_the_stack_says_so(account: Account) -> None:
    quiet = ResultsQueue(account.sqs, account.results_url, echo_record=False)

    quiet.send([an_outcome()])

    (message,) = account.results()
    assert "record" not in json.loads(message["Body"])
    assert "ada@example.com" not in message["Body"]


def test_a_result_is_ascii_whatever_the_record_holds(account: Account, results: ResultsQueue) -> None:
    results.send([an_outcome(record={"Name": "Zoë 😀 \ufffe"})])

    (message,) = account.results()
    assert message["Body"].isascii()
    assert json.loads(message["Body"])["record"] == {"Name": "Zoë 😀 \ufffe"}


def test_results_go_out_ten_at_a_time(account: Account, results: ResultsQueue) -> None:
    with watched(account.sqs, "SendMessageBatch") as sent:
        unsent = results.send([an_outcome(number) for number in range(23)])

    assert unsent == set()
    assert [len(batch["Entries"]) for batch in sent] == [10, 10, 3]
    ids = {json.loads(message["Body"])["id"] for message in account.results()}
    assert ids == {f"5a0d2f63-2c1e-5c5b-9d0c-{number:012}" for number in range(23)}


def test_results_that_are_too_large_together_go_out_apart(account: Account, results: ResultsQueue) -> None:
    outcomes = [an_outcome(number, record={"Notes": "x" * 400_000}) for number in range(5)]

    with watched(account.sqs, "SendMessageBatch") as sent:
        unsent = results.send(outcomes)

    assert unsent == set()
    assert [len(batch["Entries"]) for batch in sent] == [2, 2, 1]


def test_sending_nothing_calls_nobody(account: Account, results: ResultsQueue) -> None:
    with watched(account.sqs, "SendMessageBatch") as sent:
        assert results.send([]) == set()

    assert sent == []


def test_a_batch_taken_in_part_names_what_was_not_taken(account: Account, results: ResultsQueue) -> None:
    answer = {
        "Successful": [{"Id": "0", "MessageId": "m-0"}, {"Id": "2", "MessageId": "m-2"}],
        "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
    }

    with answering(account.sqs, "SendMessageBatch", answer):
        unsent = results.send([an_outcome(number) for number in range(3)])

    assert unsent == {1}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="a proxy's page"),
        pytest.param({"Successful": []}, id="nothing taken"),
        pytest.param({"Successful": [{"Id": "0"}, {"Id": "1", "MessageId": ""}]}, id="no message id"),
    ],
)
def test_what_has_no_message_id_was_not_taken(account: Account, results: ResultsQueue, answer: dict[str, Any]) -> None:
    with answering(account.sqs, "SendMessageBatch", answer):
        unsent = results.send([an_outcome(0), an_outcome(1)])

    assert unsent == {0, 1}


def test_positions_count_through_all_batches(account: Account, results: ResultsQueue) -> None:
    answer = {"Successful": [{"Id": "10", "MessageId": "m-10"}]}

    with answering(account.sqs, "SendMessageBatch", answer):
        unsent = results.send([an_outcome(number) for number in range(12)])

    assert unsent == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11}


def test_without_its_queue_no_result_is_taken(account: Account) -> None:
    gone = ResultsQueue(account.sqs, account.results_url + "-gone", echo_record=True)

    assert gone.send([an_outcome(0), an_outcome(1)]) == {0, 1}


def test_out_of_reach_no_result_is_taken(account: Account, results: ResultsQueue) -> None:
    with unreachable(account.sqs, "SendMessageBatch"):
        assert results.send([an_outcome()]) == {0}


# Parking


def test_a_parked_message_has_its_own_body_and_the_reason(account: Account, requests: RequestsQueue) -> None:
    body = '{"record": {"Email": "ada@example.com"},  "idempotency_key": "order-4711" }'

    reason = Unreadable(Code.INVALID_REQUEST, "The body is not valid JSON: malformed at line 1, column 2.")

    requests.park([Parked(body, reason, 7, {"original_message_id": "m-1"})])

    (message,) = account.parked()
    assert message["Body"] == body
    assert values(message) == {
        "code": "invalid_request",
        "detail": "The body is not valid JSON: malformed at line 1, column 2.",
        "attempts": "7",
        "original_message_id": "m-1",
    }


def test_the_reason_never_quotes_what_the_vendor_said(account: Account, requests: RequestsQueue) -> None:
    error = Refused(
        Code.VALIDATION_FAILED, "CustomerGauge refused the values.", vendor_message="ada@example.com is bad"
    )

    requests.park([Parked("{}", error, 1, {})])

    (message,) = account.parked()
    assert values(message)["detail"] == "CustomerGauge refused the values."


def test_messages_that_sqs_does_not_take_are_not_parked(account: Account, requests: RequestsQueue) -> None:
    reason = NotProcessed(Code.UNAVAILABLE, "no connection")

    with refusing(account.sqs, "SendMessageBatch", "AccessDenied"):
        unparked = requests.park([Parked("{}", reason, 1, {}), Parked("{}", reason, 1, {})])

    assert unparked == {0, 1}


def test_a_message_without_an_id_from_sqs_is_not_parked(account: Account, requests: RequestsQueue) -> None:
    reason = NotProcessed(Code.UNAVAILABLE, "no connection")

    with answering(account.sqs, "SendMessageBatch", {}):
        unparked = requests.park([Parked("{}", reason, 1, {})])

    assert unparked == {0}


# Waiting


def test_hidden_messages_come_again_after_their_times(account: Account, requests: RequestsQueue) -> None:
    first, second = account.queued_record("{}"), account.queued_record("[]")

    with watched(account.sqs, "ChangeMessageVisibilityBatch") as changes:
        requests.hide([(first["receiptHandle"], 120), (second["receiptHandle"], 7)])

    assert changes == [
        {
            "QueueUrl": account.requests_url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": first["receiptHandle"], "VisibilityTimeout": 120},
                {"Id": "1", "ReceiptHandle": second["receiptHandle"], "VisibilityTimeout": 7},
            ],
        }
    ]


def test_the_longest_wait_fits_the_twelve_hours_that_sqs_allows_since_the_message_was_received(
    account: Account, requests: RequestsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    record = account.queued_record("{}")

    requests.hide([(record["receiptHandle"], 43_200)])

    assert caplog.records == []


def test_a_message_that_sqs_will_not_hide_just_comes_at_another_time_and_the_log_says_so(
    requests: RequestsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    requests.hide([("no-such-receipt", 120)])

    assert [record.message for record in caplog.records] == ["visibility not set"]
