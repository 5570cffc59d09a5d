"""What the functions run on, and what starts them."""

from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.invariant import Wrongs, change, without

GLOBALS = "Globals Function"
HTTP_API = "Resources HttpApiFunction Properties"
WORKER = "Resources QueueWorkerFunction Properties"
DIRECT = "Resources DirectInvocationFunction Properties"


def functions(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::Lambda::Function")


@CONNECTOR.invariant(
    change(f"{GLOBALS} Runtime", "python3.12"),
    change(f"{WORKER} Runtime", "python3.14"),
    without(f"{GLOBALS} Architectures"),
    change(f"{HTTP_API} Architectures", ["x86_64"]),
    change("Resources DependenciesLayer Properties CompatibleArchitectures", ["x86_64"]),
    change("Resources DependenciesLayer Metadata BuildArchitecture", "x86_64"),
    change("Resources PersonalLinkLayer Metadata BuildMethod", "python3.13"),  # it leaves the bytecode out
)
def functions_and_layers_are_for_the_same_python_on_the_same_machine(built: Built) -> Wrongs:
    for name, function in functions(built).items():
        if (function["Runtime"], function.get("Architectures")) != ("python3.13", ["arm64"]):
            yield f"{name}: {function['Runtime']}, {function.get('Architectures')}"
    for name, layer in built.of_type("AWS::Lambda::LayerVersion").items():
        if layer.get("CompatibleArchitectures") != ["arm64"]:
            yield f"{name}: {layer.get('CompatibleArchitectures')}"
    for name, resource in built.source["Resources"].items():
        if resource["Type"] == "AWS::Serverless::LayerVersion" and resource["Metadata"] != {
            "BuildMethod": "makefile",
            "BuildArchitecture": "arm64",
        }:
            yield f"{name}: built as {resource['Metadata']}"


@CONNECTOR.invariant(
    change(f"{WORKER} Layers", [{"Ref": "DependenciesLayer"}]),
    change(f"{GLOBALS} Layers +", "arn:aws:lambda:eu-west-1:210987654321:layer:AWSSDKPython:1"),
)
def every_function_runs_on_both_layers_and_on_no_stranger(built: Built) -> Wrongs:
    layers = [f"${{{name}}}" for name in built.of_type("AWS::Lambda::LayerVersion")]
    for name, function in functions(built).items():
        on = [layer.rpartition(":")[2] for layer in function["Layers"]]
        if sorted(on) != sorted(layers) or len(layers) != 2:
            yield f"{name}: {function['Layers']}"


@CONNECTOR.invariant(
    without(f"{GLOBALS} Tracing"),
    change(f"{GLOBALS} Tracing", "Active"),
    change(f"{WORKER} Tracing", "PassThrough"),
    without("Resources PersonalLinkApi Properties TracingEnabled"),
    change("Resources PersonalLinkApi Properties TracingEnabled", value=True),
    change("Resources PersonalLinkApi Properties TracingEnabled", value=False),
)
def calls_are_traced_from_the_api_to_the_end_if_that_is_asked_for_and_else_nowhere(built: Built) -> Wrongs:
    asked_for = built.parameters["Tracing"]
    for name, function in functions(built).items():
        if function.get("TracingConfig") != {"Mode": asked_for}:
            yield f"{name}: {function.get('TracingConfig')}"
    for name, stage in built.of_type("AWS::ApiGateway::Stage").items():
        if stage.get("TracingEnabled") is not (asked_for == "Active"):
            yield f"{name}: {stage.get('TracingEnabled')}"


@CONNECTOR.invariant(
    without(f"{DIRECT} ReservedConcurrentExecutions"),
    change(f"{DIRECT} ReservedConcurrentExecutions", {"Ref": "DirectConcurrency"}),  # 0 would stop all of them
    change(f"{HTTP_API} ReservedConcurrentExecutions", {"Ref": "DirectConcurrency"}),
    change("Parameters DirectConcurrency Default", 5),  # a new account has 10, and 100 have to stay unreserved
)
def direct_invocations_have_a_ceiling_if_that_is_asked_for_and_nothing_else_is_reserved(built: Built) -> Wrongs:
    for chosen, expected in ((built, None), (built.with_parameters(DirectConcurrency=7), "7")):
        for name, function in functions(chosen).items():
            reserved = function.get("ReservedConcurrentExecutions")
            if reserved != (expected if name == "DirectInvocationFunction" else None):
                yield f"{name}: {reserved}"


@CONNECTOR.invariant(
    without("Resources DependenciesLayer Properties LayerName"),
    change("Resources PersonalLinkLayer Properties LayerName", "personal-link"),
)
def a_layer_has_a_name_of_its_stack(built: Built) -> Wrongs:
    for name, layer in built.of_type("AWS::Lambda::LayerVersion").items():
        if not layer["LayerName"].startswith("${AWS::StackName}-"):
            yield f"{name}: {layer['LayerName']}"
        if 128 + len(layer["LayerName"].removeprefix("${AWS::StackName}")) > 140:  # what either may have
            yield f"{name}: too long beside the longest name of a stack"


@CONNECTOR.invariant(
    change(f"{GLOBALS} VpcConfig", {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
    change(f"{HTTP_API} FunctionUrlConfig", {"AuthType": "AWS_IAM"}),
    change(f"{DIRECT} FunctionUrlConfig", {"AuthType": "NONE"}),
    change(
        f"{HTTP_API} EventInvokeConfig",
        {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["ParkedQueue", "Arn"]}}}},
    ),
)
def functions_have_no_network_and_no_way_in_or_out_of_their_own(built: Built) -> Wrongs:
    for name, function in functions(built).items():
        for extra in {"VpcConfig", "FileSystemConfigs"} & function.keys():
            yield f"{name}: {extra}"
    for name, resource in built.resources.items():
        if resource["Type"] in {"AWS::Lambda::Url", "AWS::Lambda::EventInvokeConfig"}:
            yield f"{name}: {resource['Type']}"


@CONNECTOR.invariant(
    without(f"{DIRECT} DeadLetterQueue"),
    change(f"{DIRECT} DeadLetterQueue TargetArn", {"Fn::GetAtt": ["ResultsQueue", "Arn"]}),
    change(f"{WORKER} DeadLetterQueue", {"Type": "SQS", "TargetArn": {"Fn::GetAtt": ["ParkedQueue", "Arn"]}}),
)
def an_invocation_that_nobody_waits_for_is_parked_when_it_fails_for_good(built: Built) -> Wrongs:
    for name, function in functions(built).items():
        expected = {"TargetArn": "${ParkedQueue.Arn}"} if name == "DirectInvocationFunction" else None
        if function.get("DeadLetterConfig") != expected:  # the others are never invoked so
            yield f"{name}: {function.get('DeadLetterConfig')}"


@CONNECTOR.invariant(
    change(
        f"{WORKER} Events Results", {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["ResultsQueue", "Arn"]}}}
    ),
    change(
        f"{HTTP_API} Events Requests",
        {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["RequestsQueue", "Arn"]}}},
    ),
    without(f"{WORKER} Events"),
)
def the_requests_queue_feeds_the_worker_and_no_other_source_feeds_a_function(built: Built) -> Wrongs:
    sources = built.of_type("AWS::Lambda::EventSourceMapping")
    found = [(source["EventSourceArn"], source["FunctionName"]) for source in sources.values()]
    if found != [("${RequestsQueue.Arn}", "${QueueWorkerFunctionAliaslive}")]:
        yield f"{', '.join(sources)}: {found}"
