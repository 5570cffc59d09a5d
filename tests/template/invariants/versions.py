"""What is called is a published version, and every deployment that changes a function publishes a new one."""

import re
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
    "EventSources": "another",
    "SenderArns": "arn:aws:sns:eu-west-1:123456789012:another",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/another",
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


def named_by_layers(built: Built) -> set[str]:
    """The parameters of which the layers' descriptions are made."""
    layers = [one for one in built.source["Resources"].values() if one["Type"] == "AWS::Serverless::LayerVersion"]
    return set(re.findall(r"'Ref': '(\w+)'", str([dict(layer["Properties"]) for layer in layers])))


def published(function: dict[str, Any]) -> dict[str, Any]:
    """What a version has of a function's properties: what is reserved belongs to the function itself."""
    return {name: value for name, value in function.items() if name not in {"Layers", "ReservedConcurrentExecutions"}}


@CONNECTOR.invariant(
    change(f"{HTTP_API} VersionDescription", {"Fn::Sub": "${DefaultConfiguration} ${LedgerDays}"}),
    without("Resources DependenciesLayer Properties Description Fn::Join 1 1"),
    without("Resources DependenciesLayer Properties Description Fn::Join 1 7"),  # Tracing
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "DirectConcurrency"}),
    without(f"{WORKER} VersionDescription"),
    without(f"{DIRECT} VersionDescription"),
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "RetryWindowHours"}),
    change(f"{HTTP_API} VersionDescription Fn::Join 1 +", {"Ref": "RetryWindowHours"}),
    without("Resources PersonalLinkLayer Properties Description"),
    change(f"{GLOBALS} Environment Variables DETAIL_TYPE", {"Ref": "EventDetailType"}),
    without(f"{WORKER} VersionDescription Fn::Join 1 6"),  # RetryWindowHours and what else the worker alone gets
)
def a_parameter_publishes_a_version_if_it_changes_the_function_and_only_then(built: Built) -> Wrongs:
    for parameter in built.parameters:
        other = built.with_parameters(**{parameter: another_value(built, parameter)})
        if parameter in named_by_layers(built):  # SAM makes a new layer of it
            other = Built(translated_template(built.source, **other.parameters), other.parameters, built.source)
        for name, function in built.of_type("AWS::Lambda::Function").items():
            changes = published(other.of_type("AWS::Lambda::Function")[name]) != published(function)
            publishes = version_of(other, name) != version_of(built, name)
            if changes != publishes:
                yield f"{name}: {parameter} changes it: {changes}, publishes a version: {publishes}"


LONGEST_REGION = "ap-southeast-1"
LONGEST = {
    "DefaultConfiguration": "c" * 92,
    "CredentialsSecretArn": f"arn:aws-us-gov:secretsmanager:{LONGEST_REGION}:123456789012:secret:{'s' * 80}-AbCdEf",
    "AuthBaseUrl": f"https://{'a' * 92}",
    "ImportsBaseUrl": f"https://{'i' * 92}",
    "KnownHeadings": "h" * 256,
    "KmsKeyArn": f"arn:aws-us-gov:kms:{LONGEST_REGION}:123456789012:key/{'k' * 40}",
}
LAYER_VERSION = "9" * 6  # a hundred deployments a day for 27 years


def longest_value(parameter: dict[str, Any], name: str) -> str:
    if name in LONGEST:
        return LONGEST[name]
    if "AllowedValues" in parameter:
        return max(map(str, parameter["AllowedValues"]), key=len)
    return str(parameter.get("MaxValue", parameter["Default"]))


@CONNECTOR.invariant(
    without("Parameters AuthBaseUrl MaxLength"),
    without("Parameters ImportsBaseUrl MaxLength"),
    change("Parameters DefaultConfiguration AllowedPattern", "^(|[!-~]{0,150})$"),
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "KnownHeadings"}),
    change(f"{WORKER} VersionDescription Fn::Join 1 +", {"Ref": "KmsKeyArn"}),
    change("Resources DependenciesLayer Properties Description Fn::Join 1 +", {"Ref": "DefaultConfiguration"}),
    change("Parameters CredentialsSecretArn AllowedPattern", "^(|[\\w/+=.@-]+|arn:aws.+:secret:[\\w/+=.@-]+-\\w{6})$"),
    change("Parameters KmsKeyArn AllowedPattern", "^(|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)$"),
)
def no_description_is_longer_than_256_characters_whatever_the_parameters(built: Built) -> Wrongs:
    declared = built.template["Parameters"]
    for name, value in LONGEST.items():
        one_more = value.replace("-AbCdEf", "s-AbCdEf") if name == "CredentialsSecretArn" else value + value[-1]
        for text, allowed in ((value, True), (one_more, False)):
            fits = len(text) <= int(declared[name].get("MaxLength", 4096))
            if bool(fits and re.fullmatch(declared[name].get("AllowedPattern", "(?s).*"), text)) is not allowed:
                yield f"{name}: {len(text)} characters are allowed: {not allowed}"
    chosen = {name: longest_value(parameter, name) for name, parameter in declared.items()}
    longest = Built(translated_template(built.source, **chosen), chosen, built.source)
    for kind in ("AWS::Lambda::Version", "AWS::Lambda::LayerVersion"):
        for name, resource in longest.of_type(kind).items():
            text = re.sub(r"\$\{(DependenciesLayer|PersonalLinkLayer)\w*\}", LAYER_VERSION, resource["Description"])
            if len(text) > 256 or "${" in text:
                yield f"{name}: {len(text)} characters, {text}"


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
