"""What stands in the vendor's answers: a link, a refusal, a token's life. None of it is trusted to be as documented."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote_plus

from personal_link.customergauge.transport import Response
from personal_link.domain.errors import Code, FieldErrors, OutcomeUnknown, Refused
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import MAX_HEADINGS, MAX_LABEL, Scalar, is_plain_text

MAX_LINK: Final = 2048  # characters
MAX_MESSAGES: Final = 10  # of the vendor's for a field
MAX_MESSAGE: Final = 1024  # characters
SHORTEST_QUOTE: Final = 4  # letters and digits of a value; a shorter one counts as a word of its own only

_AROUND: Final = "\ufeff \t\r\n"  # a byte order mark, and what JSON lets stand around a value
_LONGEST_NUMBER: Final = 18  # digits and sign
_DIGITS: Final = re.compile("-?[0-9]{1,18}")
_EXACT: Final = 2**53  # below it a float is the whole number that was written
_TOKEN_LIFE: Final = 600.0  # seconds when the answer does not say; the vendor's tokens live an hour
# No user information, port, quote, backslash or blank: each lets a link look like, or become, another one where it is
# shown or pasted. The hosts are not listed: the vendor's short domain is not known.
_REST: Final = r"""([/?#][^\s"'`\\]*)?"""
_LINK: Final = re.compile(r"(?i:https)://[A-Za-z0-9][A-Za-z0-9.-]*" + _REST)
_SANDBOX_LINK: Final = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]+)?" + _REST)
_ADDRESS_OR_LINK: Final = re.compile("@|://")
_RUN: Final = re.compile(r"\w{25,}")  # with a digit in it: a token, a client id, something encoded; else a long word
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def json_object(response: Response) -> dict[str, object] | None:
    """Return the body's JSON object; None if there is none.

    An object that can be read is whole, whatever its wrapping says: no part of one is an object. What is wrong in a
    field spoils that field alone: bytes that are not UTF-8 become lone surrogates, which nobody hands on; NaN and a
    name given twice become null; a very long number becomes a float. Laravel may encode twice what is JSON already.
    """
    try:
        content: object = response.body.decode(json.detect_encoding(response.body), "surrogateescape")
        for _time in range(2):
            if isinstance(content, str):
                content = _parse(content.strip(_AROUND))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def personal_link(response: Response, *, plain_links_allowed: bool) -> PersonalLink:
    """Return the link in a 2xx. Raises OutcomeUnknown if there is no usable one: a record was very probably made.

    The short link leads where the long one does, so it stands in for a long one that is not usable.
    """
    data = (json_object(response) or {}).get("data")
    data = data if isinstance(data, dict) else {}
    number = _whole_number(data.get("number_customergauge"))
    short = _usable(data.get("survey_link_short"), plain_links_allowed=plain_links_allowed)
    link = _usable(data.get("survey_link"), plain_links_allowed=plain_links_allowed) or short
    if link is None:
        which = "" if number is None else f" Its number is {number}."
        answered = f"CustomerGauge answered HTTP {response.status}"
        message = f"{answered} without a usable link; a survey record probably exists.{which}"
        raise OutcomeUnknown(Code.BAD_RESPONSE, message)
    return PersonalLink(number, link, short)


def refusal(status: int, content: Mapping[str, object], sent: Iterable[Scalar]) -> Refused:
    """Return what a 4xx with a body means.

    The vendor's own words are passed on only where it documents them, and not if they quote what was sent.
    """
    message = content.get("message")
    message = message.strip() if isinstance(message, str) and len(message) <= MAX_MESSAGE else ""
    text = message.lower()  # what it means does not hang on a sign in it that could not be passed on
    own_words = VendorWords(sent)
    words = own_words.pass_on(message)
    if status == 400 and "campaign filter" in text:
        return Refused(Code.NO_MATCHING_CAMPAIGN, "No personal link campaign matches the record.", vendor_message=words)
    if status == 400 and "duplicates" in text:
        return Refused(Code.DUPLICATE_RECORD, "The contact falls under a duplication rule.", vendor_message=words)
    if status == 404 and "mapping" in text:
        return Refused(Code.MAPPING_NOT_FOUND, "The inbound mapping was not found.", vendor_message=words)
    if status == 422:
        errors = _field_errors(content.get("errors"), own_words)
        refused = "CustomerGauge refused the values of the record."
        return Refused(Code.VALIDATION_FAILED, refused, vendor_message=words, errors=errors)
    return Refused(Code.BAD_REQUEST, f"CustomerGauge answered HTTP {status}.")


def is_a_firewalls(forbidden: Response) -> bool:
    """Tell whether a 403 is not the API's own, which is `{"message": …}`: whole, or cut after its beginning."""
    content = json_object(forbidden)
    if content is None:
        return not forbidden.body.lstrip().startswith(b"{")
    return not isinstance(content.get("message"), str)


def token_life(expires_in: object) -> float:
    """Return a token's life in seconds: 0 is "for this request only"; what makes no sense is ten minutes."""
    if isinstance(expires_in, str) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", expires_in.strip()):
        expires_in = float(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _TOKEN_LIFE
    return 0.0 if expires_in <= 0 else float(min(max(expires_in, 30), 86_400))


def _usable(link: object, *, plain_links_allowed: bool) -> str | None:
    """Return a link that may be handed on: https, or plain http on loopback if that is allowed; and of sane length.

    Blanks and line breaks around it belong to nobody.
    """
    link = link.strip() if isinstance(link, str) else ""
    if len(link) > MAX_LINK or not is_plain_text(link) or "\ufffd" in link:  # which stands for a character that is lost
        return None
    usable = _LINK.fullmatch(link) or (plain_links_allowed and _SANDBOX_LINK.fullmatch(link))
    return link if usable else None


def _whole_number(number: object) -> int | None:
    """Return a whole number, also one that is written as text or with zeros after its point."""
    if isinstance(number, str) and _DIGITS.fullmatch(number.strip()):
        return int(number)
    if isinstance(number, float) and number.is_integer() and abs(number) < _EXACT:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _parse(text: str) -> object:
    return json.loads(
        text,
        strict=False,
        parse_constant=lambda _name: None,
        parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits),
        object_pairs_hook=_by_name,
    )


def _by_name(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content: dict[str, object] = {}
    for name, value in pairs:
        content[name] = value if content.get(name, value) == value else None
    return content


def _field_errors(errors: object, own_words: "VendorWords") -> FieldErrors:
    """Return Laravel's `errors`, a list of messages a field, as far as they have that shape."""
    if not isinstance(errors, dict):
        return {}
    fields = [(field, messages) for field, messages in errors.items() if isinstance(messages, list)]
    return {
        own_words.pass_on(field[:MAX_LABEL]) or "record": [
            own_words.pass_on(message) or "is not valid" for message in messages[:MAX_MESSAGES]
        ]
        for field, messages in fields[:MAX_HEADINGS]
    }


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
