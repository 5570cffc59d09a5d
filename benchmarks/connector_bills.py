"""What the connector costs, by the way in, the size of the batches and the memory of the functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks.bills import MILLION, Bill, Line, Price, chunks, per_request
from benchmarks.durations import Durations
from benchmarks.weights import PER_EVENT, Weights

GB = 1_000_000_000
LEDGER_MONTHS = 21 / 30  # the template's LedgerDays
LOG_MONTHS = 1  # its LogRetentionDays
STORED_OVERHEAD = 100  # bytes that DynamoDB adds to a stored item
CONSUMED_AT_ONCE = 10  # results that your consumer receives, and deletes, with one call
ENVIRONMENTS = 5  # the template's MaximumConcurrency: as many as may be warm all month
RENEWED_AFTER = 45 * 60  # seconds of a token's hour
LEASE_WRITES = 3  # of who fetches a token: the lease taken, renewed, and given back
MONTH = 30 * 24 * 3600  # seconds

Prices = Mapping[str, Price]


@dataclass(frozen=True)
class Facts:
    """What every bill is made of."""

    prices: Prices
    weights: Weights
    durations: Durations


def queue_bill(facts: Facts, *, batch: int, memory: int) -> Bill:
    """Return the bill of the queue path."""
    prices, weights = facts.prices, facts.weights
    return Bill(
        f"queue path, batches of {batch}, {memory} MB",
        [
            sending(facts),
            *receiving(facts, batch, "Lambda's poller"),
            *_computing(facts, batch, memory),
            *ledger(facts),
            per_request(
                "SendMessageBatch of the results",
                f"1 / {batch}",
                chunks(batch * weights.result) / batch,
                prices["sqs_request"],
            ),
            consuming(facts),
            *_token(facts, seconds_of(facts, batch, memory)),
            *logging(facts, weights.logged(batch), f"{weights.logged(batch):.0f} bytes"),
        ],
        "Waits out an outage; a redelivery gets the same link; one outcome a request.",
    )


def http_bill(facts: Facts, *, memory: int) -> Bill:
    """Return the bill of the HTTP path: the same work, one by one, and its result on the queue too."""
    prices, weights = facts.prices, facts.weights
    access = weights.access_line + PER_EVENT
    logged = weights.logged(1) + access
    return Bill(
        f"HTTP path, {memory} MB",
        [
            per_request("API Gateway, REST", "1", 1, prices["api_gateway_request"]),
            *_computing(facts, 1, memory),
            *ledger(facts),
            per_request("SendMessageBatch of the result", "1", chunks(weights.result), prices["sqs_request"]),
            consuming(facts),
            *_token(facts, MONTH),
            *logging(facts, logged, f"{logged:.0f} bytes, {access} of them the access log's"),
        ],
        "The link in the answer and on the results queue; the same key again gets the same link.",
    )


def sending(facts: Facts) -> Line:
    """Return the line of whoever sends requests, one at a time."""
    return per_request(
        "SendMessage of the request", "1, by your sender", chunks(facts.weights.request), facts.prices["sqs_request"]
    )


def receiving(facts: Facts, batch: int, poller: str) -> Sequence[Line]:
    """Return the lines of taking requests off the queue."""
    received = chunks(batch * facts.weights.request) / batch
    return [
        per_request(f"ReceiveMessage by {poller}", f"1 / {batch}", received, facts.prices["sqs_request"]),
        per_request(f"DeleteMessageBatch by {poller}", f"1 / {batch}", 1 / batch, facts.prices["sqs_request"]),
    ]


def ledger(facts: Facts) -> Sequence[Line]:
    """Return the lines of the ledger: the marker before the call, the outcome after it, and that they are kept."""
    first, second = facts.weights.write_units
    begun, settled = sum(facts.weights.begun.values()), sum(facts.weights.settled.values())
    stored = settled + STORED_OVERHEAD
    return [
        per_request("ledger, PutItem of the marker", f"{begun} bytes", first, facts.prices["dynamodb_write"]),
        per_request("ledger, UpdateItem of the outcome", f"{settled} bytes", second, facts.prices["dynamodb_write"]),
        per_request(
            "ledger, storage",
            f"{stored} bytes * 21 / 30",
            stored / GB * LEDGER_MONTHS,
            facts.prices["dynamodb_storage"],
        ),
    ]


def consuming(facts: Facts) -> Line:
    """Return the line of whoever reads the results."""
    received = chunks(CONSUMED_AT_ONCE * facts.weights.result) / CONSUMED_AT_ONCE
    arithmetic = f"2 / {CONSUMED_AT_ONCE}, by your consumer"
    return per_request(
        "receiving and deleting the result", arithmetic, received + 1 / CONSUMED_AT_ONCE, facts.prices["sqs_request"]
    )


def _computing(facts: Facts, batch: int, memory: int) -> Sequence[Line]:
    milliseconds = facts.durations.billed(batch, memory)
    return [
        per_request("Lambda, requests", f"1 / {batch}", 1 / batch, facts.prices["lambda_request"]),
        per_request(
            "Lambda, duration",
            f"{memory} / 1024 GB * {milliseconds} ms / {batch}",
            memory / 1024 * milliseconds / 1000 / batch,
            facts.prices["lambda_gb_second"],
        ),
    ]


def seconds_of(facts: Facts, batch: int, memory: int) -> float:
    """Return how long a million requests take: a month, or, since only a backlog fills batches, as long as it must."""
    if batch == 1:
        return MONTH
    return MILLION / batch * facts.durations.billed(batch, memory) / 1000 / ENVIRONMENTS


def _token(facts: Facts, seconds: float) -> Sequence[Line]:
    """Return the lines of the shared token, which is renewed by the clock."""
    renewals = ceil(seconds / RENEWED_AFTER)
    return [
        Line(
            "shared token, the lease",
            f"{renewals} renewals * {LEASE_WRITES} writes",
            renewals * LEASE_WRITES,
            facts.prices["dynamodb_write"],
        ),
        Line(
            "secrets, calls",
            f"{renewals} renewals * ({ENVIRONMENTS} environments read the token, one reads the credentials and stores)",
            renewals * (ENVIRONMENTS + 2),
            facts.prices["secret_call"],
        ),
    ]


def logging(facts: Facts, each: float, arithmetic: str) -> Sequence[Line]:
    """Return the lines of so many bytes logged for each request."""
    return [
        per_request("logs, ingestion", arithmetic, each / GB, facts.prices["log_ingestion"]),
        per_request("logs, a month of storage", arithmetic, each / GB * LOG_MONTHS, facts.prices["log_storage"]),
    ]
