"""The result message, replays, ids, and the results of requests that are refused on arrival."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from personal_link.domain.errors import Code, InvalidRequest, OutcomeUnknown, Refused, Unreadable
from personal_link.domain.outcome import Outcome, PersonalLink, describe, outcome_id, refused_on_arrival
from personal_link.domain.request import Source, check
from tests.domain.requests import delivered
from tests.tables import table

CREATED = Outcome(
    id="86103fe0-f626-54c9-b96c-3faa03b77078",
    status="created",
    source=Source("eventbridge", "event-1"),
    requested_at="2027-01-15T08:00:00.000Z",
    completed_at="2027-01-15T08:00:01.250Z",
    attempts=1,
    configuration="map-1",
    personal_link=PersonalLink(12345, "https://survey.eu.customergauge.com/r/987656abcdef", "https://cust.xx/9876"),
    reference="order-7",
    record={"Email": "joe@example.com", "Amount": 12.5, "VIP": True, "Note": None},
)
REJECTED = replace(
    CREATED,
    status="rejected",
    source=Source("sqs", "message-1"),
    attempts=2,
    personal_link=None,
    error={
        "code": "validation_failed",
        "message": "The Email must be a valid email address.",
        "errors": {"Email": ["The Email must be a valid email address."]},
    },
    reference=None,
    record={"Email": "joe"},
)
UNKNOWN = replace(
    CREATED,
    status="unknown",
    source=Source("http", "request-1"),
    attempts=3,
    personal_link=None,
    error={"code": "outcome_unknown", "message": "A survey record probably exists."},
    record={"Email": "joe@example.com"},
)
LINK_ALONE = replace(CREATED, personal_link=PersonalLink(None, "https://survey.eu.customergauge.com/r/1", None))
EVERY_KIND = [pytest.param(outcome, id=outcome.status) for outcome in (CREATED, LINK_ALONE, REJECTED, UNKNOWN)]


# The result message


def test_a_created_outcome_is_the_message_of_the_contract_in_one_line() -> None:
    assert CREATED.message(echo_record=True) == (
        '{"schema":"personal-link-result/1","id":"86103fe0-f626-54c9-b96c-3faa03b77078","status":"created",'
        '"reference":"order-7","source":{"type":"eventbridge","id":"event-1"},"configuration":"map-1",'
        '"record":{"Amount":12.5,"Email":"joe@example.com","Note":null,"VIP":true},'
        '"personal_link":{"number_customergauge":12345,'
        '"survey_link":"https://survey.eu.customergauge.com/r/987656abcdef","survey_link_short":"https://cust.xx/9876"},'
        '"replayed":false,"attempts":1,'
        '"requested_at":"2027-01-15T08:00:00.000Z","completed_at":"2027-01-15T08:00:01.250Z"}'
    )
    assert CREATED.code == "created"


@pytest.mark.parametrize("echo_record", [True, False])
def test_results_have_the_same_bytes_in_any_order_of_headings_and_any_unicode_composition(*, echo_record: bool) -> None:
    first = replace(CREATED, reference="caf\u00e9", record={"Name": "Zo\u00eb", "\u00e9": 1, "Email": None})
    other = replace(first, reference="cafe\u0301", record={"Email": None, "e\u0301": 1, "Name": "Zoe\u0308"})

    assert other.message(echo_record=echo_record) == first.message(echo_record=echo_record)
    assert json.loads(first.message(echo_record=True))["record"] == {
        "Email": None,
        "Name": "Zo\u00eb",
        "\u00e9": 1,
    }


def test_a_result_keeps_two_headings_that_differ_only_in_unicode_composition() -> None:
    record = {"\u00e9": 1, "e\u0301": 2}

    assert json.loads(replace(CREATED, record=record).message(echo_record=True))["record"] == record


def test_a_result_is_ascii_for_any_characters_in_the_request() -> None:
    error = {"code": "bad_request", "message": "žádný"}
    outcome = replace(REJECTED, error=error, reference="č. 7", record={"Jméno": "Žofie 😀 \u2028"})

    message = outcome.message(echo_record=True)

    assert message.isascii()
    assert "\n" not in message
    assert json.loads(message)["record"] == {"Jméno": "Žofie 😀 \u2028"}


@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_a_result_without_echo_leaves_out_only_the_record(outcome: Outcome) -> None:
    echoed = json.loads(outcome.message(echo_record=True))

    plain = json.loads(outcome.message(echo_record=False))

    del echoed["record"]
    assert plain == echoed


# Replays


@pytest.mark.parametrize("echo_record", [True, False])
@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_a_replay_has_the_bytes_of_the_first_result_except_for_replayed(outcome: Outcome, echo_record: bool) -> None:
    first = outcome.message(echo_record=echo_record)

    replay = Outcome.replay(outcome.stored(), reference=outcome.reference, record=outcome.record)

    assert replay.message(echo_record=echo_record) == first.replace('"replayed":false', '"replayed":true')
    assert Outcome.replay(replay.stored(), reference=outcome.reference, record=outcome.record) == replay


def test_a_stored_outcome_holds_neither_the_record_nor_the_reference() -> None:
    stored = CREATED.stored()

    assert "joe@example.com" not in stored
    assert "Email" not in stored
    assert "order-7" not in stored


# Ids


def test_the_outcome_id_of_a_caller_key_is_constant_since_consumers_remember_it() -> None:
    queued = delivered({"record": {"A": 1}, "idempotency_key": "order-7"})
    called = replace(queued, source=Source("http", "request-1"), key=None)

    assert outcome_id(check(queued)) == outcome_id(check(called)) == "86103fe0-f626-54c9-b96c-3faa03b77078"
    assert outcome_id(check(delivered({"record": {"A": 1}}))) != outcome_id(check(queued))


def test_a_request_without_a_key_gets_a_new_outcome_id_each_time() -> None:
    request = check(delivered({"record": {"A": 1}}, key=None))

    assert outcome_id(request) != outcome_id(request)


# Refused on arrival


def test_the_result_of_a_request_refused_on_arrival_follows_the_contract_with_zero_attempts() -> None:
    content = {"configuration": "map-1", "record": {"A": "x", "B": 1}, "reference": "order-7"}
    refusal = Refused(Code.IDEMPOTENCY_KEY_REUSED, "The idempotency key was used for another request.")

    message = json.loads(refused_on_arrival(delivered(content), refusal).message(echo_record=True))

    assert message.pop("id")
    assert message == {
        "schema": "personal-link-result/1",
        "status": "rejected",
        "reference": "order-7",
        "source": {"type": "sqs", "id": "message-1"},
        "configuration": "map-1",
        "record": {"A": "x", "B": 1},
        "error": {
            "code": "idempotency_key_reused",
            "message": "The idempotency key was used for another request.",
        },
        "replayed": False,
        "attempts": 0,
        "requested_at": "2027-01-15T08:00:00.000Z",
        "completed_at": "2027-01-15T08:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (Source("sqs", "message-2"), Code.INVALID_REQUEST),
        (Source("eventbridge", "message-1"), Code.INVALID_REQUEST),
        (Source("sqs", "message-1"), Code.TOO_LARGE),
    ],
)
def test_refusals_of_different_deliveries_or_reasons_have_different_ids(source: Source, code: Code) -> None:
    content = {"record": {}, "idempotency_key": "order-7"}
    one = refused_on_arrival(delivered(content), InvalidRequest(Code.INVALID_REQUEST, "no"))

    another = refused_on_arrival(delivered(content, source=source), InvalidRequest(code, "no"))

    assert one.id != another.id


@pytest.mark.parametrize("content", [{"record": {"A": 1}, "idempotency_key": "order-7"}, {"record": {"A": 1}}])
def test_a_different_request_with_a_used_key_does_not_get_the_outcome_id_of_that_key(
    content: Mapping[str, object],
) -> None:
    delivery = delivered(content)
    refusal = Refused(Code.IDEMPOTENCY_KEY_REUSED, "The idempotency key was used for another request.")

    assert refused_on_arrival(delivery, refusal).id != outcome_id(check(delivery))


def nested(levels: int) -> object:
    record: object = "deep"
    for _level in range(levels - 1):
        record = {"A": record}
    return record


@table(
    "record",
    ("no object", "Email"),
    ("a list within", {"A": [1]}),
    ("32 levels", nested(32)),
    ("the longest number that Python writes", {"A": -(10**4300 - 1)}),
    ("larger than any request", {"A": "x" * 300_000}),
    ("lone surrogates", {"A": "\ud800" * 70_000}),
)
def test_the_result_of_a_refused_request_echoes_its_record_unchanged(record: object) -> None:
    outcome = refused_on_arrival(delivered({"record": record}), InvalidRequest(Code.INVALID_REQUEST, "no"))

    assert json.loads(outcome.message(echo_record=True))["record"] == record


@pytest.mark.parametrize("field", ["record", "reference", "configuration"])
@table(
    "sent",
    ("1e999", {"A": float("inf")}),
    ("a number that Python does not write", 10**4300),
    ("one character more than 448 Ki with its quotes", "x" * (448 * 1024 - 1)),
    ("a heading of 90,000 escapes", {"\x01" * 90_000: 1}),
    ("33 levels", nested(33)),
    ("900 levels", nested(900)),
)
def test_a_refused_request_that_no_result_can_hold_is_unreadable_with_its_code(field: str, sent: object) -> None:
    refusal = InvalidRequest(Code.TOO_LARGE, "The request has 900000 bytes; at most 65536 are allowed.")

    with pytest.raises(Unreadable) as caught:
        refused_on_arrival(delivered({"record": {}, field: sent}), refusal)

    assert (caught.value.code, caught.value.message) == (refusal.code, refusal.message)


@pytest.mark.parametrize("field", ["reference", "configuration"])
@pytest.mark.parametrize(
    ("given", "told"),
    [("x" * 256, "x" * 256), ("x" * 10_000, "x" * 256), (7, "7"), (["x"], '["x"]'), (True, "true"), (None, None)],
)
def test_an_invalid_label_is_cut_in_the_result_or_left_out_if_no_text(
    field: str, given: object, told: str | None
) -> None:
    delivery = delivered({"record": {}, field: given})

    outcome = refused_on_arrival(delivery, InvalidRequest(Code.INVALID_REQUEST, "no"))

    assert json.loads(outcome.message(echo_record=True)).get(field) == told


@table(
    "record, reference",
    ("one endless heading", {"\u00e9" * 76_000: []}, ""),
    ("200 long headings", {f"{number:03}" + "\u00e9" * 370: [] for number in range(200)}, ""),
    ("200 wide headings", {f"{number:03}" + "\U0001f600" * 180: [] for number in range(200)}, ""),
    (
        "200 headings and long labels",
        {f"{number:03}" + "\u00e9" * 155 + "\x7f": "" for number in range(200)},
        "\U0001f600" * 257,
    ),
    ("456 KB of escapes", {"A": "\x01" * 76_000}, ""),
)
def test_the_result_of_any_refused_request_fits_an_sqs_message(record: Mapping[str, object], reference: str) -> None:
    delivery = delivered({"record": record, "reference": reference, "configuration": reference})
    with pytest.raises(InvalidRequest) as caught:
        check(delivery)

    message = refused_on_arrival(delivery, caught.value).message(echo_record=True)

    assert len(message) < 1_000_000


# Errors and reprs


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            Refused(Code.NO_MATCHING_CAMPAIGN, "our words", vendor_message="The vendor's words."),
            {"code": "no_matching_campaign", "message": "The vendor's words."},
        ),
        (OutcomeUnknown(Code.BAD_RESPONSE, "our words"), {"code": "bad_response", "message": "our words"}),
        (
            Refused(Code.VALIDATION_FAILED, "our words", errors={"Email": ("one", "two")}),
            {"code": "validation_failed", "message": "our words", "errors": {"Email": ["one", "two"]}},
        ),
    ],
)
def test_describe_returns_code_and_field_errors_and_prefers_the_message_of_customergauge(
    error: Refused | OutcomeUnknown, told: object
) -> None:
    assert describe(error) == told


@pytest.mark.parametrize("outcome", EVERY_KIND)
def test_the_repr_of_an_outcome_shows_no_record_no_link_and_no_message_of_customergauge(outcome: Outcome) -> None:
    shown = f"{outcome!r} {outcome} {outcome.personal_link!r}"

    assert outcome.id in shown
    for hidden in ("joe", "Email", "https", "order-7", "survey record"):
        assert hidden not in shown
