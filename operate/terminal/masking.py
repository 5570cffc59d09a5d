"""Mask a request: show its shape and none of its values."""

import json
import re
from typing import Final

from personal_link.domain import strict_json
from personal_link.domain.errors import Code

MASK: Final = "***"

# What a heading looks like. Any other name may hold personal data.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _./()-]{0,63}")
_ID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def body_text(body: str, *, unmask: bool) -> str:
    """Return a body as ASCII JSON, which cannot move a cursor; masked unless `unmask`."""
    try:
        content = strict_json.parse(body)
    except ValueError:
        return ascii(body) if unmask else f"(not JSON, {len(body.encode())} bytes)"
    return json.dumps(content if unmask else masked(content), indent=2, ensure_ascii=True)


def masked(body: object) -> object:
    """Return a JSON body with masked scalars and masked unusual names.

    Show a request's `configuration` and an event's `detail-type` and `time`, which are not personal data. In a record
    the same names may hold personal data, so they are masked there.
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
        if isinstance(value, str) and is_safe(value):
            hidden[name] = value


def id_text(value: str, *, unmask: bool = False) -> str:
    """Return an id if it is a UUID, as AWS makes them; mask any other, because a sender may have chosen it."""
    if _ID.fullmatch(value):
        return value
    return ascii(value)[1:-1] if unmask else MASK


def known_code(value: str) -> str:
    """Return the code if it is a public one, otherwise a dash: any sender can write the attribute."""
    return value if value in set(Code) else "-"


def printable(value: str) -> str:
    """Return a text; escaped if it is not printable."""
    return value if value.isprintable() else ascii(value)


def is_safe(value: str) -> bool:
    """Tell whether a text looks like a name or a time; any other may hold personal data."""
    return re.fullmatch(r"[\w .:+-]{1,100}", value, re.ASCII) is not None
