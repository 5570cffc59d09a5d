"""Logs: one line of JSON per event, with the fields named here only; no personal data and no secret.

Text of callers or of the vendor (records, links, references, messages) is never a field. The filter below withholds
every other value that is logged through this package's logger. `configure` silences the libraries, whose debug lines
hold bodies, headers and secrets.
"""

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from personal_link.domain import error_texts
from personal_link.domain.errors import SETUP_FAULTS, Blocked, PersonalLinkError, RequestError
from personal_link.domain.request import Delivery, digest_of_reference, names_of
from personal_link.metrics import Metric, metrics

if TYPE_CHECKING:
    from personal_link.domain.outcome import Outcome

MAX_TEXT: Final = 256  # characters of a field
MAX_FRAMES: Final = 20  # the innermost frames of a bug
REDACTED: Final = "(withheld)"

_NAME: Final = re.compile(r"[A-Za-z0-9_. ]{0,64}")
# All ids of AWS here are UUIDs. Any other text was chosen by a caller of API Gateway or by the sender of an event.
_ID: Final = re.compile("([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?")
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_WORDS: Final = re.compile(".*")  # printable, as `_safe` requires of every text
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {  # `detail` is checked against error_texts.py
    "message": _WORDS,
    "outcome_id": _ID,
    "source_id": _ID,
    "message_id": _ID,
    "key_digest": _DIGEST,  # names the ledger's item
    "reference_digest": _DIGEST,
    "source_type": _NAME,
    "status": _NAME,
    "code": _NAME,
    "error": _NAME,  # the type of an exception
    "failure": _NAME,  # AWS's code of an error
    "where": _WORDS,
}
_NUMBERS: Final = frozenset({"attempts", "receives", "replayed", "wait", "age", "count"})
_TRACE_ID: Final = re.compile("1-[0-9a-f]{8}-[0-9a-f]{24}")  # a caller may send another text
_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({})))
_SILENT: Final = logging.CRITICAL + 1


@cache
def logger() -> Logger:
    """Return the package's logger. `configure` sets its level."""
    # No location: it would always be a line of this file.
    made = Logger(service="personal-link", level="INFO", utc=True, json_serializer=_one_line_of_ascii, location=None)
    made.addFilter(_redact)
    return made


def configure(level: str, stack: str) -> None:
    """Set this package's log level and the metrics' stack; silence all libraries, whatever their levels.

    Lambda sets the root level to AWS_LAMBDA_LOG_LEVEL. At DEBUG the libraries would log secrets and bodies.
    """
    metrics().stack = stack
    logger().setLevel(level)
    logging.raiseExceptions = False  # the traceback of a failed line may quote anything
    for name, other in list(logging.root.manager.loggerDict.items()):
        if isinstance(other, logging.Logger) and name != logger().name:
            other.setLevel(_SILENT)


def _redact(record: logging.LogRecord) -> bool:
    """Withhold every value that is not a known field of a known shape."""
    record.msg, record.args = _safe("message", record.msg), None
    record.exc_info = record.exc_text = record.stack_info = None
    for name in vars(record).keys() - _OF_EVERY_RECORD:
        setattr(record, name, _safe(name, getattr(record, name)))
    return True


def _safe(name: str, value: object) -> object:
    if isinstance(value, list):
        return [_safe(name, one) for one in value]
    if isinstance(value, int | float):
        return value if name in _NUMBERS else REDACTED
    return value[:MAX_TEXT] if isinstance(value, str) and value.isprintable() and _is_known(name, value) else REDACTED


def _is_known(name: str, value: str) -> bool:
    if name == "detail":  # the message of an error of this package; empty for a bug
        return not value or error_texts.is_known(value)
    return name in _SHAPES and _SHAPES[name].fullmatch(value) is not None


def _one_line_of_ascii(line: dict[str, Any]) -> str:
    """Return a log line in ASCII: no text in it can end the line, begin another one, or move a terminal's cursor."""
    if not _TRACE_ID.fullmatch(line.get("xray_trace_id", "")):
        line.pop("xray_trace_id", None)
    return json.dumps(line, separators=(",", ":"), default=str)


def report_outcome(outcome: "Outcome") -> None:
    """Log how a request ended."""
    logger().info(
        "outcome",
        extra={
            **digests(outcome.key, outcome.reference),
            "outcome_id": outcome.id,
            "status": outcome.status,
            "code": outcome.code,
            "source_type": outcome.source.type,
            "source_id": outcome.source.id,
            "attempts": outcome.attempts,
            "replayed": outcome.replayed,
        },
    )
    metrics().add(Metric.OUTCOMES, Code=outcome.code, Source=outcome.source.type)
    metrics().add(Metric.ATTEMPTS, outcome.attempts)
    if outcome.status == "unknown":
        metrics().add(Metric.UNKNOWN_OUTCOMES)
    if outcome.replayed:
        metrics().add(Metric.REPLAYS)


