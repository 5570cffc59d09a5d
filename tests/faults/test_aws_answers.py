"""Failures of AWS, on a real socket, in every function: no call without a ledger item, no link lost."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import direct_invocation
import http_api
import queue_worker
from personal_link.domain.errors import PersonalLinkError
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account
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
from tests.lambda_environment import Context

pytestmark = pytest.mark.usefixtures("environment")

REQUEST = {"record": {"Email": "ada@acme.example"}, "idempotency_key": "order-1"}
AGAIN = "in the queue again"
HANGS = 15.0  # seconds: two tries take five, but botocore itself would wait for minutes


def call(_account: Account | None = None) -> str:
    """Ask by HTTP; return `created` or the code."""
    event = {
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(REQUEST),
        "requestContext": {
            "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
            "requestId": "r-1",
            "requestTimeEpoch": round(time.time() * 1000),
        },
    }
    answer: dict[str, Any] = http_api.handler(event, Context(28))
    code: str = json.loads(answer["body"]).get("code", "created")
    return code


def invoke(_account: Account) -> str:
    """Invoke directly, each time with the same id; return the status, or the name of the error."""
    try:
        status: str = direct_invocation.handler(REQUEST, Context(60))["status"]
    except PersonalLinkError as error:
        return type(error).__name__
    return status


def queue(account: Account) -> str:
    """Send a message and deliver it; return `created` or that it comes again."""
    return AGAIN if deliver(queued(account)) else "created"


def queued(account: Account, number: int = 1) -> dict[str, Any]:
    body = {"record": {"Email": f"ada-{number}@acme.example"}, "idempotency_key": f"order-{number}"}
    return account.queued_record(json.dumps(body), sent_at=time.time())


def deliver(*records: dict[str, Any], seconds: float = 60) -> list[str]:
    failures = queue_worker.handler({"Records": list(records)}, Context(seconds))["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in failures]


type Trigger = Callable[[Account], str]
each_trigger = pytest.mark.parametrize(
    ("ask", "failure"), [(call, "internal_error"), (invoke, "internal_error"), (queue, AGAIN)]
)


@pytest.mark.parametrize(
    ("operation", "fault"), [("GetSecretValue", RESET), ("PutItem", LOST), ("SendMessageBatch", THROTTLED)]
)
def test_a_call_of_aws_that_fails_once_is_repeated_within_the_request(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, operation: str, fault: Reply
) -> None:
    aws.script(operation, fault)

    assert call() == "created"
    assert aws.calls(operation) == 2
    assert (len(vendor.calls("personal-link")), len(account.results())) == (1, 1)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        pytest.param("GetSecretValue", THROTTLED, id="the secret, throttled"),
        pytest.param("GetSecretValue", PROXY_PAGE, id="the secret, a proxy's page"),
        pytest.param("PutItem", DOWN, id="the ledger, down"),
        pytest.param("PutItem", DENIED, id="the ledger, denied"),
    ],
)
@each_trigger
def test_when_the_secret_or_the_ledger_fails_nothing_is_sent_and_the_next_attempt_gets_the_link(
    aws: FaultyAws,
    account: Account,
    vendor: CustomerGaugeSandbox,
    ask: Trigger,
    failure: str,
    operation: str,
    fault: Reply,
) -> None:
    aws.script(operation, fault, fault)

    assert ask(account) == failure
    assert (vendor.calls("token"), vendor.calls("personal-link")) == ([], [])

    aws.forgive()
    assert ask(account) == "created"
    assert len(vendor.calls("personal-link")) == 1


# Secrets Manager


@pytest.mark.parametrize("fault", [DENIED, NOT_DECRYPTED], ids=["denied", "not decrypted"])
def test_a_secret_that_is_denied_is_read_once_and_reported_as_credentials_missing(
    aws: FaultyAws, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("GetSecretValue", fault, fault)

    assert call() == "credentials_missing"
    assert aws.calls("GetSecretValue") == 1
    assert vendor.calls("token") == []


def test_when_secrets_manager_does_not_answer_the_call_ends_in_time_and_sends_nothing(
    aws: FaultyAws, vendor: CustomerGaugeSandbox
) -> None:
    aws.script("GetSecretValue", SILENT, SILENT)
    began = time.monotonic()

    assert call() == "internal_error"
    assert time.monotonic() - began < HANGS
    assert vendor.calls("token") == []


# DynamoDB


def test_when_the_ledger_does_not_answer_the_batch_ends_in_time_and_starts_no_further_record(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_CONCURRENCY", "1")
    aws.script("PutItem", *[SILENT] * 4)
    first, second = queued(account, 1), queued(account, 2)
    began = time.monotonic()

    again = deliver(first, second, seconds=28 + 18)  # the reserve for AWS calls, and enough for one whole call

    assert again == [first["messageId"], second["messageId"]]
    assert time.monotonic() - began < HANGS
    assert aws.calls("PutItem") == 2
    assert vendor.calls("personal-link") == []


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([LOST], id="stored, the answer lost"),
        pytest.param([THROTTLED] * 2, id="throttled twice"),
        pytest.param([DENIED], id="denied once"),
    ],
)
def test_an_outcome_that_the_ledger_stores_only_on_a_retry_is_stored_once(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, faults: list[Reply]
) -> None:
    aws.script("UpdateItem", *faults)

    assert [call(), call()] == ["created", "created"]
    assert [json.loads(message["Body"])["replayed"] for message in account.results()] == [False, True]
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("ask", [call, invoke, queue])
def test_an_outcome_that_the_ledger_does_not_store_is_still_sent_as_a_result(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, ask: Trigger
) -> None:
    aws.script("UpdateItem", *[DENIED] * 4)

    assert ask(account) == "created"
    (message,) = account.results()
    assert json.loads(message["Body"])["personal_link"]["survey_link"] == vendor.links[0].survey_link


@pytest.mark.parametrize("value", [None, {"S": "not JSON"}, {"N": "7"}], ids=["gone", "garbled", "of another type"])
@pytest.mark.parametrize("attribute", ["format", "outcome", "fingerprint"])
def test_a_damaged_ledger_item_never_loses_the_link_or_ends_as_duplicate_record(
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


@pytest.mark.parametrize(
    ("operation", "faults"),
    [
        pytest.param("UpdateItem", [SILENT] * 2, id="the table is silent"),
        pytest.param("UpdateItem", [DENIED], id="the table is denied"),
        pytest.param("GetSecretValue", [EMPTY], id="the secret is empty"),
        pytest.param("GetSecretValue", [RESET] * 2, id="the secret's connection is reset"),
        pytest.param("PutSecretValue", [DENIED], id="the write is denied"),
    ],
)
def test_when_the_shared_token_fails_the_link_is_still_created_in_time(
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

    assert call() == "created"
    assert time.monotonic() - began < HANGS
    assert len(vendor.calls("token")) == 1


# SQS


@pytest.mark.parametrize("fault", [PROXY_PAGE, DENIED, EMPTY], ids=["a proxy's page", "denied", "no message id"])
@each_trigger
def test_when_a_result_cannot_be_sent_the_attempt_fails_and_the_next_one_sends_it_without_a_second_call(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, ask: Trigger, failure: str, fault: Reply
) -> None:
    aws.script("SendMessageBatch", fault, fault)

    assert ask(account) == failure
    assert account.results() == []

    aws.forgive()
    assert ask(account) == "created"
    (message,) = account.results()
    assert json.loads(message["Body"])["personal_link"]["survey_link"] == vendor.links[0].survey_link
    assert len(vendor.calls("personal-link")) == 1


def test_a_result_whose_sending_got_no_answer_is_sent_again_unchanged(aws: FaultyAws, account: Account) -> None:
    aws.script("SendMessageBatch", LOST)

    assert deliver(queued(account)) == []

    first, second = account.results()
    assert first["Body"] == second["Body"]
    assert first["MessageId"] != second["MessageId"]


def test_when_the_results_queue_does_not_answer_the_batch_ends_in_time_and_the_message_is_retried(
    aws: FaultyAws, account: Account
) -> None:
    aws.script("SendMessageBatch", SILENT, SILENT)
    record = queued(account)
    began = time.monotonic()

    assert deliver(record) == [record["messageId"]]
    assert time.monotonic() - began < HANGS


# The log of all faults


def test_no_fault_of_aws_writes_personal_data_or_secrets_to_the_log(
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
