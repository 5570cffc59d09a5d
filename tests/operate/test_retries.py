"""In an outage health says how many requests are being retried, why, and for how long; afterwards it says nothing."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.aws.account import watched
from tests.operate.stage import NAME, Stage
from tests.operate.test_health import health, needs


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


def test_a_retry_that_is_over_needs_nobody_though_others_are_in_flight(stage: Stage) -> None:
    keep_in_flight(stage, 2)
    stage.log_retry("m-1", seconds_ago=100, wait=30)

    found = health(stage)

    assert (found["exit code"], found["retries"]) == (0, None)
    assert found["queues"][0]["in_flight"] == 2


def test_a_retry_whose_message_has_left_the_queue_needs_nobody(stage: Stage) -> None:
    stage.log_retry("m-1", seconds_ago=5, wait=30)

    assert health(stage)["exit code"] == 0


DIGEST = "5e" * 32


@pytest.mark.parametrize(
    ("end", "names"),
    [("outcome", {"key_digest": DIGEST}), ("parked", {"key_digest": DIGEST}), ("parked", {"message_id": "m-1"})],
)
def test_a_retry_that_has_ended_needs_nobody_from_then_on(stage: Stage, end: str, names: dict[str, str]) -> None:
    keep_in_flight(stage, 1)
    stage.log_retry("m-1", seconds_ago=20, wait=10, key_digest=DIGEST)
    stage.log(end, 5, **names)

    assert health(stage)["retries"] is None


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


def test_a_retry_after_a_redrive_counts_although_its_request_ended_before(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.log("parked", 20, key_digest=DIGEST)
    stage.log_retry("m-1", seconds_ago=5, wait=30, key_digest=DIGEST)

    assert health(stage)["retries"]["count"] == 1


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


def test_the_newest_retry_of_a_message_counts(stage: Stage) -> None:
    keep_in_flight(stage, 1)
    stage.log_retry("m-1", seconds_ago=600, wait=700)
    stage.log_retry("m-1", seconds_ago=300, wait=10)

    assert health(stage)["retries"] is None


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
