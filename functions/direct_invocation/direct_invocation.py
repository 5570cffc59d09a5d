"""Direct invocation → one link → the result message, or an error to retry or catch by its name."""

from collections.abc import Callable
from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, RequestError
from personal_link.triggers.invocation import named_by_its_code


def _handle(event: object, context: Any) -> dict[str, Any]:
    """Answer a request, or a whole EventBridge event, with its result message.

    Raises an error whose class is named by its code when a later try may end otherwise.
    """
    deadline = Deadline.of_invocation(context, aws_calls_after=3)  # the ledger's; results; the ledger's again
    try:
        return wiring.direct_call().answer(event, context.aws_request_id, deadline)
    except RequestError as error:
        observability.report_refused(error, context.aws_request_id)
        failure = named_by_its_code(error)
    except Exception as bug:  # noqa: BLE001  # Lambda would log its text, whatever that quotes
        observability.report_bug(bug, context.aws_request_id)
        failure = named_by_its_code(RequestError(Code.INTERNAL_ERROR, "Something failed here; try again later."))
    finally:
        observability.write_metrics()
    raise failure  # out here: what was caught may quote anything, and is not to be its context


def __getattr__(name: str) -> Callable[[object, Any], dict[str, Any]]:
    """Return `handler`, for which Lambda asks in the init phase: there it has a whole CPU to build everything ahead.

    So importing this file does nothing, here and in a test.
    """
    if name != "handler":
        raise AttributeError(name)
    wiring.build_ahead(wiring.direct_call)
    return _handle
