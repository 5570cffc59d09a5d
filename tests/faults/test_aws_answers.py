"""AWS at its worst, on a real socket: nothing is sent that is not marked, nothing is lost that is known."""

import io
import json
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config

import http_api
import queue_worker
from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.domain.errors import Code, NotProcessed
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
from tests.fake_clock import FakeClock
from tests.faults.faulty_aws import (
    DENIED,
    DOWN,
    EMPTY,
    LOST,
    NOT_DECRYPTED,
    PROXY_PAGE,
    RESET,
    SILENT,
    THROTTLED,
    FaultyAws,
)

pytestmark = pytest.mark.usefixtures("environment")

REQUEST = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}
PASSING = [
    pytest.param(THROTTLED, id="throttled"),
    pytest.param(DOWN, id="down"),
    pytest.param(RESET, id="reset"),
    pytest.param(PROXY_PAGE, id="a proxy's page"),
]


class Context:
    """Lambda's context, as far as it is used."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends_at - time.monotonic()) * 1000)


def call() -> tuple[int, dict[str, Any]]:
    event = {
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(REQUEST),
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": "r-1",
            "requestTimeEpoch": round(time.time() * 1000),
        },
    }
    answer = http_api.handler(event, Context(28))
    return answer["statusCode"], json.loads(answer["body"])


def deliver(*records: dict[str, Any], seconds: float = 60) -> list[str]:
    failures = queue_worker.handler({"Records": list(records)}, Context(seconds))["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


def queued(account: Account, number: int = 1) -> dict[str, Any]:
    body = {"record": {"Email": f"ada-{number}@acme.example"}, "idempotency_key": f"order-{number}"}
    return account.queued_record(json.dumps(body), sent_at=time.time())


# Secrets Manager


@pytest.mark.parametrize("fault", PASSING)
def test_a_secret_that_cannot_be_read_for_now_sends_nothing_and_is_read_with_the_next_call(
    aws: FaultyAws, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("GetSecretValue", fault, fault)

    status, error = call()
    assert (status, error["code"]) == (503, "internal_error")
    assert (vendor.calls("token"), vendor.calls("personal-link")) == ([], [])

    aws.forgive()
    assert call()[0] == 200


@pytest.mark.parametrize("fault", [THROTTLED, RESET], ids=["throttled", "reset"])
def test_a_secret_that_fails_once_is_read_again_within_the_call(aws: FaultyAws, fault: Reply) -> None:
    aws.script("GetSecretValue", fault)

    assert call()[0] == 200
    assert aws.calls("GetSecretValue") == 2


@pytest.mark.parametrize("fault", [DENIED, NOT_DECRYPTED], ids=["denied", "not decrypted"])
def test_a_secret_that_may_not_be_read_is_asked_for_once_and_called_missing(
    aws: FaultyAws, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("GetSecretValue", fault, fault)

    status, error = call()

    assert (status, error["code"]) == (502, "credentials_missing")
    assert aws.calls("GetSecretValue") == 1
    assert vendor.calls("token") == []


def test_a_secret_that_does_not_come_ends_in_time_and_sends_nothing(
    aws: FaultyAws, vendor: CustomerGaugeSandbox
) -> None:
    aws.script("GetSecretValue", SILENT, SILENT)
    began = time.monotonic()

    status, error = call()

    assert (status, error["code"]) == (503, "internal_error")
    assert time.monotonic() - began < 7.5
    assert vendor.calls("token") == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_copy_of_the_secret_serves_while_secrets_manager_fails(
    aws: FaultyAws, account: Account, fault: Reply
) -> None:
    clock = FakeClock()
    client = boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "total_max_attempts": 1}))
    secret = CredentialsSecret(client, account.secret_arn, clock)
    secret.get()
    clock.advance(301.0)
    aws.script("GetSecretValue", fault, fault)

    assert secret.get() == ClientCredentials(CLIENT_ID, CLIENT_SECRET)
    clock.advance(3600.0)
    with pytest.raises(NotProcessed) as caught:
        secret.get()

    assert caught.value.code is Code.INTERNAL_ERROR


# DynamoDB


@pytest.mark.parametrize("fault", [THROTTLED, DOWN, RESET, DENIED], ids=["throttled", "down", "reset", "denied"])
def test_without_a_marker_in_the_ledger_nothing_is_sent_and_the_message_waits(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("PutItem", fault, fault)
    record = queued(account)

    assert deliver(record) == [record["messageId"]]
    assert (vendor.calls("token"), vendor.calls("personal-link")) == ([], [])

    aws.forgive()
    assert deliver(record) == []
    assert len(vendor.calls("personal-link")) == 1


def test_a_ledger_that_does_not_answer_ends_in_time_and_begins_no_further_record(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_CONCURRENCY", "1")
    aws.script("PutItem", *[SILENT] * 4)
    first, second = queued(account, 1), queued(account, 2)
    began = time.monotonic()

    again = deliver(first, second, seconds=28 + 5)  # the reserve for AWS calls, and five to work in

    assert again == [first["messageId"], second["messageId"]]
    assert time.monotonic() - began < 7.5
    assert aws.calls("PutItem") == 2
    assert vendor.calls("personal-link") == []


def test_a_marker_whose_answer_got_lost_is_known_as_our_own(aws: FaultyAws, vendor: CustomerGaugeSandbox) -> None:
    aws.script("PutItem", LOST)

    assert call()[0] == 200
    assert aws.calls("PutItem") == 2
    assert len(vendor.calls("personal-link")) == 1


def test_an_outcome_whose_storing_got_no_answer_is_stored_once_and_told(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    aws.script("UpdateItem", LOST)

    assert call()[0] == 200
    assert aws.calls("UpdateItem") == 2
    assert call()[0] == 200
    assert [json.loads(message["Body"])["replayed"] for message in account.results()] == [False, True]
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("fault", [THROTTLED, DENIED], ids=["throttled", "denied"])
def test_an_outcome_that_the_ledger_does_not_take_is_told_all_the_same(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("UpdateItem", *[fault] * 4)

    assert call()[0] == 200
    (message,) = account.results()
    assert json.loads(message["Body"])["personal_link"]["survey_link"] == vendor.links[0].survey_link


@pytest.mark.parametrize("faults", [[THROTTLED] * 2, [DENIED]], ids=["throttled", "denied"])
def test_an_outcome_that_the_ledger_takes_at_the_second_try_is_kept(
    aws: FaultyAws, vendor: CustomerGaugeSandbox, faults: list[Reply]
) -> None:
    aws.script("UpdateItem", *faults)

    assert call()[0] == 200
    assert call()[0] == 200
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("value", [None, {"S": "not JSON"}, {"N": "7"}], ids=["gone", "garbled", "of another type"])
@pytest.mark.parametrize("attribute", ["format", "outcome", "fingerprint"])
def test_a_damaged_item_is_never_taken_for_a_licence_to_call_again(
    account: Account, vendor: CustomerGaugeSandbox, attribute: str, value: dict[str, str] | None
) -> None:
    first = queued(account)
    deliver(first)
    (item,) = account.ledger_items()
    damaged = {name: there for name, there in {**item, attribute: value}.items() if there}
    account.dynamodb.put_item(TableName=account.ledger_table, Item=damaged)
    other = queued(account, 2)

    deliver(first, other)

    emails = [json.loads(sent.body)["record"]["Email"] for sent in vendor.calls("personal-link")]
    assert emails == ["ada-1@acme.example", "ada-2@acme.example"]
    outcomes = [json.loads(message["Body"]) for message in account.results()]
    links = [outcome["personal_link"]["survey_link"] for outcome in outcomes if outcome["status"] == "created"]
    assert vendor.links[0].survey_link in links
    assert "duplicate_record" not in str(outcomes)


# The shared token


@pytest.mark.parametrize("fault", [THROTTLED, DENIED, SILENT], ids=["throttled", "denied", "silent"])
def test_a_table_that_fails_the_shared_token_costs_no_link_and_ends_in_time(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch, fault: Reply
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN_SECRET_ARN", account.token_secret_arn)
    aws.script("UpdateItem", fault, fault)
    began = time.monotonic()

    assert call()[0] == 200
    assert time.monotonic() - began < 10.0  # an AWS call that hangs takes seven
    assert len(vendor.calls("token")) == 1


@pytest.mark.parametrize("operation", ["GetSecretValue", "PutSecretValue"])
@pytest.mark.parametrize(
    "faults",
    [[THROTTLED] * 2, [DENIED], [SILENT] * 2, [EMPTY], [RESET] * 2],
    ids=["throttled", "denied", "silent", "empty", "reset"],
)
def test_a_secret_that_fails_the_shared_token_costs_no_link_and_ends_in_time(
    aws: FaultyAws,
    account: Account,
    vendor: CustomerGaugeSandbox,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    faults: list[Reply],
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN_SECRET_ARN", account.token_secret_arn)
    aws.script(operation, *faults)
    began = time.monotonic()

    assert call()[0] == 200
    assert time.monotonic() - began < 10.0  # an AWS call that hangs takes seven
    assert len(vendor.calls("token")) == 1


# SQS


@pytest.mark.parametrize(
    "fault", [*PASSING, pytest.param(DENIED, id="denied"), pytest.param(EMPTY, id="no message id")]
)
def test_a_result_that_is_not_taken_brings_its_message_again_and_no_second_call(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("SendMessageBatch", fault, fault)
    record = queued(account)

    assert deliver(record) == [record["messageId"]]
    assert account.results() == []

    aws.forgive()
    assert deliver(record) == []
    (message,) = account.results()
    assert json.loads(message["Body"])["personal_link"]["survey_link"] == vendor.links[0].survey_link
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("fault", [THROTTLED, RESET], ids=["throttled", "reset"])
def test_a_result_that_is_not_taken_at_once_is_sent_again_within_the_call(
    aws: FaultyAws, account: Account, fault: Reply
) -> None:
    aws.script("SendMessageBatch", fault)

    assert deliver(queued(account)) == []
    assert len(account.results()) == 1


def test_a_result_whose_answer_got_lost_comes_twice_in_the_same_bytes(aws: FaultyAws, account: Account) -> None:
    aws.script("SendMessageBatch", LOST)

    assert deliver(queued(account)) == []

    first, second = account.results()
    assert first["Body"] == second["Body"]
    assert first["MessageId"] != second["MessageId"]


def test_a_results_queue_that_does_not_answer_ends_in_time_and_the_message_stays(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    aws.script("SendMessageBatch", SILENT, SILENT)
    record = queued(account)
    began = time.monotonic()

    assert deliver(record) == [record["messageId"]]
    assert time.monotonic() - began < 7.5
    assert deliver(record) == []
    assert len(account.results()) == 1
    assert len(vendor.calls("personal-link")) == 1


# All of them


def test_no_fault_of_aws_brings_anything_personal_or_secret_into_the_log(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, log: io.StringIO
) -> None:
    aws.script("GetSecretValue", PROXY_PAGE)
    aws.script("PutItem", Reply(), DENIED, LOST)
    aws.script("UpdateItem", LOST, DENIED)
    aws.script("SendMessageBatch", DENIED, PROXY_PAGE, LOST)
    vendor.script("personal-link", Reply(fault="truncated"), Reply.error(401), Reply(fault="reset"))

    for number in range(4):
        call()
        deliver(queued(account, number))

    logged = log.getvalue()
    tokens = {sent.headers["Authorization"].removeprefix("Bearer ") for sent in vendor.calls("personal-link")}
    links = {text for link in vendor.links for text in (link.survey_link, link.survey_link_short)}
    assert len(logged.splitlines()) > 8
    assert tokens
    assert links
    for private in {*tokens, *links, CLIENT_ID, CLIENT_SECRET, "ada@", "acme", "order-"}:
        assert private not in logged
