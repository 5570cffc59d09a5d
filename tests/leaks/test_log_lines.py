"""A log line is one line of ASCII JSON with known fields of known shapes, whatever the input."""

import inspect
import json
import logging
import sys
from collections.abc import Callable
from typing import Final

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from personal_link import observability
from personal_link.aws.aws_errors import aws_error_code
from personal_link.domain.errors import Code, PersonalLinkError, RequestError, TryAgain
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import Source
from tests.embedded_metrics import counted_in, log_lines
from tests.leaks.canaries import ALL_OF_THEM, CANARIES, Canary, canaries_in
from tests.leaks.connector import Connector, a_request

pytestmark = pytest.mark.usefixtures("everybody_logs")

AN_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
A_DIGEST: Final = "3f" * 32
FORGERIES: Final = {
    "a line feed": 'x\n{"level":"ERROR","message":"forged"}',
    "another end of line": "x\u2028forged\r\x85\x0b\x0cforged",
    "a terminal's escape": "x\x1b[2J\x1b[1;31m\u202eforged",
    "a NUL": "x\0forged",
    "half a character": "x\ud800forged",
    "an end of string": 'x","level":"ERROR","message":"forged',
    "no end": "x" * 10_000,
}


def an_outcome(name: str) -> Outcome:
    return Outcome(
        id=name,
        status=name,  # type: ignore[arg-type]
        source=Source(name, name),  # type: ignore[arg-type]
        requested_at="",
        completed_at="",
        attempts=1,
        error={"code": name},
    )


def an_error(name: str) -> RequestError:
    error = TryAgain(Code.UNAVAILABLE, name, vendor_message=name, errors={name: [name]})
    error.code = name  # type: ignore[assignment]
    return error


def a_bug(name: str) -> Exception:
    return type(name.replace("\0", ""), (Exception,), {})(name) if "\ud800" not in name else Exception(name)


REPORTS: Final[dict[str, Callable[[str], None]]] = {
    "report_outcome": lambda name: observability.report_outcome(an_outcome(name)),
    "report_refused": lambda name: observability.report_refused(an_error(name), name, None),
    "report_retry": lambda name: observability.report_retry(an_error(name), {"message_id": name}, 1, 2, 3),
    "report_parked": lambda name: observability.report_parked(an_error(name), {"message_id": name}, 1),
    "report_token_not_shared": lambda name: observability.report_token_not_shared(an_error(name)),
    "report_not_stored": lambda name: observability.report_not_stored(an_error(name), name, name),
    "report_unsent": lambda name: observability.report_unsent(name, 1),
    "report_not_hidden": lambda name: observability.report_not_hidden(name, 1),
    "report_bug": lambda name: observability.report_bug(a_bug(name), name),
}


def test_every_report_function_is_tested_in_this_file() -> None:
    functions = inspect.getmembers(observability, inspect.isfunction)

    assert {name for name, _function in functions if name.startswith("report")} == set(REPORTS)


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_no_field_can_forge_a_log_line(
    report: Callable[[str], None], forgery: str, capfd: pytest.CaptureFixture[str]
) -> None:
    report(forgery)

    out, err = capfd.readouterr()
    (line,) = out.splitlines()
    assert line.isascii()
    assert line.isprintable()
    fields = json.loads(line)
    assert fields["level"] in {"INFO", "WARNING", "ERROR"}
    assert max(len(value) for value in fields.values() if isinstance(value, str)) <= 256
    assert "forged" not in err


