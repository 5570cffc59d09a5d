"""The eye finds each canary in each spelling, and sees none where there is none."""

import base64
import codecs
import html
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest

from tests.leaks.canaries import CANARIES, canaries_in

NOISE = 'INFO 2026-11-23 {"level":"INFO","message":"outcome"} ' * 20

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in small letters": str.lower,
    "in capitals": str.upper,
    "in JSON": json.dumps,
    "in JSON that is not ASCII": lambda value: json.dumps({"value": value}, ensure_ascii=False),
    "in JSON within JSON": lambda value: json.dumps(json.dumps({"value": value})),
    "in the repr of JSON": lambda value: repr(json.dumps({"value": value})),
    "in the repr of JSON's bytes": lambda value: repr(json.dumps({"value": value}, ensure_ascii=False).encode()),
    "in a repr": repr,
    "in a repr of bytes": lambda value: repr(value.encode()),
    "in an ASCII repr": ascii,
    "in a repr of a repr": lambda value: repr(repr(value.encode())),
    "in a path": lambda value: quote(value, safe=""),
    "in a query": quote_plus,
    "in a form": lambda value: urlencode({"record[Email]": value}),
    "in HTML": html.escape,
    "in HTML of ASCII": lambda value: html.escape(value).encode("ascii", "xmlcharrefreplace").decode(),
    "in hexadecimal HTML": lambda value: "".join(
        c if c.isascii() and c.isalnum() else f"&#x{ord(c):X};" for c in value
    ),
    "in HTML with names": lambda value: html.escape(value).translate(
        {ord("ñ"): "&ntilde;", ord("á"): "&aacute;", ord("ö"): "&ouml;"}
    ),
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64, one byte later": lambda value: base64.b64encode(b"{" + value.encode() + b"}").decode(),
    "in base64, two bytes later": lambda value: base64.b64encode(b'{"' + value.encode() + b'"}').decode(),
    "in base64 for addresses": lambda value: base64.urlsafe_b64encode(b"\xff\xfe" + value.encode()).decode(),
    "in hexadecimal": lambda value: value.encode().hex(),
    "in hexadecimal capitals": lambda value: value.encode().hex().upper(),
    "in UTF-16": lambda value: value.encode("utf-16-be").decode("latin-1"),
    "in a repr of UTF-16": lambda value: repr(value.encode("utf-16-le")),
    "in base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16")).decode(),
    "decomposed": lambda value: unicodedata.normalize("NFD", value),
    "in mistaken Latin-1": lambda value: value.encode().decode("latin-1"),
    "as basic authentication": lambda value: base64.b64encode(f"somebody:{value}".encode()).decode(),
    "cut off": lambda value: value[:-2],
    "begun late": lambda value: value[2:],
}


def names_found(text: str) -> set[str]:
    return {found.partition(" (")[0] for found in canaries_in(text)}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_each_canary_is_found_and_taken_for_no_other_in_this_spelling(spell: Callable[[str], str]) -> None:
    found = {canary.name: names_found(NOISE + spell(canary.value) + NOISE) for canary in CANARIES}

    assert found == {canary.name: {canary.name} for canary in CANARIES}


def test_what_is_found_is_told_by_name_and_spelling() -> None:
    told = codecs.encode(b"7700 9004", "hex").decode() + " canaryToken5Vt0"

    assert canaries_in(told) == ["access token (plain)", "phone (hexadecimal)"]


def test_a_phone_number_is_found_however_it_is_grouped() -> None:
    assert canaries_in("tel:+447700900461") == ["phone (plain)"]
    assert canaries_in("07700-900461") == ["phone (plain)"]


def test_nothing_is_found_where_nothing_is() -> None:
    texts = [path.read_text() for path in Path(__file__).parents[2].glob("*.md")]

    assert canaries_in(NOISE + "".join(texts)) == []


@pytest.mark.parametrize("innocent", ["canary", "Zoe", "+44 7700", "order-", "https://survey.", "canaries", "client"])
def test_a_word_that_a_canary_shares_with_others_is_no_canary(innocent: str) -> None:
    assert canaries_in(f"{NOISE}{innocent} {NOISE}") == []
