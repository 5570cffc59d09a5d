"""API Gateway request → one link → answer."""

from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, RequestError, TryAgain
from personal_link.triggers.http import HttpAnswer, answer_of, error_answer


def handler(event: dict[str, Any], context: Any) -> HttpAnswer:
    """Answer a proxy event of the REST API (`PUT` or `POST /personal-link`, docs/contracts/openapi.yaml)."""
    source_id = event["requestContext"]["requestId"]
    api = wiring.http_api()  # wrong settings fail the invocation: its metric has an alarm, and a canary rolls back
    try:
        outcome = api.serve(event, Deadline.of_invocation(context, aws_calls_after=2))
    except RequestError as error:
        return error_answer(error)
    except Exception as bug:  # noqa: BLE001  # the caller gets an answer, the log a line
        observability.report_bug(bug, source_id)
        return error_answer(TryAgain(Code.INTERNAL_ERROR, "Unexpected error: try again later."))
    finally:
        observability.write_metrics()
    return answer_of(outcome)


wiring.warm_up(wiring.http_api)
