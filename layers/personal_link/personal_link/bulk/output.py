"""Write the output: each row's own columns, then how it ended."""

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from personal_link.bulk.sheet import Layout, Row
from personal_link.domain.errors import Refused
from personal_link.domain.outcome import Outcome, describe

Status = Literal["created", "rejected", "unknown", "parked", "waiting"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
COLUMNS: Final = ("status", "code", "message", "number_customergauge", "survey_link", "survey_link_short")

# A spreadsheet takes a cell that begins so for a formula; the wide forms are those of East Asian keyboards.
_FORMULA: Final = re.compile("\\s*[=@+\\-\uff1d\uff20\uff0b\uff0d]|[\t\r\n]")
_NUMBER: Final = re.compile("[+-][0-9 ().,/-]*")  # a telephone number or an amount: it has no function to call


@dataclass(frozen=True, slots=True, repr=False)
class Ending:
    """How a row ended. Its repr shows no link and no text of the vendor."""

    status: Status
    code: str = ""
    message: str = ""
    number_customergauge: int | None = None
    survey_link: str = ""
    survey_link_short: str = ""
    kind: str = ""  # of a refusal: the message without names of columns, which a screen may show

    def __repr__(self) -> str:
        return f"Ending({self.status!r}, {self.code!r})"


WAITING: Final = Ending("waiting")


def settled(outcome: Outcome) -> Ending:
    """Return the end of a row whose request is settled."""
    if link := outcome.personal_link:
        return Ending("created", "", "", link.number_customergauge, link.survey_link, link.survey_link_short or "")
    error = outcome.error or {}
    return Ending(outcome.status, outcome.code, _in_words(error.get("message", ""), error.get("errors", {})))


def refused(refusal: Refused) -> Ending:
    """Return the end of a row that breaks the contract."""
    error = describe(refusal)
    problems = sorted({text for texts in refusal.errors.values() for text in texts})
    kind = f"{refusal.message} ({'; '.join(problems)})" if problems else refusal.message
    return Ending("rejected", error["code"], _in_words(error["message"], error.get("errors", {})), kind=kind)


def parked(code: str, detail: str) -> Ending:
    """Return the end of a row whose request is in the parked queue."""
    return Ending("parked", code, detail)


def output_header(layout: Layout) -> bytes:
    """Return the heading line of the output, with a byte order mark if Excel made the file."""
    mark = codecs.BOM_UTF8 if layout.has_mark or layout.encoding != "utf-8" else b""
    return mark + _line(layout, [*layout.columns, *COLUMNS])


def output_row(layout: Layout, row: Row, ending: Ending) -> bytes:
    """Return a row of the output, in UTF-8. A row that is too short is filled up, one that is too long is cut."""
    own = [*row.cells, *[""] * len(layout.columns)][: len(layout.columns)]
    number = "" if ending.number_customergauge is None else str(ending.number_customergauge)
    ours = (ending.status, ending.code, ending.message, number, ending.survey_link, ending.survey_link_short)
    return _line(layout, [*own, *ours])


def defused(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: with an apostrophe before it, if need be."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _line(layout: Layout, cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=layout.delimiter).writerow(map(defused, cells))
    return text.getvalue().encode()


def _in_words(message: str, errors: dict[str, list[str]]) -> str:
    named = [f"{field}: {' '.join(problems)}" for field, problems in errors.items()]
    return " ".join(text if text.endswith((".", "?")) else f"{text}." for text in [message, *named] if text)
