"""CSV files in all their dialects: what is read, and the errors for faulty rows and files."""

import codecs

import pytest

from personal_link.bulk.sheet import NotUtf8, UnreadableFile
from tests.bulk.sheets import row_of, rows_of, sheet_of

# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_file_is_detected_in_its_heading_line(delimiter: str) -> None:
    content = "Name,Email\nJoe,joe@acme.example\n".replace(",", delimiter)

    sheet = sheet_of(content)

    assert sheet.layout.delimiter == delimiter
    assert [row.record for row in sheet.rows] == [{"Name": "Joe", "Email": "joe@acme.example"}]


def test_a_delimiter_within_quotes_is_ignored_when_the_delimiter_is_detected() -> None:
    assert sheet_of('"a,b,c,d";Email\n').layout.columns == ("a,b,c,d", "Email")


def test_the_sep_line_of_excel_sets_the_delimiter_and_is_not_the_heading_line() -> None:
    for line in ("sep=;", '"sep=;"'):
        row = row_of(f"{line}\r\nName, Email;Phone\r\nJoe;1\r\n")
        assert row.record == {"Name, Email": "Joe", "Phone": "1"}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_rows_end_with_lf_or_crlf_and_the_last_line_ending_may_be_missing(ending: str) -> None:
    assert [row.cells for row in rows_of(f"A,B{ending}1,2{ending}3,4")] == [("1", "2"), ("3", "4")]


def test_a_byte_order_mark_is_not_part_of_the_first_heading() -> None:
    sheet = sheet_of(codecs.BOM_UTF8 + b"Name\nJoe\n")

    assert (sheet.layout.columns, sheet.layout.has_mark) == (("Name",), True)


def test_a_windows_1252_file_is_read_when_its_encoding_is_given() -> None:
    assert rows_of("Name\nZoë\n".encode("cp1252"), "cp1252")[0].record == {"Name": "Zoë"}


def test_a_cell_may_hold_delimiters_quotes_and_line_breaks() -> None:
    [row, after] = rows_of('A,B\n"one, ""two""\nthree",4\n5,6\n')

    assert row.cells == ('one, "two"\nthree', "4")
    assert (row.line, after.line) == (2, 4)


def test_lines_without_a_value_are_skipped() -> None:
    assert [row.line for row in rows_of("\nA,B\n\n1,2\n , \n,\n3,4\n\n")] == [4, 7]


def test_blanks_around_headings_are_removed_and_cells_stay_as_they_are() -> None:
    assert row_of(" Name , Email\n Joe ,007\n").record == {"Name": " Joe ", "Email": "007"}


def test_a_blank_cell_is_left_out_of_the_record() -> None:
    assert row_of("Name,Email,Phone\nJoe, ,\n").record == {"Name": "Joe"}


def test_a_column_without_heading_and_values_is_left_out() -> None:
    row = row_of("Name,,Email,\nJoe,,joe@acme.example,\n")

    assert (row.fault, row.record) == (None, {"Name": "Joe", "Email": "joe@acme.example"})


def test_delimiters_after_the_last_column_do_not_make_a_row_too_long() -> None:
    assert row_of("A,B\n1,2,,\n").fault is None


# --- faulty rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1", "has 1 cell, the heading line has 3"),
        ("1,2,3,4", "has 4 cells, the heading line has 3"),
        ("1,2,3", "has a value in column 2, which has no heading"),
        (
            '"1"x,,3',
            "cannot be read: a quotation mark is missing or misplaced, or a cell is too long (line 3)",
        ),
        (
            '"1\n2",x"y,"3"z\n',
            "cannot be read: a quotation mark is missing or misplaced, or a cell is too long (lines 3 to 4)",
        ),
    ],
)
def test_a_faulty_row_has_its_fault_and_the_rows_after_it_are_read(line: str, fault: str) -> None:
    before, faulty, after = rows_of(f"A,,C\n1,,2\n{line}\n3,,4\n")

    assert faulty.fault == fault
    assert [(row.fault, row.cells) for row in (before, after)] == [(None, ("1", "", "2")), (None, ("3", "", "4"))]


