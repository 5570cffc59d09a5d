"""The use case: links, replays, refusals, and unanswered attempts."""

from dataclasses import replace

import pytest

from personal_link.domain.clock import Deadline
from personal_link.domain.errors import InvalidRequest, NotProcessed, Refused, Unanswered
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import IdempotencyKey, Source
from personal_link.issue_link import LinkIssuer
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account
from tests.fake_clock import FakeClock
from tests.link_requests import a_request, issue
from tests.tables import table

UUID = "9dd58237-c913-4073-9c76-07da0b49ff50"
# Answers after which nobody knows whether a survey record was made.
AMBIGUOUS = [
    pytest.param(Reply(fault="reset", commit=True), id="reset"),
    pytest.param(replace(Reply.html(502), commit=True), id="502"),
    pytest.param(replace(Reply.error(503), commit=True), id="503 without Retry-After"),
    pytest.param(replace(Reply.error(408), commit=True), id="408"),
    pytest.param(replace(Reply.redirect("https://elsewhere.example"), commit=True), id="redirect"),
]


# Links, replays and requests that are not sent


@pytest.mark.parametrize(("own", "used"), [(None, "contact"), (UUID, UUID)])
def test_a_link_is_created_with_the_configuration_of_the_request_or_else_the_default_one(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, own: str | None, used: str
) -> None:
    guarded = replace(issuer, known_headings=frozenset({"Email", "First Name", "Phone"}))
    outcome = issue(guarded, a_request(configuration=own))

    (link,) = vendor.links
    assert (link.configuration, link.record) == (used, {"Email": "ada@example.com", "First Name": "Ada"})
    assert outcome.status == "created"
    assert outcome.personal_link == PersonalLink(12345, link.survey_link, link.survey_link_short)
    assert (outcome.reference, outcome.configuration, outcome.attempts) == ("crm-0815", used, 1)
    assert outcome.record == {"Email": "ada@example.com", "First Name": "Ada"}
    assert outcome.source == Source("sqs", "m-1")
    assert outcome.requested_at == "2026-11-23T09:59:59.500Z"
    assert outcome.completed_at == "2026-11-23T10:00:00.000Z"


