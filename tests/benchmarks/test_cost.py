"""What a million requests cost: worked by hand with round numbers, and from what the connector really writes."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.bills import Bill, Line, Price, chunks, read_prices
from benchmarks.connector_bills import Facts, http_bill, queue_bill
from benchmarks.cost import measure
from benchmarks.cost_page import bill_table
from benchmarks.durations import Durations, express
from benchmarks.managed_bills import Link, Managed, managed_ways
from benchmarks.monthly_bills import ALARMS, break_even, idle_bill, metrics_bill, snapstart_bill
from benchmarks.weights import Weights, item_bytes, weigh
from sandbox.template import source_template


def price(dollars: float, per: int = 1_000_000, unit: str = "requests") -> Price:
    return Price(
        "a thing", dollars, per, unit, "https://aws.example/pricing", "https://aws.example", date(2026, 11, 24)
    )


ROUND = {
    **dict.fromkeys(read_prices(), price(1.0)),
    "lambda_gb_second": price(0.00001, 1, "GB-seconds"),
    "dynamodb_storage": price(1.0, 1, "GB-months"),
    "secret_call": price(1.0, 10_000),
    "log_ingestion": price(1.0, 1, "GB"),
    "log_storage": price(1.0, 1, "GB-months"),
}
LIGHT = Weights(
    request=1000,
    result=1000,
    begun={"pk": 500},
    settled={"pk": 500, "outcome": 400},
    log_line=474,
    metric_lines=250,
    metric_values=50,
    platform_lines=(174, 174, 174),
    access_line=74,
)
FACTS = Facts(ROUND, LIGHT, Durations(0.0, 0.0, "made up"))
LISTED = Facts(read_prices(), LIGHT, Durations(4.0, 2.5, "made up"))


def dollars(bill: Bill) -> dict[str, float]:
    return {line.what: round(line.dollars, 6) for line in bill.lines}


def test_the_queue_path_in_batches_of_ten_worked_by_hand() -> None:
    bill = queue_bill(FACTS, batch=10, memory=256)

    assert dollars(bill) == {
        "SendMessage of the request": 1.0,
        "ReceiveMessage by Lambda's poller": 0.1,
        "DeleteMessageBatch by Lambda's poller": 0.1,
        "Lambda, requests": 0.1,
        "Lambda, duration": 0.055,  # a quarter of a GB, 0.22 s, a tenth: 5,500 GB-seconds
        "ledger, PutItem of the marker": 1.0,
        "ledger, UpdateItem of the outcome": 1.0,
        "ledger, storage": 0.7,  # 1,000 bytes, 21 days of 30
        "SendMessageBatch of the results": 0.1,
        "receiving and deleting the result": 0.2,
        "shared token, writes": 0.000024,  # 4,400 s: 2 renewals of 6 writes of 2 units
        "secret, reads": 0.001,  # 2 renewals in 5 environments
        "logs, ingestion": 0.63,  # 500 bytes, a tenth of 600, and of 250 and nine times 50
        "logs, a month of storage": 0.63,
    }
    assert bill.dollars == pytest.approx(5.616024)


def test_the_http_path_worked_by_hand() -> None:
    bill = http_bill(FACTS, memory=512)

    assert dollars(bill) == {
        "API Gateway, REST": 1.0,
        "Lambda, requests": 1.0,
        "Lambda, duration": 1.1,  # half a GB, 0.22 s
        "ledger, PutItem of the marker": 1.0,
        "ledger, UpdateItem of the outcome": 1.0,
        "ledger, storage": 0.7,
        "SendMessageBatch of the result": 1.0,
        "receiving and deleting the result": 0.2,
        "shared token, writes": 0.01152,  # 960 renewals in a month
        "secret, reads": 0.48,
        "logs, ingestion": 1.45,  # 500 bytes, three lines of 200, the metrics' 250, the access log's 100
        "logs, a month of storage": 1.45,
    }


def test_an_outcome_beyond_a_kilobyte_makes_its_write_cost_twice() -> None:
    heavy = replace(LIGHT, settled={"pk": 500, "outcome": 525})

    bill = queue_bill(replace(FACTS, weights=heavy), batch=10, memory=256)

    assert dollars(bill)["ledger, PutItem of the marker"] == 1.0
    assert dollars(bill)["ledger, UpdateItem of the outcome"] == 2.0


def test_every_64_kilobytes_of_a_batch_are_a_request() -> None:
    long = replace(LIGHT, request=20_000)

    bill = queue_bill(replace(FACTS, weights=long), batch=10, memory=256)

    assert (chunks(0), chunks(65_536), chunks(65_537)) == (1, 1, 2)
    assert dollars(bill)["ReceiveMessage by Lambda's poller"] == 0.4  # 200,000 bytes are four


def test_a_function_is_billed_for_its_waiting_once_and_for_its_share_of_a_cpu_by_each_message() -> None:
    durations = Durations(invocation=4.0, message=2.5, source="made up")

    assert durations.billed(1, 1769) == 227  # 220 of waiting, 6.5 of a whole CPU
    assert durations.billed(10, 1769) == 249
    assert durations.billed(10, 256) == 421  # 29 ms of a CPU of which it has a seventh
    assert durations.billed(1, 3538) == 227


def test_durations_come_from_the_last_benchmark(tmp_path: Path) -> None:
    def row(what: str, median: float) -> dict[str, object]:
        return {"what": what, "unit": "ms", "spread": {"median": median, "low": 1, "high": 999, "count": 20}}

    figures = tmp_path / "figures.json"
    figures.write_text(
        json.dumps([{"name": "batches", "rows": [row("batch of 1", 206.0), row("batch of 10", 224.0)], "notes": []}])
    )

    durations = Durations.measured(figures)

    assert (durations.invocation, durations.message) == (4.0, 2.0)


def test_without_a_benchmark_durations_say_when_they_were_measured(tmp_path: Path) -> None:
    assert Durations.measured(tmp_path / "none.json").source == "benchmarks.batches on 2026-11-24"


def test_an_express_workflow_is_billed_by_the_tenth_of_a_second() -> None:
    assert express(states=2, calls=180) == 200
    assert express(states=2, calls=181) == 300


def test_a_standard_workflow_costs_twenty_five_dollars_a_state() -> None:
    ways = {way.bill.name: way.bill for way in managed_ways(LISTED, memory=256)}

    assert ways["Step Functions Standard, no ledger"].dollars == pytest.approx(50.48)  # 2 * 25, 0.40 and 0.08
    assert ways["EventBridge rule with an API destination"].dollars == pytest.approx(1.20)  # 1.00 and 0.20
    assert ways["queue, Pipe with an API destination"].dollars == pytest.approx(2.28)  # 4 * 0.40, 0.40, 0.20 and 0.08


def test_like_for_like_is_only_what_keeps_requests_links_and_a_log() -> None:
    alike = {way.bill.name for way in managed_ways(LISTED, memory=256) if way.is_like_for_like}

    assert alike == {
        "queue, Pipe of 1, Express workflow, same ledger and log",
        "queue, Pipe of 10, Express workflow, same ledger and log",
    }


@pytest.mark.parametrize(
    "lesser",
    [
        Managed(Bill("a way", []), Link.ALWAYS, waits=False, logs=True),
        Managed(Bill("a way", []), Link.ONCE, waits=True, logs=True),
        Managed(Bill("a way", []), Link.ALWAYS, waits=True, logs=False),
    ],
)
def test_a_way_that_lacks_one_of_the_three_is_not_compared_like_for_like(lesser: Managed) -> None:
    assert not lesser.is_like_for_like


def test_an_idle_month_costs_a_secret_the_polls_of_an_empty_queue_and_the_alarms() -> None:
    assert dollars(idle_bill(LISTED)) == {
        "the credentials' secret": 0.4,
        "Lambda's poller on an empty queue": 0.2592,  # 648,000 polls
        "alarms": 1.3,
    }


def test_the_metrics_of_a_month_in_which_all_goes_well_cost_less_than_three_dollars() -> None:
    assert dollars(metrics_bill(LISTED)) == {"metrics of the stack's own": 2.4}


def test_snapstart_costs_two_dollars_a_month_at_256_megabytes() -> None:
    assert snapstart_bill(LISTED, memory=256).dollars == pytest.approx(2.0758, abs=0.0001)


def test_what_idling_costs_is_made_good_by_the_difference() -> None:
    idle = Bill("idle", [Line("polls", "", 1_000_000, price(1.0))])
    ours = Bill("ours", [Line("requests", "", 2_000_000, price(1.0))])
    theirs = Bill("theirs", [Line("requests", "", 4_000_000, price(1.0))])

    assert break_even(idle, ours, theirs) == 500_000


def test_an_attribute_is_its_name_and_its_value_in_bytes_as_dynamodb_counts() -> None:
    item = {
        "pk": {"S": "abc"},
        "name": {"S": "Zoë"},
        "sealed": {"B": b"1234"},
        "life": {"N": "3600.000"},
        "fetched_at": {"N": "1795517471.685"},
    }

    assert item_bytes(item) == {
        "pk": 5,
        "name": 8,  # ë has two bytes
        "sealed": 10,
        "life": 6,  # two digits that count: one byte, and one
        "fetched_at": 18,  # thirteen digits: seven bytes, and one
    }


def test_both_writes_of_the_demos_request_cost_one_unit() -> None:
    weights = weigh()

    assert weights.write_units == (1, 1)
    assert weights.settled["pk"] == 66
    assert "owner" in weights.begun
    assert "owner" not in weights.settled


def test_what_the_bills_assume_of_the_stack_is_in_the_template() -> None:
    template = source_template()
    parameters, function = template["Parameters"], template["Globals"]["Function"]
    worker = template["Resources"]["QueueWorkerFunction"]["Properties"]

    assert parameters["LedgerDays"]["Default"] == 21
    assert parameters["LogRetentionDays"]["Default"] == 30
    assert parameters["MaximumConcurrency"]["Default"] == 5
    assert worker["Events"]["Requests"]["Properties"]["BatchSize"] == 10
    assert len([one for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]) == ALARMS
    assert (function["MemorySize"], function["Architectures"]) == (256, ["arm64"])


@pytest.mark.parametrize("name", read_prices())
def test_every_price_says_where_and_when_it_was_read(name: str) -> None:
    one = read_prices()[name]

    assert one.page.startswith("https://aws.amazon.com/")
    assert one.read_at.startswith("https://") or one.read_at == "from memory, not seen"
    assert one.seen >= date(2026, 11, 24)
    assert one.dollars > 0
    assert one.what


def test_a_bills_table_shows_quantity_price_and_sum() -> None:
    bill = Bill(
        "a bill", [Line("sending", "2 / 10", 200_000, price(0.4)), Line("a key", "1", 1, price(1.0, 1, "keys"))]
    )

    assert bill_table(bill).splitlines()[-3:] == [
        "| sending | 2 / 10 | 200,000 requests | $0.4 / 1,000,000 | 0.080 |",
        "| a key | 1 | 1 keys | $1 / 1 | 1.000 |",
        "| **sum** | | | | **1.080** |",
    ]


def test_the_measurement_compares_like_with_like_and_with_the_barest() -> None:
    measurement = measure()

    assert [figure.name for figure in measurement.figures] == [
        "cost per million, queue path / managed, like for like, batches of 10",
        "cost per million, queue path / managed, like for like, one by one",
        "cost per million, queue path / managed, no ledger and no log, batches of 10",
    ]
    assert {row.unit for row in measurement.rows} == {"$ per million", "$ per month"}
