"""Paths on which tokens, AWS or our own code fail."""

import json
import threading
import time
from queue import SimpleQueue
from typing import Final, NoReturn

from personal_link.aws.ledger import Ledger
from personal_link.aws.queues import RequestsQueue, ResultsQueue
from personal_link.customergauge.access_token import run_in_background
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.batch import BatchWorker
from personal_link.triggers.http import HttpApi
from personal_link.triggers.invocation import DirectInvocation
from sandbox.vendor_replies import Reply
from tests.leaks.canaries import (
    ALL_OF_THEM,
    CLIENT_ID,
    CLIENT_SECRET,
    EMAIL,
    TOKEN,
)
from tests.leaks.listed import DAY, ERRORS, HEADERS, PAGE, WORDS, path
from tests.leaks.stage import SECRET, Stage

# Credentials


@path
def secrets_that_are_no_credentials(stage: Stage) -> None:
    for secret in (
        *(ALL_OF_THEM, json.dumps([ALL_OF_THEM]), SECRET[:-1], f'{{"client_secret": {json.dumps(ALL_OF_THEM)}}}'),
        json.dumps({"client_id": CLIENT_ID.value, "client_secret": f"{CLIENT_SECRET.value}\r\nX-Forged: yes"}),
        json.dumps({"client_id": ALL_OF_THEM, "client_secret": CLIENT_SECRET.value}),
        json.dumps({"client_id": CLIENT_ID.value, "client_secret": {"value": CLIENT_SECRET.value}}),
        f'{{"client_id": "{CLIENT_ID.value}", "client_id": "{CLIENT_ID.value}"}}',
    ):
        stage.fill_secret(SecretString=secret)
        stage.new_environment()
        stage.call()
        stage.deliver(None)
    stage.fill_secret(SecretBinary=SECRET.encode())
    stage.new_environment()
    stage.call()


@path
def token_servers_that_refuse_or_break(stage: Stage) -> None:
    for reply in (
        *(Reply(status, WORDS, HEADERS) for status in (301, 400, 401, 403, 429, 500, 503)),
        Reply(400, {**WORDS, "error": "invalid_client"}, HEADERS),
        *(Reply(200, WORDS), Reply(200, PAGE), Reply(200, ALL_OF_THEM.encode("utf-16")), Reply(502, PAGE)),
        *(Reply(fault="reset"), Reply(200, {**WORDS, "access_token": TOKEN.value}, HEADERS, fault="truncated")),
    ):
        stage.vendor.script("token", reply, reply)
        stage.call()
        stage.new_environment()
        stage.deliver(None)
        stage.new_environment()


@path
def tokens_that_would_break_or_forge_a_header(stage: Stage) -> None:
    for value in (
        *(f"{TOKEN.value}\r\nX-Forged: yes", f"{TOKEN.value}\n", f"{TOKEN.value} {EMAIL.value}", f"{TOKEN.value}é"),
        *(TOKEN.value * 300, [TOKEN.value], {"value": TOKEN.value}, ""),
    ):
        stage.vendor.script("token", Reply(200, {"access_token": value, "token_type": "Bearer"}))
        stage.call()
    stage.vendor.script("token", Reply(200, {"access_token": TOKEN.value, "token_type": TOKEN.value}))
    stage.call()


@path
def a_secret_rotated_and_refused_nevertheless(stage: Stage) -> None:
    stage.call()
    stage.fill_secret(SecretString=SECRET.replace("kT5", "kT6"))
    stage.vendor.script("personal-link", Reply(401, ERRORS, HEADERS))
    stage.vendor.script("token", *[Reply(400, {**WORDS, "error": "invalid_client"})] * 2)
    stage.call()


@path
def a_token_renewed_beside_the_request_by_a_thread_with_a_bug(stage: Stage) -> None:
    stage.call()
    threads: SimpleQueue[threading.Thread] = SimpleQueue()

    def fail() -> NoReturn:
        threads.put(threading.current_thread())
        raise ValueError(ALL_OF_THEM) from KeyError(ALL_OF_THEM)

    run_in_background(fail)
    threads.get(timeout=10).join()


# AWS

AWS_ERRORS: Final = (
    Reply(400, {"__type": "AccessDeniedException", "message": ALL_OF_THEM}, HEADERS),
    Reply(400, {"__type": ALL_OF_THEM, "message": ALL_OF_THEM, "Code": ALL_OF_THEM}),
    Reply(400, {"__type": f'{TOKEN.value}\n{{"level":"INFO"}}'}, {"x-amzn-query-error": f"{EMAIL.value};Sender"}),
    Reply(404, PAGE, HEADERS),
    Reply(200, f'{{"ALL": "{ALL_OF_THEM}'),
)


@path
def a_secrets_manager_that_quotes(stage: Stage) -> None:
    for reply in (*AWS_ERRORS, Reply(200, {"SecretString": ALL_OF_THEM})):
        stage.aws.script("GetSecretValue", reply, reply)
        stage.call()
        stage.new_environment()
        stage.aws.forgive()


