"""The result message, replays, ids, and what a log could show."""

import json
from dataclasses import replace
from typing import Literal

import pytest

from personal_link.domain.outcome import Outcome, PersonalLink, outcome_id
from personal_link.domain.request import IdempotencyKey, Source, check
from tests.domain.outcomes import CREATED, EVERY_KIND, REJECTED, UNKNOWN, delivered


def keyed(scope: Literal["caller", "event", "message", "content"], value: str) -> IdempotencyKey:
    return IdempotencyKey(scope, value)


# --- the result message -----------------------------------------------------------------------------------------------


def test_the_result_of_a_link_is_the_contracts_message() -> None:
    assert json.loads(CREATED.message(echo_record=True)) == {
        "schema": "personal-link-result/1",
        "id": "86103fe0-f626-54c9-b96c-3faa03b77078",
        "status": "created",
        "reference": "order-7",
        "source": {"type": "eventbridge", "id": "event-1"},
        "configuration": "map-1",
        "record": {"Email": "joe@example.com", "Amount": 12.5, "VIP": True, "Note": None},
        "personal_link": {
            "number_customergauge": 12345,
            "survey_link": "https://survey.eu.customergauge.com/r/987656abcdef",
            "survey_link_short": "https://cust.xx/9876",
        },
        "replayed": False,
        "attempts": 1,
        "requested_at": "2027-01-15T08:00:00.000Z",
        "completed_at": "2027-01-15T08:00:01.250Z",
    }


@pytest.mark.parametrize("echo_record", [True, False])
def test_equal_requests_give_the_same_bytes_whatever_the_order_of_headings_and_the_form_of_their_text(
    *, echo_record: bool
) -> None:
    first = replace(CREATED, reference="caf\u00e9", record={"Name": "Zo\u00eb", "\u00e9": 1, "Email": None})
    other = replace(first, reference="cafe\u0301", record={"Email": None, "e\u0301": 1, "Name": "Zoe\u0308"})

    assert other.message(echo_record=echo_record) == first.message(echo_record=echo_record)
    assert json.loads(first.message(echo_record=True))["record"] == {
        "Email": None,
        "Name": "Zo\u00eb",
        "\u00e9": 1,
    }


def test_no_heading_is_left_out_of_the_result_because_another_one_has_its_composed_form() -> None:
    record = {"\u00e9": 1, "e\u0301": 2}

    assert json.loads(replace(CREATED, record=record).message(echo_record=True))["record"] == record


def test_the_result_of_a_refusal_is_the_contracts_message() -> None:
    assert json.loads(REJECTED.message(echo_record=True)) == {
        "schema": "personal-link-result/1",
        "id": "86103fe0-f626-54c9-b96c-3faa03b77078",
        "status": "rejected",
        "source": {"type": "sqs", "id": "message-1"},
        "configuration": "map-1",
        "record": {"Email": "joe"},
        "error": {
            "code": "validation_failed",
            "message": "The Email must be a valid email address.",
            "errors": {"Email": ["The Email must be a valid email address."]},
        },
        "replayed": False,
        "attempts": 2,
        "requested_at": "2027-01-15T08:00:00.000Z",
        "completed_at": "2027-01-15T08:00:01.250Z",
    }


def test_the_result_of_an_unknown_outcome_is_the_contracts_message() -> None:
    assert json.loads(UNKNOWN.message(echo_record=True)) == {
        "schema": "personal-link-result/1",
        "id": "86103fe0-f626-54c9-b96c-3faa03b77078",
        "status": "unknown",
        "reference": "order-7",
        "source": {"type": "http", "id": "request-1"},
        "configuration": "map-1",
        "record": {"Email": "joe@example.com"},
        "error": {"code": "outcome_unknown", "message": "A survey record probably exists."},
        "replayed": False,
        "attempts": 3,
        "requested_at": "2027-01-15T08:00:00.000Z",
        "completed_at": "2027-01-15T08:00:01.250Z",
    }


