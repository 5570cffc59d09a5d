"""Strict JSON: refuse what `json.loads` accepts beyond the standard."""

import json
import re
from typing import Final, NoReturn

BYTE_ORDER_MARK: Final = "\ufeff"
AROUND: Final = f"{BYTE_ORDER_MARK} \t\r\n"  # what senders put around a text
LONGEST_NUMBER: Final = 4300  # digits, Python's own limit
_MARK: Final = re.compile(f"[{AROUND}]*{BYTE_ORDER_MARK}")


def parse(text: str | bytes) -> object:
    """Return the value of a JSON text (bytes are UTF-8).

    Raises ValueError, which never quotes the text, for NaN and Infinity, a name given twice, bytes that are not
    UTF-8, and nesting or whole numbers beyond Python's limits. A byte order mark is skipped.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if mark := _MARK.match(text):
            text = text[mark.end() :]
        return json.loads(
            text, parse_int=_whole_number, parse_constant=_refuse_constant, object_pairs_hook=_unique_names
        )
    except _Trap:
        raise
    except json.JSONDecodeError as error:
        raise ValueError(f"malformed at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise ValueError("malformed") from None


class _Trap(ValueError):
    """`json.loads` accepts it, the standard does not."""


def _whole_number(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _Trap(f"a number has more than {LONGEST_NUMBER} digits")
    return int(digits)


def _refuse_constant(_name: str) -> NoReturn:
    raise _Trap("NaN and Infinity are not JSON")


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _Trap("a name is given twice")
    return result
