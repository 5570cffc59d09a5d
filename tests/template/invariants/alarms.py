"""What alarms and dashboard tell: seven alarms wake somebody, and the dashboard answers four questions."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.template.invariants.invariant import CONNECTOR, Built, Mutant, Wrongs, change, without

PARKED = "Resources ParkedRequests Properties"
STACK = ("Stack", "${AWS::StackName}")
WORKER = (("FunctionName", "${QueueWorkerFunction}"), ("Resource", "${QueueWorkerFunction}:live"))
HTTP_API = (("FunctionName", "${HttpApiFunction}"), ("Resource", "${HttpApiFunction}:live"))
REQUESTS_QUEUE, PARKED_QUEUE = ("QueueName", "${RequestsQueue.QueueName}"), ("QueueName", "${ParkedQueue.QueueName}")

# What each alarm watches. The names and dimensions of AWS's own metrics are those of its documentation:
# SQS https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# Lambda https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html: an alias is a Resource
WATCHED: dict[str, tuple[str, str, tuple[tuple[str, str], ...], str, float]] = {
    "ParkedRequests": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (PARKED_QUEUE,), "Maximum", 0),
    "OldestRetry": ("PersonalLink", "RetryAge", (STACK,), "Maximum", 1800),
    "OldestRequest": ("AWS/SQS", "ApproximateAgeOfOldestMessage", (REQUESTS_QUEUE,), "Maximum", 3600),
    "UnknownOutcomes": ("PersonalLink", "UnknownOutcomes", (STACK,), "Sum", 0),
    "CredentialsRefused": ("PersonalLink", "SetupFaults", (STACK,), "Sum", 0),
    "WorkerErrors": ("AWS/Lambda", "Errors", WORKER, "Sum", 0),
    "HttpFunctionErrors": ("AWS/Lambda", "Errors", HTTP_API, "Sum", 0),
}
OF_A_CANARY = {"Bugs": ("PersonalLink", "Bugs", (STACK,), "Sum", 0.0)}  # it takes a new version back, and tells nobody
LONGEST_DELAY = 900  # seconds between two retries at most, as errors.CODES has it
LONGEST_TURN = 1800  # seconds; as circuit_breaker has it, with all of its jitter


def alarms(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::CloudWatch::Alarm")


def watched(alarm: dict[str, Any]) -> tuple[object, ...]:
    dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
    statistics = "".join(alarm.get(which, "") for which in ("Statistic", "ExtendedStatistic"))
    return alarm["Namespace"], alarm["MetricName"], dimensions, statistics, alarm["Threshold"]


@CONNECTOR.invariant(
    without("Resources OldestRetry Properties DatapointsToAlarm"),
    change("Resources OldestRetry Properties EvaluationPeriods", 6),
    without("Resources CredentialsRefused Properties DatapointsToAlarm"),
    change("Resources CredentialsRefused Properties EvaluationPeriods", 3),
)
def the_alarms_of_retried_requests_stay_on_for_the_longest_retry_delay(built: Built) -> Wrongs:
    for name, longest in (("OldestRetry", LONGEST_TURN), ("CredentialsRefused", LONGEST_DELAY)):
        alarm = alarms(built)[name]
        lasts = alarm["Period"] * (alarm["EvaluationPeriods"] - 1)
        if alarm.get("DatapointsToAlarm") != 1 or lasts < longest:
            yield f"{name}: {alarm.get('DatapointsToAlarm')} in {lasts} s"


@CONNECTOR.invariant(
    without("Resources HttpFunctionErrors"),
    change(f"{PARKED} Dimensions 0 Value", {"Fn::GetAtt": ["ResultsQueue", "QueueName"]}),
    change("Resources WorkerErrors Properties Dimensions 1 Value", {"Ref": "QueueWorkerFunction"}),
    change("Resources CredentialsRefused Properties Threshold", 5),
    change("Resources UnknownOutcomes Properties ComparisonOperator", "LessThanThreshold"),
)
def each_alarm_has_its_metric_dimensions_and_threshold(built: Built) -> Wrongs:
    expected = WATCHED | OF_A_CANARY
    yield from (f"{name}: is it an alarm?" for name in alarms(built).keys() ^ expected.keys())
    for name, alarm in alarms(built).items():
        if watched(alarm) != expected.get(name) or alarm["ComparisonOperator"] != "GreaterThanThreshold":
            yield f"{name}: {alarm['ComparisonOperator']} {watched(alarm)}"


@CONNECTOR.invariant(
    without(f"{PARKED} AlarmActions"),
    change("Resources Bugs Properties AlarmActions", [{"Ref": "AlarmTopic"}]),
    change(f"{PARKED} ActionsEnabled", value=False),
    without(f"{PARKED} TreatMissingData"),
    change("Resources UnknownOutcomes Properties OKActions", [{"Ref": "AlarmTopic"}]),
)
def the_watched_alarms_notify_the_topic_when_they_start_and_when_what_they_tell_is_over(built: Built) -> Wrongs:
    topic = ["${AlarmTopic}"]
    for name, alarm in alarms(built).items():
        told = alarm.get("AlarmActions"), alarm.get("OKActions")
        # The metric of UnknownOutcomes ends after minutes, and the link stays lost.
        end = None if name == "UnknownOutcomes" else topic
        if told != ((topic, end) if name in WATCHED else (None, None)) or not alarm.get("ActionsEnabled", True):
            yield f"{name}: {told}"
        if alarm.get("TreatMissingData") != "notBreaching":
            yield f"{name}: {alarm.get('TreatMissingData')}"


BODY = "Resources Dashboard Properties DashboardBody"
TEXT: str = CONNECTOR.source()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
RESULTS_QUEUE = ("QueueName", "${ResultsQueue.QueueName}")
API = (("ApiName", "${AWS::StackName}"), ("Stage", "live"))  # the API's name is that of the stack
BY_CODE, BY_STATUS = (STACK, ("Code", "*")), (STACK, ("Status", "*"))

# Each metric with its dimensions and its statistic. Of AWS's own metrics see invariants/alarms.py and
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
SHOWN = {
    ("PersonalLink", "Outcomes", BY_CODE, "Sum"),
    ("PersonalLink", "TriedAgain", BY_CODE, "Sum"),
    ("PersonalLink", "Parked", BY_CODE, "Sum"),
    ("PersonalLink", "Refused", BY_CODE, "Sum"),
    ("PersonalLink", "Bugs", (STACK,), "Sum"),
    ("PersonalLink", "SetupFaults", (STACK,), "Sum"),
    ("PersonalLink", "UnknownOutcomes", (STACK,), "Sum"),
    ("AWS/Lambda", "Errors", WORKER, "Sum"),
    ("AWS/Lambda", "Throttles", WORKER, "Sum"),
    ("AWS/Lambda", "Errors", HTTP_API, "Sum"),
    ("AWS/ApiGateway", "Count", API, "Sum"),
    ("AWS/ApiGateway", "4XXError", API, "Sum"),
    ("AWS/ApiGateway", "5XXError", API, "Sum"),
    ("PersonalLink", "TokenFetches", (STACK,), "Sum"),
    ("PersonalLink", "CircuitOpens", (STACK,), "Sum"),
    ("PersonalLink", "VendorLatency", (STACK,), "p50"),
    ("PersonalLink", "VendorLatency", (STACK,), "p90"),
    ("PersonalLink", "VendorLatency", (STACK,), "p99"),
    ("PersonalLink", "VendorAnswers", BY_STATUS, "Sum"),
    ("AWS/ApiGateway", "Latency", API, "p50"),
    ("AWS/ApiGateway", "Latency", API, "p99"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (PARKED_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (RESULTS_QUEUE,), "Maximum"),
    ("PersonalLink", "RetryAge", (STACK,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (PARKED_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (RESULTS_QUEUE,), "Maximum"),
}


def with_text(before: str, after: str) -> Mutant:
    assert before in TEXT
    return change(BODY, {"Fn::Sub": TEXT.replace(before, after)})


def widgets(built: Built) -> list[dict[str, Any]]:
    [board] = built.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(board["DashboardBody"])["widgets"]
    return found


def shown(widget: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield the metrics of a widget, with what CloudWatch takes from the row before for "." and "..."."""
    before: list[str] = []
    for row in widget["properties"].get("metrics", []):
        *words, options = row if isinstance(row[-1], dict) else [*row, {}]
        if "expression" in options:
            yield searched(options["expression"])
            continue
        if words[0] == "...":
            words = [*before[: len(before) + 1 - len(words)], *words[1:]]
        before = [before[place] if word == "." else word for place, word in enumerate(words)]
        dimensions = tuple(zip(before[2::2], before[3::2], strict=True))
        yield before[0], before[1], dimensions, options.get("stat", widget["properties"].get("stat"))


