import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personal_link.errors import InvalidRequest, SettingsError
from personal_link.event_mappings import EventMappings, _compile, _Entry, _Functions, load
from personal_link.outcome import refused_on_arrival
from personal_link.request import LinkRequest, check
from personal_link.triggers import open_sqs
from sandbox.emulator import REPOSITORY

MAPPING = "9dd58237-c913-4073-9c76-07da0b49ff50"
REFERENCE = "join('-', ['ticket', to_string(detail.ticket.id)])"
AN_ENTRY = """
["Ticket Solved"]
configuration = "'tickets'"
reference = "join('-', ['ticket', to_string(detail.ticket.id)])"
idempotency_key = "detail.ticket.id"
optional = ["record.Phone"]
["Ticket Solved".record]
Email = "detail.requester.email"
Phone = "detail.requester.phone"
"""
A_TICKET = {"ticket": {"id": 77}, "requester": {"email": "zoe@acme.example"}}


def mappings_of(text: str, folder: Path) -> EventMappings:
    file = folder / "event_mappings.toml"
    file.write_text(text)
    return load(file)


def opened(event: object, mappings: EventMappings) -> LinkRequest:
    record = {"messageId": "m-1", "body": json.dumps(event), "attributes": {"SentTimestamp": "1800000000000"}}
    return check(open_sqs(record, mappings.apply))


def solved(detail: object) -> dict[str, object]:
    return {"id": "event-1", "detail-type": "Ticket Solved", "time": "2026-11-24T10:00:00Z", "detail": detail}


def problems_of(event: object, mappings: EventMappings) -> Mapping[str, object]:
    with pytest.raises(InvalidRequest) as refused:
        opened(event, mappings)
    return refused.value.errors


def test_an_event_with_an_entry_becomes_the_request_that_its_expressions_give(tmp_path: Path) -> None:
    request = opened(
        solved({**A_TICKET, "requester": {"email": "zoe@acme.example", "phone": "+55"}}),
        mappings_of(AN_ENTRY, tmp_path),
    )

    assert request.configuration == "tickets"
    assert request.record == {"Email": "zoe@acme.example", "Phone": "+55"}
    assert request.reference == "ticket-77"
    assert (request.key.scope, request.key.value) == ("caller", "77")
    assert (request.source.type, request.source.id) == ("eventbridge", "event-1")


def test_without_an_expression_for_it_the_key_is_the_events_id(tmp_path: Path) -> None:
    mappings = mappings_of('["Ticket Solved".record]\nEmail = "detail.requester.email"', tmp_path)

    request = opened(solved(A_TICKET), mappings)

    assert (request.key.scope, request.key.value) == ("event", "event-1")
    assert (request.configuration, request.reference) == (None, None)


def test_what_is_optional_and_gives_nothing_is_left_out(tmp_path: Path) -> None:
    assert opened(solved(A_TICKET), mappings_of(AN_ENTRY, tmp_path)).record == {"Email": "zoe@acme.example"}


def test_an_event_of_another_detail_type_has_its_request_in_its_detail_as_ever(tmp_path: Path) -> None:
    event = {"id": "event-1", "detail-type": "Personal Link Requested", "detail": {"record": {"Email": "a@b.example"}}}

    assert opened(event, mappings_of(AN_ENTRY, tmp_path)).record == {"Email": "a@b.example"}


@pytest.mark.parametrize("detail_type", [None, 7, ["Ticket Solved"], {"a": 1}])
def test_a_detail_type_that_is_no_text_has_no_entry(detail_type: object, tmp_path: Path) -> None:
    assert mappings_of(AN_ENTRY, tmp_path).apply({"detail-type": detail_type}) is None


def test_an_expression_that_gives_nothing_is_named_with_its_entry_and_field(tmp_path: Path) -> None:
    assert problems_of(
        solved({"ticket": {"id": 77}, "requester": {"name": "Zoe"}}), mappings_of(AN_ENTRY, tmp_path)
    ) == {
        "record": ["is required: an object of at least one heading and its value"],
        "record.Email": ['the mapping of "Ticket Solved" gives nothing: detail.requester.email'],
    }


@pytest.mark.parametrize("value", [["zoe@acme.example"], {"address": "zoe@acme.example"}])
def test_an_expression_that_gives_a_list_or_an_object_is_named(value: object, tmp_path: Path) -> None:
    event = solved({**A_TICKET, "requester": {"email": value, "phone": "+55"}})

    assert problems_of(event, mappings_of(AN_ENTRY, tmp_path)) == {
        "record.Email": ['the mapping of "Ticket Solved" gives no text, number or boolean: detail.requester.email']
    }


