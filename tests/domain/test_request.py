"""What a request may hold, and what is refused."""

from collections.abc import Mapping, Sequence

import pytest

from personal_link.domain.errors import Code
from personal_link.domain.request import LinkRequest, Source, check
from tests.domain.requests import MESSAGE_KEY, delivered, refusal_of


def problems_of(content: Mapping[str, object]) -> Mapping[str, Sequence[str]]:
    return refusal_of(content).errors


# --- what is accepted -------------------------------------------------------------------------------------------------


def test_a_request_passes_unchanged() -> None:
    request = check(
        delivered(
            {
                "configuration": "53505294-0b20-2509-b15d-c8e377701d66",
                "record": {"Account Name": "ACME", "Email": "joe.doe@example.com"},
                "reference": "order-7",
            }
        )
    )

    assert request == LinkRequest(
        configuration="53505294-0b20-2509-b15d-c8e377701d66",
        record={"Account Name": "ACME", "Email": "joe.doe@example.com"},
        reference="order-7",
        key=MESSAGE_KEY,
        source=Source("sqs", "message-1"),
        received_at=1_800_000_000.0,
    )


def test_a_record_alone_is_a_request() -> None:
    request = check(delivered({"record": {"Email": "joe@example.com"}}))

    assert (request.configuration, request.reference) == (None, None)


def test_null_stands_for_a_field_that_is_not_given() -> None:
    content = {"record": {"A": 1}, "configuration": None, "reference": None, "idempotency_key": None}

    request = check(delivered(content))

    assert (request.configuration, request.reference, request.key) == (None, None, MESSAGE_KEY)


def test_fields_that_the_contract_does_not_name_are_passed_over() -> None:
    request = check(delivered({"record": {"A": 1}, "version": {"major": 2}}))

    assert request.record == {"A": 1}


def test_a_configuration_need_not_be_a_uuid() -> None:
    request = check(delivered({"record": {"A": 1}, "configuration": "Zákaznická mapa č. 7"}))

    assert request.configuration == "Zákaznická mapa č. 7"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty string"),
        pytest.param("  joe  ", id="blanks around"),
        pytest.param("+55 (62) 01234-56789", id="telephone"),
        pytest.param("Žluťoučký 😀 e\u0301 \u202e", id="any other Unicode"),
        pytest.param("line 1\nline 2", id="two lines"),
        pytest.param("line 1\r\n\r\nline 3\r\n", id="three lines of Windows"),
        pytest.param("1\t2\x0b3\x0c4", id="tabulators and page breaks"),
        pytest.param("Joe\x92s", id="a mis-decoded Windows apostrophe"),
        pytest.param("\x01\x08\x1b[0m\x7f\x85\x9f", id="any other control character"),
        pytest.param(0, id="zero"),
        pytest.param(-7.25, id="fraction"),
        pytest.param(1e308, id="largest fraction"),
        pytest.param(9_223_372_036_854_775_807, id="largest 64-bit number"),
        pytest.param(-9_223_372_036_854_775_808, id="smallest 64-bit number"),
        pytest.param(True, id="true"),
        pytest.param(False, id="false"),
        pytest.param(None, id="null"),
    ],
)
def test_a_value_of_these_kinds_passes_unchanged(value: object) -> None:
    request = check(delivered({"record": {"Field": value}}))

    assert request.record["Field"] == value
    assert type(request.record["Field"]) is type(value)


@pytest.mark.parametrize("heading", [" ", "0", "Account Name", "E-mail [work]", "a.b", "Straße", "😀", "x" * 1_000])
def test_any_text_is_a_heading(heading: str) -> None:
    request = check(delivered({"record": {heading: "x"}}))

    assert request.record == {heading: "x"}


def test_a_record_may_have_200_headings() -> None:
    request = check(delivered({"record": {f"Field {number}": number for number in range(200)}}))

    assert len(request.record) == 200


def test_a_record_of_201_headings_is_too_large() -> None:
    refusal = refusal_of({"record": {f"Field {number}": number for number in range(201)}})

    assert refusal.code is Code.TOO_LARGE
    assert refusal.message == "The record has 201 headings; at most 200 are allowed."


def test_a_request_may_have_64_kib_to_the_byte() -> None:
    # {"configuration":null,"record":{"A":""},"reference":null} has 57 bytes; 57 + 65,479 = 65,536.
    request = check(delivered({"record": {"A": "x" * 65_479}}))

    assert len(str(request.record["A"])) == 65_479


def test_a_request_of_one_byte_more_than_64_kib_is_too_large() -> None:
    refusal = refusal_of({"record": {"A": "x" * 65_480}})

    assert refusal.code is Code.TOO_LARGE
    assert refusal.message == "The request has 65537 bytes; at most 65536 are allowed."


