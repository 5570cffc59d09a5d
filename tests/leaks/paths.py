"""Every way that a request may take, happy or not, each with canaries in whatever comes in on it.

A path is a function of the connector; `PATHS` has them all by name.
"""

import base64
import html
import itertools
import json
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus, urlencode

from personal_link.aws.ledger import Ledger
from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.access_token import run_in_background
from personal_link.customergauge.transport import Transport
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from sandbox.customergauge.log import Endpoint
from sandbox.customergauge.replies import Reply
from tests.lambda_environment import forget
from tests.leaks.canaries import (
    ALL_OF_THEM,
    CLIENT_ID,
    CLIENT_SECRET,
    EMAIL,
    LINK,
    LINKS,
    OF_THE_RECORD,
    RECORD,
    REFERENCE,
    TOKEN,
)
from tests.leaks.connector import LINKED, REQUEST_ID, SECRET, Connector, a_request

PATHS: Final[dict[str, Callable[[Connector], None]]] = {}

FORM: Final = "application/x-www-form-urlencoded"
WORDS: Final = {"message": ALL_OF_THEM, "error": ALL_OF_THEM, "error_description": ALL_OF_THEM}
ERRORS: Final = {**WORDS, "errors": {"Email": [ALL_OF_THEM], ALL_OF_THEM: [ALL_OF_THEM]}}
HEADERS: Final = {
    "Location": f"https://elsewhere.example/{quote(ALL_OF_THEM)}",
    "Set-Cookie": f"session={TOKEN.value}",
    "WWW-Authenticate": f'Bearer error="invalid_token", error_description="{EMAIL.value} {TOKEN.value}"',
    "X-Debug": ALL_OF_THEM.encode().decode("latin-1"),
}
PAGE: Final = f"<html><body>{html.escape(ALL_OF_THEM)}</body></html>"
# What a caller may write, in the wrong place too.
OF_A_CALLER: Final = " | ".join(canary.value for canary in (*OF_THE_RECORD, REFERENCE))

# What the vendor has got, or made; the reference and the key it never sees.
KNOWN_TO_THE_VENDOR: Final = (*OF_THE_RECORD, *LINKS, TOKEN, CLIENT_ID, CLIENT_SECRET)
WAYS_TO_QUOTE: Final[tuple[Callable[[str], str], ...]] = (
    *(str, str.lower, str.upper, html.escape, quote_plus),
    lambda value: json.dumps(value)[1:-1],
)
QUOTES: Final = [f"{way(canary.value)} is wrong." for canary in KNOWN_TO_THE_VENDOR for way in WAYS_TO_QUOTE]


def path(function: Callable[[Connector], None]) -> Callable[[Connector], None]:
    """List a path."""
    PATHS[function.__name__.replace("_", " ")] = function
    return function


# What goes well


@path
def a_link_over_http_and_its_replay(connector: Connector) -> None:
    body = {**a_request(), "idempotency_key": connector.key()}
    key = {"Idempotency-Key": body["idempotency_key"]}
    connector.call(body, headers=key)
    forget()
    connector.call(body, headers=key)
    connector.call({**body, "record": {"Email": EMAIL.value}}, headers=key)  # the key of another request
    connector.call(headers={"Idempotency-Key": None})


@path
def a_form_over_http_and_to_the_vendor(connector: Connector) -> None:
    connector.monkeypatch.setenv("CUSTOMERGAUGE_ENCODING", "form")
    fields = {f"record[{heading}]": value for heading, value in RECORD.items()}
    body = urlencode({"configuration": "contact", **fields})
    connector.call(body, headers={"Content-Type": FORM})
    connector.call(base64.b64encode(body.encode()).decode(), headers={"Content-Type": FORM}, isBase64Encoded=True)


@path
def links_by_the_queue_and_their_replay(connector: Connector) -> None:
    body = {**a_request(), "idempotency_key": connector.key()}
    event = {"id": REQUEST_ID, "detail-type": "Personal Link Requested", "detail": a_request()}
    connector.deliver(body, a_request(), None, event, {**event, "detail": ALL_OF_THEM}, {**event, "time": ALL_OF_THEM})
    connector.deliver(body)