def test_a_replay_makes_no_call_of_customergauge(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    first = issue(issuer, a_request())

    again = issue(issuer, a_request())

    assert again == replace(first, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_a_different_request_with_a_used_key_is_refused_without_a_call_of_customergauge(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    issue(issuer, a_request())

    with pytest.raises(Refused) as refusal:
        issue(issuer, a_request(email="grace@example.com"))

    assert refusal.value.code == "idempotency_key_reused"
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("default", [None, ""])
def test_a_request_without_any_configuration_is_refused_and_the_field_is_named(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account, default: str | None
) -> None:
    bare = replace(issuer, default_configuration=default)

    with pytest.raises(InvalidRequest) as refusal:
        issue(bare, a_request(configuration=None))

    assert refusal.value.code == "invalid_request"
    assert refusal.value.errors == {"configuration": ["is required: the stack has no default configuration"]}
    assert vendor.calls("token") == []
    assert account.ledger_items() == []


def test_every_unknown_heading_is_named_with_the_nearest_known_one(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    guarded = replace(issuer, known_headings=frozenset({"Email", "First Name", "Phone"}))
    mistyped = replace(a_request(), record={"Emial": "zoe@acme.example", "First Name": "Zoë", "phone": "+55"})

    with pytest.raises(InvalidRequest) as refused:
        issue(guarded, mistyped)

    assert refused.value.message == "The request is not valid: see record."  # it is logged; a heading is the caller's
    assert refused.value.errors == {
        "record.Emial": ["is not a heading of the inbound mapping; did you mean Email?"],
        "record.phone": ["is not a heading of the inbound mapping; did you mean Phone?"],
    }
    assert vendor.calls("personal-link") == []


def test_a_request_that_was_settled_before_its_heading_was_refused_is_replayed(issuer: LinkIssuer) -> None:
    first = issue(issuer, a_request())

    again = issue(replace(issuer, known_headings=frozenset({"Email"})), a_request())

    assert again == replace(first, replayed=True)


def test_a_request_that_was_settled_while_there_was_a_default_configuration_is_replayed(issuer: LinkIssuer) -> None:
    first = issue(issuer, a_request(configuration=None))

    again = issue(replace(issuer, default_configuration=None), a_request(configuration=None))

    assert again == replace(first, replayed=True)


def test_a_refused_heading_does_not_take_the_outcome_of_another_request_with_its_key(
    issuer: LinkIssuer, account: Account
) -> None:
    issue(issuer, a_request())
    before = account.ledger_items()

    with pytest.raises(InvalidRequest):
        issue(replace(issuer, known_headings=frozenset({"Email"})), replace(a_request(), record={"Phone": "+55"}))
    assert account.ledger_items() == before


@pytest.mark.parametrize("days", [20.9, 21.1])
def test_a_refused_heading_is_refused_again_once_the_ledger_has_forgotten_the_outcome(
    issuer: LinkIssuer, clock: FakeClock, days: float
) -> None:
    issue(issuer, a_request())
    clock.advance(days * 86_400)
    strict = replace(issuer, known_headings=frozenset({"Email"}))

    if days < 21:
        assert issue(strict, a_request()).replayed
    else:
        with pytest.raises(InvalidRequest):
            issue(strict, a_request())


def test_an_outcome_kept_for_its_result_is_forgotten_an_hour_after_that_was_sent(
    issuer: LinkIssuer, clock: FakeClock
) -> None:
    request = replace(a_request(), key=IdempotencyKey("content", "its-hash"))
    first = issue(issuer, request)
    issuer.after_sending(first, Deadline.after(20, clock), sent=False)
    clock.advance(7 * 86_400)

    again = issue(issuer, request)
    assert (first.kept, again.replayed, again.kept) == (False, True, True)
    issuer.after_sending(again, Deadline.after(20, clock), sent=True)

    clock.advance(3_599)
    last = issue(issuer, request)
    assert (last.replayed, last.kept) == (True, False)
    clock.advance(2)
    assert not issue(issuer, request).replayed


def test_a_request_with_too_little_time_left_is_not_started(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    with pytest.raises(NotProcessed) as refusal:
        issue(issuer, a_request(), seconds=1.9)

    assert refusal.value.code == "unavailable"
    assert vendor.calls("token") == []
    assert account.ledger_items() == []


# Refusals of CustomerGauge


@pytest.mark.parametrize(
    ("email", "configuration", "error"),
    [
        (
            "no-campaign@example.com",
            "contact",
            {"code": "no_matching_campaign", "message": "Could not match any campaign filter."},
        ),
        (
            "not-an-address",
            "contact",
            {
                "code": "validation_failed",
                "message": "The Email must be a valid email address.",
                "errors": {"Email": ["The Email must be a valid email address."]},
            },
        ),
    ],
)
def test_a_refusal_has_the_message_of_customergauge_and_is_never_sent_again(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, email: str, configuration: str, error: dict[str, object]
) -> None:
    request = a_request(email=email, configuration=configuration)

    outcome = issue(issuer, request)
    again = issue(issuer, request)

    assert outcome.status == "rejected"
    assert outcome.error == error
    assert outcome.personal_link is None
    assert again == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1


def test_a_duplicate_on_the_first_attempt_is_rejected(issuer: LinkIssuer, vendor: CustomerGaugeSandbox) -> None:
    vendor.duplicate_rule = "campaign"
    issue(issuer, a_request("order-1"))

    outcome = issue(issuer, a_request("order-2"))

    assert outcome.status == "rejected"
    assert outcome.code == "duplicate_record"


# Unanswered attempts


@pytest.mark.parametrize("reply", AMBIGUOUS)
def test_a_duplicate_after_an_unanswered_attempt_is_unknown(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, reply: Reply
) -> None:
    vendor.duplicate_rule = "campaign"
    vendor.script("personal-link", reply)
    with pytest.raises(Unanswered):
        issue(issuer, a_request())
    assert len(vendor.calls("personal-link")) == 1

    outcome = issue(issuer, a_request())

    assert (outcome.status, outcome.code, outcome.attempts) == ("unknown", "outcome_unknown", 2)
    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 2


def test_a_refusal_after_an_unanswered_attempt_says_that_a_survey_record_may_exist(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox
) -> None:
    vendor.script("personal-link", Reply(fault="reset", commit=True), Reply.error(404, "The inbound mapping is gone."))
    with pytest.raises(Unanswered):
        issue(issuer, a_request())

    outcome = issue(issuer, a_request())

    assert (outcome.status, outcome.code) == ("rejected", "mapping_not_found")
    assert outcome.error is not None
    assert outcome.error["message"].endswith(
        " An earlier attempt got no answer, so a survey record may exist: see the Request History."
    )


@table(
    "reply, link",
    ("no link", Reply(200, {"data": {"number_customergauge": 77}}), None),
    ("cut short", Reply(fault="truncated"), None),
    (
        "a link in an odd wrapping",
        Reply(202, b'\xef\xbb\xbf{"data": {"survey_link": "https://cust.xx/1"}}', fault="no_length", hints=(102, 103)),
        PersonalLink(None, "https://cust.xx/1", None),
    ),
)
def test_a_2xx_answer_is_created_or_unknown_and_never_sent_again(
    issuer: LinkIssuer, vendor: CustomerGaugeSandbox, reply: Reply, link: PersonalLink | None
) -> None:
    vendor.script("personal-link", reply)

    outcome = issue(issuer, a_request())

    assert (outcome.code, outcome.personal_link) == ("created" if link else "bad_response", link)
    assert issue(issuer, a_request()) == replace(outcome, replayed=True)
    assert len(vendor.calls("personal-link")) == 1