@path
def a_ledger_that_quotes(stage: Stage) -> None:
    refused = {"__type": "ConditionalCheckFailedException", "message": ALL_OF_THEM}
    for reply in (*AWS_ERRORS, Reply(400, {**refused, "Item": {"format": {"S": ALL_OF_THEM}}})):
        for operation in ("PutItem", "UpdateItem"):
            stage.aws.script(operation, reply, reply)
            stage.call()
            stage.deliver(None)
            stage.aws.forgive()


@path
def a_ledger_whose_items_are_spoilt(stage: Stage) -> None:
    refused = {"__type": "ConditionalCheckFailedException", "message": ALL_OF_THEM}
    for outcome in (ALL_OF_THEM, f'{{"id": "{ALL_OF_THEM}', json.dumps(dict.fromkeys([EMAIL.value], EMAIL.value))):
        there = {name: {"S": "1"} for name in ("format", "owner", "state")} | {"outcome": {"S": outcome}}
        stage.monkeypatch.setattr("personal_link.domain.request.LinkRequest.fingerprint", "1")
        reply = Reply(400, {**refused, "Item": {**there, "fingerprint": {"S": "1"}}})
        stage.aws.script("PutItem", reply, reply)
        stage.call()
        stage.deliver(None)


@path
def queues_that_quote(stage: Stage) -> None:
    failed = [{"Id": "0", "SenderFault": False, "Code": ALL_OF_THEM, "Message": ALL_OF_THEM}]
    for reply in (*AWS_ERRORS, Reply(200, {"Successful": [], "Failed": failed})):
        for operation in ("SendMessageBatch", "ChangeMessageVisibilityBatch"):
            stage.aws.script(operation, *[reply] * 3)
            stage.call()
            stage.vendor.script("personal-link", Reply(503, ERRORS, {"Retry-After": "2"}))
            stage.deliver(None, ALL_OF_THEM)
            stage.aws.forgive()


@path
def aws_out_of_reach(stage: Stage) -> None:
    for operation in ("GetSecretValue", "PutItem", "SendMessageBatch"):
        stage.aws.script(operation, *[Reply(fault="reset")] * 2)
        stage.call()
        stage.aws.forgive()


# The end of the retry window


@path
def requests_that_are_parked(stage: Stage) -> None:
    old = {"ApproximateReceiveCount": "9", "SentTimestamp": str(round((time.time() - DAY) * 1000))}
    for reply in (Reply(503, ERRORS, HEADERS), Reply(403, ERRORS), Reply(500, PAGE), Reply(fault="reset")):
        stage.vendor.script("personal-link", reply)
        stage.deliver(None, attributes=old)
        stage.new_environment()
    stage.fill_secret(SecretString=ALL_OF_THEM)
    stage.deliver(None, attributes=old)


# Bugs


def bug() -> Exception:
    """Return an exception that quotes all there is, with more of it behind."""
    wrong = KeyError(ALL_OF_THEM)
    wrong.__cause__ = ExceptionGroup(ALL_OF_THEM, [ValueError(ALL_OF_THEM)])
    wrong.add_note(ALL_OF_THEM)
    return wrong


@path
def a_bug_wherever_one_may_be(stage: Stage) -> None:
    def fail(*_arguments: object, **_more: object) -> NoReturn:
        raise bug()

    for owner, name in (
        *(
            (HttpApi, "serve"),
            (DirectInvocation, "answer"),
            (LinkIssuer, "issue"),
            (Ledger, "begin"),
            (Ledger, "settle"),
            (Transport, "request"),
        ),
        *((CustomerGauge, "fetch_token"), (CustomerGauge, "create_personal_link"), (BatchWorker, "work")),
        *((ResultsQueue, "send"), (RequestsQueue, "park"), (RequestsQueue, "hide")),
    ):
        with stage.monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            stage.call()
            stage.invoke()
            stage.vendor.script("personal-link", Reply(403, ERRORS))
            stage.deliver(None, ALL_OF_THEM)
            stage.new_environment()


@path
def a_bug_of_no_end(stage: Stage) -> None:
    def recurse(*arguments: object) -> None:
        recurse(*arguments, ALL_OF_THEM)

    stage.monkeypatch.setattr(LinkIssuer, "issue", recurse)
    stage.call()
    stage.invoke()
    stage.deliver(None)


@path
def settings_that_hold_what_they_should_not(stage: Stage) -> None:
    stage.monkeypatch.setenv("AUTH_BASE_URL", f"https://{CLIENT_ID.value}:{CLIENT_SECRET.value}@auth.example")
    stage.monkeypatch.setenv("ECHO_RECORD", ALL_OF_THEM)
    stage.monkeypatch.setenv("LOG_LEVEL", ALL_OF_THEM)
    stage.monkeypatch.setenv("LEDGER_DAYS", CLIENT_SECRET.value)
    stage.call()
    stage.invoke()
    stage.deliver(None)