def test_no_key_is_made_of_an_id_that_is_not_there(tmp_path: Path) -> None:
    problems = problems_of(solved({"requester": {"email": "zoe@acme.example"}}), mappings_of(AN_ENTRY, tmp_path))

    assert problems == {
        "reference": [
            f'the mapping of "Ticket Solved" does not work on this event: {REFERENCE}',
        ],
        "idempotency_key": ['the mapping of "Ticket Solved" gives nothing: detail.ticket.id'],
    }


def test_the_rejected_result_says_whose_it_is_as_far_as_the_event_did(tmp_path: Path) -> None:
    record = {
        "messageId": "m-1",
        "body": json.dumps(solved({"ticket": {"id": 77}, "requester": {"phone": "+55"}})),
        "attributes": {"SentTimestamp": "1800000000000"},
    }
    delivery = open_sqs(record, mappings_of(AN_ENTRY, tmp_path).apply)
    with pytest.raises(InvalidRequest) as refused:
        check(delivery)

    outcome = refused_on_arrival(delivery, refused.value)

    assert (outcome.status, outcome.reference, outcome.record) == ("rejected", "ticket-77", {"Phone": "+55"})
    assert outcome.source.id == "event-1"


def test_a_text_is_split_as_the_keys_of_s3_need_it(tmp_path: Path) -> None:
    mappings = mappings_of("""["Ticket Solved".record]\nEmail = "split(detail.key, '/')[0]" """, tmp_path)

    assert opened(solved({"key": "zoe@acme.example/a.pdf"}), mappings).record == {"Email": "zoe@acme.example"}
    assert "record.Email" in problems_of(solved({"key": 7}), mappings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["A"\n', "event_mappings.toml is not TOML: "),
        (f"A = {'[' * 5_000}", "event_mappings.toml is not TOML: "),
        (f'["A"]\nrecord.Email = "{"[" * 5_000}"', '"A" record.Email: is nested too deeply: at most 100 levels: [[[['),
        (
            f'["A"]\nrecord.Email = "{"|".join(["id"] * 101)}"',
            '"A" record.Email: is nested too deeply: at most 100 levels: id|id|',
        ),
        ('"A" = 1', '"A" needs a [record] of at least one heading'),
        ('["A"]\nrecord = {}', '"A" needs a [record] of at least one heading'),
        ('["A"]\nrefrence = "id"\nrecord.Email = "id"', '"A" has refrence: it may have configuration, reference, '),
        ('["A"]\nrecord.Email = "detail..email"', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = ""', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = "[?"', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = 7', '"A" record.Email: must be a text, an expression in JMESPath: 7'),
        ('["A"]\nrecord.Email = "lower(id)"', '"A" record.Email: there is no function lower(): lower(id)'),
        ('["A"]\nrecord.Email = "[id, upper(id)]"', '"A" record.Email: there is no function upper()'),
        ("""["A"]\nreference = "join('-')"\nrecord.Email = "id\"""", '"A" reference: join() takes 2 arguments'),
        (
            '["A"]\noptional = ["record.Phone"]\nrecord.Email = "id"',
            '"A" optional must be a list of some of record.Email',
        ),
        (
            '["A"]\noptional = "record.Email"\nrecord.Email = "id"',
            '"A" optional must be a list of some of record.Email',
        ),
    ],
)
def test_a_file_that_cannot_work_is_refused_by_entry_and_expression(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        mappings_of(text, tmp_path)

    assert message in str(refused.value)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "event_mappings.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match=r"event_mappings\.toml is not TOML: 'utf-8' codec"):
        load(file)


def test_of_a_long_expression_that_cannot_work_the_beginning_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        mappings_of(f'["A"]\nrecord.Email = "{"[" * 5_000}"', tmp_path)

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("expression", ["|".join(["detail"] * 100), f"{'not_null(' * 99}detail{')' * 99}"])
def test_the_deepest_expression_that_is_taken_works(expression: str, tmp_path: Path) -> None:
    mappings = mappings_of(f'["Ticket Solved"]\nrecord.Email = "{expression}"', tmp_path)

    mapped = mappings.apply({"id": "event-1", "detail-type": "Ticket Solved", "detail": None})

    assert mapped is not None
    assert mapped.problems["record.Email"][0].startswith('the mapping of "Ticket Solved" gives nothing: ')


def test_two_numbers_that_add_up_to_a_longer_one_than_python_writes_are_a_named_problem(tmp_path: Path) -> None:
    mappings = mappings_of('["Ticket Solved"]\nreference = "sum(detail)"\nrecord.Amount = "sum(detail)"', tmp_path)

    problems = problems_of(solved([int("9" * 4_300)] * 2), mappings)

    assert problems["reference"] == ['the mapping of "Ticket Solved" gives no text, number or boolean: sum(detail)']
    assert "record.Amount" in problems


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        mappings_of('["A"]\nrecord.Email = "a b"\n["B"]\nrecord.Phone = "nope(id)"', tmp_path)

    assert '"A" record.Email' in str(refused.value)
    assert '"B" record.Phone' in str(refused.value)


def sample(name: str) -> Any:
    return json.loads((REPOSITORY / "events" / name).read_text())


def order_paid() -> dict[str, object]:
    (entry,) = sample("eventbridge_order_paid.json")
    return {"id": "event-1", "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}


@pytest.mark.parametrize(
    ("event", "record", "reference", "key"),
    [
        (
            order_paid(),
            {"Account Name": "Example Foods", "First Name": "Lin Chen", "Email": "lin@example.com", "Order": 1005},
            "1005",
            "order-paid-1005",
        ),
        (
            sample("sqs_event_salesforce_case_closed.json"),
            {"Account Name": "Example Motors", "First Name": "Sam", "Email": "sam@example.com", "Case": "00001026"},
            "00001026",
            "case-closed-00001026",
        ),
        (
            sample("sqs_event_s3_object_created.json"),
            {"Account Name": "delivered-reports", "Email": "kim@example.com", "Document": "report-2026-10.pdf"},
            "report-2026-10.pdf",
            "delivered-reports kim@example.com/report-2026-10.pdf 11111111222222223333333344444444",
        ),
        (
            sample("sqs_event_survey_due.json"),
            {"Account Name": "Example Hotels", "First Name": "Alex", "Email": "alex@example.com"},
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/survey-due/2026-11-24T10:10:00Z",
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/survey-due/2026-11-24T10:10:00Z",
        ),
    ],
    ids=["order paid", "salesforce case closed", "s3 object created", "survey due"],
)
def test_each_sample_event_becomes_its_request(
    event: dict[str, object], record: dict[str, object], reference: str, key: str
) -> None:
    request = opened(event, load())

    assert request.configuration == MAPPING
    assert request.record == record
    assert (request.reference, request.key.value) == (reference, key)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**4299, -(10**400), 1e308])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["order", "customer", "name", "email", "number", "key", "object"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(load().entries)), json_values)
