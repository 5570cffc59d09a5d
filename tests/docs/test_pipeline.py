"""The example of a pipeline: pinned, built once and attested, no role where tools are installed; and its policies.

The emulator does not ask whether whoever deploys may make a resource, so what CloudFormation does in the pipeline's
name is held against AWS's own lists: the permissions that each resource type's handlers name in its schema, which
cfn-lint brings, less those of properties that the template does not use.
"""

import json
import re
import tomllib
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse

from sandbox import REPOSITORY
from sandbox.template import source_template
from tests.docs.documents import DOCS, fenced, marked, sections
from tests.template.invariants.built import MODES, built_in, built_with

PAGE = sections((DOCS / "operation.md").read_text())["A pipeline"]
TEXT = (DOCS / "pipeline.yaml").read_text()
JOBS: dict[str, Any] = yaml_parse(TEXT)["jobs"]
INSTALLS = re.compile(r"\b(pip|npm|npx|curl|wget|make|apt-get|setup-\w+)\b")


def steps(job: str) -> list[str]:
    """Return what each step runs or uses."""
    return [step.get("run", "") + step.get("uses", "") for step in JOBS[job]["steps"]]


def place(job: str, part: str) -> int:
    [found] = [number for number, step in enumerate(steps(job)) if part in step]
    return found


def role(job: str) -> Any:
    return JOBS[job]["steps"][place(job, "configure-aws-credentials")]["with"]["role-to-assume"]


def test_each_job_needs_the_one_before_it_and_only_the_test_job_gets_no_id_token() -> None:
    chain = ["test", "build", "staging", "staging-check", "prod", "prod-check"]

    assert {name: job.get("needs") for name, job in JOBS.items()} == dict(zip(chain, [None, *chain], strict=False))
    assert JOBS["build"]["if"] == "github.ref == 'refs/heads/main'"  # nothing is built for a pull request
    may = {name for name, job in JOBS.items() if "id-token" in job.get("permissions", {})}
    assert may == JOBS.keys() - {"test"}
    assert yaml_parse(TEXT)["permissions"] == {"contents": "read"}


def test_every_action_is_pinned_to_a_commit_with_its_version_as_comment() -> None:
    actions = {step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step}

    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)
    assert all(f"{action}  # v" in TEXT for action in actions)
    assert len({action.split("@")[0] for action in actions}) == len(actions)  # one commit each


def test_only_the_build_job_builds_and_it_installs_no_development_tools() -> None:
    assert [job for job in JOBS if any("sam build" in step for step in steps(job))] == ["build"]
    assert [step for step in steps("build") if re.search(r"\b(make|pip)\b|\.venv", step)] == []


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_a_stage_verifies_the_attested_build_before_it_takes_its_role_and_installs_nothing(stage: str) -> None:
    verified = place(stage, "gh attestation verify built.tar.gz --repo")

    assert place("build", "actions/attest-build-provenance") > place("build", "tar --create --gzip --file built.tar.gz")
    assert verified < place(stage, "configure-aws-credentials") < place(stage, f"sam deploy --config-env {stage} ")
    assert [step for step in steps(stage) if INSTALLS.search(step)] == []
    assert (JOBS[stage]["environment"], JOBS[f"{stage}-check"]["environment"]) == (stage, f"{stage}-check")
    assert role(stage) == "${{ vars.DEPLOYMENT_ROLE_ARN }}"
    assert role(f"{stage}-check") == "${{ vars.OPERATOR_ROLE_ARN }}"
    assert place(f"{stage}-check", "make operate") < place(f"{stage}-check", "configure-aws-credentials")


def test_prod_deploys_as_a_canary_that_the_alarms_on_the_page_roll_back() -> None:
    prod = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]
    preference = source_template()["Globals"]["Function"]["DeploymentPreference"]

    assert "CanaryDeployments=true" in prod["parameter_overrides"]
    alarms = re.findall(r"'Ref': '(\w+)'", str(preference["Alarms"]))  # one of them under a condition
    assert set(alarms) - {"AWS::NoValue"} <= set(marked(PAGE))


# Policies

