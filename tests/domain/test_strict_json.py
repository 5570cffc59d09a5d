"""JSON as the standard has it, and errors that never quote what they refuse."""

import traceback

import pytest

from personal_link.domain import strict_json


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="cut short"),
        pytest.param("{'a': 1}", id="single quotes"),
        pytest.param('{"a": 1,}', id="trailing comma"),
        pytest.param('{"a": 1} {"b": 2}', id="two values"),
        pytest.param("NaN", id="NaN"),
        pytest.param('{"a": NaN}', id="NaN inside"),
        pytest.param("[Infinity]", id="Infinity"),
        pytest.param("[-Infinity]", id="-Infinity"),
        pytest.param('{"a": 1, "a": 1}', id="name twice"),
        pytest.param('{"a": {"b": 1, "b": 2}}', id="name twice within"),
        pytest.param('{"a": 1, "\\u0061": 2}', id="name twice, once escaped"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param('"a\nb"', id="raw line break in a string"),
        pytest.param("[" * 100_000, id="endless nesting"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="very deep nesting"),
        pytest.param("9" * 5_000, id="number of five thousand digits"),
    ],
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
