"""What a million requests cost, beside what AWS's own building blocks cost for them.

python -m benchmarks.cost          # the tables, with their arithmetic
python -m benchmarks.cost --write  # the same into docs/benchmarks/cost.md
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.bills import Bill, read_prices
from benchmarks.connector_bills import Facts, http_bill, queue_bill, seconds_of
from benchmarks.cost_page import page
from benchmarks.durations import SEND, STATE, VENDOR, WRITE, Durations
from benchmarks.figures import Bars, Figure, Measurement, Row, Spread
from benchmarks.managed_bills import Link, Managed, http_way, managed_ways
from benchmarks.monthly_bills import (
    break_even,
    customer_key_bill,
    idle_bill,
    metrics_bill,
    snapstart_bill,
    tracing_bill,
)
from benchmarks.weights import weigh
from sandbox.template import REPOSITORY

MEMORIES = (128, 256, 512)
MEMORY = 256  # the template's
BATCHES = (1, 5, 10)
FULL = 10  # the template's BatchSize
CHARTED = 15.0  # dollars; what is dearer would make the rest of the chart unreadable
LIMIT = 1.0
UNIT = "$ per million"
PAGE = REPOSITORY / "docs" / "benchmarks" / "cost.md"


def measure() -> Measurement:
    """Add up every bill, from what a request weighs and how long an invocation takes."""
    return _measurement(Facts(read_prices(), weigh(), Durations.measured()))


def _measurement(facts: Facts) -> Measurement:
    ways = managed_ways(facts, memory=MEMORY)
    bills = [*_ours(facts), *(way.bill for way in ways), http_way(facts)]
    charted = {
        bill.name: _exactly(bill.dollars)
        for bill in (*(queue_bill(facts, batch=batch, memory=MEMORY) for batch in BATCHES), *(way.bill for way in ways))
        if bill.dollars <= CHARTED
    }
    return Measurement(
        name="cost",
        title="What a million requests cost",
        rows=[
            *(Row(bill.name, UNIT, _exactly(bill.dollars)) for bill in (*bills, *_tracing(facts))),
            *(Row(bill.name, "$ per month", _exactly(bill.dollars)) for bill in _monthly(facts)),
        ],
        figures=_figures(facts, ways),
        charts=[Bars("Dollars per million requests", UNIT, charted)],
        notes=_notes(facts, ways),
    )


def _ours(facts: Facts) -> Sequence[Bill]:
    queue = (queue_bill(facts, batch=batch, memory=memory) for memory in MEMORIES for batch in BATCHES)
    return [*queue, *(http_bill(facts, memory=memory) for memory in MEMORIES)]


def _tracing(facts: Facts) -> Sequence[Bill]:
    return [tracing_bill(facts, batch=batch, seconds=seconds_of(facts, batch, MEMORY)) for batch in (1, FULL)]


def _monthly(facts: Facts) -> Sequence[Bill]:
    return [idle_bill(facts), metrics_bill(facts), snapstart_bill(facts, memory=MEMORY), customer_key_bill(facts)]


def _figures(facts: Facts, ways: Sequence[Managed]) -> Sequence[Figure]:
    """Hold the queue path against the cheapest way that does the same, and against the cheapest that does it at all."""

    def against(named: str, batch: int, others: Sequence[Managed]) -> Figure:
        ratio = queue_bill(facts, batch=batch, memory=MEMORY).dollars / _cheapest(others).dollars
        return Figure(f"cost per million, queue path / {named}", LIMIT, ratio)

    alike = [way for way in ways if way.is_like_for_like]
    return [
        against("managed, like for like, batches of 10", FULL, [way for way in alike if way.batch == FULL]),
        against("managed, like for like, one by one", 1, [way for way in alike if way.batch == 1]),
        against("managed, no ledger and no log, batches of 10", FULL, [way for way in ways if way.link is Link.ONCE]),
    ]


def _notes(facts: Facts, ways: Sequence[Managed]) -> Sequence[str]:
    ours = queue_bill(facts, batch=FULL, memory=MEMORY)
    bare = _cheapest([way for way in ways if way.link is Link.ONCE])
    standard = next(way.bill for way in ways if way.bill.name.startswith("Step Functions Standard, same"))
    once = break_even(idle_bill(facts), ours, standard)
    alone, logs = _sum(ours, "ledger"), _sum(ours, "logs")
    return [
        (
            f"Assumed: CustomerGauge answers in {VENDOR:.0f} ms, a DynamoDB write takes {WRITE:.0f} ms, a call of SQS"
            f" {SEND:.0f}, a state of Step Functions {STATE:.0f}. Measured ({facts.durations.source}), in ms of a whole"
            f" CPU: {facts.durations.invocation:.1f} an invocation and {facts.durations.message:.1f} each message. A"
            f" function of {MEMORY} MB has a seventh of a CPU, taken to be as fast as this machine's."
        ),
        (
            "Like for like: a queue that waits out an outage, the same ledger, a log line for each outcome. Without a"
            " ledger a request that is delivered twice, as SQS, Pipes and Express may, gets 'duplicates' and no link."
        ),
        (
            f"Against the cheapest way without a ledger (${bare.dollars:.2f}) the goal is out of reach: our ledger"
            f" costs ${alone:.2f} of ${ours.dollars:.2f}, our log ${logs:.2f}. Without both it would be"
            f" ${ours.dollars - alone - logs:.2f}."
        ),
        "Batches fill only when messages are waiting: a trickle is worked in batches of one, at that price.",
        "A request that comes as an event on a bus costs $1.00 per million more, whatever listens to the bus.",
        (
            "X-Ray is off. Tracing=Active adds up to"
            f" ${max(bill.dollars for bill in _tracing(facts)):.2f} per million: traffic that trickles is traced nearly"
            " whole."
        ),
        "A pipe's batch is counted as one request. If AWS counts its messages, add $0.36 to every Pipe of 10.",
        (
            "Not counted, the same for all: data sent to the vendor, tries that fail, free tiers. An environment's init"
            " phase is billed as its duration is: five that start every two hours make less than a cent a month."
        ),
        (
            f"Idle, a month costs ${idle_bill(facts).dollars:.2f}. With that, the queue path is cheaper than Step"
            f" Functions Standard with the same ledger from {once:,.0f} requests a month."
        ),
    ]


def _cheapest(ways: Sequence[Managed]) -> Bill:
    return min((way.bill for way in ways), key=lambda bill: bill.dollars)


def _sum(bill: Bill, of: str) -> float:
    return sum(line.dollars for line in bill.lines if line.what.startswith(of))


def _exactly(value: float) -> Spread:
    return Spread(value, value, value, 1)


def main(arguments: Sequence[str]) -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser("python -m benchmarks.cost", description="Dollars per million requests.")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/cost.md instead of printing it")
    write = parser.parse_args(arguments).write
    facts = Facts(read_prices(), weigh(), Durations.measured())
    bills = [*_ours(facts), *(way.bill for way in managed_ways(facts, memory=MEMORY)), http_way(facts)]
    text = page(
        _measurement(facts), facts, managed_ways(facts, memory=MEMORY), [*bills, *_tracing(facts), *_monthly(facts)]
    )
    if write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
