"""Values that must never be seen, such as nobody writes by chance; and the eye that finds them, however spelt.

A canary is looked for by a part of it, so that one cut short is found too.
"""

import base64
import html
import json
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html.entities import codepoint2name
from typing import Final
from urllib.parse import quote, quote_plus

_ALPHANUMERIC: Final = string.ascii_letters + string.digits
_BEYOND_ASCII: Final = [(number, name) for number, name in codepoint2name.items() if number > 127]


@dataclass(frozen=True)
class Canary:
    """What is planted, and the parts of it that tell: any of them is enough."""

    name: str
    value: str
    telling: tuple[str, ...]


CLIENT_ID: Final = Canary("client id", "7q2canaryclient4x8m1t9v3z0", ("canaryclient4x8",))
CLIENT_SECRET: Final = Canary(
    "client secret", "kT5canarySecretQ4zL0canaryCanaryCanarySecret5canary0", ("canarySecretQ4zL0",)
)
TOKEN: Final = Canary("access token", "eyJhbGciOiJSUzI1NiJ9.canaryToken5Vt0x.s1gN-4tuR3_8", ("canaryToken5Vt0",))
SESSION: Final = Canary("AWS session token", "IQoJcanarySession8d1Kq7w", ("canarySession8d1",))
EMAIL: Final = Canary("e-mail", "Zoe.Canarybird+q7@nest-of-canaries.example", ("Canarybird+q7", "nest-of-canaries"))
PHONE: Final = Canary("phone", "+44 7700 900461", ("7700 9004", "77009004", "7700-9004"))
FIRST_NAME: Final = Canary("first name", "Zoë-Canariña-May", ("Canariña",))
LAST_NAME: Final = Canary("last name", "Łukasz Kanárek & Söhne Ó", ("Kanárek & Söhne",))
LINK: Final = Canary(
    "survey link", "https://survey.canary.example/r/canaryLink9f2e8d71", ("canaryLink9f2e", "survey.canary.example")
)
SHORT_LINK: Final = Canary("short link", "https://cnry.example/s/canaryShort4b7", ("canaryShort4b", "cnry.example"))
REFERENCE: Final = Canary("reference", "crm-canaryReference-0815", ("canaryReference",))
KEY: Final = Canary("idempotency key", "order-canaryKeyOf-4711", ("canaryKeyOf",))

CANARIES: Final = (
    *(CLIENT_ID, CLIENT_SECRET, TOKEN, SESSION),
    *(EMAIL, PHONE, FIRST_NAME, LAST_NAME, LINK, SHORT_LINK, REFERENCE, KEY),
)
OF_THE_RECORD: Final = (EMAIL, PHONE, FIRST_NAME, LAST_NAME)
LINKS: Final = (LINK, SHORT_LINK)

RECORD: Final[Mapping[str, str]] = {
    "Email": EMAIL.value,
    "Phone": PHONE.value,
    "First Name": FIRST_NAME.value,
    "Last Name": LAST_NAME.value,
}
ALL_OF_THEM: Final = " | ".join(canary.value for canary in CANARIES)


def canaries_in(text: str, canaries: Sequence[Canary] = CANARIES) -> list[str]:
    """Return what of the canaries stands in a text, each as `name (spelling)`."""
    lower = text.lower()
    return sorted({name for spelt, name in _names(tuple(canaries)).items() if spelt in lower})


@cache
def _names(canaries: tuple[Canary, ...]) -> dict[str, str]:
    """Return every spelling of the canaries, in small letters, and what each is called."""
    names: dict[str, str] = {}
    for canary in canaries:
        for part in canary.telling:
            for spelling, spelt in _spellings(part):
                names.setdefault(spelt.lower(), f"{canary.name} ({spelling})")
    return names


def _spellings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ways in which a text may be written; letters of either case are looked for anyway."""
    yield "plain", text
    yield "decomposed", unicodedata.normalize("NFD", text)
    yield "percent-encoded", quote(text, safe="")
    yield "as a form", quote_plus(text)
    yield "percent-encoded Latin-1", quote(text.encode("latin-1", "replace"), safe="")
    yield "UTF-8 read as Latin-1", text.encode().decode("latin-1")
    yield "as HTML", html.escape(text)
    yield "as HTML, numbered", html.escape(text).encode("ascii", "xmlcharrefreplace").decode()
    yield "as HTML, named", html.escape(text).translate({number: f"&{name};" for number, name in _BEYOND_ASCII})
    for form in ("&#{};", "&#x{:x};"):
        yield "as HTML, all numbered", "".join(one if one in _ALPHANUMERIC else form.format(ord(one)) for one in text)
    for escaped in (json.dumps(text)[1:-1], ascii(text)[1:-1], repr(text.encode())[2:-1]):
        yield "escaped", escaped
        yield "escaped twice", escaped.replace("\\", "\\\\")
    yield "escaped, HTML-safe", json.dumps(text)[1:-1].replace("&", "\\u0026").replace("+", "\\u002b")
    # UTF-16 of either byte order, but for the last byte
    wide = text.encode("utf-16-le")[:-1]
    yield "UTF-16", wide.decode("latin-1")
    yield "UTF-16, escaped", repr(wide)[2:-1]
    for data, width in ((text.encode(), ""), (wide, " of UTF-16")):
        yield f"hexadecimal{width}", data.hex()
        for before in range(3):
            yield f"base64{width}", _base64(data, before)
            yield f"base64{width}", _base64(data, before).replace("+", "-").replace("/", "_")


def _base64(data: bytes, before: int) -> str:
    """Return what is always the same of some bytes' base64, so many bytes (modulo three) after the text's beginning."""
    encoded = base64.b64encode(bytes(before) + data).decode().rstrip("=")
    shared_with_what_is_before = (before * 8 + 5) // 6
    last = -1 if (before + len(data)) % 3 else None
    return encoded[shared_with_what_is_before:last]