def test_known_fields_of_known_shapes_are_logged_in_full(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = 'The credentials secret is not a JSON object {"client_id": …, "client_secret": …}.'
    error = TryAgain(Code.INTERNAL_ERROR, text)
    ids = {"message_id": AN_ID, "outcome_id": AN_ID, "source_id": AN_ID, "key_digest": A_DIGEST}
    observability.report_outcome(
        Outcome(AN_ID, "created", Source("eventbridge", AN_ID), "", "", 1, reference="order-1234", key=A_DIGEST)
    )
    observability.report_retry(error, ids, 3, 4, 5)
    observability.report_unsent("AWS.SimpleQueueService.NonExistentQueue", 2)

    out, _err = capfd.readouterr()
    assert out.isascii()
    of_all = {"timestamp", "service", "level"}
    outcome, retry, unsent = [
        {name: value for name, value in json.loads(line).items() if name not in of_all} for line in out.splitlines()
    ]
    assert outcome == {
        "message": "outcome",
        "key_digest": A_DIGEST,
        "reference_digest": "8a8ecfd7fde2487c382ae30edee7ca0c614429b35323d10e001db520fb3c7618",
        "outcome_id": AN_ID,
        "status": "created",
        "code": "created",
        "source_type": "eventbridge",
        "source_id": AN_ID,
        "attempts": 1,
        "replayed": False,
    }
    said = {"code": "internal_error", "detail": text}
    assert retry == {"message": "retry scheduled", **ids, "receives": 3, "wait": 4, "age": 5, **said}
    assert unsent == {"message": "messages not sent", "failure": "AWS.SimpleQueueService.NonExistentQueue", "count": 2}


@pytest.mark.parametrize("digest", ["order-1234", "3f" * 31, A_DIGEST.upper(), A_DIGEST + "0"])
def test_a_key_digest_that_is_not_a_sha256_digest_is_withheld(digest: str, capfd: pytest.CaptureFixture[str]) -> None:
    observability.report_outcome(Outcome(AN_ID, "created", Source("sqs", AN_ID), "", "", 1, key=digest))

    assert json.loads(capfd.readouterr().out)["key_digest"] == "(withheld)"


@pytest.mark.parametrize("text", ["joe", "no connection (b6c4a1d2f9e07d35)", "event_mappings.toml is not TOML: \u202e"])
def test_a_detail_that_is_not_a_listed_error_text_is_withheld(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    observability.report_refused(TryAgain(Code.UNAVAILABLE, text), AN_ID, None)
    observability.report_bug(PersonalLinkError(text))

    assert [json.loads(line)["detail"] for line in capfd.readouterr().out.splitlines()] == ["(withheld)"] * 2


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_source_id_that_a_caller_chose_is_withheld(canary: Canary, capfd: pytest.CaptureFixture[str]) -> None:
    observability.report_refused(TryAgain(Code.UNAVAILABLE, "no connection"), canary.value, None)

    assert json.loads(capfd.readouterr().out)["source_id"] == "(withheld)"


def test_an_unknown_log_field_is_withheld_by_every_log_handler(capfd: pytest.CaptureFixture[str]) -> None:
    observability.logger()  # Powertools keeps its lines from the handlers that root has by now, and from no later one
    everything = logging.StreamHandler()
    everything.setFormatter(logging.Formatter("%(message)s %(email)s %(request)s"))
    logging.root.addHandler(everything)
    fields = {"email": ALL_OF_THEM, "phone": 447700900461, "request": a_request(), "code": a_request()}
    observability.logger().info("a line", extra=fields)

    out, err = capfd.readouterr()
    line = json.loads(out)
    assert {name: line[name] for name in fields} == dict.fromkeys(fields, "(withheld)")
    assert "a line (withheld) (withheld)" in err
    assert canaries_in(out + err) == []


def test_an_exception_and_the_arguments_of_a_log_message_are_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        a_request()[ALL_OF_THEM]
    except KeyError:
        observability.logger().exception("it failed with %s", ALL_OF_THEM, stack_info=True)

    out, err = capfd.readouterr()
    assert json.loads(out)["message"] == "it failed with %s"
    assert canaries_in(out + err) == []


def test_a_bug_is_logged_with_the_innermost_twenty_calls_and_the_first_256_characters_of_its_detail(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(calls: int) -> None:
        if calls == 0:
            raise PersonalLinkError("The environment is not complete: " + "; ".join(["LEDGER_TABLE is missing"] * 20))
        fail(calls - 1)

    try:
        fail(100)
    except PersonalLinkError as bug:
        observability.report_bug(bug)

    line = json.loads(capfd.readouterr().out)
    assert len(line["where"]) == 20
    assert all(".fail:" in call for call in line["where"])
    assert line["detail"].startswith("The environment is not complete: LEDGER_TABLE is missing; LEDGER_TABLE")
    assert len(line["detail"]) == 256


def test_lines_below_the_configured_log_level_are_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    observability.configure("ERROR", "links")
    observability.report_not_hidden("InternalError", 1)
    observability.report_unsent("InternalError", 1)

    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "messages not sent"


# Ids and codes from outside


def test_an_id_that_a_caller_or_sender_chose_is_never_logged(
    connector: Connector, capfd: pytest.CaptureFixture[str]
) -> None:
    for chosen in (*FORGERIES.values(), ALL_OF_THEM):
        context = {"identity": {"userArn": chosen}, "requestId": chosen, "requestTimeEpoch": 0}
        connector.call(requestContext=context)
        connector.call("no request", requestContext=context)
        connector.deliver({"id": chosen, "detail-type": "x", "detail": a_request()})
        connector.deliver(
            None, messageAttributes={"original_message_id": {"stringValue": chosen, "dataType": "String"}}
        )

    assert_no_line_is_forged(capfd, lines=32)


def assert_no_line_is_forged(capfd: pytest.CaptureFixture[str], *, lines: int) -> None:
    out, err = capfd.readouterr()
    written = [json.loads(line) for line in log_lines(out)]
    assert len(written) == lines
    dimensions = {name for one in counted_in(out) for name in one.dimensions}
    assert {"Stack"} <= dimensions <= {"Stack", "Code", "Source", "Status"}
    assert all(line.isprintable() for line in out.split("\n"))
    assert {line["service"] for line in written} == {"personal-link"}
    assert out.isascii()
    assert "forged" not in out + err
    assert canaries_in(out + err) == []


@pytest.mark.parametrize(
    ("trace_id", "shown"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "1-5759e988-bd862e3fe1be46a994272793"),
        (f"{ALL_OF_THEM};Root=1-5759e988-bd862e3fe1be46a994272793", None),
    ],
)
def test_a_trace_id_is_logged_only_if_it_has_the_shape_of_one(
    trace_id: str, shown: str | None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace_id)
    observability.report_unsent("InternalError", 1)

    assert json.loads(capfd.readouterr().out).get("xray_trace_id") == shown


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.NonExistentQueue"),
        ("503", "503"),
        ("", "unknown code"),
        *[(text, "unknown code") for text in (*FORGERIES.values(), ALL_OF_THEM)],
    ],
)
def test_an_aws_error_code_is_logged_only_if_it_has_the_shape_of_one(code: str, told: str) -> None:
    refused = ClientError({"Error": {"Code": code, "Message": ALL_OF_THEM}}, "PutItem")

    assert aws_error_code(refused) == told


def test_an_aws_call_without_an_answer_is_logged_by_the_class_of_its_exception() -> None:
    assert aws_error_code(EndpointConnectionError(endpoint_url=ALL_OF_THEM)) == "EndpointConnectionError"


# Environment variables


@pytest.mark.filterwarnings("ignore:POWERTOOLS_DEV")
def test_no_powertools_variable_makes_the_log_show_more(
    connector: Connector, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_LOG_DEDUPLICATION_DISABLED"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "1")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "somebody-else")
    connector.call()
    connector.deliver(None, "no request")

    assert_no_line_is_forged(capfd, lines=3)


def test_importing_the_package_changes_no_logger() -> None:
    assert logging.getLogger("botocore").getEffectiveLevel() == logging.DEBUG
    assert "personal-link" not in logging.root.manager.loggerDict
    assert "http_api" in sys.modules