def searched(expression: str) -> tuple[object, ...]:
    found = re.fullmatch(
        r"SEARCH\('{(\w+),Stack,(\w+)} MetricName=\"(\w+)\" Stack=\"(.+)\"', '(\w+)', 300\)", expression
    )
    assert found, expression
    namespace, dimension, metric, stack, statistic = found.groups()
    return namespace, metric, (("Stack", stack), (dimension, "*")), statistic


@CONNECTOR.invariant(
    with_text('"Bugs"', '"Bug"'),
    with_text('"SetupFaults", ".", "."', '"SetupFaults", "Code", "."'),
    with_text(
        '"${ParkedQueue.QueueName}"], ["...", "${ResultsQueue', '"${ResultsQueue.QueueName}"], ["...", "${ResultsQueue'
    ),
    with_text("{PersonalLink,Stack,Status}", "{PersonalLink,Stack,Code}"),
    with_text('"${HttpApiFunction}:live"', '"${HttpApiFunction}"'),
)
def the_dashboard_shows_exactly_the_listed_metrics(built: Built) -> Wrongs:
    found = {metric for widget in widgets(built) for metric in shown(widget)}
    yield from (f"Dashboard: {metric} {'too much' if metric in found else 'missing'}" for metric in found ^ SHOWN)


@CONNECTOR.invariant(
    with_text('"${OldestRetry.Arn}", ', ""),
    with_text("What waits?", "Waiting"),
)
def the_dashboard_has_its_four_questions_in_order_and_every_alarm(built: Built) -> Wrongs:
    found = widgets(built)
    questions = [one["properties"]["title"] for one in sorted(found, key=lambda one: (one["y"], one["x"]))]
    asked = [re.split(r"(?<=[?]) ?", question)[0] for question in questions if "?" in question]
    if asked != ["Is it healthy?", "What is failing?", "How slow is CustomerGauge?", "What waits?"]:
        yield f"Dashboard: {questions}"
    arns = [arn for one in found if one["type"] == "alarm" for arn in one["properties"]["alarms"]]
    if sorted(arns) != sorted(f"${{{name}.Arn}}" for name in alarms(built)):
        yield f"Dashboard: {arns}"


@CONNECTOR.invariant(change("Resources PersonalLinkApi Properties DefinitionBody info title", "Personal links"))
def the_api_is_named_after_the_stack_as_the_dashboard_expects(built: Built) -> Wrongs:
    for name, api in built.of_type("AWS::ApiGateway::RestApi").items():
        if api.get("Name", api["Body"]["info"]["title"]) != "${AWS::StackName}":
            yield f"{name}: {api['Body']['info']['title']}"
