"""What stands in the vendor's answers: a link, a refusal, a token's life. None of it is trusted to be as documented."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from personal_link import strict_json, vendor_words
from personal_link.errors import Code, FieldErrors, OutcomeUnknown, Refused
from personal_link.outcome import PersonalLink
from personal_link.request import MAX_HEADINGS, MAX_LABEL, Scalar, is_plain_text
from personal_link.transport import Response

MAX_LINK: Final = 2048  # characters
MAX_MESSAGES: Final = 10  # of the vendor's for a field

_TOKEN_LIFE: Final = 600.0  # seconds when the answer does not say; the vendor's tokens live an hour
# No user information, port, quote, backslash or blank: each lets a link look like, or become, another one where it is
# shown or pasted. The hosts are not listed: the vendor's short domain is not known.
_REST: Final = r"""([/?#][^\s"'`\\]*)?"""
_LINK: Final = re.compile(r"(?i:https)://[A-Za-z0-9][A-Za-z0-9.-]*" + _REST)
_SANDBOX_LINK: Final = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]+)?" + _REST)


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


def refusal(status: int, content: Mapping[str, object], sent: Iterable[Scalar]) -> Refused:
    """Return what a 4xx with a body means.

    The vendor's own words are passed on only where it documents them, and not if they quote what was sent.
    """
    text = vendor_words.read(content.get("message")).lower()
    own_words = vendor_words.VendorWords(sent)
    words = own_words.pass_on(content.get("message"))
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


def token_life(expires_in: object) -> float:
    """Return a token's life in seconds: 0 is "for this request only"; what makes no sense is ten minutes."""
    if isinstance(expires_in, str) and re.fullmatch("[0-9]{1,12}", expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _TOKEN_LIFE
    return 0.0 if expires_in <= 0 else float(min(max(expires_in, 30), 86_400))


def _usable(link: object, *, plain_links_allowed: bool) -> str | None:
    """Return a link that may be handed on: https, or plain http on loopback if that is allowed; and of sane length."""
    if not isinstance(link, str) or len(link) > MAX_LINK or not is_plain_text(link):
        return None
    usable = _LINK.fullmatch(link) or (plain_links_allowed and _SANDBOX_LINK.fullmatch(link))
    return link if usable else None


def _field_errors(errors: object, own_words: vendor_words.VendorWords) -> FieldErrors:
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
