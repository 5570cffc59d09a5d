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
from sandbox.customergauge.server import Reply
from tests.aws.account import doing_before
from tests.link_requests import UseCase, a_request
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
    case: UseCase, asked: Literal["personal-link", "token"], reply: Reply | None, code: str
) -> None:
    case.vendor.duplicate_rule = "campaign"
    case.issue(a_request("order-1"))
    if asked == "token":
        case.vendor.revoke_tokens()
    if reply is None:
        case.vendor.stop()
    else:
        case.vendor.script(asked, reply)
    assert case.failure(NotProcessed, a_request("order-2")).code == code
    if reply is None:
        case.vendor.start()

    outcome = case.issue(a_request("order-2"))

    assert (outcome.status, outcome.code, outcome.attempts) == ("rejected", "duplicate_record", 2)


# Tokens and credentials


def test_a_call_with_a_revoked_token_is_repeated_once_with_a_new_one(case: UseCase) -> None:
    case.issue(a_request("order-1", email="ada@example.com"))
    case.vendor.revoke_tokens()

    outcome = case.issue(a_request("order-2", email="grace@example.com"))

    assert (outcome.status, outcome.attempts) == ("created", 1)
    assert (len(case.vendor.calls("token")), case.calls()) == (2, 3)


def test_two_refused_tokens_in_a_row_end_the_attempt_and_stop_calls_for_thirty_seconds(case: UseCase) -> None:
    case.vendor.script("personal-link", Reply.error(401), Reply.error(401))

    assert [case.failure(NotProcessed).code for _ in range(2)] == ["credentials_refused", "credentials_refused"]
    assert (len(case.vendor.calls("token")), case.calls()) == (2, 2)
    case.clock.advance(31)

    assert case.issue().status == "created"


def rewrite_the_secret(case: UseCase, client_id: str, client_secret: str) -> None:
    text = f'{{"client_id": "{client_id}", "client_secret": "{client_secret}"}}'
    case.account.secretsmanager.put_secret_value(SecretId=case.account.secret_arn, SecretString=text)


def test_a_rotated_secret_is_used_within_the_same_request(case: UseCase) -> None:
    case.issue(a_request("order-1", email="ada@example.com"))
    case.vendor.rotate_secret("rotated-Wm9uZQ")
    case.vendor.revoke_tokens()
    rewrite_the_secret(case, case.vendor.client_id, "rotated-Wm9uZQ")

    outcome = case.issue(a_request("order-2", email="grace@example.com"))

    assert (outcome.status, outcome.attempts) == ("created", 1)


def test_an_attempt_without_filled_in_credentials_does_not_count_as_unanswered(case: UseCase) -> None:
    rewrite_the_secret(case, "", "")
    assert case.failure(NotProcessed).code == "credentials_missing"
    assert case.vendor.calls("token") == []
    rewrite_the_secret(case, case.vendor.client_id, case.vendor.client_secret)
    case.clock.advance(31)

    assert case.issue().status == "created"


# Ledger failures and crashes


@pytest.mark.parametrize(
    ("reply", "code"), [(Reply(), "created"), (Reply(200, b"<html>"), "bad_response")], ids=["created", "bad_response"]
)
def test_a_success_that_the_ledger_did_not_store_is_returned_and_stored_after_its_result_is_sent(
    case: UseCase, reply: Reply, code: str
) -> None:
    case.vendor.script("personal-link", reply)
    with case.with_a_broken_ledger():
        outcome = case.issue()
    assert outcome.code == code
    case.after_sending(outcome, seconds=20.9, calls_to_come=2)
    assert "outcome" not in case.account.ledger_items()[0]  # that might outlast the invocation

    case.after_sending(outcome)

    assert case.issue() == replace(outcome, replayed=True)
    assert case.calls() == 1


def test_the_attempt_after_a_link_that_the_ledger_did_not_store_ends_as_unknown_on_a_duplicate(case: UseCase) -> None:
    case.vendor.duplicate_rule = "campaign"
    with case.with_a_broken_ledger():
        case.issue()
    case.clock.advance(32)

    assert case.issue().code == "outcome_unknown"


