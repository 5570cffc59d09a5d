"""The page docs/benchmarks/cost.md: every bill with its arithmetic."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.bills import Bill, Price
from benchmarks.connector_bills import Facts
from benchmarks.figures import Measurement
from benchmarks.managed_bills import Managed
from benchmarks.weights import KIB, PER_EVENT

HEAD = """# What a million requests cost

Written by `python -m benchmarks.cost --write`; do not edit. List prices of us-east-1, without free tiers and
discounts, for a million requests that end in a link. The request is `events/sqs_request.json`, the link the vendor's
own example.
"""


def page(measurement: Measurement, facts: Facts, ways: Sequence[Managed], bills: Sequence[Bill]) -> str:
    """Return the page: a table to compare by, what was measured, and all bills."""
    managed = {way.bill.name: way for way in ways}
    parts = [
        HEAD,
        "## Beside AWS's own building blocks\n",
        "\n".join(_ways(bills, managed)),
        "\n".join(_figures(measurement)),
        "\n".join(f"- {note}" for note in measurement.notes),
        "## What is weighed\n",
        "\n".join(_weights(facts)),
        "## Every bill\n",
        "\n\n".join(bill_table(bill) for bill in bills),
        "## The prices\n",
        "\n".join(_prices(facts.prices)),
    ]
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def bill_table(bill: Bill) -> str:
    """Return a bill's lines as a Markdown table."""
    rows = [
        f"| {line.what} | {line.arithmetic} | {_quantity(line.quantity)} {line.price.unit} | "
        f"${line.price.dollars:.10g} / {line.price.per:,} | {line.dollars:.3f} |"
        for line in bill.lines
    ]
    return "\n".join(
        [
            f"### {bill.name}\n",
            *([f"{bill.remark}\n"] if bill.remark else []),
            "| what | how many | in all | price | dollars |",
            "| --- | --- | --- | --- | ---: |",
            *rows,
            f"| **sum** | | | | **{bill.dollars:.3f}** |",
        ]
    )


def _quantity(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 1000 else f"{quantity:.4g}"


def _ways(bills: Sequence[Bill], managed: Mapping[str, Managed]) -> Iterator[str]:
    yield "| way | $ per million | waits out an outage | the link | a log line each | |"
    yield "| --- | ---: | --- | --- | --- | --- |"
    for bill in bills:
        if bill.name in managed:
            way = managed[bill.name]
            waits, logs = ("yes" if one else "no" for one in (way.waits, way.logs))
            yield f"| {bill.name} | {bill.dollars:.2f} | {waits} | {way.link.value} | {logs} | {bill.remark} |"
        elif bill.name.startswith("queue path"):
            yield f"| **{bill.name}** | **{bill.dollars:.2f}** | yes | always | yes | |"


def _figures(measurement: Measurement) -> Iterator[str]:
    yield "| figure | value | goal | |"
    yield "| --- | ---: | ---: | --- |"
    for figure in measurement.figures:
        reached = "reached" if figure.reached else "**not reached**"
        yield f"| {figure.name} | {figure.value:.3f} | at most {figure.limit:g} | {reached} |"


def _weights(facts: Facts) -> Iterator[str]:
    weights = facts.weights
    first, second = weights.write_units
    begun, settled = sum(weights.begun.values()), sum(weights.settled.values())
    yield f"A ledger item has {begun} bytes when the attempt begins, {settled} once it is settled. A write costs a unit"
    yield f"for each {KIB:,} bytes begun: here {first} and {second}. An outcome longer by {second * KIB - settled + 1}"
    yield "bytes, say of its links, costs one more, $0.625 per million."
    yield ""
    yield "| attribute | begun | settled |"
    yield "| --- | ---: | ---: |"
    for name in dict.fromkeys([*weights.begun, *weights.settled]):
        yield f"| `{name}` | {weights.begun.get(name, '')} | {weights.settled.get(name, '')} |"
    yield f"| **sum** | **{begun}** | **{settled}** |"
    yield ""
    start, end, report = weights.platform_lines
    yield f"Messages: the request {weights.request} bytes, its result {weights.result} with the attributes."
    yield f"Log lines: an outcome {weights.log_line} bytes; Lambda's START {start}, END {end} and REPORT {report}"
    yield f"for each invocation; API Gateway's access log {weights.access_line}. {PER_EVENT} more count for each line."
    yield f"Metrics are in the log too: {weights.metric_lines} bytes an invocation, {weights.metric_values} more for"
    yield "each further outcome in it."


def _prices(prices: Mapping[str, Price]) -> Iterator[str]:
    yield "| what | price | AWS's page | read at | on |"
    yield "| --- | ---: | --- | --- | --- |"
    for price in prices.values():
        amount = f"${price.dollars:.10g} / {price.per:,} {price.unit}"
        yield f"| {price.what} | {amount} | <{price.page}> | <{price.read_at}> | {price.seen} |"
