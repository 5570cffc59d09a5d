import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personal_link.domain.errors import InvalidRequest, SettingsError
from personal_link.domain.outcome import refused_on_arrival
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers.deliveries import open_direct, open_sqs
from personal_link.triggers.event_mappings import EventMappings, _compile, _Entry, _Functions, load
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


@pytest.mark.parametrize(
    "expression",
    [
        "join('', split(detail.phone, ' '))",
        "join('', split(detail.address.phone, ' '))",
        "lower(detail.phone)",
        "sha256(detail.phone)",
        "to_amount(detail.phone)",
        "to_date(detail.phone)",
        "to_number(detail.phone)",
        "length(detail.phone)",
        "reverse(detail.phone)",
        "keys(detail.phone)[0]",
        "join(' ', [detail.ticket.name, detail.phone])",
        "sum([detail.ticket.id, detail.phone])",
        "max(detail.phones)",
        "sort_by(detail.phones, &number)[0].number",
        "sort_by(detail.tickets, &phone)[0].phone",
        "max_by(detail.tickets, &phone).phone",
    ],
)
def test_a_function_of_a_missing_value_gives_nothing(expression: str, tmp_path: Path) -> None:
    detail = A_TICKET | {"phone": None, "tickets": [{"phone": None}]}
    of_an_optional_phone = AN_ENTRY.replace("detail.requester.phone", expression)
    of_a_required_phone = of_an_optional_phone.replace('optional = ["record.Phone"]', "")

    assert opened(solved(detail), mappings_of(of_an_optional_phone, tmp_path)).record == {"Email": "zoe@acme.example"}
    assert problems_of(solved(detail), mappings_of(of_a_required_phone, tmp_path)) == {
        "record.Phone": [f'the mapping of "Ticket Solved" gives nothing: {expression}']
    }


def test_an_event_that_is_invoked_directly_is_mapped_like_one_of_the_queue(tmp_path: Path) -> None:
    mappings = mappings_of(AN_ENTRY.replace("detail.requester.phone", "lower(detail.requester.phone)"), tmp_path)
    detail = A_TICKET | {"requester": {"email": "zoe@acme.example", "phone": ""}}

    request = check(open_direct(solved(detail), "invocation-1", 1_800_000_000.0, mappings.apply))

    assert (request.record, request.reference) == ({"Email": "zoe@acme.example"}, "ticket-77")


def test_a_function_of_a_missing_value_has_a_fallback(tmp_path: Path) -> None:
    mappings = mappings_of('["Ticket Solved"]\nrecord.Email = "lower(detail.email) || lower(detail.mail)"', tmp_path)

    assert opened(solved({"mail": "ZOE@acme.example"}), mappings).record == {"Email": "zoe@acme.example"}


def test_a_function_of_a_value_of_another_type_is_a_problem_even_if_it_is_optional(tmp_path: Path) -> None:
    mappings = mappings_of(AN_ENTRY.replace("detail.requester.phone", "split(detail.ticket.id, ' ')[0]"), tmp_path)

    assert problems_of(solved(A_TICKET), mappings) == {
        "record.Phone": [
            "the mapping of \"Ticket Solved\" does not work on this event: split(detail.ticket.id, ' ')[0]"
        ]
    }


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0"])
def test_an_empty_text_gives_nothing(text: str, tmp_path: Path) -> None:
    entry = AN_ENTRY.replace("join('-', ['ticket', to_string(detail.ticket.id)])", "detail.ticket.name")
    mappings = mappings_of(entry.replace('["record.Phone"]', '["record.Phone", "reference"]'), tmp_path)
    detail = {"ticket": {"id": 77, "name": text}, "requester": {"email": "zoe@acme.example", "phone": text}}

    request = opened(solved(detail), mappings)

    assert (request.record, request.reference) == ({"Email": "zoe@acme.example"}, None)
    assert problems_of(solved(detail | {"requester": {"email": text, "phone": "+55"}}), mappings) == {
        "record.Email": ['the mapping of "Ticket Solved" gives nothing: detail.requester.email']
    }


@pytest.mark.parametrize("value", [[], {}])
def test_an_empty_list_and_an_empty_object_give_nothing(value: object, tmp_path: Path) -> None:
    detail = {"ticket": {"id": 77}, "requester": {"email": "zoe@acme.example", "phone": value}}

    assert opened(solved(detail), mappings_of(AN_ENTRY, tmp_path)).record == {"Email": "zoe@acme.example"}
    assert problems_of(
        solved(detail | {"requester": {"email": value, "phone": "+55"}}), mappings_of(AN_ENTRY, tmp_path)
    ) == {"record.Email": ['the mapping of "Ticket Solved" gives nothing: detail.requester.email']}


