"""What the functions run on, what starts them, and how a new version goes live."""

import re
from typing import Any

from sandbox.template import translated_template
from tests.template.invariants.invariant import CONNECTOR, Built, Wrongs, change, without

GLOBALS = "Globals Function"
HTTP_API = "Resources HttpApiFunction Properties"
WORKER = "Resources QueueWorkerFunction Properties"
DIRECT = "Resources DirectInvocationFunction Properties"


def functions(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::Lambda::Function")


# What differs from function to function, or has invariants elsewhere.
ITS_OWN = {"Code", "Description", "Environment", "Handler", "Layers", "MemorySize", "Role", "Tags", "Timeout"}


@CONNECTOR.invariant(
    change(f"{GLOBALS} Runtime", "python3.12"),
    change(f"{HTTP_API} Architectures", ["x86_64"]),
    change(f"{GLOBALS} Tracing", "Active"),
    change(f"{GLOBALS} SnapStart ApplyOn", "None"),
    without(f"{GLOBALS} KmsKeyArn"),  # of the environment variables
    without(f"{WORKER} LoggingConfig"),  # Lambda's own group keeps everything for ever
    without(f"{DIRECT} DeadLetterQueue"),
    change(f"{DIRECT} ReservedConcurrentExecutions", {"Ref": "DirectConcurrency"}),  # 0 would stop all of them
    change(f"{HTTP_API} ReservedConcurrentExecutions", {"Ref": "DirectConcurrency"}),
    change(f"{GLOBALS} VpcConfig", {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
)
def each_function_has_the_runtime_tracing_snapstart_and_failure_queue_of_its_parameters(built: Built) -> Wrongs:
    parameters = built.parameters
    ceiling = parameters["DirectConcurrency"]
    for name, function in functions(built).items():
        expected = {
            "Runtime": "python3.13",
            "Architectures": ["arm64"],
            "TracingConfig": {"Mode": parameters["Tracing"]},
            "SnapStart": {"ApplyOn": "PublishedVersions" if parameters["SnapStart"] == "On" else "None"},
            "LoggingConfig": {"LogGroup": f"${{{name.removesuffix('Function')}LogGroup}}"},
            **({"KmsKeyArn": parameters["KmsKeyArn"]} if parameters["KmsKeyArn"] else {}),
        }
        if name == "DirectInvocationFunction":  # the others are never invoked without waiting
            expected["DeadLetterConfig"] = {"TargetArn": "${ParkedQueue.Arn}"}
            expected |= {"ReservedConcurrentExecutions": ceiling} if ceiling != "0" else {}
        if (found := {key: value for key, value in function.items() if key not in ITS_OWN}) != expected:
            yield f"{name}: {found}"


@CONNECTOR.invariant(
    change("Resources PersonalLinkLayer Metadata BuildMethod", "python3.13"),  # it leaves the bytecode out
    change("Resources PersonalLinkLayer Properties LayerName", "personal-link"),
    change("Resources DependenciesLayer Properties CompatibleArchitectures", ["x86_64"]),
)
def each_layer_is_built_for_arm64_and_named_after_its_stack(built: Built) -> Wrongs:
    made = {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
    for name, layer in built.source["Resources"].items():
        if layer["Type"] == "AWS::Serverless::LayerVersion" and layer["Metadata"] != made:
            yield f"{name}: built as {layer['Metadata']}"
    for name, layer in built.of_type("AWS::Lambda::LayerVersion").items():
        prefix, _, rest = layer["LayerName"].partition("-")
        longest = 128 + len("-") + len(rest)  # 128: what the name of a stack may have
        if prefix != "${AWS::StackName}" or longest > 140 or layer["CompatibleArchitectures"] != ["arm64"]:
            yield f"{name}: {layer}"


@CONNECTOR.invariant(
    without(f"{GLOBALS} Layers 2"),
    change(f"{GLOBALS} Layers 2", {"Ref": "MappingsLayerArn"}),  # Lambda refuses an empty one
)
def every_function_has_the_users_own_mappings_layer_if_there_is_one(built: Built) -> Wrongs:
    given = built.parameters["MappingsLayerArn"]
    for name, function in functions(built).items():
        if function["Layers"][2:] != ([given] if given else []):
            yield f"{name}: {function['Layers']}"


# Versions

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
    "MappingsLayerArn": "arn:aws:lambda:eu-west-1:123456789012:layer:another:8",
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
    without("Resources DependenciesLayer Properties Description Fn::Join 1 1"),
    without("Resources PersonalLinkLayer Properties LicenseInfo"),
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "DirectConcurrency"}),
    without(f"{WORKER} VersionDescription"),
    change(f"{HTTP_API} VersionDescription Fn::Join 1 +", {"Ref": "RetryWindowHours"}),
    without(f"{WORKER} VersionDescription Fn::Join 1 6"),  # RetryWindowHours and what else the worker alone gets
)
def a_parameter_publishes_a_version_exactly_if_it_changes_the_function(built: Built) -> Wrongs:
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
    change(f"{DIRECT} VersionDescription Fn::Join 1 +", {"Ref": "KnownHeadings"}),
    change("Parameters CredentialsSecretArn AllowedPattern", "^(|[\\w/+=.@-]+|arn:aws.+:secret:[\\w/+=.@-]+-\\w{6})$"),
)
def no_version_description_is_longer_than_256_characters_for_any_parameters(built: Built) -> Wrongs:
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
    without(f"{HTTP_API} AutoPublishAliasAllProperties"),
    without("Resources PersonalLinkLayer Properties PublishLambdaVersion"),
    without(f"{GLOBALS} VersionDeletionPolicy"),  # it would stay with its snapshot, which costs
)
def every_change_of_a_function_or_layer_publishes_a_version_and_deletes_the_last_one(built: Built) -> Wrongs:
    switches = {"AWS::Serverless::Function": "AutoPublishAliasAllProperties"}
    switches["AWS::Serverless::LayerVersion"] = "PublishLambdaVersion"
    for name, resource in built.source["Resources"].items():
        switch = switches.get(resource["Type"])
        if switch and resource["Properties"].get(switch) is not True:
            yield f"{name}: {switch}"
    for name, resource in built.resources.items():
        if resource["Type"] == "AWS::Lambda::Version" and resource.get("DeletionPolicy") != "Delete":
            yield f"{name}: {resource.get('DeletionPolicy')}"
