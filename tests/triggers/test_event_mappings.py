"""The request that a mapping makes of an event, and the problems it reports."""

import json

import pytest

from personal_link.domain.errors import InvalidRequest
from personal_link.domain.outcome import refused_on_arrival
from personal_link.domain.request import check
from personal_link.triggers.deliveries import open_sqs
from tests.triggers.mapped import mappings_of, opened, problems_of, solved

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


def test_an_event_with_a_mapping_entry_becomes_the_request_that_its_expressions_give() -> None:
    event = solved({**A_TICKET, "requester": {"email": "zoe@acme.example", "phone": "+55"}})

    request = opened(event, f"\ufeff{AN_ENTRY}")  # a file may begin with a byte order mark

    assert request.configuration == "tickets"
    assert request.record == {"Email": "zoe@acme.example", "Phone": "+55"}
    assert request.reference == "ticket-77"
    assert (request.key.scope, request.key.value) == ("caller", "77")
    assert (request.source.type, request.source.id) == ("eventbridge", "event-1")


def test_the_key_is_the_event_id_when_the_entry_has_no_expression_for_it() -> None:
    mappings = mappings_of('["Ticket Solved".record]\nEmail = "detail.requester.email"')

    request = opened(solved(A_TICKET), mappings)

    assert (request.key.scope, request.key.value) == ("event", "event-1")
    assert (request.configuration, request.reference) == (None, None)


@pytest.mark.parametrize(
    "expression",
    [
        "join('', split(detail.address.phone, ' '))",
        "lower(detail.phone)",
        "to_amount(detail.phone)",
        "to_date(detail.phone)",
        "length(detail.phone)",
        "keys(detail.phone)[0]",
        "join(' ', [detail.ticket.name, detail.phone])",
        "sum([detail.ticket.id, detail.phone])",
        "max(detail.phones)",
        "sort_by(detail.tickets, &phone)[0].phone",
        "max_by(detail.tickets, &phone).phone",
    ],
)
def test_a_function_of_a_missing_value_gives_nothing(expression: str) -> None:
    detail = A_TICKET | {"phone": None, "tickets": [{"phone": None}]}
    of_an_optional_phone = AN_ENTRY.replace("detail.requester.phone", expression)
    of_a_required_phone = of_an_optional_phone.replace('optional = ["record.Phone"]', "")

    assert opened(solved(detail), of_an_optional_phone).record == {"Email": "zoe@acme.example"}
    assert problems_of(solved(detail), of_a_required_phone) == {
        "record.Phone": [f'the mapping of "Ticket Solved" gives nothing: {expression}']
    }


@pytest.mark.parametrize("missing", [[], {}], ids=["list", "object"])
@pytest.mark.parametrize(
    "expression",
    [
        "lower(detail.phone)",
        "split(detail.phone, 'T')[0]",
        "to_amount(detail.phone)",
        "to_date(detail.phone)",
        "sha256(detail.phone)",
        "to_string(detail.phone)",
        "join('-', ['visit', to_string(detail.phone)])",
        "join(' ', [detail.ticket.name, detail.phone])",
        "merge(detail.ticket, detail.none).phone",
    ],
)
def test_an_empty_list_or_object_is_a_missing_value_to_a_function(missing: object, expression: str) -> None:
    mappings = mappings_of(AN_ENTRY.replace("detail.requester.phone", expression))
    detail = {"ticket": {"id": 77, "name": "Ida"}, "requester": {"email": "zoe@acme.example"}, "phone": missing}

    assert opened(solved(detail), mappings).record == {"Email": "zoe@acme.example"}


@pytest.mark.parametrize(("number", "reference"), [(1005, "1005"), (1005.0, "1005"), (10.5, "10.5")])
def test_a_number_becomes_the_text_of_a_reference(number: float, reference: str) -> None:
    text = '["Ticket Solved"]\nreference = "detail.number"\nrecord.Email = "detail.email"'

    assert opened(solved({"number": number, "email": "zoe@acme.example"}), text).reference == reference


def test_a_function_of_a_value_of_the_wrong_type_is_a_problem_even_for_an_optional_field() -> None:
    mappings = mappings_of(AN_ENTRY.replace("detail.requester.phone", "split(detail.ticket.id, ' ')[0]"))

    assert problems_of(solved(A_TICKET), mappings) == {
        "record.Phone": [
            "the mapping of \"Ticket Solved\" does not work on this event: split(detail.ticket.id, ' ')[0]"
        ]
    }


@pytest.mark.parametrize("empty", ["", "\t\r\n\u00a0", [], {}, None])
def test_an_empty_value_gives_nothing(empty: object) -> None:
    mappings = mappings_of(AN_ENTRY)
    detail = {"ticket": {"id": 77}, "requester": {"email": "zoe@acme.example", "phone": empty}}

    assert opened(solved(detail), mappings).record == {"Email": "zoe@acme.example"}
    assert problems_of(solved(detail | {"requester": {"email": empty, "phone": "+55"}}), mappings) == {
        "record.Email": ['the mapping of "Ticket Solved" gives nothing: detail.requester.email']
    }
    assert set(problems_of(solved(A_TICKET | {"ticket": {"id": empty}}), mappings)) >= {"idempotency_key"}