def test_no_key_and_no_reference_is_made_of_an_empty_id(tmp_path: Path) -> None:
    problems = problems_of(solved(A_TICKET | {"ticket": {"id": ""}}), mappings_of(AN_ENTRY, tmp_path))

    assert set(problems) == {"reference", "idempotency_key"}


def test_an_empty_text_in_a_list_is_an_item_like_any_other(tmp_path: Path) -> None:
    mappings = mappings_of("""["Ticket Solved".record]\nTags = "join('/', detail.tags)" """, tmp_path)

    assert opened(solved({"tags": ["a", "", "b"]}), mappings).record == {"Tags": "a//b"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lower('Zoë@ACME.example')", "zoë@acme.example"),
        ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("to_amount(`5990`)", "59.90"),
        ("to_amount(`5990.0`)", "59.90"),
        ("to_amount(`7`)", "0.07"),
        ("to_amount(`0`)", "0.00"),
        ("to_amount(`-205`)", "-2.05"),
        ("to_amount(`9007199254740993`)", "90071992547409.93"),
        ("to_amount(to_number('5990'))", "59.90"),
        ("to_date(`0`)", "1970-01-01"),
        ("to_date(`1795515900`)", "2026-11-24"),
        ("to_date(`1795564799.9`)", "2026-11-24"),
        ("to_date(`-1`)", "1969-12-31"),
    ],
)
def test_a_function_of_our_own_gives(expression: str, value: str, tmp_path: Path) -> None:
    mappings = mappings_of(f'["Ticket Solved"]\nrecord.Value = "{expression}"', tmp_path)

    assert opened(solved({}), mappings).record == {"Value": value}


