"""docs/policies: what CloudFormation does in the pipeline's name is allowed, and nothing else.

The emulator does not ask whether whoever deploys may make a resource, so this is held against AWS's own lists instead:
the permissions that each resource type's handlers name in its schema (CloudFormation, `describe-type`), less those of
properties that the template does not use. Four types have no handlers there: their actions are those of their API.
"""

import json
from typing import Any

import pytest

from sandbox.template import REPOSITORY
from tests.template.invariants.connector import CONNECTOR

POLICIES = REPOSITORY / "docs" / "policies"
DOCUMENT = json.loads((POLICIES / "pipeline-cloudformation.json").read_text())
KEY = "UseYourKeyOrDeleteThisWithoutKmsKeyArn"
API = "apigateway: GET POST PUT PATCH DELETE"
NEEDED = {
    "AWS::ApiGateway::ApiKey": API,
    "AWS::ApiGateway::Deployment": API,
    "AWS::ApiGateway::RestApi": f"{API} UpdateRestApiPolicy",
    "AWS::ApiGateway::Stage": API,
    "AWS::ApiGateway::UsagePlan": API,
    "AWS::ApiGateway::UsagePlanKey": API,
    "AWS::CloudWatch::Alarm": "cloudwatch: PutMetricAlarm DescribeAlarms DeleteAlarms TagResource UntagResource "
    "ListTagsForResource",
    "AWS::CloudWatch::Dashboard": "cloudwatch: PutDashboard GetDashboard DeleteDashboards",
    "AWS::CodeDeploy::Application": "codedeploy: CreateApplication GetApplication DeleteApplication TagResource "
    "UntagResource ListTagsForResource",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy: CreateDeploymentGroup GetDeploymentGroup UpdateDeploymentGroup "
    "DeleteDeploymentGroup; iam: PassRole",  # no handlers
    "AWS::DynamoDB::Table": "dynamodb: CreateTable DescribeTable UpdateTable DeleteTable DescribeTimeToLive "
    "UpdateTimeToLive DescribeContinuousBackups DescribeContributorInsights DescribeKinesisStreamingDestination "
    "GetResourcePolicy TagResource UntagResource ListTagsOfResource",
    "AWS::Events::Rule": "events: PutRule PutTargets RemoveTargets DeleteRule DescribeRule ListTargetsByRule "
    "TagResource UntagResource ListTagsForResource",  # no handlers
    "AWS::IAM::Policy": "iam: PutRolePolicy GetRolePolicy DeleteRolePolicy",
    "AWS::IAM::Role": "iam: CreateRole GetRole UpdateRole DeleteRole UpdateAssumeRolePolicy PutRolePolicy "
    "GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies PutRolePermissionsBoundary "
    "DeleteRolePermissionsBoundary TagRole UntagRole",
    "AWS::Lambda::Alias": "lambda: CreateAlias GetAlias UpdateAlias DeleteAlias GetProvisionedConcurrencyConfig; "
    "codedeploy: CreateDeployment GetDeployment GetDeploymentGroup GetDeploymentConfig StopDeployment",
    "AWS::Lambda::EventSourceMapping": "lambda: CreateEventSourceMapping GetEventSourceMapping "
    "UpdateEventSourceMapping DeleteEventSourceMapping TagResource UntagResource ListTags",
    "AWS::Lambda::Function": "lambda: CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration "
    "DeleteFunction PutFunctionConcurrency DeleteFunctionConcurrency GetFunctionCodeSigningConfig GetLayerVersion "
    "GetRuntimeManagementConfig TagResource UntagResource ListTags; iam: PassRole",
    "AWS::Lambda::LayerVersion": "lambda: PublishLayerVersion GetLayerVersion DeleteLayerVersion",
    "AWS::Lambda::Permission": "lambda: AddPermission GetPolicy RemovePermission",  # no handlers
    "AWS::Lambda::Version": "lambda: PublishVersion GetFunctionConfiguration GetProvisionedConcurrencyConfig "
    "GetRuntimeManagementConfig DeleteFunction",
    "AWS::Logs::LogGroup": "logs: CreateLogGroup DescribeLogGroups DeleteLogGroup PutRetentionPolicy "
    "DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey GetDataProtectionPolicy TagResource UntagResource "
    "ListTagsForResource",
    "AWS::SNS::Subscription": "sns: Subscribe GetSubscriptionAttributes Unsubscribe",  # no handlers
    "AWS::SNS::Topic": "sns: CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListSubscriptionsByTopic "
    "GetDataProtectionPolicy TagResource UntagResource ListTagsForResource",
    "AWS::SNS::TopicPolicy": "sns: SetTopicAttributes",
    "AWS::SQS::Queue": "sqs: CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue TagQueue "
    "UntagQueue ListQueueTags",
    "AWS::SQS::QueuePolicy": "sqs: SetQueueAttributes",
    "AWS::SecretsManager::Secret": "secretsmanager: CreateSecret DescribeSecret GetSecretValue UpdateSecret "
    "DeleteSecret TagResource UntagResource",
    "AWS::WAFv2::WebACLAssociation": "wafv2: AssociateWebACL DisassociateWebACL GetWebACL GetWebACLForResource; "
    "apigateway: SetWebACL",
}
# What has no name of the stack's in its ARN: CloudFormation or the service makes the name.
NAMELESS = {"apigateway", "wafv2", "dashboard", "deploymentconfig", "event-source-mapping", "secret"}


