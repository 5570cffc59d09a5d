"""The runtime's libraries and the layers', and what a snapshot restores."""

import json
from typing import Any

from verify.check import check
from verify.checks.triggers import every_trigger
from verify.stage import FUNCTIONS, Stage, Wrong


@check("The runtime's AWS SDK loads with the layers' urllib3.", "versions of the runtime's libraries")
def libraries(stage: Stage) -> str:
    found = _probed(stage)
    if found["in_a_layer"] != ["aws_lambda_powertools", "urllib3"]:
        raise Wrong(f"from the layers come {', '.join(found['in_a_layer'])}")
    return ", ".join(f"{name} {version}" for name, version in {"Python": found["python"], **found["versions"]}.items())


@check("The layers' bytecode is used as it is.", "magic number and flags of the bytecode")
def bytecode(stage: Stage) -> str:
    found = _probed(stage)
    if compiled := found["compiled_here"]:
        raise Wrong(f"{len(compiled)} of {found['modules']} modules have none that fits, such as {compiled[0]}")
    return f"{found['modules']} modules"


@check("With SnapStart a restored function gives a link.", "snapshots, no secret or socket in them", needs_aws=True)
def snapshots(stage: Stage) -> str:
    stage.update(SnapStart="On")
    state = sorted({stage.live(name)["SnapStart"]["OptimizationStatus"] for name in FUNCTIONS})
    if state != ["On"]:
        raise Wrong(f"the live versions are {state}")
    every_trigger(stage)
    groups = list(stage.stack.of_type("AWS::Logs::LogGroup").values())

    def look() -> int | None:
        return sum("Restore Duration" in line for group in groups for line in stage.log(group)) or None

    return f"{stage.wait(look, 'no function was restored')} restores"


def _probed(stage: Stage) -> dict[str, Any]:
    """Run the probe with the stack's layers."""
    functions, name = stage.client("lambda"), stage.beside["ProbeName"]
    layers = [layer["Arn"] for layer in stage.live("HttpApiFunction")["Layers"]]
    functions.update_function_configuration(FunctionName=name, Layers=layers)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    answer = functions.invoke(FunctionName=name)
    if "FunctionError" in answer:
        raise Wrong("the probe failed: a library does not load")
    found: dict[str, Any] = json.load(answer["Payload"])
    return found