@path
def links_and_refusals_by_direct_invocation(connector: Connector) -> None:
    body = {**a_request(), "idempotency_key": connector.key()}
    for payload in (body, body, {**body, "record": {"Email": EMAIL.value}}, ALL_OF_THEM, [ALL_OF_THEM]):
        connector.invoke(payload)
    connector.invoke(
        {"id": OF_A_CALLER, "detail-type": OF_A_CALLER, "detail": {"record": {}, "reference": OF_A_CALLER}}
    )


# What is refused on arrival

WHOLE: Final = json.dumps(a_request())
REFUSED_BODIES: Final[tuple[object, ...]] = (
    *(WHOLE[:-3], f"[{WHOLE}]", f'{{"record": {WHOLE}, "record": {WHOLE}}}', OF_A_CALLER, "[" * 3000 + WHOLE),
    *(f'{{"record": {{"{EMAIL.value}": NaN}}}}', WHOLE.replace("canary", "\ud800"), f"record[Email]={EMAIL.value}%ff"),
    f"record[Email]={EMAIL.value}&record[Email]={EMAIL.value}&{quote_plus(OF_A_CALLER)}=1",
    {"record": {"Email": [OF_A_CALLER]}},
    {"record": {"Email": f"{OF_A_CALLER}\n"}, "reference": f"{OF_A_CALLER}\0", "configuration": [OF_A_CALLER]},
    {"record": {"Notes": OF_A_CALLER * 300}},
    {"record": {f"Heading {number}": EMAIL.value for number in range(201)}},
    {OF_A_CALLER: OF_A_CALLER},
)


@path
def unreadable_bodies_and_bodies_that_break_the_contract(connector: Connector) -> None:
    for body in REFUSED_BODIES:
        connector.call(body)
        connector.call(body, headers={"Content-Type": FORM})
        connector.deliver(body)
    connector.call(headers={"Idempotency-Key": f"{OF_A_CALLER}\n"})
    connector.call(headers={"Content-Type": OF_A_CALLER})
    connector.call(base64.b64encode(OF_A_CALLER.encode("utf-16")).decode(), isBase64Encoded=True)
    connector.monkeypatch.setenv("DEFAULT_CONFIGURATION", "")
    forget()
    connector.deliver({"record": RECORD})


@path
def unexpected_events(connector: Connector) -> None:
    connector.call(headers={"Content-Type": RECORD})
    identity = {"userArn": OF_A_CALLER}
    connector.call(requestContext={"identity": identity, "requestId": REQUEST_ID, "requestTimeEpoch": OF_A_CALLER})
    connector.deliver(None, attributes={"SentTimestamp": OF_A_CALLER})
    connector.deliver(None, messageAttributes=OF_A_CALLER)


# What the vendor refuses, or breaks

FORGED: Final = f"yes\r\nno header at all, {EMAIL.value} {TOKEN.value}\r\nX-Debug: 1"
TOKENS: Final = (f"{TOKEN.value}\r\nX-Forged: yes", f"{TOKEN.value} {EMAIL.value}", TOKEN.value * 300, [TOKEN.value])
REPLIES: Final[dict[str, tuple[Endpoint, list[Reply]]]] = {
    "every status with all canaries in its body and headers": (
        "personal-link",
        [
            Reply(status, body, HEADERS)
            for status in (201, 302, 400, 401, 403, 422, 429, 500)
            for body in (ERRORS, PAGE)
        ],
    ),
    "success without a usable link": (
        "personal-link",
        [
            Reply(200, body, HEADERS)
            for body in ({"data": {"survey_link": f"javascript:{LINK.value}"}}, {"data": ALL_OF_THEM}, ERRORS, PAGE)
        ],
    ),
    "answers that break off": (
        "personal-link",
        [
            *(Reply(fault="reset"), Reply(422, ERRORS, HEADERS, fault="truncated"), Reply(200, ALL_OF_THEM * 500)),
            Reply(200, PAGE, {"Content-Encoding": "gzip"}),
            Reply(200, LINKED.body, {"Content-Length": f"1, {TOKEN.value}"}, fault="truncated"),
            Reply(200, LINKED.body, {"Transfer-Encoding": f"chunked, {TOKEN.value}"}, fault="truncated"),
            Reply(200, b"{}", {"X-Broken": FORGED}),
        ],
    ),
    "token servers that refuse or break": (
        "token",
        [
            *(Reply(status, WORDS, HEADERS) for status in (301, 400, 401, 429, 500)),
            Reply(400, {**WORDS, "error": "invalid_client"}, HEADERS),
            *(Reply(200, WORDS), Reply(200, PAGE), Reply(200, ALL_OF_THEM.encode("utf-16")), Reply(fault="reset")),
            Reply(200, {**WORDS, "access_token": TOKEN.value}, HEADERS, fault="truncated"),
        ],
    ),
    "tokens that would break or forge a header": (
        "token",
        [
            *(Reply(200, {"access_token": value, "token_type": "Bearer"}) for value in TOKENS),
            Reply(200, {"access_token": TOKEN.value, "token_type": TOKEN.value}),
        ],
    ),
}


