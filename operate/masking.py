"""What of a request may be shown to anybody: its shape, and none of its values."""

import json
import re
from typing import Final

from personal_link.domain import strict_json
from personal_link.domain.errors import Code

MASK: Final = "***"

# A heading is a name that the tenant gave a field. What does not look like one may be anything.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _./()-]{0,63}")
_ID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def body_text(body: str, *, unmask: bool) -> str:
    """Return a body as JSON of ASCII, which moves no cursor; its values masked unless `unmask`."""
    try:
        content = strict_json.parse(body)
    except ValueError:
        return ascii(body) if unmask else f"(not JSON, {len(body.encode())} bytes)"
    return json.dumps(content if unmask else masked(content), indent=2, ensure_ascii=True)


def masked(body: object) -> object:
    """Return a JSON body with its scalars masked, and names that do not look like one.

    What says which set-up is meant, and nothing of anybody, is shown where the connector itself reads it: a request's
    `configuration`, an event's `detail-type` and `time`. In a record the same names may head anything.
    """
    shown = _hidden(body)
    request, hidden = body, shown
    if isinstance(body, dict) and isinstance(shown, dict) and "detail-type" in body:
        _show(body, shown, "detail-type", "time")
        request, hidden = body.get("detail"), shown.get("detail")
    if isinstance(request, dict) and isinstance(hidden, dict) and isinstance(request.get("record"), dict):
        _show(request, hidden, "configuration")
    return shown


def _hidden(value: object) -> object:
    match value:
        case dict():
            names = [key if _NAME.fullmatch(key) else f"(withheld {number})" for number, key in enumerate(value, 1)]
            return {key: _hidden(inner) for key, inner in zip(names, value.values(), strict=True)}
        case list():
            return [_hidden(inner) for inner in value]
        case _:
            return MASK


def _show(content: dict[str, object], hidden: dict[str, object], *names: str) -> None:
    for name in names:
        value = content.get(name)
        if isinstance(value, str) and _is_safe(value):
            hidden[name] = value


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
