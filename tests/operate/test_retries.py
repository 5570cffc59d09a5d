"""In an outage health says how many requests are being retried, why, and for how long; afterwards it says nothing."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.aws.account import watched
from tests.operate.stage import NAME, Stage
from tests.operate.test_health import health, needs
from tests.tables import table


def keep_in_flight(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.aws.sqs.receive_message(QueueUrl=stage.aws.requests_url, MaxNumberOfMessages=10)


def test_in_an_outage_what_is_retried_needs_somebody_with_its_number_codes_and_age(stage: Stage) -> None:
    keep_in_flight(stage, 4)
    for message_id in ("m-1", "m-1", "m-2"):  # a message is counted once, however often it is retried
        stage.log_retry(message_id, seconds_ago=5, wait=120)
    stage.log_retry("m-3", seconds_ago=700, wait=900, code="forbidden")

    found = health(stage)

    assert found["exit code"] == 1
    assert needs(found) == [("3 being retried: unavailable, forbidden, oldest 14 min", "docs/operation.md#oldestretry")]
    assert found["retries"]["codes"] == {"unavailable": 2, "forbidden": 1}
    assert (found["queues"][0]["retrying"], found["queues"][0]["in_flight"]) == (3, 1)


DIGEST = "5e" * 32


@table(
    "in_flight, lines, count",
    ("over", 2, [("retry", 100, 30)], None),
    ("not on the queue", 0, [("retry", 5, 30)], None),
    ("a newer one is over", 1, [("retry", 600, 700), ("retry", 300, 10)], None),
    ("it has its outcome", 1, [("retry", 20, 10), ("outcome", 5, {"key_digest": DIGEST})], None),
    ("it is parked", 1, [("retry", 20, 10), ("parked", 5, {"key_digest": DIGEST})], None),
    ("its message is parked", 1, [("retry", 20, 10), ("parked", 5, {"message_id": "m-1"})], None),
    ("redriven", 1, [("parked", 20, {"key_digest": DIGEST}), ("retry", 5, 30)], 1),
)
def test_a_retry_that_has_ended_needs_nobody(
    stage: Stage, in_flight: int, lines: list[tuple[str, int, Any]], count: int | None
) -> None:
    keep_in_flight(stage, in_flight)
    for what, seconds_ago, more in lines:
        if what == "retry":
            stage.log_retry("m-1", seconds_ago, wait=more, key_digest=DIGEST)
        else:
            stage.log(what, seconds_ago, **more)

    found = health(stage)

    assert (found["retries"] and found["retries"]["count"]) == count
    assert found["exit code"] == (1 if count else 0)
    assert found["queues"][0]["in_flight"] == in_flight - (count or 0)


@pytest.mark.parametrize(
    ("retried_ago", "wait", "outcomes_since"),
    [(None, 0, []), (100, 30, []), (20, 30, [20]), (7_000, 7_200, [960])],  # 16 minutes at most
)
def test_outcomes_are_read_only_from_the_first_pending_retry_on(
    stage: Stage, retried_ago: int | None, wait: int, outcomes_since: list[int]
) -> None:
    keep_in_flight(stage, 1)
    if retried_ago:
        stage.log_retry("m-1", retried_ago, wait)

    with watched(stage.located.client("logs"), "FilterLogEvents") as reads:
        health(stage)

    of_outcomes = [read["startTime"] / 1000 for read in reads if "outcome" in read["filterPattern"]]
    assert [time.time() - since for since in of_outcomes] == pytest.approx(outcomes_since, abs=5)


def test_a_retry_that_is_due_is_counted_once(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody="{}")
    stage.log_retry("m-1", seconds_ago=20, wait=10)

    queue = health(stage)["queues"][0]

    assert (queue["waiting"], queue["retrying"], queue["in_flight"]) == (0, 1, 1)


def test_a_request_that_a_long_retry_after_hides_is_still_retried(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.log_retry("m-1", seconds_ago=7_000, wait=7_200, code="rate_limited")

    assert needs(health(stage))[0][0] == "1 being retried: rate_limited, oldest 1 h 59 min"


def test_without_log_lines_of_retries_the_metrics_tell_them(stage: Stage) -> None:
    stage.parameter("LogLevel", "ERROR")
    keep_in_flight(stage, 2)
    of_the_stack = {"Name": "Stack", "Value": NAME}
    by_code = [of_the_stack, {"Name": "Code", "Value": "no_answer"}]
    data = [
        {"MetricName": "RetryAge", "Dimensions": [of_the_stack], "Value": 200},
        {"MetricName": "TriedAgain", "Dimensions": by_code, "Value": 9},
    ]
    when = datetime.now(UTC) - timedelta(minutes=2)
    stage.located.client("cloudwatch").put_metric_data(
        Namespace="PersonalLink", MetricData=[{**one, "Timestamp": when} for one in data]
    )

    assert needs(health(stage))[0][0] == "2 being retried: no_answer, oldest 3 min"
