"""SQS batch → links → results; what is to come again is named in the partial batch response."""

from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import PersonalLinkError


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Work an SQS event; messages hold bare requests or whole EventBridge events.

    Raises PersonalLinkError when the batch fails as a whole: all of it comes again.
    """
    deadline = Deadline.of_invocation(context, aws_calls_after=4)  # the ledger's; results, parked, visibility
    try:
        again = wiring.batch_worker().work(event["Records"], deadline)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}
    except PersonalLinkError:
        raise
    except Exception as bug:  # noqa: BLE001  # Lambda would log its text, whatever that quotes
        observability.report_bug(bug)
        raise PersonalLinkError(f"unexpected {type(bug).__name__}") from None
    finally:
        observability.write_metrics()


wiring.warm_up(wiring.batch_worker)
