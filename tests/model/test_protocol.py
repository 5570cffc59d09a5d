"""The protocol, checked: every interleaving of two deliveries with two faults (three with three by `make model`).

And what the first check found, one by one: each is found again when its mending is undone, and not otherwise. Not here:
what the queues keep for how long (tests/template), the redrive by date (tests/operate), the shared token
(tests/aws/shared_token), the breaker and the retry window (tests/triggers/batch).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from personal_link import issue_link
from personal_link.aws import ledger
from personal_link.aws.ledger_item import Attempt
from personal_link.domain import outcome
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import NotProcessed, TryAgain
from personal_link.domain.outcome import Outcome
from personal_link.domain.request import check
from personal_link.issue_link import LinkIssuer
from personal_link.triggers.http_request import open_http
from tests.aws.account import Account
from tests.model.deliveries import START, Delivery, http_event, prepare
from tests.model.explorer import Explorer, Scenario
from tests.model.ledger_table import LedgerTable

HOURS = 7200.0  # seconds: more than the hour for which a settled key of the content is remembered
A, B, C = (Delivery(name, "http") for name in "abc")


def of(*deliveries: Delivery, faults: int, **more: object) -> Scenario:
    """Return a scenario whose closing delivery is like the last one, in another form."""
    return Scenario((*deliveries, replace(deliveries[-1], name="z", other_form=True)), faults, **more)  # type: ignore[arg-type]


def scenarios(faults: int, *third: Delivery) -> dict[str, Scenario]:
    http = [A, B, *third]
    queue = [replace(one, trigger="sqs") for one in http]
    direct = [replace(A, trigger="direct"), *(replace(one, redriven=True) for one in queue[1:])]
    return {
        "http": of(*http, faults=faults),
        "http, the contact is known": of(*http, faults=faults, made_before=True),
        "queue": of(*queue, faults=faults),
        "direct and redriven": of(*direct, faults=faults),
        "http without a key": of(*(replace(one, key=None) for one in http), faults=faults, pauses=(HOURS,)),
        "direct and redriven without a key": of(
            *(replace(one, key=None) for one in direct), faults=faults, pauses=(HOURS,)
        ),
    }


TWO, THREE = scenarios(2), scenarios(3, C)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.fixture
def table(account: Account) -> LedgerTable:
    return LedgerTable(account)


# The results of a request that are told together: two are the list of docs/architecture.md.
ENDS = {
    "http": {
        ("created",),
        ("bad_response",),
        ("outcome_unknown",),
        ("mapping_not_found",),
        ("created", "outcome_unknown"),
        ("bad_response", "outcome_unknown"),
    },
    "http, the contact is known": {("duplicate_record",), ("outcome_unknown",), ("mapping_not_found",)},
}


@pytest.mark.parametrize("name", TWO)
def test_no_interleaving_of_two_deliveries_with_two_faults_breaks_a_guarantee(name: str, table: LedgerTable) -> None:
    explorer = Explorer(TWO[name], table)

    assert list(explorer.problems()) == []
    assert explorer.states > 5_000
    if name in ENDS:
        assert explorer.ends == ENDS[name]


@pytest.mark.full
@pytest.mark.parametrize("name", THREE)
def test_no_interleaving_of_three_deliveries_with_three_faults_breaks_a_guarantee(
    name: str, table: LedgerTable
) -> None:
    explorer = Explorer(THREE[name], table)

    assert list(explorer.problems()) == []
    assert explorer.states > 100_000


# Defects that the first check found

Undo = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Entry:
    scenario: Scenario
    undo: Undo
    problem: str


def no_second_try(undo: pytest.MonkeyPatch) -> None:
    undo.setattr(issue_link, "SETTLE_PAUSES", ())
    undo.setattr(LinkIssuer, "after_sending", lambda *_, **__: None)


def any_outcome_is_sent(undo: pytest.MonkeyPatch) -> None:
    settle = LinkIssuer._settle  # noqa: SLF001  # the fix to undo lies in this step alone

    def send_anything(issuer: LinkIssuer, attempt: Attempt, ended: Outcome, deadline: Deadline) -> Outcome:
        try:
            return settle(issuer, attempt, ended, deadline)
        except NotProcessed:
            raise  # another attempt is in flight
        except TryAgain:
            return ended

    undo.setattr(LinkIssuer, "_settle", send_anything)


def without_expiry_in_the_take_over(undo: pytest.MonkeyPatch) -> None:
    write = ledger.Ledger._write  # noqa: SLF001  # the fix to undo lies in this step's condition

    def shorter(self: Any, operation: Any, **arguments: Any) -> Any:
        arguments["ConditionExpression"] = arguments["ConditionExpression"].replace(" AND expires_at = :seen", "")
        return write(self, operation, **arguments)

    undo.setattr(ledger.Ledger, "_write", shorter)


def marked_three_weeks_ago_but_half_a_minute() -> str:
    request = check(open_http(http_event(A)))
    item = {
        "pk": {"S": request.key.digest},
        "fingerprint": {"S": request.fingerprint},
        "state": {"S": "open"},
        "attempts": {"N": "1"},
        "unanswered": {"N": "1"},
        "outcome_id": {"S": outcome.outcome_id(request)},
        "source_type": {"S": "http"},
        "source_id": {"S": "a"},
        "requested_at": {"S": "2026-12-25T08:00:00.000Z"},
        "format": {"S": "1"},
        "expires_at": {"N": str(int(START) + 30)},
    }
    return json.dumps(item, sort_keys=True)


NO_KEY = (replace(A, key=None), replace(B, key=None))
ENTRIES = {
    "2: a created link that was never told becomes duplicate_record": Entry(
        replace(of(*NO_KEY, faults=1), pauses=(HOURS,)),
        lambda undo: undo.setattr(ledger.Ledger, "keep", lambda *_: None),
        "a link of ours is called a duplicate",
    ),
    "3: one failed write of the outcome, and another result under the same id": Entry(
        of(A, B, faults=2), no_second_try, "two results of one id"
    ),
    "4: a duplicate after a freeze is sent as a refusal when the ledger fails": Entry(
        of(A, B, faults=2), any_outcome_is_sent, "a link of ours is called a duplicate"
    ),
    "5: a replay in another order of headings has other bytes": Entry(
        of(A, replace(B, other_form=True), faults=0),
        lambda undo: undo.setattr(outcome, "_canonical", dict),  # the fix is this function
        "two results of one id",
    ),
    "7: a refusal does not say that an earlier attempt may have made a record": Entry(
        of(A, B, faults=2),
        lambda undo: undo.setattr(issue_link, "MAYBE_MADE", ""),
        "a record was made of which no result tells",
    ),
    "9: a take-over meets the next life of the key, whose counters are the same": Entry(
        replace(of(A, B, faults=1), item=marked_three_weeks_ago_but_half_a_minute()),
        without_expiry_in_the_take_over,
        "b and a attempt it at once",
    ),
    "8: two attempts at once, their clocks ten seconds apart": Entry(
        replace(of(A, replace(B, skew=10.0), faults=1), freeze=19.0),
        lambda undo: undo.setattr(ledger, "LEASE_MARGIN", 5.0),
        "a and b attempt it at once",
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_known_defect_is_found_when_its_fix_is_undone_and_only_then(
    name: str, table: LedgerTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ENTRIES[name]
    assert next(Explorer(entry.scenario, table).problems(), None) is None

    entry.undo(monkeypatch)

    assert any(problem.startswith(entry.problem) for problem in Explorer(entry.scenario, table).problems())
