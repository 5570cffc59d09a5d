"""Formats of earlier versions are still read: formats.json has the data as those versions wrote it.

A sample of a format is never changed. A new format gets new samples, and the old ones stay as long as such items,
messages or consumers may be left: docs/operation.md#what-is-versioned. This version writes exactly these samples, and
each test reads what it wrote.
"""

import json
from typing import Any

import pytest

from personal_link.aws.credentials_secret import CredentialsSecret
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.aws.queues import Parked, RequestsQueue
from personal_link.aws.shared_token import SharedToken
from personal_link.aws.token_lease import TokenLease
from personal_link.aws.token_secret import TokenSecret
from personal_link.customergauge.access_token import AccessToken
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, NotProcessed, Refused, TryAgain
from personal_link.domain.outcome import Outcome, PersonalLink, describe
from personal_link.domain.request import IdempotencyKey, LinkRequest, Scalar, Source, check
from personal_link.triggers import deliveries
from sandbox import REPOSITORY
from tests.aws.account import Account
from tests.fake_clock import FakeClock

SAMPLES: dict[str, Any] = json.loads((REPOSITORY / "tests" / "aws" / "formats.json").read_text())
LINK = PersonalLink(12345, "https://survey.eu.customergauge.com/r/abc", "https://cust.xx/abc")
REFUSAL = describe(
    Refused(
        Code.VALIDATION_FAILED,
        "CustomerGauge refused the values of the record.",
        vendor_message="The given data was invalid.",
        errors={"Email": ["The Email field is required when Phone is not present."]},
    )
)
RECORD: dict[str, Scalar] = {
    "Email": "ada@acme.example",
    "First Name": "Ada",
    "Order number": 4711,
    "VIP": True,
    "Phone": None,
}
NO_FORMAT = {"owner": "random", "lease_until": "with a margin that may differ"}


def begin(ledger: Ledger, key: str, clock: FakeClock) -> Attempt | Outcome:
    request = LinkRequest(
        configuration="contact",
        record=RECORD,
        reference="crm-0815",
        key=IdempotencyKey("caller", key),
        source=Source("eventbridge", "6a7e8feb-b491-4cf7-a9f1-bf3703467718"),
        received_at=1_795_427_999.5,
    )
    return ledger.begin(request, Deadline.after(10, clock))


def end(attempt: Attempt | Outcome, link: PersonalLink | None, error: dict[str, Any] | None) -> Outcome:
    assert isinstance(attempt, Attempt)
    return Outcome(
        id=attempt.outcome_id,
        status="created" if link else "rejected",
        source=attempt.source,
        requested_at=attempt.requested_at,
        completed_at="2026-11-23T10:00:00.412Z",
        attempts=attempt.number,
        configuration="contact",
        personal_link=link,
        error=error,
        reference="crm-0815",
        record=RECORD,
    )


# The ledger


@pytest.mark.parametrize(
    ("sample", "key", "link", "error"),
    [("ledger-1-settled", "order-4711", LINK, None), ("ledger-1-refused", "order-4712", None, REFUSAL)],
)
def test_a_settled_ledger_item_of_format_1_is_written_and_replayed(
    ledger: Ledger, account: Account, clock: FakeClock, sample: str, key: str, link: PersonalLink, error: dict[str, Any]
) -> None:
    attempt = begin(ledger, key, clock)
    assert isinstance(attempt, Attempt)
    ledger.settle(attempt, end(attempt, link, error))
    assert account.ledger_items() == [SAMPLES[sample]]

    outcome = begin(ledger, key, clock)

    assert isinstance(outcome, Outcome)
    assert (outcome.personal_link, outcome.error, outcome.replayed) == (link, error, True)