@pytest.mark.parametrize("value", [["zoe@acme.example"], {"address": "zoe@acme.example"}])
def test_an_expression_that_gives_a_list_or_an_object_is_a_problem_of_its_field(value: object) -> None:
    event = solved({**A_TICKET, "requester": {"email": value, "phone": "+55"}})

    assert problems_of(event, AN_ENTRY) == {
        "record.Email": ['the mapping of "Ticket Solved" gives no text, number or boolean: detail.requester.email']
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lower('Zoë@ACME.example')", "zoë@acme.example"),
        ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("to_amount(`5990`)", "59.90"),
        ("to_amount(`7`)", "0.07"),
        ("to_amount(`-205`)", "-2.05"),
        ("to_amount(`9007199254740993`)", "90071992547409.93"),
        ("to_amount(to_number('5990'))", "59.90"),
        ("to_date(`0`)", "1970-01-01"),
        ("to_date(`1795564799.9`)", "2026-11-24"),
        ("to_date(`-1`)", "1969-12-31"),
        ("lower(detail.email) || lower(detail.mail)", "zoe@acme.example"),
        ("join('/', detail.tags)", "a//b"),
        ("split(detail.key, '/')[0]", "zoe@acme.example"),
    ],
)
def test_each_custom_mapping_function_gives_its_documented_value(expression: str, value: str) -> None:
    event = solved({"mail": "ZOE@acme.example", "tags": ["a", "", "b"], "key": "zoe@acme.example/a.pdf"})

    assert opened(event, f'["Ticket Solved"]\nrecord.Value = "{expression}"').record == {"Value": value}


@pytest.mark.parametrize(
    "expression",
    [
        "to_amount(`59.5`)",
        "to_amount('5990')",
        "to_date(`1795515900000`)",  # milliseconds
        "to_date(`1e400`)",
        "lower(`7`)",
        "sha256(`7`)",
    ],
)
def test_an_argument_that_a_custom_mapping_function_cannot_take_is_a_problem(expression: str) -> None:
    assert problems_of(solved({}), f'["Ticket Solved"]\nrecord.Value = "{expression}"')["record.Value"] == [
        f'the mapping of "Ticket Solved" does not work on this event: {expression}'
    ]


TWO_KINDS = """
["Order paid"]
detail_type = "webhook"
when = "detail.topic == 'orders/paid'"
record.Order = "detail.id"
["Visit ended"]
detail_type = "webhook"
when = "source == 'com.example.hotel' && starts_with(detail.id, 'visit')"
record.Visit = "detail.id"
"""


@pytest.mark.parametrize(
    ("event", "record"),
    [
        ({"detail": {"topic": "orders/paid", "id": 7}}, {"Order": 7}),
        ({"source": "com.example.hotel", "detail": {"id": "visit-8"}}, {"Visit": "visit-8"}),
        ({"source": "com.example.hotel", "detail": {"topic": "orders/paid", "id": "visit-8"}}, {"Order": "visit-8"}),
    ],
    ids=["by a field", "by the source", "the first of both"],
)
def test_the_first_entry_whose_when_matches_maps_the_event(event: dict[str, object], record: dict[str, object]) -> None:
    assert opened({"id": "event-1", "detail-type": "webhook"} | event, TWO_KINDS).record == record


def test_the_rejected_result_of_an_event_has_the_reference_and_record_that_could_be_mapped() -> None:
    record = {
        "messageId": "m-1",
        "body": json.dumps(solved({"ticket": {"id": 77}, "requester": {"phone": "+55"}})),
        "attributes": {"SentTimestamp": "1800000000000"},
    }
    delivery = open_sqs(record, mappings_of(AN_ENTRY).apply)
    with pytest.raises(InvalidRequest) as refused:
        check(delivery)

    outcome = refused_on_arrival(delivery, refused.value)

    assert (outcome.status, outcome.reference, outcome.record) == ("rejected", "ticket-77", {"Phone": "+55"})
    assert outcome.source.id == "event-1"


@pytest.mark.parametrize(
    "event",
    [
        {"detail": {"topic": "orders/updated"}},
        {"source": "com.example.hotel", "detail": {"id": 7}},
        {"source": "com.example.hotel"},
        {"detail-type": "Order paid", "detail": {"topic": "orders/paid", "id": 7}},
        {"detail-type": ["webhook"], "detail": {"topic": "orders/paid", "id": 7}},
    ],
    ids=["another topic", "an id on which when does not work", "no detail", "the name of an entry", "a list"],
)
def test_an_event_that_matches_no_when_has_no_entry(event: dict[str, object]) -> None:
    assert mappings_of(TWO_KINDS).apply({"id": "event-1", "detail-type": "webhook"} | event) is None


def test_a_when_that_gives_a_list_of_something_matches() -> None:
    text = """
["Kit"]
detail_type = "Order"
when = "detail.items[?sku=='kit']"
record.Order = "detail.id"
"""
    mappings = mappings_of(text)

    def order(sku: str) -> dict[str, object]:
        return {"id": "event-1", "detail-type": "Order", "detail": {"id": 7, "items": [{"sku": sku}]}}

    assert opened(order("kit"), mappings).record == {"Order": 7}
    assert mappings.apply(order("book")) is None


def test_a_problem_names_the_entry_and_not_the_detail_type() -> None:
    event = {"id": "event-1", "detail-type": "webhook", "detail": {"topic": "orders/paid"}}

    assert problems_of(event, TWO_KINDS) == {
        "record": ["is required: an object of at least one heading and its value"],
        "record.Order": ['the mapping of "Order paid" gives nothing: detail.id'],
    }
