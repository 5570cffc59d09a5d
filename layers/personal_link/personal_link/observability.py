"""Logs: structured, one line an event, made only of the fields named here: no personal data, no secret.

What a caller or the vendor wrote (records, links, references, messages of third parties) is never a field.
"""

from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from personal_link.errors import PersonalLinkError, RequestError

if TYPE_CHECKING:
    from personal_link.outcome import Outcome


@cache
def logger() -> Logger:
    """Return the package's logger; its level is set once, by `configure`."""
    return Logger(service="personal-link", utc=True)


def configure(level: str) -> None:
    """Set the log level of this package; the libraries' own loggers, which would print bodies, stay as they are."""
    logger().setLevel(level)


def report_outcome(outcome: "Outcome") -> None:
    """Log how a request ended."""
    logger().info(
        "outcome",
        extra={
            "outcome_id": outcome.id,
            "status": outcome.status,
            "code": outcome.code,
            "source_type": outcome.source.type,
            "source_id": outcome.source.id,
            "attempts": outcome.attempts,
            "replayed": outcome.replayed,
        },
    )


def report_refused(error: RequestError, source_id: str) -> None:
    """Log an HTTP request that ended in an error and no outcome."""
    logger().warning("no outcome", extra={"code": error.code, "detail": error.message, "source_id": source_id})


def report_retry(error: RequestError, message_id: str, attempts: int, wait: int) -> None:
    """Log that a message stays in the queue, to come again in `wait` seconds."""
    extra = {"code": error.code, "detail": error.message, "message_id": message_id, "attempts": attempts, "wait": wait}
    logger().warning("tried again later", extra=extra)


def report_parked(error: RequestError, message_id: str, attempts: int) -> None:
    """Log that a message went to the parked queue."""
    extra = {"code": error.code, "detail": error.message, "message_id": message_id, "attempts": attempts}
    logger().error("parked", extra=extra)


def report_unsent(failure: str, count: int) -> None:
    """Log that SQS did not take messages; `failure` is AWS's code."""
    logger().error("messages not sent", extra={"failure": failure, "count": count})


def report_not_hidden(failure: str, count: int) -> None:
    """Log that the visibility of messages could not be set; `failure` is AWS's code."""
    logger().warning("visibility not set", extra={"failure": failure, "count": count})


def report_bug(bug: Exception, source_id: str) -> None:
    """Log an exception that nobody expected: its type and where it came from; its text only if it is one of ours.

    The texts of other exceptions may quote anything: a header, a body, a secret.
    """
    where = []
    trace = bug.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where.append(f"{code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    detail = str(bug) if isinstance(bug, PersonalLinkError) else ""
    extra = {"error": type(bug).__name__, "detail": detail, "where": where, "source_id": source_id}
    logger().error("unexpected error", extra=extra)
