"""The use case: unprocessed attempts, tokens and credentials, ledger failures and crashes."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Literal

import pytest

from personal_link.customergauge.access_token import AccessToken
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotProcessed, TryAgain, Unanswered
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, doing_before, refusing
from tests.fake_clock import FakeClock
from tests.link_requests import a_request, issue
from tests.tables import table
from tests.triggers.batch.conftest import Killed, kill

# Attempts that were not processed


@table(
    "asked, reply, code",
    ("429", "personal-link", Reply.error(429), "rate_limited"),
    ("503 with Retry-After", "personal-link", Reply.error(503, retry_after=2), "unavailable"),
    ("403 of a firewall", "personal-link", Reply.html(403), "forbidden"),
    ("unreachable", "personal-link", None, "unavailable"),
    ("no token", "token", Reply(fault="reset"), "unavailable"),
)
def test_a_duplicate_after_attempts_that_were_not_processed_is_rejected_as_duplicate_record(
    issuer: LinkIssuer,
    vendor: CustomerGaugeSandbox,
    asked: Literal["personal-link", "token"],
    reply: Reply | None,
    code: str,
) -> None:
    vendor.duplicate_rule = "campaign"
    issue(issuer, a_request("order-1"))
    if asked == "token":
        vendor.revoke_tokens()
    if reply is None:
        vendor.stop()
    else:
        vendor.script(asked, reply)
    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request("order-2"))
    assert failure.value.code == code
    if reply is None:
        vendor.start()

    outcome = issue(issuer, a_request("order-2"))

    assert outcome.status == "rejected"
    assert outcome.code == "duplicate_record"
    assert outcome.attempts == 2


# Tokens and credentials


def test_a_call_with_a_revoked_token_is_repeated_once_with_a_new_one(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    issue(issuer, a_request("order-1", email="ada@example.com"))
    vendor.revoke_tokens()

    outcome = issue(issuer, a_request("order-2", email="grace@example.com"))

    assert outcome.status == "created"
    assert outcome.attempts == 1
    assert len(vendor.calls("token")) == 2
    assert len(vendor.calls("personal-link")) == 3


def test_two_refused_tokens_in_a_row_end_the_attempt_and_stop_calls_for_thirty_seconds(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, clock: FakeClock
) -> None:
    vendor.script("personal-link", Reply.error(401), Reply.error(401))

    with pytest.raises(NotProcessed) as first:
        issue(issuer, a_request())
    with pytest.raises(NotProcessed) as meanwhile:
        issue(issuer, a_request())
    assert [first.value.code, meanwhile.value.code] == ["credentials_refused", "credentials_refused"]
    assert len(vendor.calls("personal-link")) == 2
    assert len(vendor.calls("token")) == 2
    clock.advance(31)

    assert issue(issuer, a_request()).status == "created"


def test_a_rotated_secret_is_used_within_the_same_request(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    issue(issuer, a_request("order-1", email="ada@example.com"))
    vendor.rotate_secret("rotated-Wm9uZQ")
    vendor.revoke_tokens()
    account.secretsmanager.put_secret_value(
        SecretId=account.secret_arn,
        SecretString=f'{{"client_id": "{vendor.client_id}", "client_secret": "rotated-Wm9uZQ"}}',
    )

    outcome = issue(issuer, a_request("order-2", email="grace@example.com"))

    assert outcome.status == "created"
    assert outcome.attempts == 1


def test_an_attempt_without_filled_in_credentials_does_not_count_as_unanswered(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    secret = account.secretsmanager.get_secret_value(SecretId=account.secret_arn)["SecretString"]
    account.secretsmanager.put_secret_value(
        SecretId=account.secret_arn, SecretString='{"client_id": "", "client_secret": ""}'
    )
    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request())
    assert failure.value.code == "credentials_missing"
    assert vendor.calls("token") == []
    account.secretsmanager.put_secret_value(SecretId=account.secret_arn, SecretString=secret)
    clock.advance(31)

    assert issue(issuer, a_request()).status == "created"


# Ledger failures and crashes


@pytest.mark.parametrize(
    ("reply", "code"), [(Reply(), "created"), (Reply(200, b"<html>"), "bad_response")], ids=["created", "bad_response"]
)
def test_a_success_that_the_ledger_did_not_store_is_returned_and_stored_after_its_result_is_sent(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, reply: Reply, code: str
) -> None:
    vendor.script("personal-link", reply)
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request())
    assert outcome.code == code
    issuer.after_sending(outcome, Deadline.after(20.9, issuer.clock), sent=True, calls_to_come=2)
    assert "outcome" not in account.ledger_items()[0]  # that might outlast the invocation

    issuer.after_sending(outcome, Deadline.after(20, issuer.clock), sent=True)

    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_the_attempt_after_a_link_that_the_ledger_did_not_store_ends_as_unknown_on_a_duplicate(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        issue(issuer, a_request())
    clock.advance(32)

    assert issue(issuer, a_request()).code == "outcome_unknown"


@pytest.mark.parametrize("code", ["no_matching_campaign", "outcome_unknown"])
def test_a_refused_or_unknown_outcome_that_the_ledger_did_not_store_is_retried(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, code: str
) -> None:
    vendor.duplicate_rule = "campaign"
    request = a_request(email="no-campaign@example.com" if code == "no_matching_campaign" else "ada@example.com")
    if code == "outcome_unknown":
        vendor.script("personal-link", Reply(fault="reset", commit=True))
        with pytest.raises(Unanswered):
            issue(issuer, request)

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(TryAgain) as failure:
        issue(issuer, request)

    assert (failure.value.code, failure.value.message) == (
        *("internal_error", "the ledger failed (ThrottlingException)"),
    )
    assert failure.value.attempt == (2 if code == "outcome_unknown" else 1)  # so its retry window counts


def test_a_duplicate_of_a_frozen_attempt_is_retried_and_not_rejected_when_the_ledger_fails(
    issuer: LinkIssuer,
    vendor: CustomerGaugeSandbox,
    account: Account,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor.duplicate_rule = "campaign"
    authorised = issuer.tokens.authorised
    created: list[Outcome | None] = []
    broken = ExitStack()

    def freeze_before_the_call(call: Callable[[AccessToken], PersonalLink], deadline: Deadline) -> PersonalLink:
        if not created:
            clock.advance_wall(32)
            created.append(None)
            created[0] = issue(issuer, a_request())
            broken.enter_context(refusing(account.dynamodb, "UpdateItem", "ThrottlingException"))
        return authorised(call, deadline)

    monkeypatch.setattr(issuer.tokens, "authorised", freeze_before_the_call)
    with broken, pytest.raises(TryAgain):
        issue(issuer, a_request())

    assert created[0] is not None
    assert created[0].status == "created"
    assert issue(issuer, a_request()) == replace(created[0], replayed=True)


@pytest.mark.parametrize("failures", [1, 6])
def test_storing_an_outcome_is_retried_with_growing_pauses_while_there_is_time(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, failures: int
) -> None:
    pauses: list[float] = []
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException", calls=failures):
        outcome = issue(replace(issuer, sleep=pauses.append), a_request())

    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2][:failures]
    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_storing_an_outcome_is_not_retried_when_that_might_outlast_the_invocation(
    issuer: LinkIssuer, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request(), seconds=6.9)
        assert (outcome.status, caplog.messages) == ("created", ["outcome not stored"])
        issuer.after_sending(outcome, Deadline.after(20, issuer.clock), sent=True)
        assert caplog.messages == ["outcome not stored", "outcome not stored"]

    (item,) = account.ledger_items()
    assert "outcome" not in item


@pytest.mark.parametrize("reply", [Reply.error(429), Reply(fault="reset")], ids=["429", "reset"])
def test_a_failed_call_is_reported_with_its_own_code_even_when_the_ledger_fails_too(
    issuer: LinkIssuer,
    vendor: CustomerGaugeSandbox,
    account: Account,
    reply: Reply,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vendor.script("personal-link", reply)

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(TryAgain) as failure:
        issue(issuer, a_request())

    assert "outcome not stored" in caplog.messages
    assert failure.value.code in {"rate_limited", "no_answer"}


def test_after_a_crash_between_the_answer_of_customergauge_and_the_ledger_a_duplicate_is_unknown(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    with doing_before(account.dynamodb, "UpdateItem", kill), pytest.raises(Killed):
        issue(issuer, a_request())
    with pytest.raises(NotProcessed, match="in_progress"):
        issue(issuer, a_request())
    clock.advance(32)

    outcome = issue(issuer, a_request())

    assert outcome.status == "unknown"
    assert outcome.code == "outcome_unknown"
    assert len(vendor.calls("personal-link")) == 2


def test_a_late_link_is_replaced_by_the_outcome_of_the_attempt_that_overtook_it(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    told: list[Outcome] = []

    def let_another_attempt_overtake(_: object) -> None:
        clock.advance(32)
        told.append(issue(issuer, a_request()))

    with doing_before(account.dynamodb, "UpdateItem", let_another_attempt_overtake):
        late = issue(issuer, a_request())

    assert told[0].code == "outcome_unknown"
    assert late == replace(told[0], replayed=True)