def test_whatever_an_event_holds_its_mapping_ends_in_a_request_or_in_named_problems(kind: str, detail: object) -> None:
    mapped = load().apply({"id": "event-1", "detail-type": kind, "detail": detail})

    assert mapped is not None
    for problem in mapped.problems.values():
        assert problem[0].startswith(f'the mapping of "{kind}" ')


def every_function() -> EventMappings:
    """Return a mapping whose entry calls each function there is with the event's detail."""
    expressions = {}
    for name, about in _Functions.FUNCTION_TABLE.items():
        arguments = ["&@" if "expref" in argument["types"] else "detail" for argument in about["signature"]]
        expressions[f"record.{name}"] = _compile(f"{name}({', '.join(arguments)})")
    return EventMappings({"Ticket Solved": _Entry("Ticket Solved", "Ticket Solved", None, expressions, frozenset())})


@given(json_values)
def test_whatever_is_given_to_a_function_of_a_mapping_ends_in_a_value_that_can_be_written_or_in_a_problem(
    detail: object,
) -> None:
    mapped = every_function().apply({"id": "event-1", "detail-type": "Ticket Solved", "detail": detail})

    assert mapped is not None
    assert json.dumps(mapped.content, allow_nan=False)
    assert {problem[0].partition("(")[0] for problem in mapped.problems.values()} <= {
        f'the mapping of "Ticket Solved" {problem}: {name}'
        for problem in ("gives nothing", "gives no text, number or boolean", "does not work on this event")
        for name in _Functions.FUNCTION_TABLE
    }


def test_an_event_as_deep_as_json_can_be_costs_no_more_than_a_refusal() -> None:
    detail: object = "deep"
    for _ in range(800):
        detail = {"order": detail, "customer": detail}

    assert load().apply({"id": "event-1", "detail-type": "Order Paid", "detail": detail}) is not None
