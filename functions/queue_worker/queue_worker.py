"""SQS batch → links → results. The partial batch response names the messages to retry."""

from typing import Any

from personal_link import observability, wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import PersonalLinkError


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Work an SQS batch of bare requests and whole EventBridge events.

    Raises PersonalLinkError when the whole batch fails; SQS then delivers all of it again.
    """
    deadline = Deadline.of_invocation(context, aws_calls_after=4)  # ledger; results, parked queue, visibility
    try:
        again = wiring.batch_worker().work(event["Records"], deadline)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}
    except PersonalLinkError:
        raise
    except Exception as bug:  # noqa: BLE001  # Lambda would log its text, which may quote anything
        observability.report_bug(bug)
        raise PersonalLinkError(f"unexpected {type(bug).__name__}") from None
    finally:
        observability.write_metrics()


wiring.warm_up(wiring.batch_worker)
