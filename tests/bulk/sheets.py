"""Files to test with."""

import io

from personal_link.bulk.sheet import Encoding, Row, Sheet


def sheet_of(content: str | bytes, encoding: Encoding = "utf-8") -> Sheet:
    return Sheet.open(io.BytesIO(content.encode() if isinstance(content, str) else content), encoding)


def rows_of(content: str | bytes, encoding: Encoding = "utf-8") -> list[Row]:
    return list(sheet_of(content, encoding).rows)


def row_of(content: str) -> Row:
    [row] = rows_of(content)
    return row
