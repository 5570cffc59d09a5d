"""What stands in the vendor's answers: a link, a refusal, a token's life. None of it is trusted to be as documented."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from personal_link import strict_json
from personal_link.errors import Code, FieldErrors, OutcomeUnknown, Refused
from personal_link.outcome import PersonalLink
from personal_link.request import MAX_HEADINGS, MAX_LABEL, Scalar, is_plain_text
from personal_link.transport import Response

MAX_LINK: Final = 2048  # characters
MAX_MESSAGE: Final = 1024  # characters of the vendor's own words
MAX_MESSAGES: Final = 10  # of them for a field
SHORTEST_QUOTE: Final = 4  # characters of a value; a shorter one may stand in a message by chance

_TOKEN_LIFE: Final = 600.0  # seconds when the answer does not say; the vendor's tokens live an hour
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def json_object(response: Response) -> dict[str, object]:
    """Return the body's JSON object; an empty one for anything else."""
    try:
        content = strict_json.parse(response.body) if response.complete else None
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def personal_link(response: Response, *, plain_links_allowed: bool) -> PersonalLink:
    """Return the link in a 200. Raises OutcomeUnknown if there is no usable one: a record was very probably made."""
    data = json_object(response).get("data")
    data = data if isinstance(data, dict) else {}
    number = data.get("number_customergauge")
    number = number if isinstance(number, int) and not isinstance(number, bool) else None
    link = _usable(data.get("survey_link"), plain_links_allowed=plain_links_allowed)
    if link is None:
        which = "" if number is None else f" Its number is {number}."
        message = f"CustomerGauge answered HTTP 200 without a usable link; a survey record probably exists.{which}"
        raise OutcomeUnknown(Code.BAD_RESPONSE, message)
    short = _usable(data.get("survey_link_short"), plain_links_allowed=plain_links_allowed)
    return PersonalLink(number, link, short)


def refusal(status: int, answered: str, content: Mapping[str, object], record: Mapping[str, Scalar]) -> Refused:
    """Return what a 4xx with a body means.

    The vendor's own words are passed on only where it documents them, and not if they quote a value of the record:
    refusals are kept in the ledger, which holds no personal data.
    """
    values = [value for value in record.values() if isinstance(value, str) and len(value) >= SHORTEST_QUOTE]
    text = _own_words(content.get("message"), values)
    errors = _field_errors(content.get("errors"), values)
    if status == 400 and "campaign filter" in text.lower():
        return Refused(Code.NO_MATCHING_CAMPAIGN, "No personal link campaign matches the record.", vendor_message=text)
    if status == 400 and "duplicates" in text.lower():
        return Refused(Code.DUPLICATE_RECORD, "The contact falls under a duplication rule.", vendor_message=text)
    if status == 404 and "mapping" in text.lower():
        return Refused(Code.MAPPING_NOT_FOUND, "The inbound mapping was not found.", vendor_message=text)
    if status == 422:
        message = "CustomerGauge refused the values of the record."
        return Refused(Code.VALIDATION_FAILED, message, vendor_message=text or None, errors=errors)
    return Refused(Code.BAD_REQUEST, f"{answered}.")


def token_life(expires_in: object) -> float:
    """Return a token's life in seconds: 0 is "for this request only"; what makes no sense is ten minutes."""
    if isinstance(expires_in, str) and re.fullmatch("[0-9]{1,12}", expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _TOKEN_LIFE
    return 0.0 if expires_in <= 0 else float(min(max(expires_in, 30), 86_400))


def _usable(link: object, *, plain_links_allowed: bool) -> str | None:
    """Return a link that may be handed on: https, plain text, of sane length. Its host is the tenant's affair."""
    if not isinstance(link, str) or len(link) > MAX_LINK or " " in link or not is_plain_text(link):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    local = plain_links_allowed and parts.scheme == "http" and parts.hostname in _LOOPBACK
    return link if parts.hostname and (parts.scheme == "https" or local) else None


def _own_words(message: object, values: Sequence[str]) -> str:
    """Return a message of the vendor's, or nothing if it is no plain text, too long, or quotes one of the values."""
    if not isinstance(message, str) or len(message) > MAX_MESSAGE or not is_plain_text(message):
        return ""
    return "" if any(value.lower() in message.lower() for value in values) else message


def _field_errors(errors: object, values: Sequence[str]) -> FieldErrors:
    """Return Laravel's `errors`, a list of messages a field, as far as they have that shape."""
    if not isinstance(errors, dict):
        return {}
    fields = [(field, messages) for field, messages in errors.items() if isinstance(messages, list)]
    return {
        field[:MAX_LABEL]: [_own_words(message, values) or "is not valid" for message in messages[:MAX_MESSAGES]]
        for field, messages in fields[:MAX_HEADINGS]
    }