@pytest.mark.parametrize(
    "expression",
    [
        "to_amount(`59.5`)",
        "to_amount('5990')",
        "to_amount(`true`)",
        "to_date(`1795515900000`)",  # milliseconds
        "to_date(`1e400`)",
        "to_date('2026-11-24')",
        "lower(`7`)",
        "sha256(`7`)",
    ],
)
def test_what_a_function_of_our_own_cannot_take_is_a_problem(expression: str, tmp_path: Path) -> None:
    mappings = mappings_of(f'["Ticket Solved"]\nrecord.Value = "{expression}"', tmp_path)

    assert problems_of(solved({}), mappings)["record.Value"] == [
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
def test_the_first_entry_whose_when_holds_is_that_of_an_event(
    event: dict[str, object], record: dict[str, object], tmp_path: Path
) -> None:
    assert (
        opened({"id": "event-1", "detail-type": "webhook"} | event, mappings_of(TWO_KINDS, tmp_path)).record == record
    )


@pytest.mark.parametrize(
    "event",
    [
        {"detail": {"topic": "orders/updated"}},
        {"source": "com.example.hotel", "detail": {"id": "room-7"}},
        {"source": "com.example.hotel", "detail": {"id": 7}},
        {"source": "com.example.hotel"},
        {"detail-type": "Order paid", "detail": {"topic": "orders/paid", "id": 7}},
    ],
    ids=["another topic", "another id", "an id on which when does not work", "no detail", "the name of an entry"],
)
def test_an_event_for_which_no_when_holds_has_no_entry(event: dict[str, object], tmp_path: Path) -> None:
    assert mappings_of(TWO_KINDS, tmp_path).apply({"id": "event-1", "detail-type": "webhook"} | event) is None


def test_a_problem_names_the_entry_and_not_the_detail_type(tmp_path: Path) -> None:
    event = {"id": "event-1", "detail-type": "webhook", "detail": {"topic": "orders/paid"}}

    problems = problems_of(event, mappings_of(TWO_KINDS, tmp_path))

    assert problems["record.Order"] == ['the mapping of "Order paid" gives nothing: detail.id']


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
            f'the mapping of "Ticket Solved" gives nothing: {REFERENCE}',
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
        (
            '["A"]\nrefrence = "id"\nrecord.Email = "id"',
            '"A" has refrence: it may have detail_type, when, configuration, ',
        ),
        ('["A"]\ndetail_type = 7\nrecord.Email = "id"', '"A" detail_type must be a text'),
        ('["A"]\ndetail_type = ""\nrecord.Email = "id"', '"A" detail_type must be a text'),
        ('["A"]\nwhen = "a b"\nrecord.Email = "id"', '"A" when: is no JMESPath ('),
        ('["A"]\nwhen = true\nrecord.Email = "id"', '"A" when: must be a text, an expression in JMESPath: True'),
        (
            '["A"]\nrecord.Email = "id"\n["B"]\ndetail_type = "A"\nwhen = "id"\nrecord.Email = "id"',
            '"B" is never reached: "A" takes all of its detail-type',
        ),
        ('["A"]\nrecord.Email = "detail..email"', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = ""', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = "[?"', '"A" record.Email: is no JMESPath ('),
        ('["A"]\nrecord.Email = 7', '"A" record.Email: must be a text, an expression in JMESPath: 7'),
        ('["A"]\nrecord.Email = "title(id)"', '"A" record.Email: there is no function title(): title(id)'),
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


def put(name: str) -> dict[str, object]:
    (entry,) = sample(name)
    detail = json.loads(entry["Detail"])
    return {"id": "event-1", "detail-type": entry["DetailType"], "source": entry["Source"], "detail": detail}


@pytest.mark.parametrize(
    ("event", "record", "reference", "key"),
    [
        (
            put("eventbridge_order_paid.json"),
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
            "de55d76748ad195f481fb18ff9e4da482db30087ef197e53f72de6de87974033",
        ),
        (
            sample("sqs_event_survey_due.json"),
            {"Account Name": "Example Hotels", "First Name": "Alex", "Email": "alex@example.com"},
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/survey-due/2026-11-24T10:10:00Z",
            "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/survey-due/2026-11-24T10:10:00Z",
        ),
        (
            sample("sqs_event_shopify_order_fulfilled.json"),
            {
                "Account Name": "Mira Okafor",
                "First Name": "Mira",
                "Last Name": "Okafor",
                "Email": "mira.okafor@example.com",
                "Order": "#1006",
                "Ordered On": "2026-11-20",
                "Amount": "59.90",
            },
            "#1006",
            "shopify-order-fulfilled-820982911946154508",
        ),
        (
            sample("sqs_event_stripe_checkout_completed.json"),
            {
                "Account Name": "Theo Lindqvist",
                "First Name": "Theo",
                "Email": "theo.lindqvist@example.com",
                "Amount": "59.90",
                "Paid On": "2026-11-24",
            },
            "cs_test_a1ExampleSession",
            "cs_test_a1ExampleSession",
        ),
        (
            put("eventbridge_woocommerce_order_completed.json"),
            {
                "Account Name": "Imani Clarke",
                "First Name": "Imani",
                "Email": "imani@example.com",
                "Phone": "(0113) 496 0000",
                "Order": "727",
                "Completed On": "2026-11-24",
                "Amount": "29.35",
            },
            "727",
            "woocommerce-order-completed-727",
        ),
    ],
    ids=["order paid", "salesforce", "s3", "survey due", "shopify", "stripe", "woocommerce"],
)
def test_each_sample_event_becomes_its_request(
    event: dict[str, object], record: dict[str, object], reference: str, key: str
) -> None:
    request = opened(event, load())

    assert request.configuration == MAPPING
    assert request.record == record
    assert (request.reference, request.key.value) == (reference, key)


def object_created(key: str) -> dict[str, object]:
    event: dict[str, Any] = sample("sqs_event_s3_object_created.json")
    event["detail"]["object"]["key"] = key
    return event


def test_a_key_of_s3_as_long_as_can_be_becomes_a_request() -> None:
    document = "r" * (1_024 - len("kim@example.com/"))

    request = opened(object_created(f"kim@example.com/{document}"), load())

    assert (request.record["Document"], request.reference) == (document, "r" * 256)
    assert len(request.key.value) == 64


def test_two_long_keys_of_s3_that_differ_at_their_end_are_two_requests() -> None:
    first, second = (opened(object_created(f"kim@example.com/{'r' * 600}{n}"), load()) for n in (1, 2))

    assert first.key.value != second.key.value


@pytest.mark.parametrize("key", ["kim@example.com/", "kim@example.com/2026/", "report.pdf"])
def test_a_folder_of_s3_and_an_object_of_nobody_have_no_document(key: str) -> None:
    problems = problems_of(object_created(key), load())

    assert set(problems) == {"reference", "record.Document"}


def test_the_document_of_s3_may_be_in_folders() -> None:
    request = opened(object_created("kim@example.com/2026/october/report.pdf"), load())

    assert (request.record["Document"], request.reference) == ("report.pdf", "report.pdf")


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


SHIPPED = load()


@given(st.sampled_from(list(SHIPPED.entries.values())), json_values)
def test_whatever_an_event_holds_its_mapping_ends_in_a_request_or_in_named_problems(
    entry: _Entry, detail: object
) -> None:
    event = {"id": "event-1", "detail-type": entry.detail_type, "detail": detail}

    mapped = entry.apply(event)

    assert entry.takes(event) in {True, False}
    for problem in mapped.problems.values():
        assert problem[0].startswith(f'the mapping of "{entry.name}" ')


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
