"""The use case: links, replays, refusals, and unanswered attempts."""

from dataclasses import replace
from typing import Literal

import pytest

from personal_link.domain.errors import InvalidRequest, NotProcessed, Unanswered
from personal_link.domain.outcome import PersonalLink, describe
from personal_link.domain.request import IdempotencyKey, Source
from sandbox.customergauge.server import Reply
from tests.aws.account import doing_before
from tests.link_requests import UseCase, a_request
from tests.tables import table

UUID = "9dd58237-c913-4073-9c76-07da0b49ff50"
KNOWN = frozenset({"Email", "First Name", "Phone"})


# Links, replays and requests that are not sent


@pytest.mark.parametrize(("own", "used"), [(None, "contact"), (UUID, UUID)])
def test_a_link_is_created_with_the_configuration_of_the_request_or_else_the_default_one(
    case: UseCase, own: str | None, used: str
) -> None:
    outcome = case.issue(a_request(configuration=own), replace(case.issuer, known_headings=KNOWN))

    (link,) = case.vendor.links
    assert (link.configuration, link.record) == (used, {"Email": "ada@example.com", "First Name": "Ada"})
    assert outcome.status == "created"
    assert outcome.personal_link == PersonalLink(12345, link.survey_link, link.survey_link_short)
    assert (outcome.reference, outcome.configuration, outcome.attempts) == ("crm-0815", used, 1)
    assert outcome.record == {"Email": "ada@example.com", "First Name": "Ada"}
    assert outcome.source == Source("sqs", "m-1")
    assert outcome.requested_at == "2026-11-23T09:59:59.500Z"
    assert outcome.completed_at == "2026-11-23T10:00:00.000Z"


def test_a_replay_makes_no_call_of_customergauge(case: UseCase) -> None:
    first = case.issue()

    assert case.issue() == replace(first, replayed=True)
    assert case.calls() == 1


@pytest.mark.parametrize("default", [None, ""])
def test_a_request_without_any_configuration_is_refused_and_the_field_is_named(
    case: UseCase, default: str | None
) -> None:
    refusal = case.failure(InvalidRequest, by=replace(case.issuer, default_configuration=default))

    assert refusal.code == "invalid_request"
    assert refusal.errors == {"configuration": ["is required: the stack has no default configuration"]}
    assert case.vendor.calls("token") == []
    assert case.account.ledger_items() == []


def test_every_unknown_heading_is_named_with_the_nearest_known_one(case: UseCase) -> None:
    mistyped = replace(a_request(), record={"Emial": "zoe@acme.example", "First Name": "Zoë", "phone": "+55"})

    refusal = case.failure(InvalidRequest, mistyped, replace(case.issuer, known_headings=KNOWN))

    assert refusal.message == "The request is not valid: see record."  # it is logged; a heading is the caller's
    assert refusal.errors == {
        "record.Emial": ["is not a heading of the inbound mapping; did you mean Email?"],
        "record.phone": ["is not a heading of the inbound mapping; did you mean Phone?"],
    }
    assert case.calls() == 0


@table(
    "settings",
    ("a heading unknown", {"known_headings": frozenset({"Email"})}),
    ("no default configuration", {"default_configuration": None}),
)
def test_a_request_that_was_settled_before_a_setting_refused_it_is_replayed_as_long_as_the_ledger_remembers_it(
    case: UseCase, settings: dict[str, object]
) -> None:
    first = case.issue()
    strict = replace(case.issuer, **settings)  # type: ignore[arg-type]

    case.clock.advance(20.9 * 86_400)
    assert case.issue(by=strict) == replace(first, replayed=True)
    case.clock.advance(0.2 * 86_400)
    case.failure(InvalidRequest, by=strict)


def test_a_refused_heading_does_not_take_the_outcome_of_another_request_with_its_key(case: UseCase) -> None:
    case.issue()
    before = case.account.ledger_items()
    other = replace(a_request(), record={"Phone": "+55"})

    case.failure(InvalidRequest, other, replace(case.issuer, known_headings=frozenset({"Email"})))

    assert case.account.ledger_items() == before


def test_an_outcome_kept_for_its_result_is_forgotten_an_hour_after_that_was_sent(case: UseCase) -> None:
    request = replace(a_request(), key=IdempotencyKey("content", "its-hash"))
    first = case.issue(request)
    case.after_sending(first, sent=False)
    case.clock.advance(7 * 86_400)

    again = case.issue(request)
    assert (first.kept, again.replayed, again.kept) == (False, True, True)
    case.after_sending(again)

    case.clock.advance(3_599)
    last = case.issue(request)
    assert (last.replayed, last.kept) == (True, False)
    case.clock.advance(2)
    assert not case.issue(request).replayed


@pytest.mark.parametrize("scope", ["caller", "event", "message"])
def test_a_replay_does_not_shorten_the_memory_of_a_key_of_its_own(
    case: UseCase, scope: Literal["caller", "event", "message"]
) -> None:
    request = replace(a_request(), key=IdempotencyKey(scope, "order-1"))
    case.issue(request)
    case.clock.advance(-2)  # the next environment's clock is behind

    case.after_sending(case.issue(request))

    case.clock.advance(20 * 86_400)
    assert case.issue(request).replayed


