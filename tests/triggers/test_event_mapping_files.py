"""Invalid mapping files, the samples, and mappings of any event."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personal_link.domain.errors import SettingsError
from personal_link.triggers.event_mappings import EventMappings, _Functions, load, load_deployed
from sandbox import REPOSITORY
from tests.triggers.mapped import mappings_of, opened, problems_of, solved

FUNCTIONS = _Functions.FUNCTION_TABLE  # no public name lists a new function by itself
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7"
MAPPING = "9dd58237-c913-4073-9c76-07da0b49ff50"


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
        ('["A"]\nwhen = "a b"\nrecord.Email = "id"', '"A" when: is no JMESPath ('),
        ('["A"]\nwhen = true\nrecord.Email = "id"', '"A" when: must be a text, an expression in JMESPath: True'),
        (
            '["A"]\nrecord.Email = "id"\n["B"]\ndetail_type = "A"\nwhen = "id"\nrecord.Email = "id"',
            '"B" is never reached: "A" takes all of its detail-type',
        ),
        ('["A"]\nrecord.Email = "detail..email"', '"A" record.Email: is no JMESPath ('),
        (
            '["A"]\nrecord.Email = "[?"\n["B"]\nrecord.Phone = "nope(id)"',
            '"B" record.Phone: there is no function nope(): nope(id)',
        ),
        ('["A"]\nrecord.Email = 7', '"A" record.Email: must be a text, an expression in JMESPath: 7'),
        ('["A"]\nrecord.Email = "title(id)"', '"A" record.Email: there is no function title(): title(id)'),
        ("""["A"]\nreference = "join('-')"\nrecord.Email = "id\"""", '"A" reference: join() takes 2 arguments'),
        (
            '["A"]\noptional = ["record.Phone"]\nrecord.Email = "id"',
            "\"A\" optional is ['record.Phone']: it must be a list of some of record.Email",
        ),
    ],
)
def test_an_invalid_mapping_file_is_refused_with_its_wrong_entry(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        mappings_of(text)

    assert message in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("expression", ["|".join(["detail"] * 100), f"{'not_null(' * 99}detail{')' * 99}"])
def test_the_deepest_accepted_expression_can_be_evaluated(expression: str) -> None:
    mappings = mappings_of(f'["Ticket Solved"]\nrecord.Email = "{expression}"')

    mapped = mappings.apply({"id": "event-1", "detail-type": "Ticket Solved", "detail": None})

    assert mapped is not None
    assert mapped.problems["record.Email"][0].startswith('the mapping of "Ticket Solved" gives nothing: ')


def test_a_sum_with_more_digits_than_python_writes_is_a_problem_of_its_field() -> None:
    mappings = mappings_of('["Ticket Solved"]\nreference = "sum(detail)"\nrecord.Amount = "sum(detail)"')

    problems = problems_of(solved([int("9" * 4_300)] * 2), mappings)

    assert problems["reference"] == ['the mapping of "Ticket Solved" gives no text, number or boolean: sum(detail)']
    assert "record.Amount" in problems


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


def test_the_key_of_an_s3_event_depends_on_the_whole_object_key_however_long() -> None:
    keys = [f"kim@example.com/2026/{'r' * 900}{n}" for n in (1, 2)]

    first, second = (opened(object_created(key), load()) for key in keys)

    assert (first.record["Document"], first.reference) == ("r" * 900 + "1", "r" * 256)
    assert len(first.key.value) == 64
    assert first.key.value != second.key.value


@pytest.mark.parametrize("key", ["kim@example.com/", "report.pdf"])
def test_an_s3_folder_or_an_object_without_a_person_gives_no_document_and_no_reference(key: str) -> None:
    problems = problems_of(object_created(key), load())

    assert set(problems) == {"reference", "record.Document"}


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


@pytest.fixture(scope="module")
def every_function() -> EventMappings:
    """A mapping whose entry calls each function there is with the event's detail."""
    lines = ['["Ticket Solved".record]']
    for name, about in FUNCTIONS.items():
        arguments = ["&@" if "expref" in argument["types"] else "detail" for argument in about["signature"]]
        lines.append(f'{name} = "{name}({", ".join(arguments)})"')
    return mappings_of("\n".join(lines))


@settings(max_examples=25)
@given(detail=json_values)
def test_a_mapping_function_of_any_value_gives_a_valid_value_or_a_problem(
    every_function: EventMappings, detail: object
) -> None:
    mapped = every_function.apply({"id": "event-1", "detail-type": "Ticket Solved", "detail": detail})

    assert mapped is not None
    assert json.dumps(mapped.content, allow_nan=False)
    assert {problem[0].partition("(")[0] for problem in mapped.problems.values()} <= {
        f'the mapping of "Ticket Solved" {problem}: {name}'
        for problem in ("gives nothing", "gives no text, number or boolean", "does not work on this event")
        for name in FUNCTIONS
    }


# A layer of the user's own


def test_a_layers_file_on_pythons_path_takes_the_place_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "event_mappings.toml").write_text('["Visit Ended"]\nrecord.Email = "detail.guest.email"')
    monkeypatch.syspath_prepend(tmp_path)

    assert load_deployed(LAYER).entries.keys() == {"Visit Ended"}
    assert load_deployed("").entries == load().entries


def test_a_layer_without_the_file_is_told_where_it_has_to_be() -> None:
    with pytest.raises(SettingsError, match=r"^the layer of MappingsLayerArn has no python/event_mappings[.]toml$"):
        load_deployed(LAYER)


def test_a_file_that_may_not_be_read_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r" cannot be read: Is a directory$"):
        load(tmp_path)
    monkeypatch.setattr(Path, "read_text", Mock(side_effect=PermissionError))
    with pytest.raises(SettingsError, match=r" cannot be read: chmod 644 before it is zipped$"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'["A"]\nrecord.Email = "\xe4"', "event_mappings.toml is not UTF-8: see line 2"),
        (b'["A"]\noptional = [[]]\nrecord.Email = "id"', "optional is [[]]: it must be a list of some of record.Email"),
        (b'["A"]\nrecord.Email = "lower()"', "lower() takes 1 argument: lower()"),
        (b'["A"]\nrecord.Email = "id..x"', "(DOT); a fixed text needs '…'): id..x"),
        (b'["A"]\nconfiguration = "9dd5-c9"\nrecord.Email = "id"', "a fixed text needs '…'): 9dd5-c9"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place_and_remedy(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "event_mappings.toml").write_bytes(content)

    with pytest.raises(SettingsError) as refused:
        load(tmp_path / "event_mappings.toml")

    assert message in str(refused.value)
