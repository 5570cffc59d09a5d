"""JSON as the standard has it: none of the traps that `json.loads` leaves open."""

import json
from typing import NoReturn


def parse(text: str | bytes) -> object:
    """Return the value of a JSON text (bytes are UTF-8).

    Raises ValueError, without quoting the text, for whatever is not standard JSON: NaN and Infinity, a name given
    twice, a byte order mark, bytes that are not UTF-8, nesting or a whole number beyond Python's limits.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_names)
    except _Trap:
        raise
    except json.JSONDecodeError as error:
        raise ValueError(f"malformed at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise ValueError("malformed") from None


class _Trap(ValueError):
    """What `json.loads` would accept and the standard does not."""


def _refuse_constant(_name: str) -> NoReturn:
    raise _Trap("NaN and Infinity are not JSON")


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _Trap("a name is given twice")
    return result