def replying(endpoint: Endpoint, replies: list[Reply]) -> Callable[[Connector], None]:
    """Return the path of a request by HTTP and of one by the queue for each reply."""

    def play(connector: Connector) -> None:
        for reply in replies:
            connector.vendor.script(endpoint, reply, reply)
            connector.call()
            forget()
            connector.deliver(None)
            forget()

    return play


PATHS.update({name: replying(endpoint, replies) for name, (endpoint, replies) in REPLIES.items()})


@path
def a_vendor_call_without_an_answer(connector: Connector) -> None:
    for reply in (Reply(fault="hang"), Reply(103, ALL_OF_THEM, HEADERS)):
        connector.vendor.script("personal-link", reply)
        connector.call(seconds=16.3)


@path
def a_refusal_that_quotes_one_canary_at_a_time(connector: Connector) -> None:
    kinds = itertools.cycle([(400, "duplicates"), (404, "mapping"), (422, "")])
    for (status, words), quoted in zip(kinds, QUOTES, strict=False):
        connector.vendor.script("personal-link", Reply(status, {"message": f"{words} {quoted}"}))
    for _ in range(0, len(QUOTES), 10):
        connector.deliver(*[None] * 10)
    for first in range(0, len(QUOTES), 10):
        errors = {"Email": QUOTES[first : first + 10], **{quoted: ["no"] for quoted in QUOTES[first : first + 10]}}
        connector.vendor.script("personal-link", Reply(422, {"message": "No.", "errors": errors}))
        connector.call()


@path
def an_unreachable_vendor(connector: Connector) -> None:
    connector.monkeypatch.setenv(
        "IMPORTS_BASE_URL", connector.vendor.base_url.replace("http:", "https:")
    )  # no TLS there
    connector.call()
    connector.monkeypatch.setenv("AUTH_BASE_URL", "http://127.0.0.1:9")
    forget()
    connector.deliver(None)


@path
def parked_requests(connector: Connector) -> None:
    old = {"ApproximateReceiveCount": "9", "SentTimestamp": str(round((time.time() - 86_400) * 1000))}
    for reply in (Reply(503, ERRORS, HEADERS), Reply(403, ERRORS), Reply(500, PAGE), Reply(fault="reset")):
        connector.vendor.script("personal-link", reply, reply)
        connector.deliver(None, attributes=old)
        connector.invoke()
        forget()
    connector.fill_secret(SecretString=ALL_OF_THEM)
    connector.deliver(None, attributes=old)


# Credentials and tokens


@path
def secrets_without_credentials(connector: Connector) -> None:
    for secret in (
        *(ALL_OF_THEM, json.dumps([ALL_OF_THEM]), SECRET[:-1], f'{{"client_secret": {json.dumps(ALL_OF_THEM)}}}'),
        json.dumps({"client_id": CLIENT_ID.value, "client_secret": f"{CLIENT_SECRET.value}\r\nX-Forged: yes"}),
        json.dumps({"client_id": CLIENT_ID.value, "client_secret": {"value": CLIENT_SECRET.value}}),
    ):
        connector.fill_secret(SecretString=secret)
        forget()
        connector.call()
    connector.fill_secret(SecretBinary=SECRET.encode())
    forget()
    connector.deliver(None)


@path
def refused_tokens_and_a_rotated_secret_that_is_refused_too(connector: Connector) -> None:
    connector.vendor.script("personal-link", *[Reply(401, ERRORS, HEADERS)] * 3)
    connector.call()
    connector.fill_secret(SecretString=SECRET.replace("kT5", "kT6"))
    connector.vendor.script("token", *[Reply(400, {**WORDS, "error": "invalid_client"})] * 2)
    connector.call()


@path
def a_background_renewal_of_the_token_with_a_bug(connector: Connector) -> None:
    connector.call()
    threads: SimpleQueue[threading.Thread] = SimpleQueue()

    def fail() -> NoReturn:
        threads.put(threading.current_thread())
        raise bug()

    run_in_background(fail)
    threads.get(timeout=10).join()


