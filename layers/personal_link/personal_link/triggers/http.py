"""The HTTP way in: one request, its outcome, and the outcome on the results queue before it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personal_link import observability
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import Code, TryAgain
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import deliveries


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Serves API Gateway's proxy events."""

    issuer: LinkIssuer
    results: ResultsQueue

    def serve(self, event: Mapping[str, Any], deadline: Deadline) -> Outcome:
        """Return the outcome of the event's request; it is on the results queue by then.

        Raises Refused when the request is not accepted, TryAgain when the caller may send it again.
        """
        outcome = self.issuer.issue(check(deliveries.open_http(event)), deadline)
        unsent = self.results.send([outcome])
        self.issuer.after_sending(outcome, deadline, sent=not unsent)
        if unsent:
            # The outcome is in the ledger: the same key again answers it, and tries to send again.
            raise TryAgain(Code.INTERNAL_ERROR, "the result was not queued")
        observability.report_outcome(outcome)
        return outcome
