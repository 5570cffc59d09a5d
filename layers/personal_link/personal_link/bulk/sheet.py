"""Read a CSV file as people have it: comma, semicolon, tab or bar; UTF-8 or, if it is named, Windows-1252.

A fault of the whole file raises UnreadableFile. A fault of one row is in `Row.fault`, and the next row follows. Neither
text quotes the file, because both are shown on screens.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal, Self

from personal_link.domain.errors import PersonalLinkError
from personal_link.domain.request import composed

Encoding = Literal["utf-8", "cp1252"]
DELIMITERS: Final = ",;\t|"  # if two separate the heading line into as many cells, the first one counts

_SEPARATOR_LINE: Final = re.compile('("?)sep=(.)\\1\r?\n?', re.IGNORECASE)  # Excel's own first line
_BEGINNINGS: Final = (
    (b"PK\x03\x04", "an Excel workbook or a zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%PDF", "a PDF"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
    (b"[{", "JSON"),
    (b"[\n", "JSON"),
    (b"[\r\n", "JSON"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SAVE_IT: Final = "save it as CSV UTF-8"


class UnreadableFile(PersonalLinkError):
    """The file as a whole cannot be read; the text says why and what to do."""


class NotUtf8(UnreadableFile):
    """The file is not UTF-8: it may be Windows-1252, which somebody has to say."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What has to be known to write the output."""

    columns: tuple[str, ...]  # headings, without blanks around them; empty: a column without a heading
    delimiter: str
    encoding: Encoding
    has_mark: bool  # a byte order mark


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row. Its repr shows nothing of the cells."""

    line: int  # of the file, on which the row begins; the first one is 1
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    fault: str | None = None  # why it cannot be read

    @property
    def record(self) -> dict[str, str]:
        """Return the cells by heading, without blank ones."""
        pairs = zip(self.columns, self.cells, strict=False)
        return {heading: cell for heading, cell in pairs if heading and cell.strip()}

    def __repr__(self) -> str:
        return f"Row(line={self.line}, fault={self.fault!r})"


@dataclass(slots=True)
class Sheet:
    """An open file: its layout, and its rows, which can be iterated once."""

    layout: Layout
    rows: Iterator[Row] = field(repr=False)

    @classmethod
    def open(cls, lines: Iterable[bytes], encoding: Encoding = "utf-8") -> Self:
        """Read the heading line of a file, given as lines of bytes. Raises UnreadableFile."""
        text = _Lines(lines, encoding)
        first = next((line for line in text if line.strip()), None)
        if first is None:
            raise UnreadableFile("The file has no heading line." if text.line else "The file is empty.")
        if told := _SEPARATOR_LINE.fullmatch(first):
            delimiter, head = told[2], []
            if delimiter not in DELIMITERS:
                raise UnreadableFile(f"The first line names a separator that is unknown: {_SAVE_IT}.")
        else:
            delimiter, head = max(DELIMITERS, key=lambda one: _width(first, one)), [first]
        reader = csv.reader(chain(head, text), delimiter=delimiter, strict=True)
        try:
            columns = tuple(cell.strip() for cell in next(reader, []))
        except csv.Error:
            raise UnreadableFile(f"The heading line cannot be read: {_quotes(1, text.line)}.") from None
        _check_headings(columns)
        layout = Layout(columns, delimiter, encoding, text.has_mark)
        return cls(layout, _rows(text, layout))


class _Lines:
    """Decode lines and count them."""

    def __init__(self, lines: Iterable[bytes], encoding: Encoding) -> None:
        self._lines = iter(lines)
        self._encoding = encoding
        self.line = 0  # the number of the last one
        self.quotes = 0  # in all of them
        self.has_mark = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.line += 1
        if self.line == 1:
            raw = self._begin(raw)
        self.quotes += raw.count(b'"')
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            raise _not_in(self._encoding, self.line) from None

    def _begin(self, raw: bytes) -> bytes:
        """Recognise what is no text in one of the two encodings; remove the byte order mark."""
        self.has_mark = raw.startswith(codecs.BOM_UTF8)
        if self.has_mark and self._encoding != "utf-8":
            raise UnreadableFile(f"The file is UTF-8 (it has a byte order mark), not {self._encoding}.")
        while raw.startswith(codecs.BOM_UTF8):
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if what := next((what for beginning, what in _BEGINNINGS if raw.startswith(beginning)), None):
            raise UnreadableFile(f"The file is {what}, no CSV in UTF-8: {_SAVE_IT}.")
        if b"\r" in raw.rstrip(b"\r\n"):
            raise UnreadableFile(f"The file ends its lines with CR alone: {_SAVE_IT}.")
        return raw


def _rows(text: _Lines, layout: Layout) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=layout.delimiter, strict=True)
    while True:
        line, quotes_before = text.line + 1, text.quotes
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if (text.quotes - quotes_before) % 2:  # the next line may be inside the cell, and no row
                raise UnreadableFile(f"The rows cannot be told apart: {_quotes(line, text.line)}.") from None
            yield Row(line, layout.columns, (), f"cannot be read: {_quotes(line, text.line)}")
            continue
        if any(cell.strip() for cell in cells):
            yield Row(line, layout.columns, tuple(cells), _fault(cells, layout.columns))


def _fault(cells: list[str], columns: tuple[str, ...]) -> str | None:
    # A row that is too short is not filled up: if a delimiter is missing, its values stand under wrong headings.
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        return f"has {len(cells)} cell{'s'[: len(cells) > 1]}, the heading line has {len(columns)}"
    for number, (heading, cell) in enumerate(zip(columns, cells, strict=False), 1):
        if cell.strip() and not heading:
            return f"has a value in column {number}, which has no heading"
    return None


def _check_headings(columns: tuple[str, ...]) -> None:
    first: dict[str, int] = {}
    for number, heading in enumerate(columns, 1):
        if heading and (before := first.setdefault(composed(heading), number)) != number:
            raise UnreadableFile(f"Columns {before} and {number} have the same heading: rename or remove one.")
    if not first:
        raise UnreadableFile("The first line has no headings: it has to name the columns.")


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter)))
    except csv.Error:
        return 0


def _quotes(first: int, last: int) -> str:
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"a quotation mark is missing or misplaced, or a cell is too long ({where})"


def _not_in(encoding: Encoding, line: int) -> UnreadableFile:
    if encoding == "utf-8":
        return NotUtf8(f"Line {line} is not UTF-8. If the file comes from Excel, {_SAVE_IT}, or say that it is cp1252.")
    return UnreadableFile(f"Line {line} is not {encoding}: {_SAVE_IT}.")
