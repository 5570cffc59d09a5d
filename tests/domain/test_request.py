"""Checking a request: accepted and refused content, and its idempotency key."""

from collections.abc import Mapping, Sequence

import pytest

from personal_link.domain.errors import Code
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source, check, composed
from tests.domain.requests import MESSAGE_KEY, delivered, refusal_of
from tests.tables import table


def problems_of(content: Mapping[str, object]) -> Mapping[str, Sequence[str]]:
    return refusal_of(content).errors


# Accepted content


def test_a_valid_request_is_accepted_unchanged_in_its_unicode_composition() -> None:
    request = check(
        delivered(
            {
                "configuration": "Zákaznická mapa č. 7",
                "record": {"Account Name": "ACME", "Name": "Andre\u0301"},
                "reference": "order-7",
            }
        )
    )

    assert request == LinkRequest(
        configuration="Zákaznická mapa č. 7",
        record={"Account Name": "ACME", "Name": "Andre\u0301"},
        reference="order-7",
        key=MESSAGE_KEY,
        source=Source("sqs", "message-1"),
        received_at=1_800_000_000.0,
    )


def test_a_field_that_is_null_counts_as_absent_and_a_field_that_the_contract_does_not_name_is_ignored() -> None:
    content = {"record": {"A": 1}, "configuration": None, "reference": None, "idempotency_key": None, "version": {}}

    request = check(delivered(content))

    assert (request.configuration, request.reference, request.key) == (None, None, MESSAGE_KEY)
    assert request.record == {"A": 1}


@table(
    "value",
    ("empty string", ""),
    ("blanks around", "  joe  "),
    ("telephone", "+55 (62) 01234-56789"),
    ("any other Unicode", "Žluťoučký 😀 e\u0301 \u202e"),
    ("three lines of Windows", "line 1\r\n\r\nline 3\r\n"),
    ("tabulators and page breaks", "1\t2\x0b3\x0c4"),
    ("a mis-decoded Windows apostrophe", "Joe\x92s"),
    ("any other control character", "\x01\x08\x1b[0m\x7f\x85\x9f"),
    ("zero", 0),
    ("fraction", -7.25),
    ("largest fraction", 1e308),
    ("largest 64-bit number", 9_223_372_036_854_775_807),
    ("true", True),
    ("null", None),
)
def test_a_string_number_boolean_or_null_value_is_accepted_unchanged(value: object) -> None:
    request = check(delivered({"record": {"Field": value}}))

    assert request.record["Field"] == value
    assert type(request.record["Field"]) is type(value)


@pytest.mark.parametrize("heading", [" ", "0", "Account Name", "E-mail [work]", "a.b", "Straße", "😀", "x" * 1_000])
def test_any_printable_text_is_accepted_as_a_heading(heading: str) -> None:
    request = check(delivered({"record": {heading: "x"}}))

    assert request.record == {heading: "x"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"record": {f"Field {number}": number for number in range(200)}}, id="200 headings"),
        # {"configuration":null,"record":{"A":""},"reference":null} has 57 bytes; 57 + 65,479 = 65,536.
        pytest.param({"record": {"A": "x" * 65_479}}, id="64 KiB"),
        pytest.param({"record": {"A": 1}, "configuration": "é" * 256, "reference": "é" * 256}, id="labels"),
        pytest.param({"record": {"A": 1}, "idempotency_key": "é" * 256}, id="key"),
    ],
)
def test_a_request_at_each_size_limit_is_accepted(content: Mapping[str, object]) -> None:
    assert check(delivered(content)).record == content["record"]


@table(
    "record, message",
    (
        "201 headings",
        {f"Field {number}": number for number in range(201)},
        "The record has 201 headings; at most 200 are allowed.",
    ),
    ("a byte more", {"A": "x" * 65_480}, "The request has 65537 bytes; at most 65536 are allowed."),
    ("a byte more in UTF-8", {"A": "é" * 32_740}, "The request has 65537 bytes; at most 65536 are allowed."),
    (
        "both compositions of a heading",
        {"\u00e9": "x" * 60_000, "e\u0301": "x" * 60_000},
        "The request has 120067 bytes; at most 65536 are allowed.",
    ),
)
def test_a_request_beyond_a_size_limit_is_refused_as_too_large(record: Mapping[str, object], message: str) -> None:
    refusal = refusal_of({"record": record})

    assert (refusal.code, refusal.message) == (Code.TOO_LARGE, message)


