"""Direct invocation → one link → the result message, or an exception whose class name is the error code."""

from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, RequestError, TryAgain
from personal_link.triggers.invocation import named_exception


def handler(event: object, context: Any) -> dict[str, Any]:
    """Answer a request or a whole EventBridge event with its result message.

    Raises an exception whose class name is the error code when a retry may succeed.
    """
    deadline = Deadline.of_invocation(context, aws_calls_after=3)  # ledger, results queue, ledger
    try:
        return wiring.direct_invocation().answer(event, context.aws_request_id, deadline)
    except RequestError as error:
        raise named_exception(error) from None
    except Exception as bug:  # noqa: BLE001  # Lambda would log its text, which may quote anything
        observability.report_bug(bug, context.aws_request_id)
        unexpected = TryAgain(Code.INTERNAL_ERROR, "Unexpected error: try again later.")
        raise named_exception(unexpected) from None
    finally:
        observability.write_metrics()


wiring.warm_up(wiring.direct_invocation)
