"""CSV files in all their dialects: what is read, and the errors for faulty rows and files.

test_bulk_output.py writes and reads any table, with each delimiter and line ending.
"""

import codecs

import pytest

from personal_link.bulk.sheet import Encoding, NotUtf8, UnreadableFile
from tests.bulk.sheets import row_of, rows_of, sheet_of

MARK = codecs.BOM_UTF8
QUOTES = "a quotation mark is missing or misplaced, or a cell is too long"
MIXED = "The rows cannot be told apart"  # a line may be inside a cell, or a row
NO_UTF8 = "Line 3 is not UTF-8. If the file comes from Excel, save it as CSV UTF-8, or say that it is cp1252."


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("A|B\n1,2|3\n", [(2, {"A": "1,2", "B": "3"})], id="a bar as delimiter"),
        pytest.param('"a,b,c";E\n1;2\n', [(2, {"a,b,c": "1", "E": "2"})], id="another delimiter within quotes"),
        pytest.param("sep=;\r\nA, B;C\r\n1;2\r\n", [(3, {"A, B": "1", "C": "2"})], id="the sep line of Excel"),
        pytest.param('"sep=;"\r\nA, B;C\r\n1;2\r\n', [(3, {"A, B": "1", "C": "2"})], id="the sep line in quotes"),
        pytest.param('A\n"1\n2"\n3', [(2, {"A": "1\n2"}), (4, {"A": "3"})], id="a line break in a cell"),
        pytest.param("\nA,B\n\n1,2\n , \n,\n3,\n\n", [(4, {"A": "1", "B": "2"}), (7, {"A": "3"})], id="empty lines"),
        pytest.param(" A , B\n 1 ,007\n", [(2, {"A": " 1 ", "B": "007"})], id="blanks around headings and cells"),
        pytest.param("A,B,C\n1, ,\n", [(2, {"A": "1"})], id="blank cells"),
        pytest.param("A,,B,\n1,,2,\n", [(2, {"A": "1", "B": "2"})], id="columns without heading and values"),
        pytest.param("A,B\n1,2,,\n", [(2, {"A": "1", "B": "2"})], id="delimiters after the last column"),
        pytest.param(MARK * 2 + b"A\r\n1\r\n", [(2, {"A": "1"})], id="two byte order marks"),
    ],
)
def test_the_rows_of_a_file_are_read_by_their_headings(content: str | bytes, rows: list[object]) -> None:
    assert [(row.line, row.record) for row in rows_of(content) if row.fault is None] == rows


def test_a_windows_1252_file_is_read_when_its_encoding_is_given() -> None:
    assert rows_of("Name\nZoë\n".encode("cp1252"), "cp1252")[0].record == {"Name": "Zoë"}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1", "has 1 cell, the heading line has 3"),
        ("1,2,3,4", "has 4 cells, the heading line has 3"),
        ("1,2,3", "has a value in column 2, which has no heading"),
        ('"1"x,,3', f"cannot be read: {QUOTES} (line 3)"),
        ('"1\n2",xy,"3"z\n', f"cannot be read: {QUOTES} (lines 3 to 4)"),
        (f"{'x' * 131_073},,3", f"cannot be read: {QUOTES} (line 3)"),
    ],
)
def test_a_faulty_row_has_its_fault_and_the_rows_after_it_are_read(line: str, fault: str) -> None:
    before, faulty, after = rows_of(f"A,,C\n1,,2\n{line}\n3,,4\n")

    assert faulty.fault == fault
    assert [(row.fault, row.cells) for row in (before, after)] == [(None, ("1", "", "2")), (None, ("3", "", "4"))]


def test_the_repr_of_a_row_shows_none_of_its_cells() -> None:
    assert repr(row_of("Name\nJoe\n")) == "Row(line=2, fault=None)"


@pytest.mark.parametrize(
    ("content", "encoding", "problem"),
    [
        *(
            (content, "utf-8", f"The file is {what}, no CSV in UTF-8: save it as CSV UTF-8.")
            for content, what in (
                (b"PK\x03\x04...", "an Excel workbook or a zip file"),
                (b"\xd0\xcf\x11\xe0...", "an old Excel workbook"),
                (b"%PDF-1.7", "a PDF"),
                (b"\x1f\x8b...", "a gzip file"),
                (b"<html>", "HTML or XML"),
                (MARK + b'{"A": 1}', "JSON"),
                (b'[{"A": 1}]', "JSON"),
                (b"[\r\n", "JSON"),
                ("\ufeffA\n".encode("utf-16-le"), "UTF-16"),
                ("\ufeffA\n".encode("utf-16-be"), "UTF-16"),
            )
        ),
        (b"", "utf-8", "The file is empty."),
        (b" \n\n", "utf-8", "The file has no heading line."),
        (b",,\n1,2,3\n", "utf-8", "The first line has no headings: it has to name the columns."),
        (b"A,B,A\n", "utf-8", "Columns 1 and 3 have the same heading: rename or remove one."),
        ("e\u0301,\u00e9\n".encode(), "utf-8", "Columns 1 and 2 have the same heading: rename or remove one."),
        (b"A,B\r1,2\r3,4\r", "utf-8", "The file ends its lines with CR alone: save it as CSV UTF-8."),
        (b"sep=:\nA:B\n", "utf-8", "The first line names a separator that is unknown: save it as CSV UTF-8."),
        (b'"A"x\n', "utf-8", f"The heading line cannot be read: {QUOTES} (line 1)."),
        (b'A,B\n1,2\n"3,4\n5,6\n', "utf-8", f"{MIXED}: {QUOTES} (lines 3 to 4)."),
        (b'A,B\n"1 "one" 2\nada,3\n4",5\n', "utf-8", f"{MIXED}: {QUOTES} (line 2)."),
        (b'A,B\n"' + b"x" * 131_073 + b'\nada,3\n4",5\n', "utf-8", f"{MIXED}: {QUOTES} (line 2)."),
        (b"Name\nJoe\nZo\xeb\n", "utf-8", NO_UTF8),
        (b"Name\n\x81\n", "cp1252", "Line 2 is not cp1252: save it as CSV UTF-8."),
        (MARK + b"Name\n", "cp1252", "The file is UTF-8 (it has a byte order mark), not cp1252."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    content: bytes, encoding: Encoding, problem: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        list(sheet_of(content, encoding).rows)

    assert str(caught.value) == problem
    assert isinstance(caught.value, NotUtf8) == (problem == NO_UTF8)