POLICIES = DOCS / "policies"
STATEMENTS = json.loads((POLICIES / "pipeline-cloudformation.json").read_text())["Statement"]
KEY = "UseYourKeyOrDeleteThisWithoutKmsKeyArn"
# What AWS's handlers need for properties that the template does not use, or by other ways to the same end.
OF_OTHER_PROPERTIES = {
    "codedeploy": "GetApplicationRevision ListDeployments RegisterApplicationRevision RegisterOnPremisesInstance",
    "dynamodb": "AssociateTableReplica BatchWriteItem CreateTableReplica DeleteItem DeleteResourcePolicy "
    "DescribeImport DisableKinesisStreamingDestination EnableKinesisStreamingDestination GetItem ImportTable PutItem "
    "PutResourcePolicy Query Scan UpdateContinuousBackups UpdateContributorInsights UpdateItem "
    "UpdateKinesisStreamingDestination",
    "iam": "AttachRolePolicy CreateServiceLinkedRole DeleteGroupPolicy DeleteUserPolicy DetachRolePolicy "
    "GetGroupPolicy GetUserPolicy PutGroupPolicy PutUserPolicy UpdateRoleDescription",
    "lambda": "DeleteFunctionCodeSigningConfig DeleteProvisionedConcurrencyConfig GetCodeSigningConfig "
    "GetFunctionRecursionConfig GetFunctionScalingConfig ListVersionsByFunction PassCapacityProvider "
    "PutFunctionCodeSigningConfig PutFunctionRecursionConfig PutFunctionScalingConfig PutProvisionedConcurrencyConfig "
    "PutRuntimeManagementConfig",
    "logs": "CreateLogDelivery CreateLogStream DeleteDataProtectionPolicy DeleteIndexPolicy DeleteResourcePolicy "
    "DescribeIndexPolicies DescribeLogStreams DescribeResourcePolicies PutBearerTokenAuthentication "
    "PutDataProtectionPolicy PutIndexPolicy PutLogEvents PutLogGroupDeletionProtection PutResourcePolicy",
    "secretsmanager": "GetRandomPassword RemoveRegionsFromReplication ReplicateSecretToRegions",
    "sns": "PutDataProtectionPolicy SetSubscriptionAttributes",
    "wafv2": "GetPermissionPolicy PutPermissionPolicy",
}
# What has no name of the stack's in its ARN: CloudFormation or the service makes the name.
NAMELESS = {"apigateway", "wafv2", "dashboard", "deploymentconfig", "event-source-mapping", "secret"}
# These have no resources, or are found by listing all.
OF_EVERYTHING = {
    *("lambda:CreateEventSourceMapping", "logs:DescribeLogGroups"),
    *("sns:GetSubscriptionAttributes", "sns:Unsubscribe"),
}


def as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_the_pipeline_policy_allows_what_the_resource_types_of_the_template_need_and_nothing_else() -> None:
    modes = [built_in(mode) for mode in MODES] + [built_with(CanaryDeployments="true")]
    handlers = [
        PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema["handlers"]
        for kind in {resource["Type"] for mode in modes for resource in mode.resources.values()}
    ]
    changes = [one[change] for one in handlers for change in ("create", "read", "update", "delete") if change in one]
    listed = {action for one in changes for action in one["permissions"]}
    allowed = {action for one in STATEMENTS if one["Sid"] != KEY for action in as_list(one["Action"])}
    services = {action.partition(":")[0] for action in allowed}
    left_out = {f"{service}:{name}" for service, names in OF_OTHER_PROPERTIES.items() for name in names.split()}

    assert left_out <= listed
    assert allowed == {action for action in listed if action.partition(":")[0] in services} - left_out


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement["Sid"])
def test_every_statement_is_limited_to_calls_via_cloudformation_and_to_resources_of_the_stack(
    statement: dict[str, Any],
) -> None:
    called_via = statement["Condition"]["ForAnyValue:StringEquals"]["aws:CalledVia"]
    actions = set(as_list(statement["Action"]))

    assert (statement["Effect"], called_via) == ("Allow", "cloudformation.amazonaws.com")
    for resource in as_list(statement["Resource"]):
        if resource == "*":
            assert actions <= OF_EVERYTHING
        elif actions == {"cloudwatch:DescribeAlarms"}:
            assert resource.endswith(":alarm:*")
        elif resource != "KMS_KEY_ARN" and not any(f":{kind}" in resource for kind in NAMELESS):
            assert "STACK-*" in resource
    if "iam:PassRole" in actions:
        services = statement["Condition"]["StringEquals"]["iam:PassedToService"]
        assert (actions, services) == ({"iam:PassRole"}, ["lambda.amazonaws.com", "codedeploy.amazonaws.com"])


# Characters without blanks: IAM, "IAM and AWS STS quotas".
@pytest.mark.parametrize(
    ("name", "most"), [("install", 6144), ("operator", 6144), ("pipeline", 6144), ("pipeline-cloudformation", 10_240)]
)
def test_each_policy_fits_the_size_limit_of_the_kind_of_policy_it_is_used_as(name: str, most: int) -> None:
    content = json.loads((POLICIES / f"{name}.json").read_text())

    assert len(json.dumps(content, separators=(",", ":"))) + 500 < most  # the names filled in


def test_the_policy_for_the_install_page_allows_what_its_commands_call_and_nothing_else() -> None:
    page = (DOCS / "install.md").read_text().partition("## Nested")[0]
    calls = re.findall(r"\baws ([a-z]+) ((?:[a-z]+-)+[a-z]+)", "".join(fenced(page, "sh")))
    called = {f"{service}:{words.title().replace('-', '')}" for service, words in calls if service != "configure"}
    of_curl_and_cloudformation = {"execute-api:Invoke", "cloudformation:CreateChangeSet", "s3:GetObject"}

    statements = json.loads((POLICIES / "install.json").read_text())["Statement"]
    allowed = {action for one in statements if one["Sid"] != KEY for action in as_list(one["Action"])}
    assert allowed == called | of_curl_and_cloudformation
    assert [one["Sid"] for one in statements if "*" in as_list(one["Resource"])] == []
