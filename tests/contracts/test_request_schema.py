"""The schema of a request and the code that checks requests accept and refuse the same requests.

What the schema cannot say, and `check` refuses:
- a lone surrogate in a string: few validators, and no transport but JSON's own escapes, can hold one;
- more than 64 KiB in all; a name given twice, which is gone once JSON is read;
- no `configuration` where the stack has no default.
What only the schema refuses: a number beyond 64 bits that is written with an exponent or a fraction. JSON Schema makes
no difference between 1e30 and its thirty-one digits, and only these are refused: not every reader of JSON keeps them.
"""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from personal_link.domain import strict_json
from personal_link.domain.errors import Code, InvalidRequest
from personal_link.domain.request import Delivery, Source, check
from sandbox import REPOSITORY
from sandbox.contracts import violations

# Valid and invalid content of a request.
characters = st.characters(codec="utf-8", categories=("Lu", "Ll", "Nd", "Po", "Zs", "Cc", "Mn", "So", "Co", "Cf"))
texts = st.text(characters, max_size=12) | st.sampled_from(
    ["", "x" * 256, "x" * 257, "😀" * 256, "\x00", "\x7f", "a\n"]
)
# JSON has no NaN and no infinity, wherever they may stand
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers() | finite | st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**400, 1e308])
scalars = texts | numbers | st.booleans() | st.none()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2))
headings = st.integers(199, 202).map(lambda count: {f"Heading {number}": number for number in range(count)})
requests = st.fixed_dictionaries(
    {},
    optional={
        "record": st.dictionaries(texts, scalars, max_size=5) | headings | values,
        "configuration": texts | values,
        "reference": texts | values,
        "idempotency_key": texts | values,
        "more": values,
    },
)


def refusal(content: Any) -> Code | None:
    """How a request is refused, once it is written as JSON and read again; None if it is not."""
    try:
        read = strict_json.parse(json.dumps(content))
    except ValueError:
        return Code.INVALID_REQUEST
    try:
        check(Delivery(Source("sqs", "1"), read if isinstance(read, dict) else {}, None, received_at=0))
    except InvalidRequest as error:
        return error.code
    return None


def has_a_long_float(content: Any) -> bool:
    record = content.get("record")
    found = record.values() if isinstance(record, dict) else ()
    return any(isinstance(value, float) and abs(value) >= 2**63 for value in found)


@settings(max_examples=100)
@given(requests)
@example({"record": {"Email": "a\n"}})
@example({"record": {"A\n": 1}})
@example({"record": {"A": 2**63}})
@example({"record": {"A": -(2**63)}})
def test_schema_and_check_accept_the_same_requests_but_for_large_ones_and_long_floats(content: dict[str, Any]) -> None:
    if violations("request", content) == []:
        assert refusal(content) in {None, Code.TOO_LARGE}
    elif not has_a_long_float(content):
        assert refusal(content) is not None


valid_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
valid_values = valid_texts | st.just("") | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {"record": st.dictionaries(valid_texts, valid_values, min_size=1, max_size=5)},
        optional=dict.fromkeys(("configuration", "reference", "idempotency_key"), valid_texts | st.none()),
    )
)
def test_a_request_that_follows_every_rule_is_accepted_by_schema_and_check(content: dict[str, Any]) -> None:
    assert violations("request", content) == []
    assert refusal(content) is None


@pytest.mark.parametrize(
    "content",
    [
        *({}, {"record": {}}, {"record": []}, {"record": {"": 1}}, {"record": {"A\n": 1}}, {"record": {"A": {}}}),
        *({"record": {"A": "x\x00"}}, {"record": {"A": 2**63}}, {"record": {"A": -(2**63) - 1}}),
        {"record": {"A": 1}, "reference": ""},
        {"record": {"A": 1}, "reference": "x" * 257},
        {"record": {"A": 1}, "configuration": 5},
        {"record": {"A": 1}, "idempotency_key": "x\x85"},
    ],
    ids=repr,
)
def test_a_request_that_breaks_a_rule_is_refused_by_schema_and_check(content: dict[str, Any]) -> None:
    assert violations("request", content) != []
    assert refusal(content) is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    ("content", "by_the_schema", "by_the_check"),
    [
        ({"record": {f"Heading {number}": 1 for number in range(201)}}, ["record: maxProperties"], Code.TOO_LARGE),
        ({"record": {"A": "x" * 65_536}}, [], Code.TOO_LARGE),
        ({"record": {"A": "x\ud800"}}, [], Code.INVALID_REQUEST),
        ({"record": {"A": 1e300}}, ["record.A: exclusiveMaximum"], None),
        ({"record": {"A": "two\nlines", "B": "a\tb", "C": "\x01\x7f\x9f"}}, [], None),
        ({"record": {"A": 1}, "more": {"depth": []}}, [], None),
    ],
    ids=["too many headings", "size", "a lone surrogate", "a long number", "control characters", "something more"],
)
def test_a_request_at_or_beyond_a_limit_gets_the_listed_answers_of_schema_and_check(
    content: dict[str, Any], by_the_schema: list[str], by_the_check: Code | None
) -> None:
    assert violations("request", content) == by_the_schema
    assert refusal(content) is by_the_check


@pytest.mark.parametrize("sample", ["http_put.json", "sqs_request.json", "sqs_refused.json"])
def test_the_sample_requests_are_valid_by_the_schema(sample: str) -> None:
    assert violations("request", json.loads((REPOSITORY / "events" / sample).read_text())) == []
