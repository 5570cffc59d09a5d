"""The list of all paths, and the words with canaries in them that the paths use."""

import html
import json
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

from tests.leaks.canaries import (
    ALL_OF_THEM,
    CLIENT_ID,
    CLIENT_SECRET,
    EMAIL,
    LINKS,
    OF_THE_RECORD,
    REFERENCE,
    TOKEN,
)
from tests.leaks.stage import Stage

Path = Callable[[Stage], None]
PATHS: Final[dict[str, Path]] = {}

FORM: Final = "application/x-www-form-urlencoded"
WORDS: Final = {"message": ALL_OF_THEM, "error": ALL_OF_THEM, "error_description": ALL_OF_THEM}
ERRORS: Final = {**WORDS, "errors": {"Email": [ALL_OF_THEM], ALL_OF_THEM: [ALL_OF_THEM]}}
HEADERS: Final = {
    "Location": f"https://elsewhere.example/{quote(ALL_OF_THEM)}",
    "Set-Cookie": f"session={TOKEN.value}",
    "WWW-Authenticate": f'Bearer error="invalid_token", error_description="{EMAIL.value} {TOKEN.value}"',
    "X-Debug": ALL_OF_THEM.encode().decode("latin-1"),
}
# What a caller may write, in the wrong place too.
OF_A_CALLER: Final = " | ".join(canary.value for canary in (*OF_THE_RECORD, REFERENCE))
PAGE: Final = f"<html><body>{html.escape(ALL_OF_THEM)}</body></html>"
DAY: Final = 86_400.0

# What the vendor has got, or made; the reference and the key it never sees.
KNOWN_TO_THE_VENDOR: Final = (*OF_THE_RECORD, *LINKS, TOKEN, CLIENT_ID, CLIENT_SECRET)
WAYS_TO_QUOTE: Final[tuple[Callable[[str], str], ...]] = (
    str,
    str.lower,
    str.upper,
    html.escape,
    quote_plus,
    lambda value: quote(value, safe=""),
    lambda value: json.dumps(value)[1:-1],
)
QUOTES: Final = [f"{way(canary.value)} is wrong." for canary in KNOWN_TO_THE_VENDOR for way in WAYS_TO_QUOTE]


def path(function: Path) -> Path:
    """List a path."""
    PATHS[function.__name__.replace("_", " ")] = function
    return function