def test_an_unclosed_quotation_mark_makes_one_faulty_row_of_the_remaining_lines() -> None:
    [row] = rows_of('A,B\n"1,2\n3,4\n')

    assert row.fault is not None
    assert row.fault.endswith("(lines 2 to 3)")


def test_a_row_with_a_cell_of_more_than_131072_characters_is_faulty() -> None:
    faulty, after = rows_of(f"A\n{'x' * 131_073}\n1\n")

    assert (faulty.fault is not None, after.cells) == (True, ("1",))


def test_the_repr_of_a_row_shows_none_of_its_cells() -> None:
    assert repr(row_of("Name\nJoe\n")) == "Row(line=2, fault=None)"


# --- unreadable files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "The file has no heading line."),
        (b",,\n1,2,3\n", "The first line has no headings: it has to name the columns."),
        (b"A,B,A\n", "Columns 1 and 3 have the same heading: rename or remove one."),
        ("e\u0301,\u00e9\n".encode(), "Columns 1 and 2 have the same heading: rename or remove one."),
        (b"A,B\r1,2\r3,4\r", "The file ends its lines with CR alone: save it as CSV UTF-8."),
        (b"PK\x03\x04...", "The file is an Excel workbook or a zip file, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"\xd0\xcf\x11\xe0...", "The file is an old Excel workbook, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"%PDF-1.7", "The file is a PDF, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"\x1f\x8b...", "The file is a gzip file, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"<html>", "The file is HTML or XML, no CSV in UTF-8: save it as CSV UTF-8."),
        (codecs.BOM_UTF8 + b'{"A": 1}', "The file is JSON, no CSV in UTF-8: save it as CSV UTF-8."),
        (b'[{"A": 1}]', "The file is JSON, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"[\r\n", "The file is JSON, no CSV in UTF-8: save it as CSV UTF-8."),
        (b"sep=:\nA:B\n", "The first line names a separator that is unknown: save it as CSV UTF-8."),
        ("\ufeffA\n".encode("utf-16-le"), "The file is UTF-16, no CSV in UTF-8: save it as CSV UTF-8."),
        ("\ufeffA\n".encode("utf-16-be"), "The file is UTF-16, no CSV in UTF-8: save it as CSV UTF-8."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(content: bytes, problem: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        sheet_of(content)

    assert str(caught.value) == problem


def test_byte_order_marks_do_not_become_part_of_a_heading() -> None:
    assert sheet_of(codecs.BOM_UTF8 * 2 + b"Name\r\n").layout.columns == ("Name",)


def test_a_file_whose_heading_line_cannot_be_read_is_refused_with_the_reason() -> None:
    with pytest.raises(UnreadableFile, match=r"^The heading line cannot be read: a quotation mark is missing"):
        sheet_of('"A"x\n')


def test_a_windows_1252_file_without_its_encoding_given_is_refused_as_not_utf_8() -> None:
    with pytest.raises(NotUtf8) as caught:
        rows_of("Name\nJoe\nZoë\n".encode("cp1252"))

    assert str(caught.value) == (
        "Line 3 is not UTF-8. If the file comes from Excel, save it as CSV UTF-8, or say that it is cp1252."
    )


def test_a_byte_that_windows_1252_does_not_have_is_refused_with_its_line() -> None:
    with pytest.raises(UnreadableFile, match=r"^Line 2 is not cp1252: save it as CSV UTF-8\.$"):
        rows_of(b"Name\n\x81\n", "cp1252")


def test_a_utf_8_file_with_byte_order_mark_given_as_windows_1252_is_refused() -> None:
    with pytest.raises(UnreadableFile, match=r"^The file is UTF-8 \(it has a byte order mark\), not cp1252\.$"):
        sheet_of(codecs.BOM_UTF8 + b"Name\n", "cp1252")
