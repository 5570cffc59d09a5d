"""Events reach the requests queue, whole and one way."""

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without

RULE = "Resources PersonalLinkRequestedRule Properties"
EVENTS = "Resources QueueWorkerFunction Properties Events"


@CONNECTOR.invariant(
    without(f"{RULE} Targets 0 RetryPolicy"),
    change(f"{RULE} Targets 0 RetryPolicy MaximumRetryAttempts", 0),
    without(f"{RULE} Targets 0 DeadLetterConfig"),
    change(f"{RULE} Targets 0 DeadLetterConfig Arn", {"Fn::GetAtt": ["ResultsQueue", "Arn"]}),
)
def the_rule_tries_again_and_then_keeps_what_it_could_not_deliver(built: Built) -> Wrongs:
    for name, rule in built.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if target.get("RetryPolicy") != {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}:
                yield f"{name}: {target.get('RetryPolicy')}"
            if target.get("DeadLetterConfig") != {"Arn": "${ParkedQueue.Arn}"}:
                yield f"{name}: {target.get('DeadLetterConfig')}"


@CONNECTOR.invariant(
    change(f"{RULE} Targets 0 Arn", {"Fn::GetAtt": ["QueueWorkerFunction", "Arn"]}),
    change(f"{RULE} Targets +", {"Id": "Worker", "Arn": {"Fn::GetAtt": ["QueueWorkerFunction", "Arn"]}}),
    change(f"{RULE} Targets 0 InputPath", "$.detail"),  # the event's id would be lost: the key of its request
    change(f"{EVENTS} Nightly", {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}),
)
def events_go_whole_to_the_requests_queue_and_nowhere_else(built: Built) -> Wrongs:
    for name, rule in built.of_type("AWS::Events::Rule").items():
        if [target["Arn"] for target in rule["Targets"]] != ["${RequestsQueue.Arn}"]:
            yield f"{name}: {rule['Targets']}"
        for target in rule["Targets"]:
            if {"Input", "InputPath", "InputTransformer"} & target.keys():
                yield f"{name}: the event is cut"


@CONNECTOR.invariant(
    without(f"{RULE} EventPattern detail-type"),
    change(f"{RULE} EventPattern detail-type", [{"prefix": ""}]),
    change(f"{RULE} EventPattern detail-type", [{"Fn::Join": [",", {"Ref": "EventDetailType"}]}]),
    change(f"{RULE} EventPattern", {"source": ["aws.s3"]}),
    without(f"{RULE} EventPattern source"),
    change(f"{RULE} EventPattern source", {"Ref": "EventSources"}),  # of no source there is no event
    without(f"{RULE} EventBusName"),
    change(f"{RULE} State", "DISABLED"),
)
def the_rule_listens_to_the_detail_types_of_the_sources_on_the_bus(built: Built) -> Wrongs:
    detail_types = {"detail-type": ["Visit Ended", "Order Paid"]}
    for sources, pattern in (("", detail_types), ("shop,crm", {"source": ["shop", "crm"], **detail_types})):
        chosen = built.with_parameters(
            EventDetailType="Visit Ended,Order Paid", EventBusName="crm", EventSources=sources
        )
        for name, rule in chosen.of_type("AWS::Events::Rule").items():
            heard = rule.get("EventBusName"), rule.get("EventPattern"), rule.get("State", "ENABLED")
            if heard != ("crm", pattern, "ENABLED"):
                yield f"{name}: {heard}"
