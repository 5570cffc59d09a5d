"""The cost of a million requests that end in a link: list prices times quantities, one table on the page."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from benchmarks import figures
from benchmarks.figures import Row
from sandbox import REPOSITORY
from sandbox.template import source_template

SEEN = "2026-11-24"  # the day on which every price was read: us-east-1, without free tiers and discounts
MEMORY = 256  # MB, the template's
WHOLE_CPU = 1769  # MB at which Lambda gives a function one CPU; below that a share of it
VENDOR, AWS_CALLS = 200, 20  # ms, assumed: CustomerGauge; two DynamoDB writes and a call of SQS
STORED = 946e-9 * 21 / 30  # GB-months of a settled ledger item, for the 21 days of LedgerDays
RENEWALS = 960 * 7 / 1e6  # calls a request for the shared token: seven each 45 minutes of a month
POLLS = 5 * 30 * 86_400 / 20  # of an empty queue in a month: five pollers, 20 s each
METRICS = 8 * 0.30  # dollars of a month with requests in every hour, by one trigger and with links alone
WAYS = (
    "queue path, batches of 10",
    "queue path, one by one",
    "HTTP path",
    "Pipe of 10, Express workflow, same ledger and log",
    "Step Functions Standard, same ledger",
)


class Line(NamedTuple):
    """A list price, AWS's page of it, and the units that one request takes in each of WAYS."""

    what: str
    dollars: float
    per: str
    page: str
    units: tuple[float, ...]


def lines(rows: Sequence[Row]) -> list[Line]:
    """Return the lines; the measured batches in `rows` tell how much of a CPU an invocation takes."""
    medians = {row.what: row.median for row in rows}
    one, ten = medians.get("batch of 1", 206.0), medians.get("batch of 10", 226.0)  # as on 2026-11-24

    def gb_seconds(batch: int) -> float:
        computing = max(0.0, one - VENDOR + (batch - 1) * (ten - one) / 9) * WHOLE_CPU / MEMORY
        return MEMORY / 1024 * ceil(VENDOR + AWS_CALLS + computing) / 1000 / batch

    lambda_times = (gb_seconds(10), gb_seconds(1), gb_seconds(1), 0, 0)
    return [
        Line("SQS", 0.40e-6, "request", "sqs", (1.5, 4.2, 1.2, 1.5, 1.2)),
        Line("Lambda requests", 0.20e-6, "request", "lambda", (0.1, 1, 1, 0, 0)),
        Line("Lambda duration, arm64, 256 MB", 13.3334e-6, "GB-second", "lambda", lambda_times),
        Line("ledger, writes", 0.625e-6, "write unit", "dynamodb/pricing/on-demand", (2,) * 5),
        Line("ledger, storage", 0.25, "GB-month", "dynamodb/pricing/on-demand", (STORED,) * 5),
        Line("logs, ingested and kept for a month", 0.53, "GB", "cloudwatch", (490e-9, 1360e-9, 1635e-9, 375e-9, 0)),
        Line("Secrets Manager calls", 5e-6, "call", "secrets-manager", (0, RENEWALS, RENEWALS, 0, 0)),
        Line("API Gateway, REST", 3.5e-6, "call", "api-gateway", (0, 0, 1, 0, 0)),
        Line("EventBridge Pipes", 0.40e-6, "request", "eventbridge", (0, 0, 0, 0.1, 0)),
        Line("Express workflow, requests", 1e-6, "request", "step-functions", (0, 0, 0, 0.1, 0)),
        Line("Express workflow, duration", 16.67e-6, "GB-second", "step-functions", (0, 0, 0, 64 / 1024 * 0.03, 0)),
        Line("Standard workflow", 25e-6, "transition", "step-functions", (0, 0, 0, 0, 4)),
    ]


def sums(table: Sequence[Line]) -> list[float]:
    """Return the dollars of a million requests in each of WAYS."""
    return [sum(1e6 * line.dollars * line.units[way] for line in table) for way in range(len(WAYS))]


def idle() -> float:
    """Return the dollars of a month without a request: alarms, dashboard, secrets, polls."""
    types = [resource["Type"] for resource in source_template()["Resources"].values()]
    alarms, secrets = types.count("AWS::CloudWatch::Alarm"), types.count("AWS::SecretsManager::Secret")
    dashboards = types.count("AWS::CloudWatch::Dashboard")
    return alarms * 0.10 + dashboards * 3.00 + secrets * 0.40 + POLLS * 0.40e-6


def price() -> tuple[float, float, float]:
    """Return dollars: of a month without requests, and of a million in batches from the queue and by HTTP."""
    file = REPOSITORY / "docs" / "benchmarks" / "figures.json"
    rows = [row for result in figures.read(file).values() for row in result.rows]
    million = sums(lines(rows))
    return idle(), million[0], million[2]


def in_words() -> str:
    """Return the price in a sentence, without its end."""
    month, queue, http = price()
    return (
        f"It costs about ${month:.2f} a month, ${METRICS:.2f} or more for metrics in use, and ${queue:.2f} "
        f"(queue, in batches) to ${http:.2f} (HTTP) per million requests"
    )


def section(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "## Cost of a million requests"
    yield f"| $ | list price, {SEEN} | " + " | ".join(WAYS) + " |"
    yield "| --- | --- |" + " --: |" * len(WAYS)
    table = lines(rows)
    for line in table:
        dollars = [1e6 * line.dollars * units for units in line.units]
        price = (
            f"${line.dollars} a {line.per}"
            if line.dollars > 0.01
            else f"${line.dollars * 1e6:g} per million {line.per}s"
        )
        address = f"https://aws.amazon.com/{line.page if '/' in line.page else f'{line.page}/pricing'}/"
        yield f"| {line.what} | [{price}]({address}) | " + " | ".join(f"{one:.2f}" for one in dollars) + " |"
    yield "| **sum** | | " + " | ".join(f"**{one:.2f}**" for one in sums(table)) + " |\n"
    yield f"- Assumed: CustomerGauge answers in {VENDOR} ms, AWS's calls take {AWS_CALLS} ms. us-east-1, no free tiers."
    yield "- The prices were read in stored copies of AWS's pages, and in pages that quote them."
    yield "- Batches of 10 need a backlog. With few requests each is a batch of its own, at the price of one by one."
    yield "- A request that comes as an event on a bus costs $1.00 per million more, in each way."
    yield "- *Pipe* and *Standard* are the same work, drawn by hand from AWS's own building blocks."
    yield "- Without ledger and log a pipe costs $0.77; then a request that is delivered twice loses its link."
    yield f"- A month without a request costs ${idle():.2f}: alarms, dashboard, secrets and Lambda's poller."
    yield f"- Metrics cost ${METRICS:.2f} in a month with requests, all by one trigger and with a link."
    yield "- Each further code, status or source adds $0.30 or more to that."
    yield "- `Tracing=Active` adds up to $5.00 per million."
