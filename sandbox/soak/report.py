"""The soak's report: requests, outcomes, and checks that compare them."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sandbox.aws.stack import Message
from sandbox.customergauge.server import PersonalLink
from sandbox.soak.traffic import TRIGGERS, HttpEnd, Kind, SoakRequest

NEVER_ACCEPTED = {"invalid_request", "too_large", "unsupported_media_type", "idempotency_key_reused"}  # by HTTP
ORDINARY = {"created", "outcome_unknown", "bad_response"}
ALLOWED: Mapping[Kind, set[str]] = {  # the codes that a kind of request may end with
    "good": ORDINARY,
    "same contact": ORDINARY,
    "key of another": ORDINARY,
    "no campaign": {"no_matching_campaign"},
    "no contact": {"validation_failed"},
    "no mapping": {"mapping_not_found"},
    "invalid": {"invalid_request"},
    "cut off": {"invalid_request"},
}
PARKED_WITH = {"code", "detail", "attempts", "original_message_id", "first_sent_at"}


@dataclass(frozen=True)
class End:
    """One end of a request: an outcome id, the parked queue, or a refusal on arrival by HTTP."""

    where: str
    status: str
    code: str


@dataclass(frozen=True)
class Report:
    """All requests and everything that came out, for the checks."""

    requests: Sequence[SoakRequest]
    http_ends: Mapping[str, HttpEnd]
    results: Sequence[Message] = field(repr=False)
    parked: Sequence[Message] = field(repr=False)
    records: Sequence[PersonalLink] = field(repr=False)
    left: Mapping[str, int]  # messages on the queues
    counts: Mapping[str, int]  # calls, tokens, kills; not checked

    @cached_property
    def results_of(self) -> Mapping[str, list[dict[str, Any]]]:
        """The results of each reference, copies included."""
        found = defaultdict(list)
        for message in self.results:
            result = message.json()
            found[result["reference"]].append(result)
        return found

    @cached_property
    def records_of(self) -> Mapping[str, list[PersonalLink]]:
        """The survey records that each request made."""
        found = defaultdict(list)
        for record in self.records:
            found[str(record.record["Order"])].append(record)
        return found

    @cached_property
    def ends(self) -> Mapping[str, set[End]]:
        """The ends of each request; exactly one each if nothing is wrong."""
        parked = {message.body: message.attributes for message in self.parked}
        ends: dict[str, set[End]] = {}
        for request in self.requests:
            one = {_end_of(result) for result in self.results_of.get(request.reference, [])}
            if request.body in parked:
                one.add(End("parked", "parked", parked[request.body].get("code", "none")))
            answer = self.http_ends.get(request.reference)
            if answer and answer.code in NEVER_ACCEPTED:
                one.add(End("answer", "refused on arrival", answer.code))
            ends[request.reference] = one
        return ends

    def count(self, status: str) -> int:
        """Return the number of requests with this status."""
        return sum(end.status == status for ends in self.ends.values() for end in ends)

    def failures(self) -> dict[str, list[str]]:
        """Return the references that fail each check."""
        return {name: sorted(set(check(self))) for name, check in CHECKS.items()}

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        sources = {name: sum(name in request.deliveries for request in self.requests) for name in TRIGGERS}
        codes = Counter(end.code for ends in self.ends.values() for end in ends if end.status == "rejected")
        replays = sum(result["replayed"] for results in self.results_of.values() for result in results)
        rows: list[tuple[str, int, str]] = [
            ("in", len(self.requests), "requests"),
            *((f"  by {name}", sources[name], "deliveries") for name in TRIGGERS),
            ("  duplicates", sum(sources.values()) - len(self.requests), "deliveries with an earlier key"),
            ("out", sum(map(len, self.ends.values())), "ends"),
            *((f"  {status}", self.count(status), "") for status in ("created", "rejected")),
            *((f"    {code}", number, "") for code, number in sorted(codes.items())),
            *((f"  {status}", self.count(status), "") for status in ("unknown", "parked", "refused on arrival")),
            ("results", len(self.results), "messages, copies included"),
            ("  replays", replays, "of them replayed from the ledger"),
            ("survey records", len(self.records), "made by CustomerGauge"),
            *((name, number, "") for name, number in self.counts.items()),
        ]
        table = [f"{name:<36}{number:>7}  {what}".rstrip() for name, number, what in rows]
        return ["", "Report", *table, "", *_checked(self.failures())]


def _checked(failures: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{'FAILED' if failed else 'holds':<8}{name}{': ' if failed else ''}{', '.join(failed[:10])}"
        for name, failed in failures.items()
    ]


def _end_of(result: Mapping[str, Any]) -> End:
    return End(result["id"], result["status"], _code_of(result))


def _code_of(result: Mapping[str, Any]) -> str:
    return str(result["error"]["code"]) if "error" in result else "created"


def _not_ended_once(report: Report) -> Iterable[str]:
    unasked = report.results_of.keys() - report.ends.keys()
    return [reference for reference, ends in report.ends.items() if len(ends) != 1] + sorted(unasked)


def _without_an_http_answer(report: Report) -> Iterable[str]:
    return [r.reference for r in report.requests if "http" in r.deliveries and r.reference not in report.http_ends]


def _contradictory(report: Report) -> Iterable[str]:
    told: dict[str, str] = {}
    for message in report.results:
        result = message.json()
        bytes_but_for_replayed = re.sub(r'"replayed":(true|false),', "", message.body, count=1)
        labels = {"status": result["status"], "code": _code_of(result), "source": result["source"]["type"]}
        if told.setdefault(result["id"], bytes_but_for_replayed) != bytes_but_for_replayed:
            yield result["reference"]
        if dict(message.attributes) != labels:
            yield result["reference"]


def _not_allowed(report: Report) -> Iterable[str]:
    contacts = Counter(request.contact for request in report.requests)
    keys = Counter(request.key for request in report.requests)
    for request in report.requests:
        allowed = set(ALLOWED[request.kind])
        if allowed == ORDINARY and contacts[request.contact] > 1:
            allowed.add("duplicate_record")
        if allowed >= ORDINARY and keys[request.key] > 1:
            allowed.add("idempotency_key_reused")
        statuses = {"parked", "refused on arrival"} if request.kind == "cut off" else {"", "refused on arrival"}
        for end in report.ends[request.reference]:
            if end.code not in allowed or (end.status == "parked" and "parked" not in statuses):
                yield request.reference


def _lost_links(report: Report) -> Iterable[str]:
    for reference, records in report.records_of.items():
        links = {result["personal_link"]["survey_link"] for result in _created(report, reference)}
        unknown = any(end.status == "unknown" for end in report.ends.get(reference, ()))
        if not unknown and links != {record.survey_link for record in records}:
            yield reference


def _made_up_links(report: Report) -> Iterable[str]:
    with_a_record = {str(record.record.get("Email")) for record in report.records}
    for request in report.requests:
        made = {record.survey_link for record in report.records_of.get(request.reference, [])}
        if any(result["personal_link"]["survey_link"] not in made for result in _created(report, request.reference)):
            yield request.reference
        unknown = any(end.status == "unknown" for end in report.ends[request.reference])
        if unknown and request.contact not in with_a_record:
            yield request.reference


def _duplicates_of_themselves(report: Report) -> Iterable[str]:
    called = (reference for reference, ends in report.ends.items() if any(e.code == "duplicate_record" for e in ends))
    return [reference for reference in called if reference in report.records_of]


def _called_twice_for_nothing(report: Report) -> Iterable[str]:
    return [reference for reference, records in report.records_of.items() if len(records) > 1]


def _answers_without_their_result(report: Report) -> Iterable[str]:
    for reference, answer in report.http_ends.items():
        results = report.results_of.get(reference, [])
        if answer.status == 200:
            if not any(result.get("personal_link") == answer.answer["data"] for result in results):
                yield reference
        elif answer.code not in NEVER_ACCEPTED and answer.code not in map(_code_of, results):
            yield reference


def _parked_otherwise(report: Report) -> Iterable[str]:
    sent = {request.body for request in report.requests}
    for message in report.parked:
        if message.body not in sent or message.attributes.keys() != PARKED_WITH:
            yield message.attributes.get("original_message_id", "a message without an id")


def _left_over(report: Report) -> Iterable[str]:
    return [f"{number} on the {name} queue" for name, number in report.left.items()]


def _created(report: Report, reference: str) -> list[dict[str, Any]]:
    return [result for result in report.results_of.get(reference, []) if result["status"] == "created"]


CHECKS: Mapping[str, Callable[[Report], Iterable[str]]] = {
    "every request ended exactly once": _not_ended_once,
    "every HTTP caller got a final answer": _without_an_http_answer,
    "every copy of a result says the same": _contradictory,
    "every end is one that its request may have": _not_allowed,
    "every survey record is in a created result, or an unknown accounts for it": _lost_links,
    "every created and every unknown has its survey record": _made_up_links,
    "no request is called a duplicate of its own record": _duplicates_of_themselves,
    "no request made two survey records": _called_twice_for_nothing,
    "every HTTP answer has its result": _answers_without_their_result,
    "every parked message is as it was sent, with its reason": _parked_otherwise,
    "nothing is left on the queues": _left_over,
}