def test_no_call_is_made_that_would_be_cut_off_after_less_than_five_seconds(case: UseCase) -> None:
    with doing_before(case.account.dynamodb, "PutItem", lambda _: case.clock.advance(7)):
        assert case.failure(NotProcessed, seconds=11.9).code == "unavailable"

    assert case.calls() == 0
    [item] = case.account.ledger_items()
    assert item["unanswered"] == {"N": "0"}


def test_a_request_with_too_little_time_left_is_not_started(case: UseCase) -> None:
    assert case.failure(NotProcessed, seconds=4.9).code == "unavailable"

    assert case.vendor.calls("token") == []
    assert case.account.ledger_items() == []


# Refusals of CustomerGauge


@table(
    "email, error",
    (
        "no campaign",
        "no-campaign@example.com",
        {"code": "no_matching_campaign", "message": "Could not match any campaign filter."},
    ),
    (
        "a field",
        "not-an-address",
        {
            "code": "validation_failed",
            "message": "The Email must be a valid email address.",
            "errors": {"Email": ["The Email must be a valid email address."]},
        },
    ),
)
def test_a_refusal_has_the_message_of_customergauge_and_is_never_sent_again(
    case: UseCase, email: str, error: dict[str, object]
) -> None:
    outcome = case.issue(a_request(email=email))

    assert (outcome.status, outcome.error, outcome.personal_link) == ("rejected", error, None)
    assert case.issue(a_request(email=email)) == replace(outcome, replayed=True)
    assert case.calls() == 1


def test_a_duplicate_on_the_first_attempt_is_rejected(case: UseCase) -> None:
    case.vendor.duplicate_rule = "campaign"
    case.issue(a_request("order-1"))

    outcome = case.issue(a_request("order-2"))

    assert (outcome.status, outcome.code) == ("rejected", "duplicate_record")


# Unanswered attempts


@table(
    "reply",
    ("reset", Reply(fault="reset", commit=True)),
    ("502", replace(Reply.html(502), commit=True)),
    ("503 without Retry-After", replace(Reply.error(503), commit=True)),
    ("408", replace(Reply.error(408), commit=True)),
    ("redirect", replace(Reply.redirect("https://elsewhere.example"), commit=True)),
)
def test_a_duplicate_after_an_unanswered_attempt_is_unknown(case: UseCase, reply: Reply) -> None:
    case.vendor.duplicate_rule = "campaign"
    case.vendor.script("personal-link", reply)
    case.failure(Unanswered)
    assert case.calls() == 1

    outcome = case.issue()

    assert (outcome.status, outcome.code, outcome.attempts) == ("unknown", "outcome_unknown", 2)
    assert case.issue() == replace(outcome, replayed=True)
    assert case.calls() == 2


def test_a_refusal_after_an_unanswered_attempt_says_that_a_survey_record_may_exist(case: UseCase) -> None:
    gone = Reply.error(404, "The inbound mapping is gone.")
    case.vendor.script("personal-link", Reply(fault="reset", commit=True), gone)
    case.failure(Unanswered)

    outcome = case.issue()

    assert (outcome.status, outcome.code) == ("rejected", "mapping_not_found")
    assert outcome.error is not None
    assert outcome.error["message"].endswith(
        " An earlier attempt got no answer, so a survey record may exist: see the Request History."
    )


def test_a_refusal_by_a_setting_after_an_unanswered_attempt_says_that_a_survey_record_may_exist(case: UseCase) -> None:
    case.vendor.script("personal-link", Reply(fault="reset", commit=True))
    case.failure(Unanswered)

    refusal = case.failure(InvalidRequest, by=replace(case.issuer, default_configuration=None))

    assert refusal.message == "The request is not valid: see configuration."  # it is logged
    assert describe(refusal)["message"] == (
        "The request is not valid: see configuration."
        " An earlier attempt got no answer, so a survey record may exist: see the Request History."
    )


ODD = b'\xef\xbb\xbf{"data": {"survey_link": "https://cust.xx/1"}}'


@table(
    "reply, link",
    ("no link", Reply(200, {"data": {"number_customergauge": 77}}), None),
    ("cut short", Reply(fault="truncated"), None),
    ("odd", Reply(202, ODD, fault="no_length", hints=(102, 103)), PersonalLink(None, "https://cust.xx/1", None)),
)
def test_a_2xx_answer_is_created_or_unknown_and_never_sent_again(
    case: UseCase, reply: Reply, link: PersonalLink | None
) -> None:
    case.vendor.script("personal-link", reply)

    outcome = case.issue()

    assert (outcome.code, outcome.personal_link) == ("created" if link else "bad_response", link)
    assert case.issue() == replace(outcome, replayed=True)
    assert case.calls() == 1