# Refused content


@pytest.mark.parametrize("record", [None, {}, [["Email", "joe@example.com"]], "Email", 7])
def test_a_request_without_a_record_object_is_refused_with_what_a_record_is(record: object) -> None:
    assert problems_of({"record": record}) == {
        "record": ["is required: an object of at least one heading and its value"]
    }


@table(
    "value, problem",
    ("more than 64 bits", 2**63, "is too large a number: send it as a string"),
    ("less than 64 bits", -(2**63) - 1, "is too large a number: send it as a string"),
    ("1e999", float("inf"), "is too large a number: send it as a string"),
    ("not a number", float("nan"), "is too large a number: send it as a string"),
    ("NUL", "a\x00b", "must not hold NUL or lone surrogates"),
    ("high surrogate", "a\ud800b", "must not hold NUL or lone surrogates"),
    ("low surrogate", "a\udfffb", "must not hold NUL or lone surrogates"),
    ("list", ["a"], "must be a string, a number, a boolean or null"),
    ("object", {"a": 1}, "must be a string, a number, a boolean or null"),
)
def test_a_value_of_another_type_is_refused_under_its_heading(value: object, problem: str) -> None:
    assert problems_of({"record": {"Good": 1, "Bad": value}}) == {"record.Bad": [problem]}


@pytest.mark.parametrize("heading", ["", "a\x00", "a\nb", "a\t", "\x9f", "\udc00"])
def test_an_empty_or_unprintable_heading_is_refused_without_quoting_it(heading: str) -> None:
    assert problems_of({"record": {heading: "x"}}) == {
        "record": ["a heading is empty or holds control characters or lone surrogates"]
    }


@pytest.mark.parametrize("field", ["configuration", "reference", "idempotency_key"])
@table(
    "value, problem",
    ("empty", "", "must have 1 to 256 characters"),
    ("257 characters", "x" * 257, "must have 1 to 256 characters"),
    ("number", 7, "must be a string"),
    ("object", {}, "must be a string"),
    ("line break", "a\r\nb", "must not hold control characters or lone surrogates"),
    ("tabulator", "a\tb", "must not hold control characters or lone surrogates"),
    ("lone surrogate", "\ud800", "must not hold control characters or lone surrogates"),
)
def test_an_invalid_label_is_refused_under_the_name_of_its_field(field: str, value: object, problem: str) -> None:
    assert problems_of({"record": {"A": 1}, field: value}) == {field: [problem]}


def test_a_refusal_lists_every_problem_and_its_message_names_only_fields_of_the_contract() -> None:
    refusal = refusal_of(
        {
            "configuration": 7,
            "reference": "x" * 257,
            "idempotency_key": "",
            "record": {"Email": ["joe@example.com"], "Amount": 2**70, "Name": "Joe"},
        }
    )

    assert refusal.code is Code.INVALID_REQUEST
    assert refusal.message == "The request is not valid: see configuration, idempotency_key, record, reference."
    assert refusal.errors == {
        "configuration": ["must be a string"],
        "reference": ["must have 1 to 256 characters"],
        "idempotency_key": ["must have 1 to 256 characters"],
        "record.Email": ["must be a string, a number, a boolean or null"],
        "record.Amount": ["is too large a number: send it as a string"],
    }


@pytest.mark.parametrize(
    "content",
    [
        {"record": {"Hidden": ["joe@example.com"]}},
        {"record": {"Hidden.joe@example.com": "joe\x00"}},
        {"record": {"Hidden\n": "joe@example.com"}},
        {"record": {"Hidden": "joe" * 65_536}},
        {"record": {"A": 1}, "configuration": "Hidden joe\n"},
        {"record": {"A": 1}, "idempotency_key": "Hidden joe" * 30},
    ],
)
def test_a_refusal_quotes_no_heading_and_no_value_in_its_message_or_repr(content: Mapping[str, object]) -> None:
    refusal = refusal_of(content)

    for shown in (refusal.message, str(refusal), repr(refusal)):
        assert "Hidden" not in shown
        assert "joe" not in shown


# Idempotency key and fingerprint


