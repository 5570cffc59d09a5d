"""What is called is a published version, and every deployment that changes a function publishes a new one."""

from typing import Any

from sandbox.template import translated_template
from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without

GLOBALS = "Globals Function"
HTTP_API = "Resources HttpApiFunction Properties"
WORKER = "Resources QueueWorkerFunction Properties"
DIRECT = "Resources DirectInvocationFunction Properties"

# Another value of every parameter that has neither a list nor a range to take one from.
OTHERS = {
    "DefaultConfiguration": "another",
    "CredentialsSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:another-GhIjKl",
    "AuthBaseUrl": "https://another.example",
    "ImportsBaseUrl": "https://another.example",
    "AllowedIpRanges": "198.51.100.0/24",
    "WebAclArn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/x/22222222-2222-3333-4444-555555555555",
    "EventBusName": "another",
    "EventDetailType": "Another",
    "KnownHeadings": "Email,Phone",
    "AlarmEmail": "another@example.com",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-3333-4444-555555555555",
}


def another_value(built: Built, parameter: str) -> str | int:
    if parameter in OTHERS:
        return OTHERS[parameter]
    return next(value for value in built.allowed(parameter) if str(value) != built.parameters[parameter])


def version_of(built: Built, function: str) -> dict[str, Any]:
    version: dict[str, Any]
    (version,) = (
        version
        for version in built.of_type("AWS::Lambda::Version").values()
        if version["FunctionName"] == f"${{{function}}}"
    )
    return version


@CONNECTOR.invariant(
    change(f"{HTTP_API} VersionDescription", {"Fn::Sub": "${CustomerGaugeRegion} ${LedgerDays}"}),
    without(f"{WORKER} VersionDescription"),
    without(f"{DIRECT} VersionDescription"),
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "RetryWindowHours"}),
    change(f"{HTTP_API} VersionDescription Fn::Join 1 +", {"Ref": "RetryWindowHours"}),
    without("Resources PersonalLinkLayer Properties Description"),
    change(f"{GLOBALS} Environment Variables DETAIL_TYPE", {"Ref": "EventDetailType"}),
    change(f"{WORKER} Environment Variables REQUEST_DAYS", {"Ref": "RequestsRetentionDays"}),
)
def a_parameter_publishes_a_version_if_it_changes_the_function_and_only_then(built: Built) -> Wrongs:
    for parameter in built.parameters:
        other = built.with_parameters(**{parameter: another_value(built, parameter)})
        if parameter == "KnownHeadings":  # SAM makes a new layer of it
            other = Built(translated_template(built.source, **other.parameters), other.parameters, built.source)
        for name, function in built.of_type("AWS::Lambda::Function").items():
            changes = other.of_type("AWS::Lambda::Function")[name] != function
            publishes = version_of(other, name) != version_of(built, name)
            if changes != publishes:
                yield f"{name}: {parameter} changes it: {changes}, publishes a version: {publishes}"


@CONNECTOR.invariant(
    change(f"{GLOBALS} SnapStart ApplyOn", "PublishedVersions"),
    change(f"{GLOBALS} SnapStart ApplyOn", "None"),
    without(f"{GLOBALS} SnapStart"),
    change(f"{HTTP_API} SnapStart", {"ApplyOn": "None"}),
)
def environments_start_from_snapshots_if_that_is_asked_for(built: Built) -> Wrongs:
    expected = {"ApplyOn": "PublishedVersions" if built.parameters["SnapStart"] == "On" else "None"}
    for name, function in built.of_type("AWS::Lambda::Function").items():
        if function.get("SnapStart") != expected:
            yield f"{name}: {function.get('SnapStart')}"


@CONNECTOR.invariant(
    change(f"{WORKER} AutoPublishAlias", "current"),
)
def each_function_has_one_version_that_is_live(built: Built) -> Wrongs:
    aliases = {alias["FunctionName"]: alias for alias in built.of_type("AWS::Lambda::Alias").values()}
    for name in built.of_type("AWS::Lambda::Function"):
        alias = aliases.get(f"${{{name}}}", {})
        if alias.get("Name") != "live" or ".Version}" not in alias.get("FunctionVersion", ""):
            yield f"{name}: {alias}"


@CONNECTOR.invariant(
    without(f"{GLOBALS} VersionDeletionPolicy"),
    change(f"{GLOBALS} VersionDeletionPolicy", "Retain"),
)
def a_version_that_is_not_live_any_more_is_deleted_with_its_snapshot(built: Built) -> Wrongs:
    for name, resource in built.resources.items():
        if resource["Type"] == "AWS::Lambda::Version" and resource.get("DeletionPolicy") != "Delete":
            yield f"{name}: {resource.get('DeletionPolicy')}"


@CONNECTOR.invariant(
    without(f"{HTTP_API} AutoPublishAliasAllProperties"),
    without(f"{DIRECT} AutoPublishAliasAllProperties"),
    change(f"{WORKER} AutoPublishAliasAllProperties", False),  # noqa: FBT003  # the template's value
    without("Resources PersonalLinkLayer Properties PublishLambdaVersion"),
    without("Resources DependenciesLayer Properties PublishLambdaVersion"),
)
def whatever_changes_in_a_function_or_a_layer_publishes_a_version(built: Built) -> Wrongs:
    for name, resource in built.source["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            whole = {**built.source["Globals"]["Function"], **properties}
            if whole.get("AutoPublishAliasAllProperties") is not True:
                yield f"{name}: a version for new code only"
        if resource["Type"] == "AWS::Serverless::LayerVersion" and properties.get("PublishLambdaVersion") is not True:
            yield f"{name}: no version for a new layer"