# AWS

AWS_ERRORS: Final = (
    Reply(400, {"__type": "AccessDeniedException", "message": ALL_OF_THEM}, HEADERS),
    Reply(400, {"__type": f'{TOKEN.value}\n{{"level":"INFO"}}'}, {"x-amzn-query-error": f"{EMAIL.value};Sender"}),
    Reply(404, PAGE, HEADERS),
    Reply(200, f'{{"ALL": "{ALL_OF_THEM}'),
    Reply(fault="reset"),
)
REFUSED: Final = {"__type": "ConditionalCheckFailedException", "message": ALL_OF_THEM}


@path
def an_aws_error_that_quotes_its_input(connector: Connector) -> None:
    failed = [{"Id": "0", "SenderFault": False, "Code": ALL_OF_THEM, "Message": ALL_OF_THEM}]
    spoilt = {name: {"S": ALL_OF_THEM} for name in ("format", "owner", "state", "outcome")}
    for operation, of_its_own in {
        "GetSecretValue": Reply(200, {"SecretString": ALL_OF_THEM}),
        "PutItem": Reply(400, {**REFUSED, "Item": spoilt}),
        "UpdateItem": Reply(400, {**REFUSED, "Item": spoilt}),
        "SendMessageBatch": Reply(200, {"Successful": [], "Failed": failed}),
        "ChangeMessageVisibilityBatch": Reply(200, {"Successful": [], "Failed": failed}),
    }.items():
        for reply in (of_its_own, *(AWS_ERRORS if operation == "PutItem" else AWS_ERRORS[:1])):
            connector.aws.script(operation, *[reply] * 3)
            connector.call()
            connector.vendor.script("personal-link", Reply(503, ERRORS, {"Retry-After": "2"}))
            connector.deliver(None, ALL_OF_THEM)
            forget()
            connector.aws.forgive()


@path
def a_ledger_with_damaged_outcomes(connector: Connector) -> None:
    connector.monkeypatch.setattr("personal_link.domain.request.LinkRequest.fingerprint", "1")
    for outcome in (ALL_OF_THEM, f'{{"id": "{ALL_OF_THEM}', json.dumps(dict.fromkeys([EMAIL.value], EMAIL.value))):
        item = {**{name: {"S": "1"} for name in ("format", "owner", "state", "fingerprint")}, "outcome": {"S": outcome}}
        connector.aws.script("PutItem", *[Reply(400, {**REFUSED, "Item": item})] * 2)
        connector.call()
        connector.deliver(None)


# Bugs


def bug() -> Exception:
    """Return an exception that quotes all there is, with more of it behind."""
    wrong = KeyError(ALL_OF_THEM)
    wrong.__cause__ = ExceptionGroup(ALL_OF_THEM, [ValueError(ALL_OF_THEM)])
    wrong.add_note(ALL_OF_THEM)
    return wrong


@path
def a_bug_at_each_layer_of_the_code(connector: Connector) -> None:
    def fail(*_arguments: object, **_more: object) -> NoReturn:
        raise bug()

    for owner, name in (
        *((HttpApi, "serve"), (DirectInvocation, "answer"), (BatchWorker, "work"), (Ledger, "settle")),
        *((Transport, "request"), (ResultsQueue, "send"), (RequestsQueue, "park"), (RequestsQueue, "hide")),
    ):
        with connector.monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            connector.call()
            connector.invoke()
            connector.vendor.script("personal-link", Reply(403, ERRORS))
            connector.deliver(None, ALL_OF_THEM)
            forget()


@path
def an_endless_recursion(connector: Connector) -> None:
    def recurse(*arguments: object) -> None:
        recurse(*arguments, ALL_OF_THEM)

    connector.monkeypatch.setattr(LinkIssuer, "issue", recurse)
    connector.call()
    connector.deliver(None)


@path
def settings_that_hold_private_data(connector: Connector) -> None:
    connector.monkeypatch.setenv("AUTH_BASE_URL", f"https://{CLIENT_ID.value}:{CLIENT_SECRET.value}@auth.example")
    connector.monkeypatch.setenv("ECHO_RECORD", ALL_OF_THEM)
    connector.monkeypatch.setenv("LEDGER_DAYS", CLIENT_SECRET.value)
    connector.call()
    connector.invoke()
    connector.deliver(None)