def test_a_result_is_one_line_whose_fields_come_in_the_contracts_order() -> None:
    assert UNKNOWN.message(echo_record=True) == (
        '{"schema":"personal-link-result/1","id":"86103fe0-f626-54c9-b96c-3faa03b77078","status":"unknown",'
        '"reference":"order-7","source":{"type":"http","id":"request-1"},"configuration":"map-1",'
        '"record":{"Email":"joe@example.com"},'
        '"error":{"code":"outcome_unknown","message":"A survey record probably exists."},'
        '"replayed":false,"attempts":3,'
        '"requested_at":"2027-01-15T08:00:00.000Z","completed_at":"2027-01-15T08:00:01.250Z"}'
    )


def test_a_result_is_ascii_whatever_the_record_says() -> None:
    outcome = Outcome(
        id="5a0d2f63-2c1e-5c5b-9d0c-7d3c1f1d9a10",
        status="rejected",
        source=Source("sqs", "message-1"),
        requested_at="2027-01-15T08:00:00.000Z",
        completed_at="2027-01-15T08:00:00.000Z",
        attempts=0,
        error={"code": "bad_request", "message": "žádný"},
        reference="č. 7",
        record={"Jméno": "Žofie 😀 \u2028"},
    )

    message = outcome.message(echo_record=True)

    assert message.isascii()
    assert "\n" not in message
    assert json.loads(message)["record"] == {"Jméno": "Žofie 😀 \u2028"}


@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_a_result_without_echo_differs_in_the_record_alone(outcome: Outcome) -> None:
    echoed = json.loads(outcome.message(echo_record=True))

    plain = json.loads(outcome.message(echo_record=False))

    del echoed["record"]
    assert plain == echoed


@pytest.mark.parametrize(
    ("outcome", "code"), [(CREATED, "created"), (REJECTED, "validation_failed"), (UNKNOWN, "outcome_unknown")]
)
def test_a_results_code_is_that_of_its_error_or_created(outcome: Outcome, code: str) -> None:
    assert outcome.code == code


# --- replays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo_record", [True, False])
@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_a_replay_is_the_same_bytes_but_for_replayed(outcome: Outcome, echo_record: bool) -> None:  # noqa: FBT001
    first = outcome.message(echo_record=echo_record)

    replay = Outcome.replay(outcome.stored(), reference=outcome.reference, record=outcome.record)

    assert replay.message(echo_record=echo_record) == first.replace('"replayed":false', '"replayed":true')


@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_a_replay_of_a_replay_changes_nothing_more(outcome: Outcome) -> None:
    replay = Outcome.replay(outcome.stored(), reference=outcome.reference, record=outcome.record)

    again = Outcome.replay(replay.stored(), reference=outcome.reference, record=outcome.record)

    assert again == replay


def test_a_link_without_number_and_short_form_is_replayed_as_it_was() -> None:
    link = PersonalLink(None, "https://survey.eu.customergauge.com/r/1", None)
    outcome = replace(CREATED, personal_link=link)

    replay = Outcome.replay(outcome.stored(), reference=None, record=None)

    assert replay.personal_link == link


def test_the_ledger_keeps_neither_record_nor_reference() -> None:
    stored = CREATED.stored()

    assert "joe@example.com" not in stored
    assert "Email" not in stored
    assert "order-7" not in stored


# --- ids --------------------------------------------------------------------------------------------------------------


def test_a_keys_outcome_id_never_changes_since_consumers_remember_it() -> None:
    request = check(delivered({"record": {"A": 1}, "idempotency_key": "order-7"}))

    assert outcome_id(request) == "86103fe0-f626-54c9-b96c-3faa03b77078"


def test_a_redelivery_and_another_trigger_under_the_same_key_have_the_same_outcome_id() -> None:
    content = {"record": {"A": 1}, "idempotency_key": "order-7"}

    queued = check(delivered(content))
    called = check(delivered(content, source=Source("http", "request-1"), key=None))

    assert outcome_id(queued) == outcome_id(called)


def test_every_key_has_an_outcome_id_of_its_own() -> None:
    keys = [keyed("caller", "1"), keyed("caller", "2"), keyed("event", "1"), keyed("message", "1")]

    ids = {outcome_id(check(delivered({"record": {"A": 1}}, key=key))) for key in keys}

    assert len(ids) == 4


def test_a_content_key_has_a_new_outcome_id_each_time_since_it_is_soon_forgotten() -> None:
    request = check(delivered({"record": {"A": 1}}, key=None))

    assert outcome_id(request) != outcome_id(request)