def test_an_open_ledger_item_of_format_1_is_written_keeps_its_lease_and_is_remembered(
    ledger: Ledger, account: Account, clock: FakeClock
) -> None:
    attempt = begin(ledger, "order-4713", clock)
    assert isinstance(attempt, Attempt)
    (in_flight,) = account.ledger_items()
    assert in_flight | NO_FORMAT == SAMPLES["ledger-1-in-flight"] | NO_FORMAT
    ledger.leave_marked(attempt)
    assert account.ledger_items() == [SAMPLES["ledger-1-marked"]]

    for sample, passed in (("ledger-1-marked", 0), ("ledger-1-in-flight", 22)):
        account.dynamodb.put_item(TableName=account.ledger_table, Item=SAMPLES[sample])
        if passed:
            with pytest.raises(NotProcessed, match="in_progress"):
                begin(ledger, "order-4713", clock)
            clock.advance(passed)
        again = begin(ledger, "order-4713", clock)
        assert isinstance(again, Attempt)
        assert (again.number, again.earlier_unanswered, again.outcome_id) == (2, True, attempt.outcome_id)


# The queues and the shared token


def test_a_result_of_format_1_is_written_and_replayed(ledger: Ledger, clock: FakeClock) -> None:
    outcome = end(begin(ledger, "order-4711", clock), LINK, None)
    assert json.loads(outcome.message(echo_record=True)) == SAMPLES["result-1"]  # in which headings had no order
    assert outcome.stored() == SAMPLES["outcome-1"]

    replay = Outcome.replay(SAMPLES["outcome-1"], reference="crm-0815", record=RECORD)

    assert json.loads(replay.message(echo_record=True)) == SAMPLES["result-1"] | {"replayed": True}


@pytest.mark.parametrize(
    ("sample", "first_id", "key", "source"),
    [
        (
            "parked-1",
            {"original_message_id": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"},
            "message",
            Source("sqs", "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"),
        ),
        (
            "parked-invocation-1",
            {"original_invocation_id": "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"},
            "content",
            Source("direct", "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"),
        ),
    ],
)
def test_a_parked_message_of_format_1_is_written_and_keeps_its_key_when_it_is_redriven(
    account: Account, sample: str, first_id: dict[str, str], key: str, source: Source
) -> None:
    error = TryAgain(Code.UNAVAILABLE, "CustomerGauge answered HTTP 502")
    body = '{"configuration": "contact", "record": {"Email": "ada@acme.example"}}'
    RequestsQueue(account.sqs, account.requests_url, account.parked_url).park([Parked(body, error, 17, first_id)])
    (parked,) = account.parked()
    assert {field: parked[field] for field in ("Body", "MessageAttributes")} == SAMPLES[sample]

    attributes = {name: {"stringValue": one["StringValue"]} for name, one in parked["MessageAttributes"].items()}
    sent = {"SentTimestamp": "1795427999500"}
    record = {"messageId": "another", "body": parked["Body"], "attributes": sent, "messageAttributes": attributes}
    request = check(deliveries.open_sqs(record))

    assert (request.key.scope, request.source) == (key, source)


def test_a_shared_token_of_format_2_is_written_and_used_without_fetching_another(
    account: Account, clock: FakeClock
) -> None:
    secret = {"SecretId": account.token_secret_arn}
    token = SAMPLES["access-token-2"]
    shared_token(account, clock, token["access_token"])
    written = json.loads(account.secretsmanager.get_secret_value(**secret)["SecretString"])
    assert written == token | {"credentials": written["credentials"]}  # of this test's secret

    account.secretsmanager.put_secret_value(**secret, SecretString=json.dumps(token))

    assert shared_token(account, clock, "another").value == "eyJ-a-token-of-format-2"


def shared_token(account: Account, clock: FakeClock, fresh: str) -> AccessToken:
    """Return what an environment gets that asks for the shared token; `fresh` is what the vendor would give."""
    credentials = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)

    def fetch(_deadline: Deadline) -> AccessToken:
        credentials.get()
        return AccessToken(fresh, 3600.0, clock.wall(), clock.monotonic())

    secret = TokenSecret(account.secretsmanager, account.token_secret_arn)
    lease = TokenLease(account.dynamodb, account.ledger_table, clock)
    origin = SAMPLES["access-token-2"]["origin"]
    return SharedToken(lease, secret, credentials, fetch, origin=origin, clock=clock).fetch(Deadline.after(60, clock))


def test_every_sample_is_read_by_a_test_of_this_file() -> None:
    tests = (REPOSITORY / "tests" / "aws" / "test_formats.py").read_text()

    assert [name for name in SAMPLES if f'"{name}"' not in tests] == []
