"""Read the vendor's answers: links, refusals, token lives. Nothing in them is trusted to be as documented."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from personal_link.customergauge.access_token import LONGEST_LIFE
from personal_link.customergauge.transport import Response
from personal_link.domain.errors import Code, FieldErrors, OutcomeUnknown, Refused
from personal_link.domain.outcome import PersonalLink
from personal_link.domain.request import MAX_HEADINGS, MAX_LABEL, Scalar, is_plain_text
from personal_link.domain.strict_json import AROUND

MAX_LINK: Final = 2048  # characters
MAX_MESSAGES: Final = 10  # of the vendor, per field
MAX_MESSAGE: Final = 1024  # characters
SHORTEST_QUOTE: Final = 4  # letters and digits of a value; a shorter value is searched as a whole word only

_LONGEST_NUMBER: Final = 18  # digits and sign
_DIGITS: Final = re.compile("-?[0-9]{1,18}")
_EXACT: Final = 2**53  # below it a float holds every whole number exactly
_TOKEN_LIFE: Final = 600.0  # seconds, if the answer has none; the vendor's tokens live an hour
# No user information, port, quote, backslash or blank: each can make a link look like another one, or become another
# one when it is pasted. Any host is allowed, because the vendor's short domain is not documented.
_REST: Final = r"""([/?#][^\s"'`\\]*)?"""
_LINK: Final = re.compile(r"(?i:https)://[A-Za-z0-9][A-Za-z0-9.-]*" + _REST)
_SANDBOX_LINK: Final = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]+)?" + _REST)
_ADDRESS_OR_LINK: Final = re.compile("@|://")
_RUN: Final = re.compile(r"\w{25,}")  # with a digit: a token, a client id or an encoding; without one: a long word
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def json_object(response: Response) -> dict[str, object] | None:
    """Return the body's JSON object; None if there is none.

    An object that parses is complete, even if the length says otherwise. Laravel may encode JSON twice. A list of one
    object counts as the object. A wrong field does not spoil the others: bytes that are not UTF-8 become lone
    surrogates, which later checks refuse; NaN and a name given twice become null; a very long number becomes a float.
    """
    try:
        content: object = response.body.decode(json.detect_encoding(response.body), "surrogateescape")
        for _time in range(2):
            if isinstance(content, str):
                content = _parse(content.strip(AROUND))
    except (ValueError, RecursionError):
        return None
    content = _only_item(content)
    return content if isinstance(content, dict) else None


def _only_item(content: object) -> object:
    return content[0] if isinstance(content, list) and len(content) == 1 else content


def personal_link(response: Response, *, plain_links_allowed: bool) -> PersonalLink:
    """Return the link in a 2xx. Raises OutcomeUnknown if there is no usable one: a record was very probably made.

    The short link replaces an unusable long one, because it leads to the same survey.
    """
    data = _link_data(json_object(response) or {})
    number = _whole_number(data.get("number_customergauge"))
    short = _usable(data.get("survey_link_short"), plain_links_allowed=plain_links_allowed)
    link = _usable(data.get("survey_link"), plain_links_allowed=plain_links_allowed) or short
    if link is None:
        which = "" if number is None else f" Its number is {number}."
        answered = f"CustomerGauge answered HTTP {response.status}"
        message = f"{answered} without a usable link; a survey record probably exists.{which}"
        raise OutcomeUnknown(Code.BAD_RESPONSE, message)
    return PersonalLink(number, link, short)


def _link_data(content: Mapping[str, object]) -> Mapping[str, object]:
    """Return the object with the link: `data`, as documented, its only item, or the whole content without `data`."""
    data = _only_item(content.get("data") or content)
    return data if isinstance(data, dict) else {}


def refusal(status: int, content: Mapping[str, object], sent: Iterable[Scalar]) -> Refused:
    """Return the error for a 4xx with a body.

    Pass on the vendor's message only where the vendor documents it, and only if it quotes nothing of the request.
    """
    message = content.get("message")
    message = message.strip() if isinstance(message, str) else ""
    text = message.lower()  # decide on the full message, also if it may not be passed on
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
    """Tell whether a 403 comes from a firewall: the API's own has the body `{"message": …}`, which may be cut short.

    The message `Forbidden` is that of API Gateway, also for its own firewall.
    """
    content = json_object(forbidden)
    if content is None:
        return not forbidden.body.lstrip().startswith(b"{")
    message = content.get("message")
    return not isinstance(message, str) or message == "Forbidden"


def token_life(expires_in: object) -> float:
    """Return a token's life in seconds: 0 means one request only; an invalid value becomes ten minutes."""
    if isinstance(expires_in, str) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", expires_in.strip()):
        expires_in = float(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _TOKEN_LIFE
    return 0.0 if expires_in <= 0 else float(min(max(expires_in, 30), LONGEST_LIFE))


def _usable(link: object, *, plain_links_allowed: bool) -> str | None:
    """Return the link without surrounding blanks; None unless it is short and https, or http on loopback."""
    link = link.strip() if isinstance(link, str) else ""
    if len(link) > MAX_LINK or not is_plain_text(link) or "\ufffd" in link:  # a lost character
        return None
    usable = _LINK.fullmatch(link) or (plain_links_allowed and _SANDBOX_LINK.fullmatch(link))
    return link if usable else None


def _whole_number(number: object) -> int | None:
    """Return a whole number, also from text or from a float without a fraction."""
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
    """Return Laravel's `errors`, a list of messages per field, or one message, or numbered ones; skip other shapes."""
    if not isinstance(errors, dict):
        return {}
    fields = [(field, messages) for field, value in errors.items() if (messages := _messages(value))]
    return {
        own_words.pass_on(field[:MAX_LABEL]) or "record": [
            own_words.pass_on(message) or "is not valid" for message in messages[:MAX_MESSAGES]
        ]
        for field, messages in fields[:MAX_HEADINGS]
    }


def _messages(value: object) -> list[object]:
    match value:
        case list():
            return value
        case dict():  # PHP's, of a list without its first item
            return list(value.values())
        case str():
            return [value]
        case _:
            return []


def _plain(words: object) -> str:
    """Return the text if it is plain and not too long, otherwise an empty text."""
    return words if isinstance(words, str) and len(words) <= MAX_MESSAGE and is_plain_text(words) else ""


class VendorWords:
    """Decide which of the vendor's texts may be passed on: those that quote nothing of the request."""

    def __init__(self, sent: Iterable[Scalar]) -> None:
        values = {_letters(str(value)) for value in sent if value is not None and not isinstance(value, bool)}
        # A country code such as BE or IS is a word of nearly every message, and no personal data.
        self._short = {one for one in values if 2 - one.isdigit() < len(one) < SHORTEST_QUOTE}
        self._long = [value for value in values if len(value) >= SHORTEST_QUOTE]

    def pass_on(self, words: object) -> str | None:
        """Return the text if it is plain and quotes nothing, otherwise None."""
        text = _plain(words)
        return None if not text or any(self._quotes(reading) for reading in readings(text)) else text

    def _quotes(self, text: str) -> bool:
        if _ADDRESS_OR_LINK.search(text) or any(re.search("[0-9]", run) for run in _RUN.findall(text)):
            return True
        letters = _letters(text)  # a phone number may be quoted with other separators
        return any(value in letters for value in self._long) or not self._short.isdisjoint(_words(text))


def readings(text: str) -> Iterator[str]:
    """Yield a text, and the text with HTML, URL and JSON escapes decoded. A plus sign stays one."""
    yield from (text, html.unescape(text), unquote(text))
    yield _JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