def digests(key_digest: str | None, reference: str | None) -> dict[str, str]:
    """Return the fields by which an operator finds the log lines of a request."""
    found = {"key_digest": key_digest} if key_digest else {}
    return found | ({"reference_digest": digest_of_reference(reference)} if reference else {})


def report_refused(error: RequestError, source_id: str, delivery: Delivery | None) -> None:
    """Log an HTTP call or a direct invocation that ended with an error and without an outcome."""
    key, reference = names_of(delivery) if delivery else (None, None)
    ids = {"source_id": source_id, **digests(key.digest if key else None, reference)}
    logger().warning("no outcome", extra={"code": error.code, "detail": error.message, **ids})
    metrics().add(Metric.REFUSED, Code=error.code)
    _count_setup_fault(error)


def report_retry(error: RequestError, ids: Mapping[str, str], receives: int, wait: int, age: float) -> None:
    """Log that a message is retried in `wait` seconds. `ids` are the ids and digests of the message and of its request.

    Its age in seconds becomes a metric, too, because SQS's own age metric ignores messages received three times or more
    (SQS developer guide, sqs-available-cloudwatch-metrics).
    """
    extra = {"code": error.code, "detail": error.message, **ids, "receives": receives, "wait": wait, "age": round(age)}
    logger().warning("retry scheduled", extra=extra)
    metrics().add(Metric.TRIED_AGAIN, Code=error.code)
    metrics().add(Metric.RETRY_AGE, round(age), "Seconds")
    _count_setup_fault(error)


def report_parked(error: RequestError, ids: Mapping[str, str], receives: int) -> None:
    """Log that a message went to the parked queue."""
    extra = {"code": error.code, "detail": error.message, **ids, "receives": receives}
    logger().error("parked", extra=extra)
    metrics().add(Metric.PARKED, Code=error.code)


def report_not_stored(error: RequestError, outcome_id: str, source_id: str) -> None:
    """Log that the ledger failed to store the end of an attempt."""
    extra = {"code": error.code, "detail": error.message, "outcome_id": outcome_id, "source_id": source_id}
    logger().error("outcome not stored", extra=extra)


def report_token_not_shared(error: RequestError) -> None:
    """Log that sharing the access token failed once, and that this environment fetches its own."""
    logger().warning("token not shared", extra={"code": error.code, "detail": error.message})


def report_unsent(failure: str, count: int) -> None:
    """Log that SQS did not accept messages; `failure` is the AWS error code."""
    logger().error("messages not sent", extra={"failure": failure, "count": count})


def report_not_hidden(failure: str, count: int) -> None:
    """Log that SQS did not set the visibility of messages; `failure` is the AWS error code."""
    logger().warning("visibility not set", extra={"failure": failure, "count": count})


def report_bug(bug: Exception, source_id: str = "") -> None:
    """Log the type and the frames of an unexpected exception, and its text if it is an error of this package.

    The text of any other exception may quote a header, a body or a secret.
    """
    where = []
    trace = bug.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where.append(f"{code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    detail = str(bug) if isinstance(bug, PersonalLinkError) else ""
    extra = {"error": type(bug).__name__, "detail": detail, "where": where[-MAX_FRAMES:], "source_id": source_id}
    logger().error("unexpected error", extra=extra)
    metrics().add(Metric.BUGS)


def count_vendor_answer(status: int | None, seconds: float) -> None:
    """Count a vendor call for a link; None means that no answer came."""
    metrics().add(Metric.VENDOR_ANSWERS, Status="none" if status is None else str(status))
    metrics().add(Metric.VENDOR_LATENCY, round(seconds * 1000, 1), "Milliseconds")


def count_token_fetch() -> None:
    """Count a request to the vendor's token server."""
    metrics().add(Metric.FETCHES)


def count_circuit_open() -> None:
    """Count one opening of the circuit breaker."""
    metrics().add(Metric.CIRCUIT_OPENS)


def write_metrics() -> None:
    """Write the metrics of an invocation. Call it at the end of each invocation, also of a failed one."""
    metrics().write()


def _count_setup_fault(error: RequestError) -> None:
    if error.code in SETUP_FAULTS and not isinstance(error, Blocked):
        metrics().add(Metric.SETUP_FAULTS)