@pytest.mark.parametrize("deliverys_own", [MESSAGE_KEY, None])
def test_the_key_of_a_request_is_that_of_the_caller_else_of_the_delivery_else_a_hash_of_the_content(
    deliverys_own: IdempotencyKey | None,
) -> None:
    named = check(delivered({"record": {"A": 1}, "idempotency_key": "order-7"}, deliverys_own))
    unnamed = check(delivered({"record": {"A": 1, "B": 2}}, deliverys_own))
    same = check(delivered({"record": {"B": 2, "A": 1}}, deliverys_own))

    assert named.key == IdempotencyKey("caller", "order-7")
    assert unnamed.key == same.key
    assert unnamed.key.scope == ("content" if deliverys_own is None else "message")


@pytest.mark.parametrize(
    "other",
    [
        {"record": {"A": 2}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": "1"}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": True}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"B": 1}, "configuration": "map-1", "reference": "order-7"},
        {"record": {"A": 1}, "configuration": "map-2", "reference": "order-7"},
        {"record": {"A": 1}, "configuration": "map-1", "reference": "order-8"},
        {"record": {"A": 1}, "configuration": "map-1"},
        {"record": {"A": 1}, "configuration": "order-7", "reference": "map-1"},
    ],
)
def test_requests_with_different_content_have_different_keys_and_fingerprints(other: Mapping[str, object]) -> None:
    content = {"record": {"A": 1}, "configuration": "map-1", "reference": "order-7"}

    one, another = check(delivered(content, key=None)), check(delivered(other, key=None))

    assert one.key != another.key
    assert check(delivered(content)).fingerprint != check(delivered(other)).fingerprint


@table(
    "one, other",
    ("value", {"record": {"Name": "Andr\u00e9"}}, {"record": {"Name": "Andre\u0301"}}),
    ("heading", {"record": {"Pr\u00e9nom": "A"}}, {"record": {"Pre\u0301nom": "A"}}),
    ("heading that sorts elsewhere", {"record": {"\u00e9": 1, "f": 2}}, {"record": {"e\u0301": 1, "f": 2}}),
    ("reference", {"record": {"A": 1}, "reference": "\u00c5"}, {"record": {"A": 1}, "reference": "A\u030a"}),
)
def test_requests_that_differ_only_in_unicode_composition_have_the_same_key_and_fingerprint(
    one: Mapping[str, object], other: Mapping[str, object]
) -> None:
    assert check(delivered(one)).fingerprint == check(delivered(other)).fingerprint
    assert check(delivered(one, key=None)).key == check(delivered(other, key=None)).key


def test_records_with_one_and_with_both_compositions_of_a_heading_have_different_fingerprints() -> None:
    both = check(delivered({"record": {"\u00e9": 1, "e\u0301": 2}}))
    one = check(delivered({"record": {"e\u0301": 2}}))

    assert both.fingerprint != one.fingerprint


def test_caller_keys_that_differ_only_in_unicode_composition_are_the_same_key() -> None:
    one = check(delivered({"record": {"A": 1}, "idempotency_key": "caf\u00e9"}))
    other = check(delivered({"record": {"A": 1}, "idempotency_key": "cafe\u0301"}))

    assert one.key == other.key


@pytest.mark.parametrize(("marks", "length"), [(256, 256), (257, 258)])
def test_a_text_with_more_marks_in_a_row_than_any_writing_has_is_not_composed(marks: int, length: int) -> None:
    assert len(composed("e" + marks * "\u0301")) == length  # the first mark becomes a part of the letter, or does not


def test_the_value_of_its_key_is_part_of_the_fingerprint_but_not_where_the_key_came_from() -> None:
    keys = ("message-1", None, "order-8")

    named, unnamed, other = (check(delivered({"record": {"A": 1}, "idempotency_key": key})).fingerprint for key in keys)

    assert named == unnamed != other


def test_the_fingerprint_of_a_request_is_constant_since_the_ledger_outlives_every_release() -> None:
    record = {"Email": "joe@example.com", "Amount": 12.5, "VIP": True, "Note": None}
    content = {"configuration": "map-1", "record": record, "reference": "order-7", "idempotency_key": "order-7"}

    request = check(delivered(content))

    assert request.fingerprint == "200f3332f047be0fc30566d24aa11cdab288d969728736d6b19244ce2d3ba9bc"
