"""The use case: ledger, CustomerGauge, ledger, outcome. At most one vendor call per attempt."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from personal_link import observability
from personal_link.aws.ledger import Ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.customergauge.access_token import AccessToken, TokenCache
from personal_link.customergauge.client import CustomerGauge
from personal_link.domain.clock import LONGEST_AWS_CALL, Clock, Deadline, timestamp
from personal_link.domain.errors import (
    Code,
    InvalidRequest,
    NotProcessed,
    OutcomeUnknown,
    Refused,
    TryAgain,
    Unanswered,
)
from personal_link.domain.outcome import Outcome, PersonalLink, describe
from personal_link.domain.request import LinkRequest, require_known_headings

LEAST_CALL_TIME: Final = 5.0  # seconds; a call that is cut off sooner may lose a link that was only slow
MAYBE_MADE: Final = " An earlier attempt got no answer, so a survey record may exist: see the Request History."
SETTLE_PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds between tries to store an outcome


@dataclass(frozen=True, slots=True)
class LinkIssuer:
    """Turn requests into outcomes. Safe for threads."""

    ledger: Ledger
    tokens: TokenCache
    customergauge: CustomerGauge
    clock: Clock
    default_configuration: str | None
    known_headings: frozenset[str] = frozenset()  # of the inbound mapping; empty: any heading is accepted
    sleep: Callable[[float], None] = time.sleep

    def issue(self, request: LinkRequest, deadline: Deadline) -> Outcome:
        """Return the request's outcome: `created`, `rejected` or `unknown`; a settled one is replayed from the ledger.

        Raises Refused when no attempt may be made (no configuration, an unknown heading, the key of another request),
        TryAgain when the request is not settled and may be retried.
        """
        deadline.require(LEAST_CALL_TIME)
        try:
            configuration = self._configuration_of(request)
            require_known_headings(request.record, self.known_headings)
        except InvalidRequest as refusal:
            settled, unanswered = self.ledger.look_up(request)  # before these settings
            if settled:
                return settled
            if unanswered:
                refusal.vendor_message = refusal.message + MAYBE_MADE  # for the caller; the log has the message
            raise
        begun = self.ledger.begin(request, deadline)
        if isinstance(begun, Outcome):
            return begun
        return self._settle(begun, self._attempt(begun, request, configuration, deadline), deadline)

    def after_sending(self, outcome: Outcome, deadline: Deadline, *, sent: bool, calls_to_come: int = 0) -> None:
        """Store an outcome that the ledger did not take; keep one whose result was not sent, until it is.

        Do nothing when the invocation has too little time for this and for `calls_to_come` more AWS calls.
        """
        try:
            if isinstance(outcome.unsettled, Attempt) and deadline.allows_aws_calls(1 + calls_to_come):
                self.ledger.settle(outcome.unsettled, outcome)
            keep = self.ledger.keep_no_longer if sent else self.ledger.keep
            if outcome.key and (not sent or outcome.kept) and deadline.allows_aws_calls(1 + calls_to_come):
                keep(outcome.key)
        except NotProcessed as error:
            observability.report_not_stored(error, outcome.id, outcome.source.id)

    def _configuration_of(self, request: LinkRequest) -> str:
        if configuration := request.configuration or self.default_configuration:
            return configuration
        problem = {"configuration": ["is required: the stack has no default configuration"]}
        raise InvalidRequest(Code.INVALID_REQUEST, "The request is not valid: see configuration.", errors=problem)

    def _attempt(self, attempt: Attempt, request: LinkRequest, configuration: str, deadline: Deadline) -> Outcome:
        def end(status: Any, link: PersonalLink | None = None, error: dict[str, Any] | None = None) -> Outcome:
            return Outcome(
                id=attempt.outcome_id,
                status=status,
                source=attempt.source,
                requested_at=attempt.requested_at,
                completed_at=timestamp(self.clock.wall()),
                attempts=attempt.number,
                configuration=configuration,
                personal_link=link,
                error=error,
                reference=request.reference,
                record=request.record,
                key=attempt.key,
            )

        def create(token: AccessToken) -> PersonalLink:
            deadline.require(LEAST_CALL_TIME)
            return self.customergauge.create_personal_link(configuration, request.record, token, deadline)

        try:
            link = self.tokens.authorised(create, deadline)
        except Refused as refusal:
            if refusal.code is Code.DUPLICATE_RECORD and attempt.earlier_unanswered:
                return end("unknown", error=describe(_lost_link()))
            error = describe(refusal)
            if attempt.earlier_unanswered:
                error["message"] += MAYBE_MADE
            return end("rejected", error=error)
        except OutcomeUnknown as unknown:
            return end("unknown", error=describe(unknown))
        except NotProcessed as error:
            error.attempt = attempt.number
            _end_attempt(self.ledger.take_back, attempt)
            raise
        except Unanswered as error:
            error.attempt = attempt.number
            _end_attempt(self.ledger.leave_marked, attempt)
            raise
        return end("created", link)

    def _settle(self, attempt: Attempt, outcome: Outcome, deadline: Deadline) -> Outcome:
        for pause in (*SETTLE_PAUSES, math.inf):
            try:
                return self.ledger.settle(attempt, outcome)
            except NotProcessed as error:
                if error.code is Code.IN_PROGRESS:
                    raise
                failure = error
            if deadline.remaining() < pause + LONGEST_AWS_CALL:
                break
            self.sleep(pause)
        observability.report_not_stored(failure, outcome.id, outcome.source.id)
        if outcome.code not in {"created", Code.BAD_RESPONSE}:
            # The next attempt asks again, and its answer may differ; a result sent now could contradict it.
            again = TryAgain(failure.code, failure.message)
            again.attempt = attempt.number
            raise again
        # A survey record was made, and only this outcome says so.
        return replace(outcome, unsettled=attempt)


def _end_attempt(end: Callable[[Attempt], None], attempt: Attempt) -> None:
    """End an attempt. If the ledger fails, the lease expires; the next attempt starts later and sees the marker."""
    try:
        end(attempt)
    except NotProcessed as error:
        observability.report_not_stored(error, attempt.outcome_id, attempt.source.id)


def _lost_link() -> OutcomeUnknown:
    message = (
        "An earlier attempt got no answer, and now CustomerGauge reports a duplicate: "
        "a survey record probably exists and its link is lost. The Request History shows it."
    )
    return OutcomeUnknown(Code.OUTCOME_UNKNOWN, message)
