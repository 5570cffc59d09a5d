"""API Gateway request → one link → answer."""

from typing import Any

from personal_link import http_answer, observability, wiring
from personal_link.clock import Deadline
from personal_link.errors import Code, RequestError


def handler(event: dict[str, Any], context: Any) -> http_answer.HttpAnswer:
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
    return http_answer.of_outcome(outcome)
