"""Nothing is lost on its way through the queues: how long each keeps what, and how the worker reads."""

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


def kept_for(built: Built, queue: str) -> int:
    return int(queues(built)[queue].get("MessageRetentionPeriod", 4 * DAY))  # the default of SQS


@CONNECTOR.invariant(
    change("Resources ParkedQueue Properties MessageRetentionPeriod", 691_200),
    without("Resources ParkedQueue Properties MessageRetentionPeriod"),
    change(f"{QUEUE} MessageRetentionPeriod", 604_800),
    change("Resources ResultsQueue Properties MessageRetentionPeriod", 86_400),
)
def requests_are_kept_for_8_days_parked_ones_for_14_and_results_for_4(built: Built) -> Wrongs:
    # the parked queue counts from the arrival on the requests queue, so it has to keep a message for longer
    for queue, days in {"RequestsQueue": 8, "ParkedQueue": 14, "ResultsQueue": 4}.items():
        if kept_for(built, queue) != days * DAY:
            yield f"{queue}: {kept_for(built, queue)} s"


@CONNECTOR.invariant(
    change("Parameters RetryWindowHours MaxValue", 96),
    change("Resources QueueWorkerFunction Properties Environment Variables RETRY_WINDOW_HOURS", 200),
    change(f"{QUEUE} MessageRetentionPeriod", 604_800),
    change(f"{QUEUE} VisibilityTimeout", 480),
)
def a_message_that_crashes_the_worker_is_parked_before_sqs_deletes_it(built: Built) -> Wrongs:
    # Once its retry window has ended, a receive parks a message unless the worker dies of it; then it is hidden for as
    # long as the visibility timeout. So all the receives there are may follow the window, at that pace.
    chosen = built.with_parameters(RetryWindowHours=built.allowed("RetryWindowHours")[-1])
    worker = chosen.of_type("AWS::Lambda::Function")["QueueWorkerFunction"]
    window = int(worker["Environment"]["Variables"]["RETRY_WINDOW_HOURS"]) * 3600
    queue = queues(chosen)["RequestsQueue"]
    longest = window + queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    if kept_for(chosen, "RequestsQueue") <= longest:
        yield f"RequestsQueue: {longest} s until the receive count ends a crash loop"


@CONNECTOR.invariant(
    change("Parameters LedgerDays MinValue", 20),
    change("Parameters RetryWindowHours MaxValue", 97),
    change("Globals Function Environment Variables LEDGER_DAYS", 7),
)
def the_ledger_remembers_longer_than_a_request_can_wait_be_parked_and_wait_again(built: Built) -> Wrongs:
    days, hours = built.allowed("LedgerDays")[0], built.allowed("RetryWindowHours")[-1]
    for name, function in built.with_parameters(LedgerDays=days).of_type("AWS::Lambda::Function").items():
        remembered = int(function["Environment"]["Variables"]["LEDGER_DAYS"])
        if remembered * DAY <= 2 * hours * 3600 + kept_for(built, "ParkedQueue"):
            yield f"{name}: {remembered} days"
