"""Direct invocation: a request or an event in, the result message out, and an error that is named by its code.

Step Functions' Retry and Catch, and whoever else invokes, know an error by the name of its class. So there is a class
for each code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from personal_link import observability
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import CODES, Code, PersonalLinkError, Refused, RequestError, TryAgain
from personal_link.domain.outcome import refused_on_arrival
from personal_link.domain.request import check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers import deliveries
from personal_link.triggers.deliveries import MapEvent

_NAMED: Final[Mapping[Code, type[PersonalLinkError]]] = {
    code: type(str(code), (PersonalLinkError,), {}) for code in CODES
}


def named_exception(error: RequestError) -> PersonalLinkError:
    """Return the error that an invocation fails with: its class has the code for a name, its text is our own words.

    The text begins with the code too: of an invocation that it parks, Lambda tells the text alone.
    """
    return _NAMED[error.code](f"{error.code}: {error.message}")


@dataclass(frozen=True, slots=True)
class DirectInvocation:
    """Answers direct invocations."""

    issuer: LinkIssuer
    results: ResultsQueue
    map_event: MapEvent

    def answer(self, payload: object, invocation: str, deadline: Deadline) -> dict[str, Any]:
        """Return the result message of an invocation's request; it is on the results queue by then.

        Raises TryAgain when the same invocation may end otherwise later; Unreadable when the payload holds no request,
        so that Lambda parks an asynchronous one.
        """
        delivery = deliveries.open_direct(payload, invocation, self.issuer.clock.wall(), self.map_event)
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
    """Return a message as Lambda can write it: a refused record may hold half a character, which UTF-8 has not."""
    text = json.dumps(json.loads(message), ensure_ascii=False)
    answer: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return answer
