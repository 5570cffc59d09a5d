"""What somebody is told: every alarm, by a topic that only alarms of this account reach; and what a dashboard shows."""

import json
import re
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR, EMAIL
from tests.template.invariants.invariant import Wrongs, change, without

PARKED = "Resources ParkedRequests Properties"
POLICY = "Resources AlarmTopicPolicy Properties PolicyDocument Statement"
STACK = ("Stack", "${AWS::StackName}")
WORKER = (("FunctionName", "${QueueWorkerFunction}"), ("Resource", "${QueueWorkerFunction}:live"))
HTTP_API = (("FunctionName", "${HttpApiFunction}"), ("Resource", "${HttpApiFunction}:live"))
API = (("ApiName", "${AWS::StackName}"), ("Stage", "live"))

# What each alarm watches. The names and dimensions of AWS's own metrics are those of its documentation:
# SQS https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# Lambda https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html: an alias is a Resource
# API Gateway https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
WATCHED: dict[str, tuple[str, str, tuple[tuple[str, str], ...], str, float]] = {
    "ParkedRequests": (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", "${ParkedQueue.QueueName}"),)),
        *("Maximum", 0),
    ),
    "OldestRetry": ("PersonalLink", "RetryAge", (STACK,), "Maximum", 1800),
    "OldestRequest": (
        *("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "${RequestsQueue.QueueName}"),)),
        *("Maximum", 3600),
    ),
    "RequestsInFlight": (
        *("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", (("QueueName", "${RequestsQueue.QueueName}"),)),
        *("Maximum", 100_000),
    ),
    "UnknownOutcomes": ("PersonalLink", "UnknownOutcomes", (STACK,), "Sum", 0),
    "CredentialsRefused": ("PersonalLink", "SetupFaults", (STACK,), "Sum", 0),
    "MappingNotFound": ("PersonalLink", "Outcomes", (STACK, ("Code", "mapping_not_found")), "Sum", 0),
    "WorkerErrors": ("AWS/Lambda", "Errors", WORKER, "Sum", 0),
    "WorkerThrottles": ("AWS/Lambda", "Throttles", WORKER, "Sum", 0),
    "HttpErrors": ("AWS/ApiGateway", "5XXError", API, "Sum", 5),
    "HttpFunctionErrors": ("AWS/Lambda", "Errors", HTTP_API, "Sum", 0),
    "HttpLatency": ("AWS/ApiGateway", "Latency", API, "p99", 10_000),
    "TokenFetchRate": ("PersonalLink", "TokenFetches", (STACK,), "Sum", 30),
    "Bugs": ("PersonalLink", "Bugs", (STACK,), "Sum", 0),
}


LONGEST_DELAY = 900  # seconds between two retries at most, as errors.CODES has it


def alarms(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::CloudWatch::Alarm")


@CONNECTOR.invariant(
    without("Resources OldestRetry Properties DatapointsToAlarm"),
    change("Resources OldestRetry Properties EvaluationPeriods", 3),
)
def the_alarm_of_old_retries_rings_on_between_two_of_them(built: Built) -> Wrongs:
    alarm = alarms(built)["OldestRetry"]
    lasts = alarm["Period"] * (alarm["EvaluationPeriods"] - 1)
    if alarm.get("DatapointsToAlarm") != 1 or lasts < LONGEST_DELAY:
        yield f"OldestRetry: {alarm.get('DatapointsToAlarm')} in {lasts} s"


@CONNECTOR.invariant(
    without("Resources Bugs"),
    change("Resources Bugs Condition", "SomebodyIsTold"),
    change(f"{PARKED} Dimensions 0 Value", {"Fn::GetAtt": ["ResultsQueue", "QueueName"]}),
    change("Resources MappingNotFound Properties Dimensions 1 Value", "mapping_not_there"),
    change("Resources WorkerErrors Properties Dimensions 1 Value", {"Ref": "QueueWorkerFunction"}),
    change("Resources HttpErrors Properties Dimensions 0 Value", {"Ref": "PersonalLinkApi"}),  # its id, not its name
    change("Resources HttpLatency Properties Statistic", "Average"),  # beside the percentile: CloudWatch refuses it
    change("Resources TokenFetchRate Properties Threshold", 0),
    change("Resources UnknownOutcomes Properties ComparisonOperator", "LessThanThreshold"),
)
def an_alarm_goes_off_when_what_it_watches_is_too_much(built: Built) -> Wrongs:
    yield from (f"{name}: is it an alarm?" for name in alarms(built).keys() ^ WATCHED.keys())
    for name, alarm in alarms(built).items():
        dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
        statistics = "".join(alarm.get(which, "") for which in ("Statistic", "ExtendedStatistic"))
        watched = (alarm["Namespace"], alarm["MetricName"], dimensions, statistics, alarm["Threshold"])
        if watched != WATCHED.get(name) or alarm["ComparisonOperator"] != "GreaterThanThreshold":
            yield f"{name}: {alarm['ComparisonOperator']} {watched}"


@CONNECTOR.invariant(
    change("Resources PersonalLinkApi Properties DefinitionBody info title", "Personal links"),
    change("Resources PersonalLinkApi Properties StageName", "v1"),
)
def the_api_has_the_name_and_stage_that_its_alarms_watch(built: Built) -> Wrongs:
    for name, api in built.of_type("AWS::ApiGateway::RestApi").items():
        if api.get("Name", api["Body"]["info"]["title"]) != "${AWS::StackName}":
            yield f"{name}: {api['Body']['info']['title']}"
    for name, stage in built.of_type("AWS::ApiGateway::Stage").items():
        if stage["StageName"] != "live":
            yield f"{name}: {stage['StageName']}"


@CONNECTOR.invariant(
    without(f"{PARKED} AlarmActions"),
    change(f"{PARKED} OKActions", []),
    change(f"{PARKED} ActionsEnabled", value=False),
    change(f"{PARKED} TreatMissingData", "breaching"),  # where nothing happens nothing is wrong
    without(f"{PARKED} TreatMissingData"),
)
def an_alarm_tells_the_topic_when_it_goes_off_and_when_it_is_over(built: Built) -> Wrongs:
    for name, alarm in alarms(built).items():
        told = (alarm.get("AlarmActions"), alarm.get("OKActions"))
        if told != (["${AlarmTopic}"], ["${AlarmTopic}"]) or not alarm.get("ActionsEnabled", True):
            yield f"{name}: {told}"
        if alarm.get("TreatMissingData") != "notBreaching":
            yield f"{name}: {alarm.get('TreatMissingData')}"


@CONNECTOR.invariant(
    without("Resources AlarmSubscription"),
    without("Resources AlarmSubscription Condition"),
    change("Resources AlarmSubscription Properties Endpoint", EMAIL),
    change("Resources AlarmSubscription Properties Protocol", "sms"),
)
def the_address_that_is_given_is_told_and_nobody_else(built: Built) -> Wrongs:
    given = built.parameters["AlarmEmail"]
    expected = [{"TopicArn": "${AlarmTopic}", "Protocol": "email", "Endpoint": given}] if given else []
    if list(built.of_type("AWS::SNS::Subscription").values()) != expected:
        yield f"AlarmSubscription: {built.of_type('AWS::SNS::Subscription')}"
    elsewhere = built.with_parameters(AlarmEmail="another@example.com").of_type("AWS::SNS::Subscription")
    if [one["Endpoint"] for one in elsewhere.values()] != ["another@example.com"]:
        yield f"AlarmSubscription: {elsewhere}"


@CONNECTOR.invariant(
    without(f"{POLICY} 0 Condition"),
    change(f"{POLICY} 0 Condition ArnLike aws:SourceArn", "arn:aws:cloudwatch:*:*:alarm:*"),
    change(f"{POLICY} 0 Principal", "*"),
    change(f"{POLICY} 0 Principal Service", "events.amazonaws.com"),
    change(f"{POLICY} 0 Action", "sns:*"),
    without(f"{POLICY} 1"),
    change(f"{POLICY} +", {"Effect": "Allow", "Principal": "*", "Action": "sns:Subscribe", "Resource": "*"}),
    change("Resources AlarmTopicPolicy Properties Topics", []),
    change("Resources OtherTopic", {"Type": "AWS::SNS::Topic"}),
)
def only_this_accounts_alarms_speak_by_the_topic_and_not_over_plain_http(built: Built) -> Wrongs:
    alarm_of_this_account = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    statement = {"Action": "sns:Publish", "Resource": "${AlarmTopic}"}
    expected = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            **statement,
            "Condition": {"ArnLike": {"aws:SourceArn": alarm_of_this_account}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            **statement,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    for name in built.of_type("AWS::SNS::Topic"):
        found = [one for one in built.of_type("AWS::SNS::TopicPolicy").values() if one["Topics"] == [f"${{{name}}}"]]
        if [one["PolicyDocument"]["Statement"] for one in found] != [expected]:
            yield f"{name}: {found}"


DASHBOARD = "Resources Dashboard Properties DashboardBody"


@CONNECTOR.invariant(
    change(DASHBOARD, {"Fn::Sub": '{"widgets": []}'}),
    change(DASHBOARD, {"Fn::Sub": '{"widgets": [}'}),
    change("Resources OneMore", {"Type": "AWS::CloudWatch::Alarm", "Properties": {}}),
)
def the_dashboard_answers_its_questions_from_top_to_bottom(built: Built) -> Wrongs:
    [board] = built.of_type("AWS::CloudWatch::Dashboard").values()
    try:
        widgets = json.loads(board["DashboardBody"])["widgets"]
    except ValueError as error:
        yield f"Dashboard: {error}"
        return
    questions = [one["properties"]["title"] for one in sorted(widgets, key=lambda one: (one["y"], one["x"]))]
    asked = [re.split(r"(?<=[?]) ?", question)[0] for question in questions if "?" in question]
    if asked != ["Is it healthy?", "What is failing?", "How slow is CustomerGauge?", "What waits?"]:
        yield f"Dashboard: {questions}"
    shown = [arn for one in widgets if one["type"] == "alarm" for arn in one["properties"]["alarms"]]
    if sorted(shown) != sorted(f"${{{name}.Arn}}" for name in alarms(built)):
        yield f"Dashboard: {shown}"