@pytest.mark.parametrize("attempt", [1, 2], ids=["refused", "unknown"])
def test_a_refused_or_unknown_outcome_that_the_ledger_did_not_store_is_retried(case: UseCase, attempt: int) -> None:
    case.vendor.duplicate_rule = "campaign"
    request = a_request(email="no-campaign@example.com" if attempt == 1 else "ada@example.com")
    if attempt == 2:
        case.vendor.script("personal-link", Reply(fault="reset", commit=True))
        case.failure(Unanswered, request)

    with case.with_a_broken_ledger():
        failure = case.failure(TryAgain, request)

    assert str(failure) == "internal_error: the ledger failed (ThrottlingException)"
    assert failure.attempt == attempt  # so its retry window counts


def test_a_duplicate_of_a_frozen_attempt_is_retried_and_not_rejected_when_the_ledger_fails(
    case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.vendor.duplicate_rule = "campaign"
    authorised = case.issuer.tokens.authorised
    created: list[Outcome | None] = []
    broken = ExitStack()

    def freeze_before_the_call(call: Callable[[AccessToken], PersonalLink], deadline: Deadline) -> PersonalLink:
        if not created:
            case.clock.advance_wall(32)
            created.append(None)
            created[0] = case.issue()
            broken.enter_context(case.with_a_broken_ledger())
        return authorised(call, deadline)

    monkeypatch.setattr(case.issuer.tokens, "authorised", freeze_before_the_call)
    with broken:
        case.failure(TryAgain)

    assert created[0] is not None
    assert created[0].status == "created"
    assert case.issue() == replace(created[0], replayed=True)


@pytest.mark.parametrize("failures", [1, 6])
def test_storing_an_outcome_is_retried_with_growing_pauses_while_there_is_time(case: UseCase, failures: int) -> None:
    pauses: list[float] = []
    with case.with_a_broken_ledger(calls=failures):
        outcome = case.issue(by=replace(case.issuer, sleep=pauses.append))

    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2][:failures]
    assert case.issue() == replace(outcome, replayed=True)
    assert case.calls() == 1


def test_storing_an_outcome_is_not_retried_when_that_might_outlast_the_invocation(
    case: UseCase, caplog: pytest.LogCaptureFixture
) -> None:
    with case.with_a_broken_ledger():
        outcome = case.issue(seconds=6.9)
        assert (outcome.status, caplog.messages) == ("created", ["outcome not stored"])
        case.after_sending(outcome)
        assert caplog.messages == ["outcome not stored", "outcome not stored"]

    (item,) = case.account.ledger_items()
    assert "outcome" not in item


@pytest.mark.parametrize(
    ("reply", "code"), [(Reply.error(429), "rate_limited"), (Reply(fault="reset"), "no_answer")], ids=["429", "reset"]
)
def test_a_failed_call_is_reported_with_its_own_code_even_when_the_ledger_fails_too(
    case: UseCase, reply: Reply, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    case.vendor.script("personal-link", reply)

    with case.with_a_broken_ledger():
        assert case.failure(TryAgain).code == code

    assert "outcome not stored" in caplog.messages


def test_after_a_crash_between_the_answer_of_customergauge_and_the_ledger_a_duplicate_is_unknown(case: UseCase) -> None:
    case.vendor.duplicate_rule = "campaign"
    with doing_before(case.account.dynamodb, "UpdateItem", kill), pytest.raises(Killed):
        case.issue()
    assert case.failure(NotProcessed).code == "in_progress"
    case.clock.advance(32)

    outcome = case.issue()

    assert (outcome.status, outcome.code) == ("unknown", "outcome_unknown")
    assert case.calls() == 2


def test_a_late_link_is_replaced_by_the_outcome_of_the_attempt_that_overtook_it(case: UseCase) -> None:
    case.vendor.duplicate_rule = "campaign"
    told: list[Outcome] = []

    def let_another_attempt_overtake(_: object) -> None:
        case.clock.advance(32)
        told.append(case.issue())

    with doing_before(case.account.dynamodb, "UpdateItem", let_another_attempt_overtake):
        late = case.issue()

    assert told[0].code == "outcome_unknown"
    assert late == replace(told[0], replayed=True)
