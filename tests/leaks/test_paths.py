"""Nothing leaks on any path while every logger writes at DEBUG; planted leaks are found."""

import hashlib
import json
import logging
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import http_api
import personal_link
from personal_link import metrics, observability
from personal_link.aws.conditional_write import conditional_write
from personal_link.customergauge.transport import Transport
from personal_link.domain import outcome
from personal_link.domain.outcome import Outcome
from personal_link.triggers.http import HttpAnswer
from tests.leaks.canaries import ALL_OF_THEM, EMAIL, TOKEN
from tests.leaks.connector import Connector
from tests.leaks.paths import PATHS

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.usefixtures("everybody_logs")
@pytest.mark.parametrize("path", PATHS)
def test_no_canary_leaks_on_any_path(path: str, connector: Connector, capfd: pytest.CaptureFixture[str]) -> None:
    assert connector.leaks_on(PATHS[path], capfd) == []


# Planted leaks

A_FILE: Final = Path(tempfile.gettempdir()) / f"planted-{os.getpid()}"
AN_ERROR_WITH_A_CONTEXT: Final = """
def request(*arguments, **more):
    try:
        {}[quoted]
    except KeyError:
        raise NotProcessed(Code.UNAVAILABLE, "our own words")
"""
AN_ERROR_OF_OURS: Final = """
def request(*arguments, **more):
    raise NotProcessed(Code.UNAVAILABLE, f"no connection ({quoted})")
"""


def at_each_outcome(do: Callable[[Outcome], object]) -> Plant:
    """Plant something that is done with each outcome in the place of its report."""
    return lambda patch: patch.setattr(observability, "report_outcome", do)


def log_each_event(patch: pytest.MonkeyPatch) -> None:
    handler = http_api.handler

    def log_and_handle(event: dict[str, Any], context: Any) -> HttpAnswer:
        logging.getLogger("a handler of somebody's").info("event: %s", event)
        return handler(event, context)

    patch.setattr(http_api, "handler", log_and_handle)


def log_the_texts_of_bugs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(logging.getLogger(observability.logger().name), "filters", [])
    patch.setattr(observability, "report_bug", lambda _bug, _id="": observability.logger().exception("a bug"))


def answer_with_what_an_error_quotes(patch: pytest.MonkeyPatch) -> None:
    describe = outcome.describe
    patch.setattr("personal_link.issue_link.describe", lambda error: {**describe(error), "message": ALL_OF_THEM})


def put_the_token_into_the_ledger(patch: pytest.MonkeyPatch) -> None:
    def write_more(operation: Any, **arguments: Any) -> Any:
        if "version = " in arguments["UpdateExpression"]:
            arguments["UpdateExpression"] += ", planted = :planted"
            arguments["ExpressionAttributeValues"] |= {":planted": {"S": TOKEN.value}}
        return conditional_write(operation, **arguments)

    patch.setattr("personal_link.aws.token_lease.conditional_write", write_more)


def put_the_reference_into_an_attribute_and_a_metric(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metrics, "_WORD", re.compile(".*"))  # the leak is this guard's absence
    patch.setattr(Outcome, "code", property(lambda done: done.reference))


def put_the_token_into_a_result(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outcome, "message", lambda _done, **_options: json.dumps({"token": ALL_OF_THEM}))


def put_the_token_into_a_url(patch: pytest.MonkeyPatch) -> None:
    request = Transport.request

    def request_there(transport: Transport, method: str, url: str, **named: Any) -> Any:
        return request(transport, method, f"{url}?token={TOKEN.value}" if method == "PUT" else url, **named)

    patch.setattr(Transport, "request", request_there)


def request_by(code: str, quoted: str) -> Plant:
    """Let the transport's `request` be another one, which can quote something."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        there = Path(personal_link.__file__).with_name("planted.py")
        names: dict[str, Any] = {**vars(sys.modules["personal_link.customergauge.transport"]), "quoted": quoted}
        exec(compile(code, there, "exec"), names)  # noqa: S102 - code of the package, by its file's name
        patch.setattr(Transport, "request", names["request"])

    return plant


def send_as_a_datagram(done: Outcome) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(done.message(echo_record=True).encode(), ("127.0.0.1", 9))


HAPPY: Final = "a link over http and its replay"
UNLISTED: Final = "NotProcessed: its text is not on the list of details"
HASH: Final = hashlib.sha256(EMAIL.value.encode()).hexdigest()[:12]
PLANTED: Final[dict[str, tuple[Plant, str, str]]] = {  # a leak, a path that it lies on, what is found there
    "an event is logged": (log_each_event, HAPPY, "stderr: idempotency key (plain)"),
    "bugs are logged": (log_the_texts_of_bugs, "a bug at each layer of the code", "stdout: phone (plain)"),
    "an answer quotes": (
        answer_with_what_an_error_quotes,
        "success without a usable link",
        "the HTTP answer 502: e-mail (plain)",
    ),
    "a token in the ledger": (put_the_token_into_the_ledger, HAPPY, "the ledger: access token (plain)"),
    "a reference in an attribute": (
        put_the_reference_into_an_attribute_and_a_metric,
        HAPPY,
        "a result's attributes: reference (plain)",
    ),
    "a token in a result": (put_the_token_into_a_result, HAPPY, "a result: access token (plain)"),
    "a token in a URL": (put_the_token_into_a_url, HAPPY, "the vendor's personal-link URL: access token (plain)"),
    "a secret in an error's context": (
        request_by(AN_ERROR_WITH_A_CONTEXT, ALL_OF_THEM),
        HAPPY,
        "NotProcessed and what is behind it: short link (plain)",
    ),
    "a hash of an address in an error": (request_by(AN_ERROR_OF_OURS, HASH), HAPPY, UNLISTED),
    "a file": (at_each_outcome(lambda _done: A_FILE.write_text("")), HAPPY, f"a file was written: {A_FILE}"),
    "a datagram": (at_each_outcome(send_as_a_datagram), HAPPY, "a datagram was sent to ('127.0.0.1', 9)"),
}


@pytest.mark.parametrize("surroundings", ["INFO"], indirect=True, scope="module")
@pytest.mark.parametrize(("plant", "path", "found"), PLANTED.values(), ids=PLANTED)
@pytest.mark.usefixtures("everybody_logs")
def test_a_planted_leak_is_found(
    plant: Plant, path: str, found: str, connector: Connector, capfd: pytest.CaptureFixture[str]
) -> None:
    for handler in logging.root.handlers[:]:  # pytest's own: what it captures is looked through like any output
        if type(handler).__name__ == "LogCaptureHandler":
            logging.root.removeHandler(handler)
    try:
        with connector.monkeypatch.context() as patch:
            plant(patch)
            leaks = connector.leaks_on(PATHS[path], capfd)
    finally:
        A_FILE.unlink(missing_ok=True)

    assert found in leaks
