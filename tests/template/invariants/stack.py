"""The stack as a whole: every part is there in every mode, and a second stack beside it is no trouble."""

import re

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without

PARTS = {
    "PersonalLinkApi": "AWS::ApiGateway::RestApi",
    "PersonalLinkApiliveStage": "AWS::ApiGateway::Stage",
    "PersonalLinkRequestedRule": "AWS::Events::Rule",
    "RequestsQueue": "AWS::SQS::Queue",
    "ParkedQueue": "AWS::SQS::Queue",
    "ResultsQueue": "AWS::SQS::Queue",
    "HttpApiFunction": "AWS::Lambda::Function",
    "QueueWorkerFunction": "AWS::Lambda::Function",
    "DirectInvocationFunction": "AWS::Lambda::Function",
    "LedgerTable": "AWS::DynamoDB::Table",
    "HttpApiLogGroup": "AWS::Logs::LogGroup",
    "QueueWorkerLogGroup": "AWS::Logs::LogGroup",
    "DirectInvocationLogGroup": "AWS::Logs::LogGroup",
    "AlarmTopic": "AWS::SNS::Topic",
    "AlarmTopicPolicy": "AWS::SNS::TopicPolicy",
    "Dashboard": "AWS::CloudWatch::Dashboard",
}


@CONNECTOR.invariant(
    without("Resources PersonalLinkRequestedRule"),
    change("Resources PersonalLinkRequestedRule Condition", "CallersHaveAKey"),
    change("Resources ParkedQueue Condition", "CallsAreLogged"),
    change("Resources LedgerTable Condition", "CustomerHoldsTheKey"),
    without("Resources HttpApiLogGroup"),
    change("Resources DirectInvocationFunction Condition", "CallersHaveAKey"),
    change("Resources AlarmTopic Condition", "SomebodyIsTold"),
)
def every_part_is_there_in_every_mode(built: Built) -> Wrongs:
    kinds = {name: resource["Type"] for name, resource in built.resources.items()}
    for name, kind in PARTS.items():
        if kinds.get(name) != kind:
            yield f"{name}: {kinds.get(name)}"


@CONNECTOR.invariant(
    without("Resources HttpUsagePlanKey Condition"),
    without("Outputs ApiKeyId Condition"),
    change("Resources HttpAccessLogGroup Condition", "EnvironmentsAreRestored"),
    change("Globals Function Environment Variables CREDENTIALS_SECRET_ARN", {"Ref": "CredentialsSecret"}),
)
def nothing_refers_to_what_is_not_built_in_this_mode(built: Built) -> Wrongs:
    for name, item in {**built.resources, **built.outputs}.items():
        for missing in set(re.findall(r"\$\{(\w+)[.}]", str(item))) - built.resources.keys():
            yield f"{name}: {missing}"


NO_NAME = "CloudFormation makes one, with ${AWS::StackName} in it"


@CONNECTOR.invariant(
    change("Resources LedgerTable Properties TableName", "personal-link-ledger"),
    change("Resources ResultsQueue Properties QueueName", "results"),
    change("Resources QueueWorkerFunction Properties FunctionName", "queue-worker"),
    change("Resources HttpApiRole Properties RoleName", "http-api"),
    change("Resources CredentialsSecret Properties Name", "customergauge"),
    change("Resources PersonalLinkRequestedRule Properties Name", "personal-links"),
    change("Resources QueueWorkerLogGroup Properties LogGroupName", "/aws/lambda/queue-worker"),
    change("Resources ParkedRequests Properties AlarmName", "parked-requests"),
    change("Resources AlarmTopic Properties TopicName", "alarms"),
    change("Resources Dashboard Properties DashboardName", "personal-link"),
)
def two_stacks_fit_into_one_account(built: Built) -> Wrongs:
    names = {
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::DynamoDB::Table": "TableName",
        "AWS::Events::Rule": "Name",
        "AWS::IAM::Role": "RoleName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::SQS::Queue": "QueueName",
        "AWS::SecretsManager::Secret": "Name",
    }
    for name, resource in built.resources.items():
        own = resource.get("Properties", {}).get(names.get(resource["Type"]), NO_NAME)
        if "${AWS::StackName}" not in own:
            yield f"{name}: {own}"
