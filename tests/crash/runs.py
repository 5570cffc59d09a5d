"""Runs of requests with interruptions, until each has an outcome; and the check of these outcomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from personal_link.domain.errors import PersonalLinkError
from tests.crash.environments import Connector
from tests.crash.interruptions import Killed, Kind, Step

Trigger = Literal["http with a key", "http without a key", "sqs", "eventbridge", "direct"]
HTTP: tuple[Trigger, ...] = ("http with a key", "http without a key")


ENOUGH = 8  # deliveries
LEASE_AND_REST = 120.0  # seconds: longer than any lease, and than any rest of the worker

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Arrival:
    """One request with a unique name."""

    trigger: Trigger
    name: str
    sent_at: float  # epoch seconds
    key: str | None = None  # the caller's own, in the body
    record: object = None

    @property
    def email(self) -> str:
        return f"{self.name}@acme.example"

    @property
    def content(self) -> dict[str, object]:
        record = {"Email": self.email} if self.record is None else self.record
        key = {} if self.key is None else {"idempotency_key": self.key}
        return {"record": record, "reference": self.key or self.name, **key}

    @property
    def message_id(self) -> str:
        return f"{self.name}.m"

    def http_event(self, delivery: int) -> dict[str, Any]:
        """Return the n-th call, with the same key and body, as a good client makes it."""
        key = {"Idempotency-Key": f"key-of-{self.name}"} if self.trigger == "http with a key" else {}
        return {
            "httpMethod": "PUT",
            "path": "/personal-link",
            "headers": {"Content-Type": "application/json", **key},
            "body": json.dumps(self.content),
            "isBase64Encoded": False,
            "requestContext": {
                "identity": {"userArn": "arn:aws:iam::123456789012:user/shop"},
                "requestId": f"{self.name}.{delivery}",
                "requestTimeEpoch": round((self.sent_at + delivery) * 1000),
            },
        }

    def sqs_record(self, delivery: int, receipt: str) -> dict[str, Any]:
        """Return the n-th delivery of the same message."""
        return {
            "messageId": self.message_id,
            "receiptHandle": receipt,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(delivery),
                "SentTimestamp": str(round(self.sent_at * 1000)),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }

    @property
    def body(self) -> str:
        if self.trigger != "eventbridge":
            return json.dumps(self.content)
        event = {
            "version": "0",
            "id": f"{self.name}.e",
            "detail-type": "Personal Link Requested",
            "source": "shop",
            "time": "2026-11-23T09:59:59Z",
            "detail": self.content,
        }
        return json.dumps(event)


@dataclass
class Run:
    """What happened to requests that arrived together; `wrong` is empty if all ended as they should."""

    plan: Mapping[int, Kind]
    steps: list[Step]
    kills: int = 0
    leases_waited_for: int = 0
    doubtful: set[str] = field(default_factory=set)  # an attempt ended after the link was made, before it was stored
    answers: dict[str, Any] = field(default_factory=dict)  # the last one to each caller, as by HTTP
    statuses: dict[str, list[str]] = field(default_factory=dict)  # of the results, in the order of their sending
    ids: set[tuple[str, str]] = field(default_factory=set)  # every outcome id that a request was ever given
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = [f"{kind} {self.steps[number]}" for number, kind in self.plan.items()]
        return f"{', then '.join(faults)}: {self.wrong}"


def run_requests(connector: Connector, arrivals: list[Arrival], plan: Mapping[int, Kind]) -> Run:
    """Deliver requests until all have an outcome while the planned steps go wrong; check the outcomes."""
    connector.vendor.reset()
    connector.vendor.duplicate_rule = "campaign"
    connector.interruptions.plan(plan)
    connector.forget_the_shared_token()
    connector.replace_environment()
    run = Run(plan, connector.interruptions.steps)
    waiting, ledger = arrivals, dict[str, Item]()
    for delivery in range(1, ENOUGH + 1):
        calls = len(connector.vendor.calls("personal-link"))
        arrived = waiting
        try:
            with connector.interruptions.watching():
                waiting = _deliver(connector, run, arrived, delivery)
        except Killed:
            run.kills += 1
            connector.replace_environment()
        extra = list(plan.values()).count("revoke")  # a refused token is replaced, and the call made with the new one
        if len(connector.vendor.calls("personal-link")) - calls > len(arrived) + extra:
            run.wrong.append(f"delivery {delivery} called more than once")
        ledger = _ledger(connector)
        run.ids |= {(name, item["outcome_id"]["S"]) for name, item in ledger.items()}
        if not waiting:
            break
        run.doubtful |= {arrival.name for arrival in waiting if _is_doubtful(connector, arrival, ledger)}
        leased = [arrival for arrival in waiting if _is_leased(connector, arrival, ledger)]
        if leased:
            _expect_nothing_while_leased(connector, run, leased, delivery)
        connector.clock.advance(LEASE_AND_REST)
    else:
        run.wrong.append(f"no outcome of {waiting}")
    _check_results(connector, run, arrivals)
    for item in ledger.values():
        connector.account.dynamodb.delete_item(TableName=connector.account.ledger_table, Key={"pk": item["pk"]})
    return run


def _deliver(connector: Connector, run: Run, arrivals: list[Arrival], delivery: int) -> list[Arrival]:
    """Let requests arrive once more; return those that will come again."""
    if arrivals[0].trigger == "direct":
        return _invoke(connector, run, arrivals[0])
    if arrivals[0].trigger not in HTTP:
        stay = connector.work([arrival.sqs_record(delivery, connector.receipt) for arrival in arrivals])
        return [arrival for arrival in arrivals if arrival.message_id in stay]
    (arrival,) = arrivals
    answer = connector.call(arrival.http_event(delivery))
    content = json.loads(answer["body"])
    run.answers[arrival.name] = answer["statusCode"], content.get("code"), content.get("data")
    again = answer["statusCode"] >= 500 or content.get("code") in {"in_progress", "rate_limited"}
    return arrivals if again else []


def _invoke(connector: Connector, run: Run, arrival: Arrival) -> list[Arrival]:
    """Invoke directly, as Lambda tries an asynchronous invocation again: with the same id."""
    try:
        result = connector.invoke(json.loads(arrival.body), arrival.message_id)
    except PersonalLinkError as error:
        run.answers[arrival.name] = 503, type(error).__name__, None
        return [arrival]
    code = result.get("error", {}).get("code")
    run.answers[arrival.name] = 409 if code else 200, code, result.get("personal_link")
    return []


def _is_doubtful(connector: Connector, arrival: Arrival, ledger: Mapping[str, Item]) -> bool:
    return arrival.email in _links(connector) and "outcome" not in ledger.get(arrival.name, {})


def _is_leased(connector: Connector, arrival: Arrival, ledger: Mapping[str, Item]) -> bool:
    item = ledger.get(arrival.name, {})
    return "owner" in item and float(item["lease_until"]["N"]) > connector.clock.wall()


def _expect_nothing_while_leased(connector: Connector, run: Run, leased: list[Arrival], delivery: int) -> None:
    """Another environment that gets the requests of a dead attempt waits for the end of its lease."""
    run.leases_waited_for += 1
    calls, living = len(connector.vendor.calls("personal-link")), connector.environment
    connector.replace_environment()
    if _deliver(connector, run, leased, delivery) != leased:
        run.wrong.append("done while another attempt held the lease")
    connector.environment = living
    if len(connector.vendor.calls("personal-link")) != calls:
        run.wrong.append("a call while another attempt held the lease")
    if any(code != "in_progress" for _, code, _ in run.answers.values()):
        run.wrong.append(f"{run.answers} while another attempt held the lease")


def _ledger(connector: Connector) -> dict[str, Item]:
    """Return the ledger's items by the names of their requests; the lease of the shared token is none."""
    items = [item for item in connector.account.ledger_items() if "source_id" in item]
    return {item["source_id"]["S"].partition(".")[0]: item for item in items}


