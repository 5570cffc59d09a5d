"""The output file: the columns of each row, then its result, safe to open in a spreadsheet."""

import codecs
import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from personal_link.bulk.sheet import Layout, Row
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
ERROR = {"code": "validation_failed", "message": "It is invalid.", "errors": {"Email": ["Is required.", "Is odd."]}}
LINKLESS = replace(CREATED, personal_link=None, error=ERROR)
MARK = codecs.BOM_UTF8


def test_the_header_of_the_output_has_the_columns_of_the_file_then_those_of_the_result() -> None:
    assert output_header(LAYOUT) == (
        b"Name,Email,status,code,message,number_customergauge,survey_link,survey_link_short\r\n"
    )


@pytest.mark.parametrize(
    ("ending", "cells"),
    [
        (settled(CREATED), "created,,,12345,https://cg.example/r/1,https://cg.example/s/1"),
        (
            settled(replace(CREATED, personal_link=PersonalLink(None, "https://cg.example/r/1", None))),
            "created,,,,https://cg.example/r/1,",
        ),
        (
            settled(replace(LINKLESS, status="rejected")),
            "rejected,validation_failed,It is invalid. Email: Is required. Is odd.,,,",
        ),
        (
            settled(replace(LINKLESS, status="unknown")),
            "unknown,validation_failed,It is invalid. Email: Is required. Is odd.,,,",
        ),
        (refused(Refused(Code.BAD_REQUEST, "It is bad.")), "rejected,bad_request,It is bad.,,,"),
        (parked("unavailable", "not started"), "parked,unavailable,not started,,,"),
        (WAITING, "waiting,,,,,"),
    ],
)
def test_a_row_has_its_status_and_its_link_or_reason(ending: Ending, cells: str) -> None:
    assert output_row(LAYOUT, ROW, ending).decode() == f"Joe,joe@acme.example,{cells}\r\n"
    assert ending.status in STATUSES


def test_a_refusal_without_field_errors_is_told_by_its_message() -> None:
    assert refused(Refused(Code.BAD_REQUEST, "It is bad.")).kind == "It is bad."


def test_the_result_columns_of_a_row_that_is_too_short_or_too_long_stay_in_place() -> None:
    short, long = (output_row(LAYOUT, row, WAITING) for row in rows_of("Name,Email\nJoe\nJoe,a,b\n"))

    assert (short, long) == (b"Joe,,waiting,,,,,\r\n", b"Joe,a,waiting,,,,,\r\n")


@pytest.mark.parametrize(("content", "begins"), [(MARK + b"Name\n", MARK + b"Name,"), (b"Name\n", b"Name,")])
def test_the_output_has_a_byte_order_mark_if_the_file_has_one(content: bytes, begins: bytes) -> None:
    assert output_header(sheet_of(content).layout).startswith(begins)


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


# Any table: what is written is read back

COLUMNS = ("Name", "Email", "Text")
CELLS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(",;\t\"\r\n =+-@'\u2028\x85"))
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda cells: any(cell.strip() for cell in cells)))
DELIMITERS = st.sampled_from(",;\t")


def written(table: list[tuple[str, str, str]], delimiter: str, ending: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    writer.writerows([COLUMNS, *table])
    return text.getvalue().encode()


def seen(rows: list[Row]) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(row.fault, row.cells) for row in rows]


@given(TABLES, DELIMITERS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([b"", MARK]))
def test_every_cell_of_a_written_table_is_read_back_unchanged(
    table: list[tuple[str, str, str]], delimiter: str, ending: str, mark: bytes
) -> None:
    sheet = sheet_of(mark + written(table, delimiter, ending))

    assert sheet.layout == Layout(COLUMNS, delimiter, "utf-8", has_mark=bool(mark))
    assert seen(list(sheet.rows)) == [(None, cells) for cells in table]


@given(TABLES, DELIMITERS)
def test_the_output_is_read_back_with_every_formula_prefixed_by_an_apostrophe(
    table: list[tuple[str, str, str]], delimiter: str
) -> None:
    sheet = sheet_of(written(table, delimiter, "\n"))
    output = output_header(sheet.layout) + b"".join(output_row(sheet.layout, row, WAITING) for row in sheet.rows)

    again = sheet_of(output)

    assert seen(list(again.rows)) == [(None, (*map(defused, cells), "waiting", *[""] * 5)) for cells in table]


@given(CELLS)
def test_no_cell_of_the_output_starts_with_an_equals_or_at_sign(cell: str) -> None:
    assert defused(cell).lstrip()[:1] not in {"=", "@"}
    assert defused(cell).removeprefix("'") in {cell, cell.removeprefix("'")}
