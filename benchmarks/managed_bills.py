"""What AWS's own building blocks cost for the same work, drawn as a good engineer would, each at its cheapest.

Where a price or a rule is in doubt the doubt goes to their favour: a pipe's batch counts as one request, an Express
workflow takes the least memory, an HTTP task's connection and a log cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.bills import Bill, Line, chunks, per_request
from benchmarks.connector_bills import Facts, consuming, ledger, logging, receiving, sending
from benchmarks.durations import SEND, TLS, VENDOR, WHOLE_CPU, WRITE, express
from benchmarks.weights import PER_EVENT

EXPRESS_GB = 64 / 1024  # the least that is billed
BARE, LEDGER, LEDGER_AND_LOG = "no ledger", "same ledger", "same ledger and log"


class Link(Enum):
    """Whether whoever asked gets the link."""

    ALWAYS = "always"
    ONCE = "unless the request is delivered twice"
    NEVER = "never"


@dataclass(frozen=True)
class Managed:
    """One way to do it without the connector."""

    bill: Bill
    link: Link
    waits: bool = False  # a queue keeps requests while the vendor is down for longer than a few retries
    batch: int = 1
    logs: bool = False  # a line tells how each request ended

    @property
    def is_like_for_like(self) -> bool:
        """Return whether it waits out an outage, gives the link to every delivery and logs each end, as ours does."""
        return self.waits and self.link is Link.ALWAYS and self.logs


def managed_ways(facts: Facts, *, memory: int) -> Sequence[Managed]:
    """Return every way, the cheapest first."""
    ways = [
        Managed(_standard(facts, with_ledger=False), Link.ONCE),
        Managed(_standard(facts, with_ledger=True), Link.ALWAYS),
        Managed(_express(facts, with_ledger=False), Link.ONCE),
        Managed(_express(facts, with_ledger=True), Link.ALWAYS),
        *(_pipe_to_express(facts, batch, have) for batch in (1, 10) for have in (BARE, LEDGER, LEDGER_AND_LOG)),
        Managed(_pipe_to_api_destination(facts), Link.ONCE, waits=True),
        Managed(_rule_to_api_destination(facts), Link.NEVER),
        Managed(_tutorial(facts, memory), Link.ONCE, waits=True),
    ]
    return sorted(ways, key=lambda way: way.bill.dollars)


def http_way(facts: Facts) -> Bill:
    """Return the bill of API Gateway with a synchronous Express workflow."""
    return Bill(
        "API Gateway, Express workflow, same ledger",
        [
            per_request("API Gateway, REST", "1", 1, facts.prices["api_gateway_request"]),
            *_express_lines(facts, states=4, batch=1, with_ledger=True),
            *ledger(facts),
            _result(facts, 1),
            consuming(facts),
        ],
        "No log of what succeeded. The caller's key, its one request at a time and every refusal are yours to draw.",
    )


def _standard(facts: Facts, *, with_ledger: bool) -> Bill:
    states = 4 if with_ledger else 2
    named = "PutItem, HTTP task, UpdateItem, SendMessage" if with_ledger else "HTTP task, SendMessage"
    return Bill(
        "Step Functions Standard" + _suffix(with_ledger=with_ledger),
        [
            per_request("state transitions", f"{states}: {named}", states, facts.prices["state_transition"]),
            *(ledger(facts) if with_ledger else []),
            _result(facts, 1),
            consuming(facts),
        ],
        "Started by the sender. A retry is one more transition, and knows no Retry-After; no cool-down that all share.",
    )


def _express(facts: Facts, *, with_ledger: bool) -> Bill:
    return Bill(
        "Step Functions Express, one by one" + _suffix(with_ledger=with_ledger),
        [
            *_express_lines(facts, states=4 if with_ledger else 2, batch=1, with_ledger=with_ledger),
            *(ledger(facts) if with_ledger else []),
            _result(facts, 1),
            consuming(facts),
        ],
        "Started by the sender, at least once, for five minutes at most: a longer outage loses the request. No history"
        " but in logs, which are not counted.",
    )


def _pipe_to_express(facts: Facts, batch: int, have: str) -> Managed:
    with_ledger, with_log = have != BARE, have == LEDGER_AND_LOG
    states = (4 if with_ledger else 2) + (1 if batch > 1 else 0) + (1 if with_log else 0)
    size = batch * facts.weights.request
    logged = facts.weights.log_line + PER_EVENT
    bill = Bill(
        f"queue, Pipe of {batch}, Express workflow, {have}",
        [
            sending(facts),
            *receiving(facts, batch, "the pipe"),
            per_request("Pipe, requests", f"1 / {batch}", chunks(size) / batch, facts.prices["pipe_request"]),
            *_express_lines(facts, states=states, batch=batch, with_ledger=with_ledger),
            *(ledger(facts) if with_ledger else []),
            _result(facts, batch),
            consuming(facts),
            *(logging(facts, logged, f"{logged} bytes by PutLogEvents") if with_log else []),
        ],
        ("A Map state over the batch. " if batch > 1 else "") + "No Retry-After; no cool-down that all share.",
    )
    return Managed(bill, Link.ALWAYS if with_ledger else Link.ONCE, waits=True, batch=batch, logs=with_log)


def _pipe_to_api_destination(facts: Facts) -> Bill:
    return Bill(
        "queue, Pipe with an API destination",
        [
            sending(facts),
            *receiving(facts, 1, "the pipe"),
            per_request("Pipe, requests", "1: this enrichment takes no batches", 1, facts.prices["pipe_request"]),
            per_request("API destination, calls", "1", 1, facts.prices["api_destination"]),
            _result(facts, 1),
            consuming(facts),
        ],
        "The answer goes to the results queue, but after 5 s the call counts as failed and is made again: "
        "'duplicates', and the link is lost. A ledger has no place in it.",
    )


def _rule_to_api_destination(facts: Facts) -> Bill:
    return Bill(
        "EventBridge rule with an API destination",
        [
            per_request("custom events", "1", 1, facts.prices["custom_event"]),
            per_request("API destination, calls", "1", 1, facts.prices["api_destination"]),
        ],
        "The vendor's answer is dropped, and the link with it.",
    )


def _tutorial(facts: Facts, memory: int) -> Bill:
    computing = (facts.durations.invocation + facts.durations.message) * max(1.0, WHOLE_CPU / memory)
    milliseconds = round(2 * (VENDOR + TLS) + 2 * SEND + computing)
    return Bill(
        f"a tutorial's Lambda (boto3, requests), {memory} MB",
        [
            sending(facts),
            *receiving(facts, 1, "Lambda's poller"),
            per_request("Lambda, requests", "1", 1, facts.prices["lambda_request"]),
            per_request(
                "Lambda, duration",
                f"{memory} / 1024 GB * {milliseconds} ms: token and call, each on a new connection",
                memory / 1024 * milliseconds / 1000,
                facts.prices["lambda_gb_second"],
            ),
            per_request("secret, reads", "1", 1, facts.prices["secret_call"]),
            _result(facts, 1),
            consuming(facts),
        ],
        "A token for each request, of the vendor's shared token server; a redelivery loses the link.",
    )


def _express_lines(facts: Facts, *, states: int, batch: int, with_ledger: bool) -> Sequence[Line]:
    milliseconds = express(states, VENDOR + SEND + (2 * WRITE if with_ledger else 0))
    return [
        per_request("Express, requests", f"1 / {batch}", 1 / batch, facts.prices["express_request"]),
        per_request(
            "Express, duration",
            f"64 / 1024 GB * {milliseconds} ms / {batch}",
            EXPRESS_GB * milliseconds / 1000 / batch,
            facts.prices["express_gb_second"],
        ),
    ]


def _result(facts: Facts, batch: int) -> Line:
    sent = chunks(batch * facts.weights.result) / batch
    return per_request("sending the result", f"1 / {batch}", sent, facts.prices["sqs_request"])


def _suffix(*, with_ledger: bool) -> str:
    return f", {LEDGER if with_ledger else BARE}"
