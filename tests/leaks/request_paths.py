"""Paths of requests, good and bad, and of all that the API may answer."""

import base64
import itertools
import json
from urllib.parse import quote, quote_plus, urlencode

from sandbox.vendor_replies import Reply
from tests.leaks.canaries import (
    ALL_OF_THEM,
    EMAIL,
    LINK,
    RECORD,
    TOKEN,
)
from tests.leaks.listed import (
    ERRORS,
    FORM,
    HEADERS,
    OF_A_CALLER,
    PAGE,
    QUOTES,
    path,
)
from tests.leaks.stage import LINKED, REQUEST_ID, Stage, a_request

# What goes well


@path
def a_link_over_http_and_its_replay(stage: Stage) -> None:
    body = {**a_request(), "idempotency_key": stage.key()}
    key = {"Idempotency-Key": body["idempotency_key"]}
    stage.call(body, headers=key)
    stage.call(body, headers=key)
    stage.new_environment()
    stage.call(body, headers=key)
    stage.call({**body, "record": {"Email": EMAIL.value}}, headers=key)  # the key of another request


@path
def a_link_over_http_without_a_key(stage: Stage) -> None:
    for _ in range(2):
        stage.call(headers={"Idempotency-Key": None})


@path
def a_form_over_http(stage: Stage) -> None:
    fields = {f"record[{heading}]": value for heading, value in RECORD.items()}
    body = urlencode({"configuration": "contact", **fields})
    stage.call(body, headers={"Content-Type": FORM})
    stage.call(base64.b64encode(body.encode()).decode(), headers={"Content-Type": FORM}, isBase64Encoded=True)


@path
def a_record_sent_as_a_form(stage: Stage) -> None:
    stage.monkeypatch.setenv("CUSTOMERGAUGE_ENCODING", "form")
    stage.call()
    stage.deliver(None)


@path
def links_off_the_queue_and_their_replay(stage: Stage) -> None:
    body = {**a_request(), "idempotency_key": stage.key()}
    stage.deliver(body, a_request(), None)
    stage.deliver(body)


@path
def links_by_direct_invocation_and_what_is_refused(stage: Stage) -> None:
    body = {**a_request(), "idempotency_key": stage.key()}
    for payload in (body, body, {**body, "record": {"Email": EMAIL.value}}, a_request(), ALL_OF_THEM, [ALL_OF_THEM]):
        stage.invoke(payload)
    stage.invoke({"id": REQUEST_ID, "detail-type": "Personal Link Requested", "detail": a_request()})
    stage.invoke({"id": OF_A_CALLER, "detail-type": OF_A_CALLER, "detail": {"record": {}, "reference": OF_A_CALLER}})


@path
def invocations_that_fail(stage: Stage) -> None:
    for reply in (
        Reply(503, ERRORS, HEADERS),
        Reply(403, ERRORS),
        Reply(429, ERRORS),
        Reply(500, PAGE),
        Reply(fault="reset"),
    ):
        stage.vendor.script("personal-link", reply)
        stage.invoke()
    stage.fill_secret(SecretString=ALL_OF_THEM)
    stage.new_environment()
    stage.invoke()


@path
def an_event_off_the_queue(stage: Stage) -> None:
    event = {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "Personal Link Requested",
        "time": "2026-11-23T10:00:00Z",
        "detail": a_request(),
    }
    stage.deliver(event, {**event, "detail": ALL_OF_THEM}, {**event, "time": ALL_OF_THEM})


@path
def a_token_renewed_after_the_api_refused_it(stage: Stage) -> None:
    stage.vendor.script("personal-link", Reply(401, ERRORS, HEADERS))
    stage.call()


# What is refused on arrival


@path
def bodies_over_http_that_cannot_be_read(stage: Stage) -> None:
    whole = json.dumps(a_request())
    for body in (
        *(whole[:-3], f"[{whole}]", f'{{"record": {whole}, "record": {whole}}}', OF_A_CALLER, "[" * 3000 + whole),
        *(f'{{"record": {{"{EMAIL.value}": NaN}}}}', f"\ufeff{whole}", whole.replace("canary", "\ud800")),
    ):
        stage.call(body)
        stage.call(body, headers={"Content-Type": FORM})
        stage.call(body, headers={"Content-Type": OF_A_CALLER})
    stage.call(OF_A_CALLER, isBase64Encoded=True)
    for content_type in ("application/json", FORM):
        encoded = base64.b64encode(OF_A_CALLER.encode("utf-16")).decode()
        stage.call(encoded, isBase64Encoded=True, headers={"Content-Type": content_type})


@path
def forms_over_http_that_cannot_be_read(stage: Stage) -> None:
    for body in (
        *(OF_A_CALLER, quote(OF_A_CALLER), f"record[Email]={EMAIL.value}&{quote_plus(OF_A_CALLER)}=1"),
        *(f"record[Email]={EMAIL.value}&record[Email]={EMAIL.value}", f"record[Email]={quote(EMAIL.value)}%ff"),
    ):
        stage.call(body, headers={"Content-Type": FORM})


