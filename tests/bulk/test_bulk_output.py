"""The output file: the columns of each row, then its result, safe to open in a spreadsheet."""

import csv
import io
from dataclasses import replace
from typing import Literal

import pytest

from personal_link.bulk.output import (
    STATUSES,
    WAITING,
    Ending,
    defused,
    output_header,
    output_row,
    parked,
    refused,
    settled,
)
from personal_link.bulk.sheet import Layout
from personal_link.domain.errors import Code, Refused
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Source
from tests.bulk.sheets import row_of, rows_of, sheet_of

LAYOUT = Layout(("Name", "Email"), ",", "utf-8", has_mark=False)
ROW = row_of("Name,Email\nJoe,joe@acme.example\n")
CREATED = Outcome(
    id="1",
    status="created",
    source=Source("sqs", "1"),
    requested_at="2026-11-23T10:00:00.000Z",
    completed_at="2026-11-23T10:00:01.000Z",
    attempts=1,
    personal_link=PersonalLink(12345, "https://cg.example/r/1", "https://cg.example/s/1"),
)


def line_of(ending: Ending) -> str:
    return output_row(LAYOUT, ROW, ending).decode()


def test_the_header_of_the_output_has_the_columns_of_the_file_then_those_of_the_result() -> None:
    assert output_header(LAYOUT) == (
        b"Name,Email,status,code,message,number_customergauge,survey_link,survey_link_short\r\n"
    )


def test_a_created_row_has_its_link() -> None:
    assert line_of(settled(CREATED)) == (
        "Joe,joe@acme.example,created,,,12345,https://cg.example/r/1,https://cg.example/s/1\r\n"
    )


def test_a_created_row_without_number_and_short_link_leaves_these_cells_empty() -> None:
    outcome = replace(CREATED, personal_link=PersonalLink(None, "https://cg.example/r/1", None))

    assert line_of(settled(outcome)) == "Joe,joe@acme.example,created,,,,https://cg.example/r/1,\r\n"


@pytest.mark.parametrize("status", ["rejected", "unknown"])
def test_a_row_without_a_link_has_its_code_and_every_message(status: Literal["rejected", "unknown"]) -> None:
    error = {"code": "validation_failed", "message": "It is invalid.", "errors": {"Email": ["Is required.", "Is odd."]}}
    outcome = replace(CREATED, status=status, personal_link=None, error=error)

    assert line_of(settled(outcome)) == (
        f"Joe,joe@acme.example,{status},validation_failed,It is invalid. Email: Is required. Is odd.,,,\r\n"
    )


def test_a_parked_row_has_its_code_and_reason() -> None:
    assert line_of(parked("unavailable", "not started")) == "Joe,joe@acme.example,parked,unavailable,not started,,,\r\n"


def test_a_waiting_row_has_only_its_status() -> None:
    assert line_of(WAITING) == "Joe,joe@acme.example,waiting,,,,,\r\n"


def test_a_refusal_without_field_errors_is_told_by_its_message() -> None:
    ending = refused(Refused(Code.BAD_REQUEST, "It is bad."))

    assert (ending.status, ending.code, ending.message, ending.kind) == (
        "rejected",
        "bad_request",
        "It is bad.",
        "It is bad.",
    )


def test_a_row_is_created_rejected_unknown_parked_or_waiting() -> None:
    assert STATUSES == ("created", "rejected", "unknown", "parked", "waiting")


def test_the_result_columns_of_a_row_that_is_too_short_or_too_long_stay_in_place() -> None:
    short, long = (output_row(LAYOUT, row, WAITING) for row in rows_of("Name,Email\nJoe\nJoe,a,b\n"))

    assert (short, long) == (b"Joe,,waiting,,,,,\r\n", b"Joe,a,waiting,,,,,\r\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_output_uses_the_delimiter_of_the_file(delimiter: str) -> None:
    cells = ["a;b,c\td", 'say "x"\nand y']
    row = replace(ROW, cells=tuple(cells))
    written = output_row(replace(LAYOUT, delimiter=delimiter), row, parked("c", "a, b; c\td")).decode()

    assert list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)) == [
        [*cells, "parked", "c", "a, b; c\td", "", "", ""]
    ]


@pytest.mark.parametrize(
    ("content", "mark"), [(b"\xef\xbb\xbfName\n", b"\xef\xbb\xbf"), (b"Name\n", b"")], ids=["with", "without"]
)
def test_the_output_has_a_byte_order_mark_if_the_file_has_one(content: bytes, mark: bytes) -> None:
    assert output_header(sheet_of(content).layout)[:3] == (mark or b"Nam")


def test_the_output_of_a_file_in_windows_1252_is_utf_8_with_a_byte_order_mark() -> None:
    sheet = sheet_of("Zoë\n1\n".encode("cp1252"), "cp1252")

    assert output_header(sheet.layout).startswith("\ufeffZoë,status".encode())


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1+cmd|' /C calc'!A0", "-1+SUM(A1)", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff0b1a"],
)
def test_a_cell_that_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["+55 (62) 01234-5678", "-7.50", "-", "joe@acme.example", "a=b", "", "1-2"])
def test_telephone_numbers_amounts_and_other_texts_stay_as_they_are(cell: str) -> None:
    assert defused(cell) == cell


def test_cells_headings_and_messages_that_look_like_formulas_get_an_apostrophe() -> None:
    layout = replace(LAYOUT, columns=("=A", "Email"))
    row = replace(ROW, cells=("=B", "x"))

    assert output_header(layout).startswith(b"'=A,Email,")
    assert output_row(layout, row, parked("c", "=D")).startswith(b"'=B,x,parked,c,'=D,")
