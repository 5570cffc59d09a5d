"""Who is told of what: seven alarms, by a topic that only alarms of this account reach."""

from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR, EMAIL
from tests.template.invariants.invariant import Wrongs, change, without

PARKED = "Resources ParkedRequests Properties"
POLICY = "Resources AlarmTopicPolicy Properties PolicyDocument Statement"
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


def alarms(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::CloudWatch::Alarm")


def watched(alarm: dict[str, Any]) -> tuple[object, ...]:
    dimensions = tuple((one["Name"], one["Value"]) for one in alarm["Dimensions"])
    statistics = "".join(alarm.get(which, "") for which in ("Statistic", "ExtendedStatistic"))
    return alarm["Namespace"], alarm["MetricName"], dimensions, statistics, alarm["Threshold"]


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
    without("Resources HttpFunctionErrors"),
    without("Resources Bugs"),
    change("Resources Bugs Properties Threshold", 5),
    change("Resources UnknownOutcomes Condition", "HasAlarmEmail"),
    change(f"{PARKED} Dimensions 0 Value", {"Fn::GetAtt": ["ResultsQueue", "QueueName"]}),
    change("Resources WorkerErrors Properties Dimensions 1 Value", {"Ref": "QueueWorkerFunction"}),
    change("Resources OldestRequest Properties MetricName", "AgeOfOldestMessage"),
    change("Resources OldestRetry Properties ExtendedStatistic", "p99"),  # beside the statistic: CloudWatch refuses it
    change("Resources CredentialsRefused Properties Threshold", 5),
    change("Resources UnknownOutcomes Properties ComparisonOperator", "LessThanThreshold"),
)
def an_alarm_goes_off_when_what_it_watches_is_too_much(built: Built) -> Wrongs:
    expected = WATCHED | OF_A_CANARY
    yield from (f"{name}: is it an alarm?" for name in alarms(built).keys() ^ expected.keys())
    for name, alarm in alarms(built).items():
        if watched(alarm) != expected.get(name) or alarm["ComparisonOperator"] != "GreaterThanThreshold":
            yield f"{name}: {alarm['ComparisonOperator']} {watched(alarm)}"


@CONNECTOR.invariant(
    without(f"{PARKED} AlarmActions"),
    change("Resources Bugs Properties AlarmActions", [{"Ref": "AlarmTopic"}]),
    change(f"{PARKED} OKActions", []),
    change(f"{PARKED} ActionsEnabled", value=False),
    change(f"{PARKED} TreatMissingData", "breaching"),  # where nothing happens nothing is wrong
    without(f"{PARKED} TreatMissingData"),
)
def seven_alarms_tell_the_topic_when_they_go_off_and_when_they_are_over(built: Built) -> Wrongs:
    for name, alarm in alarms(built).items():
        told, topic = (alarm.get("AlarmActions"), alarm.get("OKActions")), ["${AlarmTopic}"]
        if told != ((topic, topic) if name in WATCHED else (None, None)) or not alarm.get("ActionsEnabled", True):
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
