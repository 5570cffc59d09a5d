"""The looking itself is looked at: each leak that is planted here, the checks of the paths and of the reprs find."""

import hashlib
import importlib
import json
import logging
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import http_api
import personal_link
from personal_link import metrics, observability
from personal_link.aws.token_lease import TokenLease
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.client import CustomerGauge
from personal_link.customergauge.transport import Transport
from personal_link.domain import outcome, request
from personal_link.domain.outcome import Outcome
from personal_link.triggers.http import HttpAnswer
from tests.leaks.canaries import ALL_OF_THEM, EMAIL, TOKEN
from tests.leaks.paths import PATHS
from tests.leaks.side_doors import used_side_doors
from tests.leaks.stage import Stage
from tests.leaks.test_reprs import classes_not_shown

Plant = Callable[[pytest.MonkeyPatch], None]

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


def print_each_outcome(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "report_outcome", lambda done: print(done.message(echo_record=True)))  # noqa: T201


def log_each_event(patch: pytest.MonkeyPatch) -> None:
    handler = http_api.handler

    def log_and_handle(event: dict[str, Any], context: Any) -> HttpAnswer:
        logging.getLogger("a handler of somebody's").info("event: %s", event)
        return handler(event, context)

    patch.setattr(http_api, "handler", log_and_handle)


def let_the_libraries_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "configure", lambda level, _stack: observability.logger().setLevel(level))


def let_the_libraries_warn(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "_SILENT", logging.WARNING)
    send = Transport.request

    def warn(self: Transport, method: str, url: str, **how: Any) -> Any:
        logging.getLogger("urllib3.connection").warning("Failed to parse headers: %s", how["headers"])
        return send(self, method, url, **how)

    patch.setattr(Transport, "request", warn)


def log_whatever_fields_there_are(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "_redact", lambda _record: True)
    report = observability.report_outcome

    def report_more(done: Outcome) -> None:
        report(done)
        observability.logger().info("record", extra={"record": done.record})

    patch.setattr(observability, "report_outcome", report_more)


def log_the_texts_of_bugs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "_redact", lambda _record: True)
    patch.setattr(observability, "report_bug", lambda _bug, _id="": observability.logger().exception("a bug"))


def answer_with_what_an_error_quotes(patch: pytest.MonkeyPatch) -> None:
    describe = outcome.describe
    patch.setattr("personal_link.issue_link.describe", lambda error: {**describe(error), "message": ALL_OF_THEM})


def put_the_record_into_the_ledger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outcome, "stored", lambda done: done.message(echo_record=True))


def put_the_token_into_the_ledger(patch: pytest.MonkeyPatch) -> None:
    write = TokenLease._update  # noqa: SLF001

    def write_more(lease: TokenLease, update: str, condition: str, values: dict[str, Any]) -> Any:
        if "version = " in update:
            update, values = f"{update}, planted = :planted", {**values, ":planted": {"S": TOKEN.value}}
        return write(lease, update, condition, values)

    patch.setattr(TokenLease, "_update", write_more)


def put_the_reference_into_an_attribute(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outcome, "code", property(lambda done: done.reference))


def count_by_the_reference(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metrics, "_WORD", re.compile(".*"))
    put_the_reference_into_an_attribute(patch)


def put_the_token_into_a_result(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outcome, "message", lambda _done, **_options: json.dumps({"token": ALL_OF_THEM}))


def put_the_token_into_a_url(patch: pytest.MonkeyPatch) -> None:
    create = CustomerGauge.create_personal_link

    def create_there(gauge: CustomerGauge, configuration: str, record: Any, token: AccessToken, deadline: Any) -> Any:
        patch.setattr(gauge, "_link_url", f"{gauge._link_url}?token={token.value}")  # noqa: SLF001
        return create(gauge, configuration, record, token, deadline)

    patch.setattr(CustomerGauge, "create_personal_link", create_there)


def raise_an_error_with_a_context(patch: pytest.MonkeyPatch) -> None:
    request_by(AN_ERROR_WITH_A_CONTEXT, ALL_OF_THEM, patch)


def put_a_hash_of_the_address_into_an_error(patch: pytest.MonkeyPatch) -> None:
    request_by(AN_ERROR_OF_OURS, hashlib.sha256(EMAIL.value.encode()).hexdigest()[:12], patch)


def put_the_tail_of_the_token_into_an_error(patch: pytest.MonkeyPatch) -> None:
    request_by(AN_ERROR_OF_OURS, TOKEN.value[-6:], patch)


def request_by(code: str, quoted: str, patch: pytest.MonkeyPatch) -> None:
    """Let the transport's `request` be another one, which can quote something."""
    there = Path(personal_link.__file__).with_name("planted.py")
    names: dict[str, Any] = {**vars(sys.modules["personal_link.customergauge.transport"]), "quoted": quoted}
    exec(compile(code, there, "exec"), names)  # noqa: S102 - code of the package, by its file's name
    patch.setattr(Transport, "request", names["request"])


