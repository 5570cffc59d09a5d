"""Direct invocation → one link → the result message, or an error to retry or catch by its name."""

from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, RequestError
from personal_link.triggers.invocation import named_exception


def handler(event: object, context: Any) -> dict[str, Any]:
    """Answer a request, or a whole EventBridge event, with its result message.

    Raises an error whose class is named by its code when a later try may end otherwise.
    """
    deadline = Deadline.of_invocation(context, aws_calls_after=3)  # the ledger's; results; the ledger's again
    try:
        return wiring.direct_invocation().answer(event, context.aws_request_id, deadline)
    except RequestError as error:
        observability.report_refused(error, context.aws_request_id)
        raise named_exception(error) from None
    except Exception as bug:  # noqa: BLE001  # Lambda would log its text, whatever that quotes
        observability.report_bug(bug, context.aws_request_id)
        unexpected = RequestError(Code.INTERNAL_ERROR, "Something failed here; try again later.")
        raise named_exception(unexpected) from None
    finally:
        observability.write_metrics()


wiring.warm_up(wiring.direct_invocation)
