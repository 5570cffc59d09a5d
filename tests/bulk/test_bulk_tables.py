"""Any table: what is written is read back, in any dialect, whole or in parts."""

import codecs
import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from personal_link.bulk.output import WAITING, defused, output_header, output_row
from personal_link.bulk.sheet import Row
from tests.bulk.sheets import sheet_of

COLUMNS = ("Name", "Email", "Text")
CELLS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(",;\t\"\r\n =+-@'\u2028\x85"))
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda cells: any(cell.strip() for cell in cells)))
DELIMITERS = st.sampled_from(",;\t")
ENDINGS = st.sampled_from(["\n", "\r\n"])


def written(table: list[tuple[str, str, str]], delimiter: str, ending: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    writer.writerows([COLUMNS, *table])
    return text.getvalue().encode()


def seen(rows: list[Row]) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(row.fault, row.cells) for row in rows]


@given(TABLES, DELIMITERS, ENDINGS, st.sampled_from([b"", codecs.BOM_UTF8]))
def test_every_cell_of_a_written_table_is_read_back_unchanged(
    table: list[tuple[str, str, str]], delimiter: str, ending: str, mark: bytes
) -> None:
    sheet = sheet_of(mark + written(table, delimiter, ending))

    assert (sheet.layout.columns, sheet.layout.delimiter) == (COLUMNS, delimiter)
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
