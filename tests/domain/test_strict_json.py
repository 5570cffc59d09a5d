"""JSON as the standard has it, and errors that never quote what they refuse."""

import traceback

import pytest

from personal_link.domain import strict_json
from tests.tables import table


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        (b'{"a": "\xc3\xa9"}', {"a": "é"}),
        ('"\\u00e9"', "é"),
        ('"\\ud83d\\ude00"', "😀"),
        (' \t\r\n{"a":1}\n', {"a": 1}),
        ("\ufeff{}", {}),
        (b"\xef\xbb\xbf{}", {}),
        ("\r\n \ufeff\ufeff {}", {}),
        ("7", 7),
        ("9" * 4_300, 10**4_300 - 1),
        ("null", None),
        ("9223372036854775807", 9223372036854775807),
    ],
)
def test_standard_json_is_read_from_text_and_from_utf_8(text: str | bytes, value: object) -> None:
    assert strict_json.parse(text) == value


@table(
    "text",
    ("nothing", ""),
    ("cut short", "{"),
    ("single quotes", "{'a': 1}"),
    ("trailing comma", '{"a": 1,}'),
    ("two values", '{"a": 1} {"b": 2}'),
    ("NaN", "NaN"),
    ("NaN inside", '{"a": NaN}'),
    ("Infinity", "[Infinity]"),
    ("-Infinity", "[-Infinity]"),
    ("name twice", '{"a": 1, "a": 1}'),
    ("name twice within", '{"a": {"b": 1, "b": 2}}'),
    ("name twice, once escaped", '{"a": 1, "\\u0061": 2}'),
    ("not UTF-8", b'{"a": "\xff"}'),
    ("UTF-16", '{"a": 1}'.encode("utf-16")),
    ("raw line break in a string", '"a\nb"'),
    ("endless nesting", "[" * 100_000),
    ("very deep nesting", "[" * 100_000 + "]" * 100_000),
    ("number of five thousand digits", "9" * 5_000),
)
def test_text_that_is_not_standard_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"Email": "joe@example.com"',
        '{"joe@example.com": 1, "joe@example.com": 2}',
        '{"joe@example.com": NaN}',
        b'{"Email": "joe@example.com\xff"}',
    ],
)
def test_the_error_for_invalid_json_never_quotes_the_text(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        strict_json.parse(text)

    assert "joe" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1, "a": 2}', "a name is given twice"),
        ("NaN", "NaN and Infinity are not JSON"),
        ("9" * 4_301, "a number has more than 4300 digits"),
    ],
)
def test_what_python_reads_beyond_the_standard_and_a_very_long_number_are_named_in_the_error(
    text: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        strict_json.parse(text)
