"""The use case: attempts that did nothing, tokens and credentials, a ledger out of order, and death in between."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from personal_link.aws.ledger import Ledger
from personal_link.customergauge.access_token import AccessToken
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotProcessed, OutcomeUnknown, TryAgain, Unanswered
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, doing_before, refusing
from tests.fake_clock import FakeClock
from tests.link_requests import a_request, issue

# Answers after which certainly none was.
NOT_PROCESSED = [
    pytest.param(Reply.error(429), "rate_limited", id="429"),
    pytest.param(Reply.error(503, retry_after=2), "unavailable", id="503 with Retry-After"),
    pytest.param(Reply.error(403), "forbidden", id="403"),
    pytest.param(Reply.html(403), "forbidden", id="403 of a firewall"),
    pytest.param(Reply.error(425), "unavailable", id="425"),
]


class Killed(BaseException):
    """What nothing catches, as when Lambda ends an environment."""


def kill(_: object) -> None:
    raise Killed


# Attempts that certainly did nothing


@pytest.mark.parametrize(("reply", "code"), NOT_PROCESSED)
def test_duplicates_after_attempts_that_did_nothing_is_a_duplicate(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, reply: Reply, code: str
) -> None:
    vendor.duplicate_rule = "campaign"
    issue(issuer, a_request("order-1"))
    vendor.script("personal-link", reply)
    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request("order-2"))
    assert failure.value.code == code

    outcome = issue(issuer, a_request("order-2"))

    assert outcome.status == "rejected"
    assert outcome.code == "duplicate_record"
    assert outcome.attempts == 2


def test_duplicates_after_a_vendor_out_of_reach_is_a_duplicate(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    vendor.duplicate_rule = "campaign"
    issue(issuer, a_request("order-1"))
    vendor.stop()
    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request("order-2"))
    assert failure.value.code == "unavailable"
    vendor.start()

    outcome = issue(issuer, a_request("order-2"))

    assert outcome.code == "duplicate_record"


def test_without_a_token_no_request_is_sent_and_none_is_thought_to_be(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    vendor.duplicate_rule = "campaign"
    vendor.script("token", Reply(fault="reset"))
    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request("order-1"))
    assert failure.value.code == "unavailable"
    assert vendor.calls("personal-link") == []
    issue(issuer, a_request("order-2"))

    outcome = issue(issuer, a_request("order-1"))

    assert outcome.code == "duplicate_record"


def test_the_wait_that_the_vendor_asks_for_is_passed_on(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=120))

    with pytest.raises(NotProcessed) as failure:
        issue(issuer, a_request())

    assert failure.value.retry_after == 120.0


# Tokens and credentials


def test_a_revoked_token_costs_one_more_round_trip(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    issue(issuer, a_request("order-1", email="ada@example.com"))
    vendor.revoke_tokens()

    outcome = issue(issuer, a_request("order-2", email="grace@example.com"))

    assert outcome.status == "created"
    assert outcome.attempts == 1
    assert len(vendor.calls("token")) == 2
    assert len(vendor.calls("personal-link")) == 3


def test_two_refused_tokens_in_a_row_end_the_attempt_and_rest_for_half_a_minute(
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


def test_a_rotated_secret_is_taken_up_within_one_request(
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


def test_credentials_not_filled_in_yet_leave_no_mark(
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


# A ledger out of order, and death in between


def test_without_the_ledger_nothing_is_called(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    unwritable = replace(issuer, ledger=Ledger(account.dynamodb, "no-such-table", 21, clock))

    with pytest.raises(NotProcessed) as failure:
        issue(unwritable, a_request())

    assert failure.value.code == "internal_error"
    assert vendor.calls("token") == []
    assert vendor.calls("personal-link") == []


def test_a_link_that_the_ledger_did_not_take_is_still_told(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request())

    assert outcome.status == "created"
    assert outcome.personal_link is not None
    assert outcome.personal_link.survey_link == vendor.links[0].survey_link


def test_a_success_without_a_link_that_the_ledger_did_not_take_is_still_told(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    vendor.script("personal-link", Reply(200, b"<html>"))

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request())

    assert outcome.code == "bad_response"


@pytest.mark.parametrize("code", ["no_matching_campaign", "outcome_unknown"])
def test_any_other_outcome_that_the_ledger_did_not_take_is_tried_again(
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


def test_a_duplicate_after_a_freeze_is_not_told_as_a_refusal_when_the_ledger_fails(
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
def test_the_ledger_is_tried_again_while_there_is_time(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, failures: int
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException", calls=failures):
        outcome = issue(issuer, a_request())

    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_the_ledger_is_not_tried_again_when_that_might_outlast_the_invocation(
    issuer: LinkIssuer, account: Account
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException", calls=1):
        assert issue(issuer, a_request(), seconds=6.9).status == "created"

    (item,) = account.ledger_items()
    assert "outcome" not in item


def test_a_link_that_the_ledger_did_not_take_is_stored_after_its_result_was_sent(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request())

    issuer.after_sending(outcome, Deadline.after(20, issuer.clock), sent=True)

    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_nothing_is_stored_after_the_sending_when_that_might_outlast_the_invocation(
    issuer: LinkIssuer, account: Account
) -> None:
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        outcome = issue(issuer, a_request())

    issuer.after_sending(outcome, Deadline.after(20.9, issuer.clock), sent=True, calls_to_come=2)

    (item,) = account.ledger_items()
    assert "outcome" not in item


def test_an_outcome_that_the_ledger_did_not_take_is_unknown_to_the_next_attempt(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, clock: FakeClock
) -> None:
    vendor.duplicate_rule = "campaign"
    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"):
        issue(issuer, a_request())
    clock.advance(32)

    outcome = issue(issuer, a_request())

    assert outcome.code == "outcome_unknown"


@pytest.mark.parametrize("reply", [Reply.error(429), Reply(fault="reset")], ids=["429", "reset"])
def test_a_failed_call_is_told_as_such_even_when_the_ledger_fails_too(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, reply: Reply
) -> None:
    vendor.script("personal-link", reply)

    with refusing(account.dynamodb, "UpdateItem", "ThrottlingException"), pytest.raises(TryAgain) as failure:
        issue(issuer, a_request())

    assert failure.value.code in {"rate_limited", "no_answer"}


def test_death_between_the_vendors_answer_and_the_ledger_makes_duplicates_unknown(
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


def test_death_after_the_ledger_loses_nothing(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    issue(issuer, a_request())  # and its outcome is never sent

    outcome = issue(issuer, a_request())

    assert outcome.personal_link is not None
    assert outcome.personal_link.survey_link == vendor.links[0].survey_link
    assert len(vendor.calls("personal-link")) == 1


def test_a_link_that_comes_after_another_attempt_has_begun_is_not_told_twice_over(
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


def test_no_error_shows_what_it_is_about(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply(fault="reset"))

    with pytest.raises(Unanswered) as failure:
        issue(issuer, a_request())

    assert "ada@example.com" not in f"{failure.value!r} {failure.value} {a_request()!r}"
    assert not isinstance(failure.value, OutcomeUnknown)
