"""What the functions run on, what starts them, and how a new version goes live."""

import re
from typing import Any

import pytest

from sandbox.template import translated_template
from tests.template.invariants.built import Built, built_with, source

# What differs from function to function, or is tested elsewhere.
ITS_OWN = {"Code", "Description", "Environment", "Handler", "Layers", "MemorySize", "Role", "Tags", "Timeout"}


def functions(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::Lambda::Function")


def test_each_function_has_the_runtime_tracing_snapstart_and_failure_queue_of_its_parameters(built: Built) -> None:
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
        assert {key: value for key, value in function.items() if key not in ITS_OWN} == expected


def test_each_layer_is_built_for_arm64_and_named_after_its_stack(built: Built) -> None:
    layers = [one for one in source()["Resources"].values() if one["Type"] == "AWS::Serverless::LayerVersion"]
    made = {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}  # SAM's own build leaves the bytecode out

    assert [layer["Metadata"] for layer in layers] == [made, made]
    made_of = built.of_type("AWS::Lambda::LayerVersion").values()
    assert [(layer["LayerName"], layer["CompatibleArchitectures"]) for layer in made_of] == [
        ("${AWS::StackName}-deps", ["arm64"]),
        ("${AWS::StackName}-core", ["arm64"]),
    ]


def test_every_function_has_the_users_own_mappings_layer_if_there_is_one(built: Built) -> None:
    given = built.parameters["MappingsLayerArn"]
    for function in functions(built).values():
        assert function["Layers"][2:] == ([given] if given else [])


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


def published(built: Built, name: str) -> dict[str, Any]:
    """What a version has of a function's properties: what is reserved belongs to the function itself."""
    left_out = {"Layers", "ReservedConcurrentExecutions"}
    return {key: value for key, value in functions(built)[name].items() if key not in left_out}


def version_of(built: Built, function: str) -> dict[str, Any]:
    versions = built.of_type("AWS::Lambda::Version").values()
    [version] = [one for one in versions if one["FunctionName"] == f"${{{function}}}"]
    assert isinstance(version, dict)
    return version


def named_by_layers() -> set[str]:
    """The parameters of which the layers' properties are made."""
    layers = [one for one in source()["Resources"].values() if one["Type"] == "AWS::Serverless::LayerVersion"]
    names = re.findall(r"'Ref': '(\w+)'|[$]{(\w+)}", str([layer["Properties"] for layer in layers]))
    return {one or other for one, other in names}


def test_a_parameter_publishes_a_version_exactly_if_it_changes_the_function(built: Built) -> None:
    for parameter in built.parameters:
        other = built.with_parameters(**{parameter: another_value(built, parameter)})
        if parameter in named_by_layers():  # SAM makes a new layer of it
            other = built_with(**other.parameters)
        for name in functions(built):
            changes = published(other, name) != published(built, name)
            publishes = version_of(other, name) != version_of(built, name)
            assert (name, parameter, publishes) == (name, parameter, changes)


LONGEST = {
    "DefaultConfiguration": "c" * 92,
    "CredentialsSecretArn": f"arn:aws-us-gov:secretsmanager:ap-southeast-1:123456789012:secret:{'s' * 80}-AbCdEf",
    "AuthBaseUrl": f"https://{'a' * 92}",
    "ImportsBaseUrl": f"https://{'i' * 92}",
    "KnownHeadings": "h" * 256,
    "KmsKeyArn": f"arn:aws-us-gov:kms:ap-southeast-1:123456789012:key/{'k' * 40}",
}


def is_allowed(name: str, value: str) -> bool:
    declared = source()["Parameters"][name]
    fits = len(value) <= int(declared.get("MaxLength", 4096))
    return bool(fits and re.fullmatch(declared.get("AllowedPattern", "(?s).*"), value))


@pytest.mark.parametrize("name", LONGEST)
def test_no_text_of_a_parameter_is_longer_than_a_version_description_has_room_for(name: str) -> None:
    value = LONGEST[name]
    longer = value.replace("-AbCdEf", "s-AbCdEf") if name == "CredentialsSecretArn" else value + value[-1]

    assert is_allowed(name, value)
    assert not is_allowed(name, longer)


def test_no_version_description_is_longer_than_256_characters_for_any_parameters() -> None:
    def longest(name: str, declared: dict[str, Any]) -> str:
        values = map(str, declared.get("AllowedValues", [declared.get("MaxValue", declared["Default"])]))
        return LONGEST.get(name) or max(values, key=len)

    chosen = {name: longest(name, declared) for name, declared in source()["Parameters"].items()}
    built = Built(translated_template(**chosen), chosen)
    resources = [*built.of_type("AWS::Lambda::Version").values(), *built.of_type("AWS::Lambda::LayerVersion").values()]
    assert len(resources) == 5
    for resource in resources:
        # a layer's number has six digits after a hundred deployments a day for 27 years
        text = re.sub(r"\$\{(DependenciesLayer|PersonalLinkLayer)\w*\}", "9" * 6, resource["Description"])
        assert len(text) <= 256
        assert "${" not in text


def test_every_change_of_a_function_or_layer_publishes_a_version_and_deletes_the_last_one(built: Built) -> None:
    functions = [one for one in source()["Resources"].values() if one["Type"] == "AWS::Serverless::Function"]
    versions = [one for one in built.resources.values() if one["Type"] == "AWS::Lambda::Version"]

    assert [one["Properties"]["AutoPublishAliasAllProperties"] for one in functions] == [True] * 3
    assert source()["Globals"]["LayerVersion"]["PublishLambdaVersion"] is True
    assert [one["DeletionPolicy"] for one in versions] == ["Delete"] * 3  # its snapshot costs