def test_the_size_counts_bytes_of_utf_8_and_not_characters() -> None:
    refusal = refusal_of({"record": {"A": "é" * 32_740}})

    assert refusal.code is Code.TOO_LARGE


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [None, {}, [], [["Email", "joe@example.com"]], "Email", 7, True])
def test_a_request_without_a_record_object_is_told_what_a_record_is(record: object) -> None:
    assert problems_of({"record": record}) == {
        "record": ["is required: an object of at least one heading and its value"]
    }


def test_a_request_that_names_no_record_at_all_is_told_the_same() -> None:
    assert list(problems_of({"configuration": "map-1"})) == ["record"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(2**63, "is too large a number: send it as a string", id="more than 64 bits"),
        pytest.param(-(2**63) - 1, "is too large a number: send it as a string", id="less than 64 bits"),
        pytest.param(float("inf"), "is too large a number: send it as a string", id="1e999"),
        pytest.param(float("-inf"), "is too large a number: send it as a string", id="-1e999"),
        pytest.param(float("nan"), "is too large a number: send it as a string", id="not a number"),
        pytest.param("a\x00b", "must not hold NUL or lone surrogates", id="NUL"),
        pytest.param("a\n\x00", "must not hold NUL or lone surrogates", id="NUL in the second line"),
        pytest.param("a\ud800b", "must not hold NUL or lone surrogates", id="high surrogate"),
        pytest.param("a\udfffb", "must not hold NUL or lone surrogates", id="low surrogate"),
        pytest.param(["a"], "must be a string, a number, a boolean or null", id="list"),
        pytest.param([], "must be a string, a number, a boolean or null", id="empty list"),
        pytest.param({"a": 1}, "must be a string, a number, a boolean or null", id="object"),
    ],
)
def test_a_value_of_another_kind_is_refused_under_its_heading(value: object, problem: str) -> None:
    assert problems_of({"record": {"Good": 1, "Bad": value}}) == {"record.Bad": [problem]}


@pytest.mark.parametrize("heading", ["", "a\x00", "a\nb", "a\t", "\x9f", "\udc00"])
def test_a_heading_that_is_empty_or_no_plain_text_is_refused_without_being_named(heading: str) -> None:
    assert problems_of({"record": {heading: "x"}}) == {
        "record": ["a heading is empty or holds control characters or lone surrogates"]
    }


@pytest.mark.parametrize("field", ["configuration", "reference", "idempotency_key"])
@pytest.mark.parametrize("length", [1, 256])
def test_a_label_may_have_1_to_256_characters(field: str, length: int) -> None:
    check(delivered({"record": {"A": 1}, field: "é" * length}))


@pytest.mark.parametrize("field", ["configuration", "reference", "idempotency_key"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param("", "must have 1 to 256 characters", id="empty"),
        pytest.param("x" * 257, "must have 1 to 256 characters", id="257 characters"),
        pytest.param(7, "must be a string", id="number"),
        pytest.param(True, "must be a string", id="boolean"),
        pytest.param(["x"], "must be a string", id="list"),
        pytest.param({}, "must be a string", id="object"),
        pytest.param("a\r\nb", "must not hold control characters or lone surrogates", id="line break"),
        pytest.param("a\tb", "must not hold control characters or lone surrogates", id="tabulator"),
        pytest.param("\ud800", "must not hold control characters or lone surrogates", id="lone surrogate"),
    ],
)
def test_a_label_of_another_kind_is_refused_by_name(field: str, value: object, problem: str) -> None:
    assert problems_of({"record": {"A": 1}, field: value}) == {field: [problem]}


def test_every_problem_is_named_at_once() -> None:
    refusal = refusal_of(
        {
            "configuration": 7,
            "reference": "x" * 257,
            "idempotency_key": "",
            "record": {"Email": ["joe@example.com"], "Amount": 2**70, "Name": "Joe"},
        }
    )

    assert refusal.code is Code.INVALID_REQUEST
    assert refusal.errors == {
        "configuration": ["must be a string"],
        "reference": ["must have 1 to 256 characters"],
        "idempotency_key": ["must have 1 to 256 characters"],
        "record.Email": ["must be a string, a number, a boolean or null"],
        "record.Amount": ["is too large a number: send it as a string"],
    }


def test_the_message_names_the_contracts_own_fields_in_order() -> None:
    refusal = refusal_of({"reference": 7, "configuration": 7, "record": {"A": [], "B": []}})

    assert refusal.message == "The request is not valid: see configuration, record, reference."


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
def test_neither_message_nor_text_of_a_refusal_quotes_headings_or_values(content: Mapping[str, object]) -> None:
    refusal = refusal_of(content)

    for shown in (refusal.message, str(refusal), repr(refusal)):
        assert "Hidden" not in shown
        assert "joe" not in shown
