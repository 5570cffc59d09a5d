"""Formats of earlier versions are still read: `tests/formats` has the data as those versions wrote it.

The files of a format are never changed. A new format gets new files, and the old ones stay as long as such items,
messages or consumers may be left: docs/operation.md#what-is-versioned.
"""

import json
from collections.abc import Mapping
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

FORMATS = REPOSITORY / "tests" / "formats"
LINK = PersonalLink(12345, "https://survey.eu.customergauge.com/r/abc", "https://cust.xx/abc")
REFUSAL = Refused(
    Code.VALIDATION_FAILED,
    "CustomerGauge refused the values of the record.",
    vendor_message="The given data was invalid.",
    errors={"Email": ["The Email field is required when Phone is not present."]},
)
RECORD: dict[str, Scalar] = {
    "Email": "ada@acme.example",
    "First Name": "Ada",
    "Order number": 4711,
    "VIP": True,
    "Phone": None,
}
NO_FORMAT = frozenset({"owner", "version", "lease_until"})  # another each time, or with another margin


def written(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FORMATS / name).read_text())
    return content


def a_request(key: str) -> LinkRequest:
    return LinkRequest(
        configuration="contact",
        record=RECORD,
        reference="crm-0815",
        key=IdempotencyKey("caller", key),
        source=Source("eventbridge", "6a7e8feb-b491-4cf7-a9f1-bf3703467718"),
        received_at=1_795_427_999.5,
    )


def put(account: Account, name: str) -> None:
    account.dynamodb.put_item(TableName=account.ledger_table, Item=written(name))


def begin(ledger: Ledger, key: str, clock: FakeClock) -> Attempt | Outcome:
    return ledger.begin(a_request(key), Deadline.after(10, clock))


# Reading


@pytest.mark.parametrize(
    ("name", "key", "told"),
    [
        ("ledger-1-settled.json", "order-4711", ("created", LINK, None)),
        ("ledger-1-refused.json", "order-4712", ("rejected", None, describe(REFUSAL))),
    ],
)
def test_a_settled_ledger_item_of_format_1_replays_its_outcome(
    ledger: Ledger, account: Account, clock: FakeClock, name: str, key: str, told: tuple[object, ...]
) -> None:
    put(account, name)

    outcome = begin(ledger, key, clock)

    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.personal_link, outcome.error) == told
    assert outcome.replayed


