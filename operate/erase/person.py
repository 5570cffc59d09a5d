"""Tell whether a text is about a person: it holds an e-mail address, a phone number or another value of theirs."""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from personal_link.customergauge.answers import readings

SHORTEST: Final = 4  # characters of a value; a shorter one would be found in too many texts
LEVELS: Final = 64  # of JSON in JSON

_PHONE: Final = re.compile(r"[\d\s()+./-]+")
_BETWEEN_DIGITS: Final = r"[\s()+./-]*"


def is_about(body: str, values: Sequence[str]) -> bool:
    """Tell whether a body holds one of the values, in any of its texts, or as a whole if it is not JSON.

    A value may be percent-encoded, or have HTML's or JSON's escapes. Other encodings, such as Base64, are not read. A
    plus sign stays one: as a blank it would find joe@example.com in zoe+joe@example.com.
    A longer address does not hold a shorter one: joe@example.com is not in zoe-joe@example.com.
    """
    patterns = [_pattern(value) for value in values]
    texts = (_composed(one) for text in _texts(body, LEVELS) for one in readings(text))
    return any(pattern.search(text) for text in texts for pattern in patterns)


def _pattern(value: str) -> re.Pattern[str]:
    value = _composed(value.strip())
    digits = [one for one in value if one.isdigit()]
    if len(digits) >= SHORTEST and _PHONE.fullmatch(value):
        return re.compile(rf"(?<!\d){_BETWEEN_DIGITS.join(digits)}(?!\d)")
    return re.compile(rf"(?<![\w.%+-]){re.escape(value)}(?![\w%+-]|\.\w)", re.IGNORECASE)


def _texts(value: object, levels: int) -> Iterator[str]:
    """Yield each scalar as text, also of JSON inside a text, as in a notification of SNS."""
    match value:
        case dict() if levels:
            for inner in value.values():
                yield from _texts(inner, levels - 1)
        case list() if levels:
            for inner in value:
                yield from _texts(inner, levels - 1)
        case str():
            yield value
            if levels and value.lstrip().startswith(("{", "[", '"')):
                yield from _texts(_parsed(value), levels - 1)
        case _:
            yield str(value)


def _parsed(text: str) -> object:
    try:
        # Both of two equal names count.
        return json.loads(text, object_pairs_hook=lambda pairs: [inner for _name, inner in pairs])
    except (ValueError, RecursionError):
        return None


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