def write_each_outcome_to_a_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "report_outcome", lambda done: A_FILE.write_text(done.message(echo_record=True)))


def append_each_outcome_to_a_file(patch: pytest.MonkeyPatch) -> None:
    def append(done: Outcome) -> None:
        there = os.open(A_FILE, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(there, done.message(echo_record=True).encode())
        os.close(there)

    patch.setattr(observability, "report_outcome", append)


def send_each_outcome_as_a_datagram(patch: pytest.MonkeyPatch) -> None:
    def send(done: Outcome) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(done.message(echo_record=True).encode(), ("127.0.0.1", 9))

    patch.setattr(observability, "report_outcome", send)


def send_each_outcome_as_a_message(patch: pytest.MonkeyPatch) -> None:
    def send(done: Outcome) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendmsg([done.message(echo_record=True).encode()], (), 0, ("127.0.0.1", 9))

    patch.setattr(observability, "report_outcome", send)


def send_each_outcome_on_a_connected_datagram_socket(patch: pytest.MonkeyPatch) -> None:
    def send(done: Outcome) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", 9))
            sock.send(done.message(echo_record=True).encode())

    patch.setattr(observability, "report_outcome", send)


@dataclass(frozen=True)
class Planted:
    """A leak, a path that it lies on, and what is to be found there, among the rest."""

    plant: Plant
    path: str
    found: str


HAPPY: Final = "a link over http and its replay"
PLANTED: Final = [
    Planted(print_each_outcome, HAPPY, "stdout: e-mail (plain)"),
    Planted(log_each_event, HAPPY, "stderr: idempotency key (plain)"),
    Planted(let_the_libraries_log, HAPPY, "stderr: client secret (plain)"),
    Planted(let_the_libraries_warn, HAPPY, "stderr: access token (plain)"),
    Planted(log_whatever_fields_there_are, HAPPY, "stdout: first name (escaped)"),
    Planted(log_the_texts_of_bugs, "a bug wherever one may be", "stdout: phone (plain)"),
    Planted(answer_with_what_an_error_quotes, "success without a usable link", "the HTTP answer 502: e-mail (plain)"),
    Planted(put_the_record_into_the_ledger, HAPPY, "the ledger: phone (plain)"),
    Planted(put_the_token_into_the_ledger, HAPPY, "the ledger: access token (plain)"),
    Planted(put_the_reference_into_an_attribute, HAPPY, "a result's attributes: reference (plain)"),
    Planted(count_by_the_reference, HAPPY, "stdout: reference (plain)"),
    Planted(put_the_token_into_a_result, HAPPY, "a result: access token (plain)"),
    Planted(put_the_token_into_a_url, HAPPY, "the vendor's personal-link URL: access token (plain)"),
    Planted(raise_an_error_with_a_context, HAPPY, "NotProcessed and what is behind it: short link (plain)"),
    Planted(put_a_hash_of_the_address_into_an_error, HAPPY, "NotProcessed: its text is not on the list of details"),
    Planted(put_the_tail_of_the_token_into_an_error, HAPPY, "NotProcessed: its text is not on the list of details"),
    Planted(write_each_outcome_to_a_file, HAPPY, f"a file was written: {A_FILE}"),
    Planted(append_each_outcome_to_a_file, HAPPY, f"a file was written: {A_FILE}"),
    Planted(send_each_outcome_as_a_datagram, HAPPY, "a datagram was sent to ('127.0.0.1', 9)"),
    Planted(send_each_outcome_as_a_message, HAPPY, "a datagram was sent to ('127.0.0.1', 9)"),
    Planted(send_each_outcome_on_a_connected_datagram_socket, HAPPY, "a datagram was sent to ('127.0.0.1', 9)"),
]


@pytest.mark.parametrize("surroundings", ["INFO"], indirect=True, scope="module")
@pytest.mark.parametrize("leak", PLANTED, ids=lambda leak: leak.plant.__name__.replace("_", " "))
@pytest.mark.usefixtures("everybody_logs")
def test_a_planted_leak_is_found(leak: Planted, stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    for handler in logging.root.handlers[:]:  # pytest's own: what it captures is looked through like any output
        if type(handler).__name__ == "LogCaptureHandler":
            logging.root.removeHandler(handler)
    try:
        with stage.monkeypatch.context() as patch:
            leak.plant(patch)
            found = stage.leaks_on(PATHS[leak.path], capfd)
    finally:
        A_FILE.unlink(missing_ok=True)

    assert leak.found in found


def test_the_bytecode_that_python_writes_itself_is_no_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with used_side_doors() as used:
        importlib.import_module("some_module")

    assert list(tmp_path.glob("__pycache__/some_module.*.pyc"))
    assert used == []


def test_a_class_that_nobody_has_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    new = type("Person", (), {"__module__": "personal_link.domain.request"})
    monkeypatch.setattr(request, "Person", new, raising=False)

    assert classes_not_shown() == ["Person"]
