"""Every text that an error of this package may have. The log's `detail` shows no other text.

So no error text can bring a value, its hash or a part of a secret into the log. A placeholder such as `<code>` matches
only what `_PLACEHOLDERS` allows. A test compares this list with the code.
"""

import re
from functools import cache
from typing import Final

from personal_link.domain.shapes import SHAPES

# An error code of AWS, or the HTTP status of an answer without one.
AWS_CODE: Final = "[A-Za-z.]{1,64}|[1-5][0-9]{2}"

_CAUSE: Final = r"too little time was left to start|(no connection|no TLS connection|sent, no answer) \(<type>\)"
_VARIABLE: Final = (
    r"[A-Z_]{1,64} (is missing|must be (one of [A-Za-z, ]{1,64}|a whole number( above zero)?|"
    r"https://host, or http:// on loopback, without a path))"
)
_FIELD: Final = "(configuration|idempotency_key|record|reference)"
_PLACEHOLDERS: Final = {
    "a shape": "|".join(map(re.escape, SHAPES)),
    "cause": _CAUSE,
    "code": f"{AWS_CODE}|unknown code",
    "field": "client_id|client_secret",
    "fields": f"{_FIELD}(, {_FIELD})*",
    "file": r"event_mappings\.toml",
    "its number": r"( Its number is -?[0-9]+\.)?",
    "media type": "application/x-www-form-urlencoded",
    "number": "[0-9]{1,20}",
    "of the file": ".+",  # from the deployed file, never from a request
    "reason": r"malformed( at line [0-9]{1,20}, column [0-9]{1,20})?|NaN and Infinity are not JSON|"
    "a name is given twice|a number has more than 4300 digits",
    # the class name of an exception of Python or urllib3
    "type": "[A-Za-z]{0,64}([Ee]rror|Exception|Read|Length|Header|Chunked|Compatible|Unknown)",
    "variables": f"{_VARIABLE}(; {_VARIABLE})*",
}

DETAILS: Final = (
    # an attempt
    "CustomerGauge answered HTTP <number>",
    "CustomerGauge answered HTTP <number>, cut short or by a proxy",
    "CustomerGauge answered HTTP <number>, which cannot be read",
    "CustomerGauge answered HTTP <number>.",
    "CustomerGauge answered HTTP <number>: it refuses the access token",
    "CustomerGauge answered HTTP <number>: this client is not allowed to do this",
    "CustomerGauge answered HTTP <number> without a usable link; a survey record probably exists.<its number>",
    (
        "An earlier attempt got no answer, and now CustomerGauge reports a duplicate: "
        "a survey record probably exists and its link is lost. The Request History shows it."
    ),
    "CustomerGauge refused the values of the record.",
    "a firewall in front of CustomerGauge answered HTTP 403: it refuses every record",
    "a firewall in front of CustomerGauge answered HTTP 403: it refuses this record",
    "No personal link campaign matches the record.",
    "The contact falls under a duplication rule.",
    "The inbound mapping was not found.",
    "no TLS connection (<type>)",
    "no connection (<type>)",
    "sent, no answer (<type>)",
    "not started: CustomerGauge asked to wait",
    "not started: VendorCallsPerSecond is reached",
    "not started: the circuit is open",
    "too little time was left to start",
    # the access token and the secret
    "another thread's token fetch took too long",
    "no access token: <cause>",
    "the token server answered HTTP <number>",
    "the token server answered HTTP <number>: it refuses the client id or secret",
    "the token server answered HTTP <number>: it refuses this client",
    "the token server answered without a usable bearer token",
    "Secrets Manager answered without a secret",
    "Secrets Manager failed (<code>)",
    "The credentials secret cannot be read (<code>).",
    "The credentials secret has a <field> with blanks, control or non-ASCII characters.",
    "The credentials secret has a client_secret of less than <number> characters.",
    "The credentials secret has a <field> that is neither text nor a whole number.",
    "The credentials secret has no <field>: fill it in.",
    "The credentials secret is binary: store it as a string.",
    'The credentials secret is not a JSON object {"client_id": …, "client_secret": …}.',
    "the secret of the shared token failed (<code>)",
    # the ledger and the queues
    "The idempotency key was used for another request.",
    "another attempt is in flight",
    "another attempt just began",
    "another attempt took over and is in flight",
    "the ledger failed (<code>)",
    "the ledger item has another format",
    "the message was not parked",
    "the result was not queued",
    "the result was not sent",
    # incoming requests
    "API Gateway named no caller: the method has no authorization",
    "Content-Type must be application/json or <media type>.",
    "The body holds no request. It looks like <a shape>.",
    "The body is not a valid form. It looks like JSON: send Content-Type: application/json.",
    "The body is not valid JSON: <reason>.",
    "The body is not UTF-8. Send it in UTF-8, uncompressed.",
    "The body is not valid base64.",
    "The body is too large: a request has at most <number> bytes.",
    "The body is too large to be read: a request has at most <number> bytes.",
    "The form gives a field twice.",
    "The form has an unknown field.",
    "The record has <number> headings; at most <number> are allowed.",
    "The request has <number> bytes; at most <number> are allowed.",
    "The request is not valid: see <fields>.",
    "The request is not valid: see configuration.",
    "The request is not valid: see record.",
    "Two idempotency keys were given.",
    # the deployment, and bugs
    "<file> is not TOML: <of the file>",
    "<file> is not UTF-8: see line <number>",
    "<file> cannot be read: <of the file>",
    "the layer of MappingsLayerArn has no python/<file>",
    "<file>: <of the file>",
    "Unexpected error: try again later.",
    "The environment is not complete: <variables>",
    "unexpected <type>",
)


def is_known(text: str) -> bool:
    """Tell whether an error of this package may have this text."""
    return _any_of_them().fullmatch(text) is not None


@cache
def _any_of_them() -> re.Pattern[str]:
    """Return one pattern for all texts. It is built with the first logged error, not in every cold start."""
    return re.compile("|".join(map(_pattern, DETAILS)))


def _pattern(text: str) -> str:
    parts = re.split("(<[a-z ]+>)", text)
    return "".join(f"({_pattern_of(part[1:-1])})" if part[:1] == "<" else re.escape(part) for part in parts)


def _pattern_of(placeholder: str) -> str:
    return _PLACEHOLDERS[placeholder].replace("<type>", _PLACEHOLDERS["type"])
