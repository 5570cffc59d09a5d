"""API Gateway request → one link → answer."""

from collections.abc import Callable
from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, RequestError
from personal_link.triggers import http_answer


def _handle(event: dict[str, Any], context: Any) -> http_answer.HttpAnswer:
    """Answer a proxy event of the REST API (`PUT` or `POST /personal-link`) as design section 3 says."""
    source_id = event["requestContext"]["requestId"]
    try:
        outcome = wiring.http_door().serve(event, Deadline.of_invocation(context, aws_calls_after=2))
    except RequestError as error:
        observability.report_refused(error, source_id)
        return http_answer.of_error(error)
    except Exception as bug:  # noqa: BLE001  # the last resort: an answer to act on, and a log line that says where
        observability.report_bug(bug, source_id)
        return http_answer.of_error(RequestError(Code.INTERNAL_ERROR, "Something failed here; try again later."))
    finally:
        observability.write_metrics()
    return http_answer.of_outcome(outcome)


def __getattr__(name: str) -> Callable[[dict[str, Any], Any], http_answer.HttpAnswer]:
    """Return `handler`, for which Lambda asks in the init phase: there it has a whole CPU to build everything ahead.

    So importing this file does nothing, here and in a test.
    """
    if name != "handler":
        raise AttributeError(name)
    wiring.build_ahead(wiring.http_door)
    return _handle
