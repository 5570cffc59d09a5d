"""What of a request may be shown to anybody: its shape, and none of its values."""

import json
import re
from typing import Final

from personal_link import strict_json
from personal_link.errors import Code

MASK: Final = "***"

# A heading is a name that the tenant gave a field. What does not look like one may be anything.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _./()-]{0,63}")
_SHOWN: Final = {"configuration", "detail-type", "time"}  # they say which set-up is meant, and nothing of anybody
_ID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def body_text(body: str, *, unmask: bool) -> str:
    """Return a body as JSON of ASCII, which moves no cursor; its values masked unless `unmask`."""
    try:
        content = strict_json.parse(body)
    except ValueError:
        return ascii(body) if unmask else f"(not JSON, {len(body.encode())} bytes)"
    return json.dumps(content if unmask else masked(content), indent=2, ensure_ascii=True)


def masked(value: object, name: str = "") -> object:
    """Return a JSON value with its scalars masked, and names that do not look like one."""
    match value:
        case dict():
            names = [key if _NAME.fullmatch(key) else f"(withheld {number})" for number, key in enumerate(value, 1)]
            return {key: masked(inner, key) for key, inner in zip(names, value.values(), strict=True)}
        case list():
            return [masked(inner) for inner in value]
        case str() if name in _SHOWN and _is_safe(value):
            return value
        case _:
            return MASK


def id_text(value: str, *, unmask: bool = False) -> str:
    """Return an id if it is AWS's own, a UUID; a sender may have chosen any other."""
    if _ID.fullmatch(value):
        return value
    return ascii(value)[1:-1] if unmask else MASK


def known_code(value: str) -> str:
    """Return one of the public codes, or a dash: an attribute of a message may be anything."""
    return value if value in set(Code) else "-"


def printable(value: str) -> str:
    """Return a text if it fits one line of a terminal."""
    return value if value.isprintable() else ascii(value)


def _is_safe(value: str) -> bool:
    return re.fullmatch(r"[\w .:+-]{1,100}", value, re.ASCII) is not None
