"""The vendor's own words: told to the caller and kept in the ledger, so they must not quote anybody or any secret."""

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_plus

from personal_link.domain.request import Scalar, is_plain_text

MAX_MESSAGE: Final = 1024  # characters
SHORTEST_QUOTE: Final = 4  # letters and digits of a value; a shorter one counts as a word of its own only

_ADDRESS_OR_LINK: Final = re.compile("@|://")
_RUN: Final = re.compile(r"\w{25,}")  # with a digit in it: a token, a client id, something encoded; else a long word
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def read(words: object) -> str:
    """Return words that are plain text and not too long; nothing for any others."""
    return words if isinstance(words, str) and len(words) <= MAX_MESSAGE and is_plain_text(words) else ""


class VendorWords:
    """Tells words that may be passed on from those that quote what was sent."""

    def __init__(self, sent: Iterable[Scalar]) -> None:
        values = {_letters(str(value)) for value in sent if value is not None and not isinstance(value, bool)}
        self._short = {value for value in values if 1 < len(value) < SHORTEST_QUOTE}
        self._long = [value for value in values if len(value) >= SHORTEST_QUOTE]

    def pass_on(self, words: object) -> str | None:
        """Return words that can be read and quote nothing; None for any others."""
        text = read(words)
        return None if not text or any(self._quotes(reading) for reading in _readings(text)) else text

    def _quotes(self, text: str) -> bool:
        if _ADDRESS_OR_LINK.search(text) or any(re.search("[0-9]", run) for run in _RUN.findall(text)):
            return True
        letters = _letters(text)  # a phone number, say, may be quoted with other signs between its digits
        return any(value in letters for value in self._long) or not self._short.isdisjoint(_words(text))


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and as it reads once the escapes of HTML, of an address or of JSON are undone."""
    yield from (text, html.unescape(text), unquote_plus(text))
    yield _JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