def _links(connector: Connector) -> dict[str, dict[str, Any]]:
    """Return what the vendor has made by contact, as it answers it."""
    return {
        str(link.record["Email"]): {
            "number_customergauge": link.number_customergauge,
            "survey_link": link.survey_link,
            "survey_link_short": link.survey_link_short,
        }
        for link in connector.vendor.links
    }


def _check_results(connector: Connector, run: Run, arrivals: list[Arrival]) -> None:
    links = _links(connector)
    if len(connector.vendor.links) != len(arrivals):
        run.wrong.append(f"{len(connector.vendor.links)} links")
    queued: dict[str, list[dict[str, Any]]] = {arrival.name: [] for arrival in arrivals}
    for message in connector.account.results():
        result = json.loads(message["Body"])
        queued[result["reference"]].append(result)
    for arrival in arrivals:
        results = queued[arrival.name]
        run.statuses[arrival.name] = [result["status"] for result in results]
        expected = "unknown" if arrival.name in run.doubtful else "created"
        run.ids |= {(arrival.name, result["id"]) for result in results}
        run.wrong += _wrong_results(results, expected, links.get(arrival.email))
        told = {"created": (200, None, links.get(arrival.email)), "unknown": (409, "outcome_unknown", None)}
        if arrival.name in run.answers and run.answers[arrival.name] != told[expected]:
            run.wrong.append(f"answered {run.answers[arrival.name]}")
    if len(run.ids) != len(arrivals):
        run.wrong.append("not one outcome id each")


def _wrong_results(results: list[dict[str, Any]], expected: str, link: object) -> list[str]:
    wrong = []
    if not results or results[-1]["status"] != expected:
        wrong.append(f"{results} instead of {expected}")
    if len({json.dumps({**result, "replayed": None}) for result in results}) > 1:
        wrong.append("contradiction")
    for result in results:
        if result["status"] == "created" and result["personal_link"] != link:
            wrong.append("another link than the vendor's")
        if result["status"] == "unknown" and result["error"]["code"] != "outcome_unknown":
            wrong.append(f"unknown as {result['error']['code']}")
    return wrong
