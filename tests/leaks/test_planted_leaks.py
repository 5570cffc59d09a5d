"""The looking itself is looked at: each leak that is planted here, the checks of the paths and of the reprs find."""

import json
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import http_api
import personal_link
from personal_link import http_answer, metrics, observability, outcome, request
from personal_link.access_token import AccessToken
from personal_link.customergauge import CustomerGauge
from personal_link.outcome import Outcome
from personal_link.shared_token import SharedToken
from personal_link.transport import Transport
from tests.leaks.canaries import ALL_OF_THEM, TOKEN
from tests.leaks.paths import PATHS
from tests.leaks.stage import Stage
from tests.leaks.test_reprs import classes_not_shown

Plant = Callable[[pytest.MonkeyPatch], None]

AN_ERROR_WITH_A_CONTEXT: Final = """
def request(*arguments, **more):
    try:
        {}[quoted]
    except KeyError:
        raise NotProcessed(Code.UNAVAILABLE, "our own words") from None
"""


def print_each_outcome(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "report_outcome", lambda done: print(done.message(echo_record=True)))  # noqa: T201


def log_each_event(patch: pytest.MonkeyPatch) -> None:
    handler = http_api.handler

    def log_and_handle(event: dict[str, Any], context: Any) -> http_answer.HttpAnswer:
        logging.getLogger("a handler of somebody's").info("event: %s", event)
        return handler(event, context)

    patch.setattr(http_api, "handler", log_and_handle)


def let_the_libraries_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "configure", lambda level, _stack: observability.logger().setLevel(level))


def let_the_libraries_warn(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observability, "_SILENT", logging.WARNING)


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
    write = SharedToken._write  # noqa: SLF001

    def write_more(shared: SharedToken, owner: str, update: str, values: dict[str, Any], deadline: Any) -> bool:
        if "SET" in update:
            update, values = f"{update}, planted = :planted", {**values, ":planted": {"S": TOKEN.value}}
        return write(shared, owner, update, values, deadline)

    patch.setattr(SharedToken, "_write", write_more)


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
    there = Path(personal_link.__file__).with_name("planted.py")
    names: dict[str, Any] = {**vars(sys.modules["personal_link.transport"]), "quoted": ALL_OF_THEM}
    exec(compile(AN_ERROR_WITH_A_CONTEXT, there, "exec"), names)  # noqa: S102 - code of the package, by its file's name
    patch.setattr(Transport, "request", names["request"])


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
    Planted(let_the_libraries_warn, "headers that are none", "stderr: access token (plain)"),
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
]


@pytest.mark.parametrize("surroundings", ["INFO"], indirect=True, scope="module")
@pytest.mark.parametrize("leak", PLANTED, ids=lambda leak: leak.plant.__name__.replace("_", " "))
@pytest.mark.usefixtures("everybody_logs")
def test_a_planted_leak_is_found(leak: Planted, stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    for handler in logging.root.handlers[:]:  # pytest's own: what it captures is looked through like any output
        if type(handler).__name__ == "LogCaptureHandler":
            logging.root.removeHandler(handler)
    with stage.monkeypatch.context() as patch:
        leak.plant(patch)
        found = stage.leaks_on(PATHS[leak.path], capfd)

    assert leak.found in found


def test_a_class_that_nobody_has_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    new = type("Person", (), {"__module__": "personal_link.request"})
    monkeypatch.setattr(request, "Person", new, raising=False)

    assert classes_not_shown() == ["Person"]
