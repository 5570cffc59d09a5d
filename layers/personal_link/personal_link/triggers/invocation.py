"""Direct invocation: a request or an event in, the result message out, or an exception whose class name is the code.

Step Functions' Retry and Catch match an error by its class name, so there is one class per code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from personal_link import observability
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Clock, Deadline
from personal_link.domain.errors import CODES, Code, PersonalLinkError, Refused, RequestError, TryAgain
from personal_link.domain.outcome import refused_on_arrival
from personal_link.domain.request import Delivery, check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import MapEvent

_NAMED: Final[Mapping[Code, type[PersonalLinkError]]] = {
    code: type(str(code), (PersonalLinkError,), {}) for code in CODES
}


def named_exception(error: RequestError) -> PersonalLinkError:
    """Return the exception of a failed invocation: the class name is the error code, the text quotes no input.

    The text begins with the code too, because Lambda parks a failed invocation with the text only.
    """
    return _NAMED[error.code](f"{error.code}: {error.message}")


@dataclass(frozen=True, slots=True)
class DirectInvocation:
    """Answer direct invocations."""

    issuer: LinkIssuer
    results: ResultsQueue
    map_event: MapEvent
    clock: Clock

    def answer(self, payload: object, invocation: str, deadline: Deadline) -> dict[str, Any]:
        """Return the result message of an invocation's request, after it is sent to the results queue.

        Raises TryAgain when a retry may succeed; Unreadable when the payload holds no request, so that Lambda parks an
        asynchronous invocation. Either is logged.
        """
        delivery = None
        try:
            delivery = deliveries.open_direct(payload, invocation, self.clock.wall(), self.map_event)
            return self._answer(delivery, deadline)
        except RequestError as error:
            observability.report_refused(error, invocation, delivery)
            raise

    def _answer(self, delivery: Delivery, deadline: Deadline) -> dict[str, Any]:
        try:
            outcome = self.issuer.issue(check(delivery), deadline)
        except Refused as refusal:
            outcome = refused_on_arrival(delivery, refusal)
        unsent = self.results.send([outcome])
        self.issuer.after_sending(outcome, deadline, sent=not unsent)
        if unsent:
            raise TryAgain(Code.INTERNAL_ERROR, "the result was not queued")
        observability.report_outcome(outcome)
        return _in_utf_8(self.results.body_of(outcome))


def _in_utf_8(message: str) -> dict[str, Any]:
    """Return a message without lone surrogates: a refused record may hold one, and Lambda answers in UTF-8."""
    text = json.dumps(json.loads(message), ensure_ascii=False)
    answer: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return answer