def test_an_unanswered_attempt_of_format_1_is_remembered(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    put(account, "ledger-1-marked.json")

    attempt = begin(ledger, "order-4713", clock)

    assert isinstance(attempt, Attempt)
    assert (attempt.number, attempt.earlier_unanswered) == (2, True)
    assert attempt.outcome_id == "ea839cf7-68d3-57b6-b448-59318f865691"


def test_an_attempt_in_flight_of_format_1_keeps_its_lease(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    put(account, "ledger-1-in-flight.json")

    with pytest.raises(NotProcessed, match="in_progress"):
        begin(ledger, "order-4713", clock)
    clock.advance(22)
    attempt = begin(ledger, "order-4713", clock)

    assert isinstance(attempt, Attempt)
    assert attempt.earlier_unanswered


def test_a_stored_outcome_of_format_1_replays_the_result_of_format_1() -> None:
    stored, result = ((FORMATS / name).read_text().strip() for name in ("outcome-1.json", "result-1.json"))

    replay = Outcome.replay(stored, reference="crm-0815", record=RECORD)

    assert json.loads(replay.message(echo_record=True)) == {**json.loads(result), "replayed": True}


def test_a_shared_token_of_format_2_is_used_without_fetching_another(account: Account, clock: FakeClock) -> None:
    text = json.dumps(written("access-token-2.json"))
    account.secretsmanager.put_secret_value(SecretId=account.token_secret_arn, SecretString=text)

    assert shared_token(account, clock, "another").value == "eyJ-a-token-of-format-2"


def test_a_parked_message_of_format_1_keeps_its_key_when_it_is_redriven() -> None:
    message, invocation = (
        check(deliveries.open_sqs(redriven(name))) for name in ("parked-1.json", "parked-invocation-1.json")
    )

    assert message.key == IdempotencyKey("message", "19dd0b57-b21e-4ac1-bd88-01bbb068cb78")
    assert invocation.key.scope == "content"
    assert invocation.source == Source("direct", "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77")


def redriven(name: str) -> dict[str, Any]:
    """Return a parked message as the worker gets it after a redrive."""
    parked = written(name)
    return {
        "messageId": "another",
        "body": parked["Body"],
        "attributes": {"SentTimestamp": "1795427999500"},
        "messageAttributes": {
            name: {"stringValue": attribute["StringValue"]} for name, attribute in parked["MessageAttributes"].items()
        },
    }


# Writing: this version writes exactly the content of the files


def only_item(account: Account) -> dict[str, Any]:
    (item,) = account.ledger_items()
    return item


def comparable(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "random" if name in NO_FORMAT else value for name, value in item.items()}


def end(attempt: Attempt, link: PersonalLink | None, error: dict[str, Any] | None) -> Outcome:
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


@pytest.mark.parametrize(
    ("name", "key", "link", "error"),
    [
        ("ledger-1-settled.json", "order-4711", LINK, None),
        ("ledger-1-refused.json", "order-4712", None, describe(REFUSAL)),
    ],
)
def test_a_settled_ledger_item_is_written_in_format_1(
    ledger: Ledger,
    account: Account,
    clock: FakeClock,
    name: str,
    key: str,
    link: PersonalLink | None,
    error: dict[str, Any] | None,
) -> None:
    attempt = begin(ledger, key, clock)
    assert isinstance(attempt, Attempt)

    ledger.settle(attempt, end(attempt, link, error))

    assert only_item(account) == written(name)


def test_an_open_ledger_item_is_written_in_format_1(ledger: Ledger, account: Account, clock: FakeClock) -> None:
    attempt = begin(ledger, "order-4713", clock)
    assert isinstance(attempt, Attempt)
    in_flight = only_item(account)

    ledger.leave_marked(attempt)

    assert comparable(in_flight) == comparable(written("ledger-1-in-flight.json"))
    assert only_item(account) == written("ledger-1-marked.json")


def test_a_result_is_written_in_format_1(ledger: Ledger, clock: FakeClock) -> None:
    attempt = begin(ledger, "order-4711", clock)
    assert isinstance(attempt, Attempt)

    outcome = end(attempt, LINK, None)

    assert json.loads(outcome.message(echo_record=True)) == written("result-1.json")  # in which headings had no order
    assert outcome.stored() == (FORMATS / "outcome-1.json").read_text().strip()


def test_a_shared_token_is_written_in_format_2(account: Account, clock: FakeClock) -> None:
    shared_token(account, clock, "eyJ-a-token-of-format-2")

    text = account.secretsmanager.get_secret_value(SecretId=account.token_secret_arn)["SecretString"]
    of_this_secret = {"credentials": json.loads(text)["credentials"]}
    assert json.loads(text) == written("access-token-2.json") | of_this_secret


@pytest.mark.parametrize(
    ("name", "first_id"),
    [
        ("parked-1.json", {"original_message_id": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"}),
        ("parked-invocation-1.json", {"original_invocation_id": "2f9a4c1e-7a57-4b0e-9a0e-0c5d1a3b6e77"}),
    ],
)
def test_a_parked_message_is_written_in_format_1(account: Account, name: str, first_id: dict[str, str]) -> None:
    error = TryAgain(Code.UNAVAILABLE, "CustomerGauge answered HTTP 502")
    body = '{"configuration": "contact", "record": {"Email": "ada@acme.example"}}'

    RequestsQueue(account.sqs, account.requests_url, account.parked_url).park([Parked(body, error, 17, first_id)])

    (parked,) = account.parked()
    assert {field: parked[field] for field in ("Body", "MessageAttributes")} == written(name)


def test_every_file_of_the_formats_folder_is_read_by_a_test_of_this_file() -> None:
    tests = (REPOSITORY / "tests" / "aws" / "test_formats.py").read_text()

    assert [path.name for path in FORMATS.iterdir() if f'"{path.name}"' not in tests] == []


def shared_token(account: Account, clock: FakeClock, fresh: str) -> AccessToken:
    """Return what an environment gets that asks for the shared token; `fresh` is what the vendor would give."""
    credentials = CredentialsSecret(account.secretsmanager, account.secret_arn, clock)

    def fetch(_deadline: Deadline) -> AccessToken:
        credentials.get()
        return AccessToken(fresh, 3600.0, clock.wall(), clock.monotonic())

    secret = TokenSecret(account.secretsmanager, account.token_secret_arn)
    origin = written("access-token-2.json")["origin"]
    lease = TokenLease(account.dynamodb, account.ledger_table, clock)
    shared = SharedToken(lease, secret, credentials, fetch, origin=origin, clock=clock)
    return shared.fetch(Deadline.after(60, clock))
