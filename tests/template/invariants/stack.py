"""The stack as a whole: every part is there in every mode, and a second stack beside it is no trouble."""

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as CLOUDFORMATION

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
    change("Resources PersonalLinkRequestedRule Condition", "UseApiKey"),
    change("Resources ParkedQueue Condition", "UseAccessLogs"),
    change("Resources LedgerTable Condition", "HasKmsKey"),
    without("Resources HttpApiLogGroup"),
    change("Resources DirectInvocationFunction Condition", "UseApiKey"),
    change("Resources AlarmTopic Condition", "HasAlarmEmail"),
)
def every_part_is_there_in_every_mode(built: Built) -> Wrongs:
    kinds = {name: resource["Type"] for name, resource in built.resources.items()}
    for name, kind in PARTS.items():
        if kinds.get(name) != kind:
            yield f"{name}: {kinds.get(name)}"


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


UNTAGGABLE = {  # to CloudFormation, and so is what belongs to a part that has the tags
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::IAM::Policy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::WAFv2::WebACLAssociation",
}
OF_SAM = {"Key": "lambda:createdBy", "Value": "SAM"}


@CONNECTOR.invariant(
    change("Resources Alias", {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/links"}}),
    change("Resources RequestsQueue Properties Tags", [{"Key": "CostCentre", "Value": "ours"}]),
    change("Resources PersonalLinkApi Properties Tags", {"CostCentre": "ours"}),
    change("Globals Function Tags", {"CostCentre": "ours"}),
)
def a_tag_of_the_stack_reaches_every_resource_that_can_have_one(built: Built) -> Wrongs:
    """CloudFormation hands a stack's tags to what its schemas call taggable; a tag of a resource's own goes before."""
    for name, resource in built.resources.items():
        tagging = CLOUDFORMATION.get_resource_schema("eu-west-1", resource["Type"]).schema.get(
            "tagging", {"taggable": False, "tagOnCreate": False}
        )
        if not (tagging["taggable"] and tagging["tagOnCreate"]) and resource["Type"] not in UNTAGGABLE:
            yield f"{name}: {resource['Type']} cannot have tags"
        own = resource.get("Properties", {}).get("Tags", [])
        if [tag for tag in own if tag != OF_SAM]:
            yield f"{name}: {own}"
