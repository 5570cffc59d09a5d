"""Nothing is lost on its way through the queues: how long each keeps what, and how the worker reads."""

import itertools
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without

QUEUE = "Resources RequestsQueue Properties"
SOURCE = "Resources QueueWorkerFunction Properties Events Requests Properties"
DAY = 86_400
ONE_MORE_QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1_209_600}}


def queues(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::SQS::Queue")


def sources(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::Lambda::EventSourceMapping")


# From the queue to the worker


@CONNECTOR.invariant(
    change(f"{QUEUE} VisibilityTimeout", 359),
    without(f"{QUEUE} VisibilityTimeout"),
    change("Resources QueueWorkerFunction Properties Timeout", 61),
    change(f"{SOURCE} MaximumBatchingWindowInSeconds", 1),
)
def a_message_stays_hidden_six_times_as_long_as_the_worker_may_run(built: Built) -> Wrongs:
    worker = built.of_type("AWS::Lambda::Function")["QueueWorkerFunction"]
    for name, source in sources(built).items():
        longest = 6 * worker["Timeout"] + source.get("MaximumBatchingWindowInSeconds", 0)
        if queues(built)["RequestsQueue"].get("VisibilityTimeout", 30) < longest:
            yield f"RequestsQueue: less than {longest} s, {name}"


@CONNECTOR.invariant(
    without(f"{SOURCE} FunctionResponseTypes"),
    change(f"{SOURCE} FunctionResponseTypes", []),
)
def the_worker_answers_for_each_message(built: Built) -> Wrongs:
    for name, source in sources(built).items():
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one failure would bring the whole batch again"


@CONNECTOR.invariant(
    without(f"{SOURCE} ScalingConfig"),
    change(f"{SOURCE} ScalingConfig MaximumConcurrency", 1000),
    change("Parameters MaximumConcurrency MinValue", 1),  # Lambda refuses less than 2
)
def the_workers_have_a_ceiling(built: Built) -> Wrongs:
    for lowest_and_highest, ceiling in zip(built.allowed("MaximumConcurrency"), (2, 1000), strict=True):
        if lowest_and_highest != ceiling:
            yield f"MaximumConcurrency: {lowest_and_highest}"
    for name, source in sources(built.with_parameters(MaximumConcurrency=7)).items():
        if source.get("ScalingConfig") != {"MaximumConcurrency": "7"}:
            yield f"{name}: {source.get('ScalingConfig')}"


@CONNECTOR.invariant(
    change(f"{SOURCE} BatchSize", 1000),
    change(f"{SOURCE} MaximumBatchingWindowInSeconds", 60),
    change(f"{SOURCE} Enabled", value=False),
    change(f"{SOURCE} FilterCriteria", {"Filters": [{"Pattern": '{"body": {"record": [{"exists": true}]}}'}]}),
)
def every_message_is_read_and_soon(built: Built) -> Wrongs:
    for name, source in sources(built).items():
        if not 1 <= source["BatchSize"] <= 10 or source.get("MaximumBatchingWindowInSeconds", 0):
            yield f"{name}: it waits for a batch"
        if not source.get("Enabled", True) or "FilterCriteria" in source:  # SQS deletes what a filter leaves out
            yield f"{name}: not everything is read"


# What is not worked


@CONNECTOR.invariant(
    without(f"{QUEUE} RedrivePolicy"),
    change(f"{QUEUE} RedrivePolicy deadLetterTargetArn", {"Fn::GetAtt": ["ResultsQueue", "Arn"]}),
    change("Resources OneMoreQueue", ONE_MORE_QUEUE),
)
def every_queue_has_a_dead_letter_queue_or_is_an_end(built: Built) -> Wrongs:
    ends = {"ParkedQueue": "operators", "ResultsQueue": "the consumer"}
    for name, queue in queues(built).items():
        target = queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")
        if name not in ends and target != "${ParkedQueue.Arn}":
            yield f"{name}: {target}"


@CONNECTOR.invariant(
    change(f"{QUEUE} RedrivePolicy maxReceiveCount", 5),
    change(f"{QUEUE} RedrivePolicy maxReceiveCount", 999),
)
def the_retry_window_parks_a_request_and_not_the_receive_count(built: Built) -> Wrongs:
    for name, queue in queues(built).items():
        if queue.get("RedrivePolicy", {}).get("maxReceiveCount", 1000) < 1000:  # the most there is
            yield f"{name}: {queue['RedrivePolicy']}"


@CONNECTOR.invariant(
    change("Parameters ParkedRetentionDays AllowedValues 0", 10),
    change("Parameters RequestsRetentionDays AllowedValues +", 11),
    without("Resources ParkedQueue Properties MessageRetentionPeriod"),
    change("Resources ParkedQueue Properties MessageRetentionPeriod", 345_600),
    change("Mappings Days 11 InSeconds", 95_040),
)
def what_is_parked_outlives_what_waits_whatever_the_parameters(built: Built) -> Wrongs:
    # the parked queue goes by the date on which a message came to the requests queue
    for waits, parked in itertools.product(
        built.allowed("RequestsRetentionDays"), built.allowed("ParkedRetentionDays")
    ):
        chosen = built.with_parameters(RequestsRetentionDays=waits, ParkedRetentionDays=parked)
        seconds = {name: kept_for(queue) for name, queue in queues(chosen).items()}
        if seconds["ParkedQueue"] <= seconds["RequestsQueue"]:
            yield f"ParkedQueue: {seconds}"


def kept_for(queue: dict[str, Any]) -> int:
    return int(queue.get("MessageRetentionPeriod", 4 * DAY))  # the default of SQS


@CONNECTOR.invariant(
    change("Mappings Days 14 InSeconds", 120_960),
    without("Resources ResultsQueue Properties MessageRetentionPeriod"),
    change(f"{QUEUE} MessageRetentionPeriod Fn::FindInMap 1 Ref", "ResultsRetentionDays"),
)
def each_queue_keeps_its_messages_for_the_days_of_its_parameter(built: Built) -> Wrongs:
    for queue in ("Requests", "Parked", "Results"):
        parameter = f"{queue}RetentionDays"
        for days in built.allowed(parameter):
            seconds = kept_for(queues(built.with_parameters(**{parameter: days}))[f"{queue}Queue"])
            if seconds / DAY != days:
                yield f"{queue}Queue: {seconds} s for {days} days"


@CONNECTOR.invariant(
    change("Parameters RetryWindowHours MaxValue", 192),
    change("Parameters RequestsRetentionDays AllowedValues 0", 3),
    change("Resources QueueWorkerFunction Properties Environment Variables RETRY_WINDOW_HOURS", 200),
)
def the_longest_retry_window_ends_before_the_requests_queue_forgets(built: Built) -> Wrongs:
    for hours, days in itertools.product(built.allowed("RetryWindowHours"), built.allowed("RequestsRetentionDays")):
        chosen = built.with_parameters(RetryWindowHours=hours, RequestsRetentionDays=days)
        worker = chosen.of_type("AWS::Lambda::Function")["QueueWorkerFunction"]
        window = int(worker["Environment"]["Variables"]["RETRY_WINDOW_HOURS"])
        if window * 3600 >= kept_for(queues(chosen)["RequestsQueue"]):
            yield f"RequestsQueue: {days} days, a window of {window} h"


@CONNECTOR.invariant(
    change("Parameters RequestsRetentionDays AllowedValues 0", 7),
    change("Parameters RetryWindowHours MaxValue", 96),
    change(f"{QUEUE} VisibilityTimeout", 480),
)
def a_message_that_crashes_the_worker_is_parked_before_sqs_deletes_it(built: Built) -> Wrongs:
    # Once its retry window has ended, a receive parks a message unless the worker dies of it; then it is hidden for as
    # long as the visibility timeout. So all the receives there are may follow the window, at that pace.
    for hours, days in itertools.product(built.allowed("RetryWindowHours"), built.allowed("RequestsRetentionDays")):
        queue = queues(built.with_parameters(RetryWindowHours=hours, RequestsRetentionDays=days))["RequestsQueue"]
        longest = hours * 3600 + queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
        if kept_for(queue) <= longest:
            yield f"RequestsQueue: {days} days, and {longest} s until the receive count ends a crash loop"


@CONNECTOR.invariant(
    change("Parameters LedgerDays MinValue", 20),
    change("Parameters RetryWindowHours MaxValue", 97),
    change("Globals Function Environment Variables LEDGER_DAYS", 7),
)
def the_ledger_remembers_longer_than_a_request_can_wait_be_parked_and_wait_again(built: Built) -> Wrongs:
    days, hours, parked = (
        built.allowed("LedgerDays")[0],
        built.allowed("RetryWindowHours")[-1],
        built.allowed("ParkedRetentionDays")[-1],
    )
    chosen = built.with_parameters(LedgerDays=days, RetryWindowHours=hours, ParkedRetentionDays=parked)
    for name, function in chosen.of_type("AWS::Lambda::Function").items():
        remembered = int(function["Environment"]["Variables"]["LEDGER_DAYS"])
        if remembered * DAY <= 2 * hours * 3600 + kept_for(queues(chosen)["ParkedQueue"]):
            yield f"{name}: {remembered} days"