def actions_of(needed: str) -> set[str]:
    services = (part.split(": ") for part in needed.split("; "))
    return {f"{service}:{name}" for service, names in services for name in names.split()}


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_every_type_of_resource_in_the_template_is_in_this_proof_and_no_other() -> None:
    # CodeDeploy's are made with CanaryDeployments, which has tests of its own.
    canary = {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"}
    made = {resource["Type"] for mode in CONNECTOR.modes for resource in CONNECTOR.built(mode).resources.values()}

    assert made | canary == NEEDED.keys()


def test_the_policy_allows_what_the_types_need_and_nothing_else() -> None:
    allowed = {
        action
        for statement in DOCUMENT["Statement"]
        if statement["Sid"] != KEY
        for action in as_list(statement["Action"])
    }

    assert allowed == set().union(*map(actions_of, NEEDED.values()))


@pytest.mark.parametrize("statement", DOCUMENT["Statement"], ids=lambda statement: statement["Sid"])
def test_all_of_it_is_for_cloudformation_alone(statement: dict[str, Any]) -> None:
    called_via = statement["Condition"]["ForAnyValue:StringEquals"]["aws:CalledVia"]

    assert (statement["Effect"], called_via) == ("Allow", "cloudformation.amazonaws.com")


@pytest.mark.parametrize("statement", DOCUMENT["Statement"], ids=lambda statement: statement["Sid"])
def test_it_is_for_this_stacks_resources_where_they_have_its_name(statement: dict[str, Any]) -> None:
    actions = set(as_list(statement["Action"]))
    for resource in as_list(statement["Resource"]):
        if resource == "*":  # these have no resources, or are found by listing all
            assert actions <= {
                "lambda:CreateEventSourceMapping",
                "logs:DescribeLogGroups",
                "sns:GetSubscriptionAttributes",
                "sns:Unsubscribe",
            }
        elif actions == {"cloudwatch:DescribeAlarms"}:
            assert resource.endswith(":alarm:*")
        elif resource != "KMS_KEY_ARN" and not any(f":{kind}" in resource for kind in NAMELESS):
            assert "STACK-*" in resource


def test_no_role_can_be_passed_to_another_service() -> None:
    [statement] = [one for one in DOCUMENT["Statement"] if "iam:PassRole" in as_list(one["Action"])]

    assert statement["Action"] == ["iam:PassRole"]
    assert statement["Condition"]["StringEquals"] == {
        "iam:PassedToService": ["lambda.amazonaws.com", "codedeploy.amazonaws.com"]
    }


# Characters without blanks: IAM, "IAM and AWS STS quotas".
@pytest.mark.parametrize(
    ("name", "most"), [("operator", 6144), ("pipeline", 6144), ("pipeline-cloudformation", 10_240)]
)
def test_a_policy_is_short_enough_for_a_managed_policy_or_at_least_for_one_of_the_role(name: str, most: int) -> None:
    content = json.loads((POLICIES / f"{name}.json").read_text())

    assert len(json.dumps(content, separators=(",", ":"))) + 500 < most  # the names filled in
