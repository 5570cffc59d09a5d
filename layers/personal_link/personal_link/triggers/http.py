"""HTTP: answer requests of API Gateway, after the result is on the results queue."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from personal_link import observability
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import CODES, Code, RequestError, TryAgain
from personal_link.domain.outcome import Outcome, describe
from personal_link.domain.request import Delivery, check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.http_request import open_http

HttpAnswer = dict[str, Any]

_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}  # a cache must not keep a link


@dataclass(frozen=True, slots=True)
class HttpApi:
    """Serve proxy events of API Gateway."""

    issuer: LinkIssuer
    results: ResultsQueue

    def serve(self, event: Mapping[str, Any], deadline: Deadline) -> Outcome:
        """Return the outcome of the event's request, after it is sent to the results queue.

        Raises Refused when the request is not accepted, TryAgain when the caller may retry. Either is logged.
        """
        delivery = None
        try:
            delivery = open_http(event)
            return self._serve(delivery, deadline)
        except RequestError as error:
            observability.report_refused(error, event["requestContext"]["requestId"], delivery)
            raise

    def _serve(self, delivery: Delivery, deadline: Deadline) -> Outcome:
        outcome = self.issuer.issue(check(delivery), deadline)
        unsent = self.results.send([outcome])
        self.issuer.after_sending(outcome, deadline, sent=not unsent)
        if unsent:
            # A retry with the same key replays the outcome from the ledger and sends it again.
            raise TryAgain(Code.INTERNAL_ERROR, "the result was not queued")
        observability.report_outcome(outcome)
        return outcome


def answer_of(outcome: Outcome) -> HttpAnswer:
    """Return 200 with the vendor's body for a link, or the outcome's error."""
    headers = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
    if outcome.personal_link is not None:
        return _answer(200, {"data": outcome.personal_link.as_json()}, headers)
    error = dict(outcome.error or {})
    return _answer(CODES[Code(error["code"])].http_status, error, headers)


def error_answer(error: RequestError) -> HttpAnswer:
    """Return the answer for a request without an outcome: refused on arrival, or to be retried."""
    meaning = CODES[error.code]
    wait = meaning.http_retry_after if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return _answer(meaning.http_status, describe(error), {"Retry-After": str(wait)} if wait else {})


def _answer(status: int, body: object, headers: dict[str, str]) -> HttpAnswer:
    return {"statusCode": status, "headers": {**_HEADERS, **headers}, "body": json.dumps(body)}