@path
def requests_that_break_the_contract(stage: Stage) -> None:
    for body in (
        {"record": {"Email": [OF_A_CALLER]}},
        {"record": OF_A_CALLER},
        {"record": {"Email": f"{OF_A_CALLER}\n"}, "reference": f"{OF_A_CALLER}\0", "configuration": [OF_A_CALLER]},
        {"record": {"Email": EMAIL.value}, "reference": OF_A_CALLER * 9},
        {"record": {"Notes": OF_A_CALLER * 300}},
        {"record": {f"Heading {number}": EMAIL.value for number in range(201)}},
        {OF_A_CALLER: OF_A_CALLER},
    ):
        stage.call(body)
        stage.deliver(body)
    stage.call({**a_request(), "idempotency_key": "another than the header's"})
    stage.call(headers={"Idempotency-Key": f"{OF_A_CALLER}\n"})
    stage.monkeypatch.setenv("DEFAULT_CONFIGURATION", "")
    stage.new_environment()
    stage.call({"record": RECORD})
    stage.deliver({"record": RECORD})


@path
def messages_that_cannot_be_read(stage: Stage) -> None:
    whole = json.dumps(a_request())
    stage.deliver(whole[:-3], OF_A_CALLER, f"[{whole}]", f'{{"record": {whole}, "record": {whole}}}')


@path
def an_event_that_nobody_expected(stage: Stage) -> None:
    stage.call(body=RECORD)
    stage.call(headers={"Content-Type": RECORD})
    stage.call(
        requestContext={"identity": {"userArn": OF_A_CALLER}, "requestId": REQUEST_ID, "requestTimeEpoch": OF_A_CALLER}
    )
    stage.deliver(None, attributes={"SentTimestamp": OF_A_CALLER})
    stage.deliver(None, messageAttributes=OF_A_CALLER)


# What the vendor refuses, or breaks


@path
def every_status_with_all_canaries_in_its_body_and_headers(stage: Stage) -> None:
    for status in (201, 204, 301, 302, 307, 308, 400, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504):
        stage.vendor.script("personal-link", Reply(status, ERRORS, HEADERS), Reply(status, PAGE, HEADERS))
        stage.call()
        stage.call()


@path
def the_same_on_the_queue(stage: Stage) -> None:
    for status in (201, 302, 400, 403, 404, 422, 429, 500, 503):
        stage.vendor.script("personal-link", *[Reply(status, ERRORS, HEADERS)] * 2)
        stage.deliver(None, None)
        stage.new_environment()


@path
def a_refusal_that_quotes_one_canary_at_a_time(stage: Stage) -> None:
    kinds = itertools.cycle([(400, "duplicates"), (404, "mapping"), (422, "")])
    for (status, words), quoted in zip(kinds, QUOTES, strict=False):
        stage.vendor.script("personal-link", Reply(status, {"message": f"{words} {quoted}"}))
    for _ in range(0, len(QUOTES), 10):
        stage.deliver(*[None] * 10)
    for first in range(0, len(QUOTES), 10):
        errors = {"Email": QUOTES[first : first + 10], **{quoted: ["no"] for quoted in QUOTES[first : first + 10]}}
        stage.vendor.script("personal-link", Reply(422, {"message": "No.", "errors": errors}))
        stage.call()


@path
def tokens_refused_twice(stage: Stage) -> None:
    stage.vendor.script("personal-link", *[Reply(401, ERRORS, HEADERS)] * 2)
    stage.call()
    stage.call()
    stage.deliver(None)


@path
def success_without_a_usable_link(stage: Stage) -> None:
    for body in (
        {"data": {"survey_link": f"javascript:{LINK.value}"}},
        {"data": {"survey_link": f"{LINK.value}\n"}},
        {"data": ALL_OF_THEM},
        ERRORS,
        PAGE,
        ALL_OF_THEM.encode("utf-16"),
    ):
        stage.vendor.script("personal-link", Reply(200, body, HEADERS))
        stage.call()


@path
def answers_that_break_off(stage: Stage) -> None:
    for reply in (
        *(Reply(fault="reset"), Reply(fault="close"), Reply(fault="truncated")),
        *(Reply(422, ERRORS, HEADERS, fault="truncated"), Reply(200, PAGE, {"Content-Encoding": "gzip"})),
        Reply(200, ALL_OF_THEM * 500),
        Reply(200, LINKED.body, {"Content-Length": f"1, {TOKEN.value}"}, fault="truncated"),
        Reply(200, LINKED.body, {"Transfer-Encoding": f"chunked, {TOKEN.value}"}, fault="truncated"),
        Reply(422, f"{ALL_OF_THEM}\r\n", {"Transfer-Encoding": "chunked"}),
        Reply(103, ALL_OF_THEM, HEADERS),
    ):
        stage.vendor.script("personal-link", reply)
        stage.call()


@path
def headers_that_are_none(stage: Stage) -> None:
    for status in (200, 422):
        body = json.dumps(ERRORS).encode()
        broken = f"yes\r\nno header at all, {EMAIL.value} {TOKEN.value}\r\nX-Debug: {EMAIL.value}"
        reply = Reply(status, body, {"Content-Length": str(len(body)), "X-Broken": broken})
        stage.vendor.script("personal-link", reply)
        stage.vendor.script("token", reply)
        stage.call()
        stage.call()


@path
def an_answer_that_does_not_come(stage: Stage) -> None:
    stage.vendor.script("personal-link", Reply(fault="hang"))
    stage.call(seconds=16.3)
    stage.call(seconds=9)


@path
def a_vendor_out_of_reach(stage: Stage) -> None:
    stage.monkeypatch.setenv("AUTH_BASE_URL", "http://127.0.0.1:9")
    stage.monkeypatch.setenv("IMPORTS_BASE_URL", "https://127.0.0.1:9")
    stage.call()
    stage.deliver(None)


@path
def a_tls_server_that_is_none(stage: Stage) -> None:
    stage.monkeypatch.setenv("IMPORTS_BASE_URL", stage.vendor.base_url.replace("http:", "https:"))
    stage.call()
