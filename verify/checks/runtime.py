"""What only the runtime shows: its libraries, a restored snapshot, what logs and traces hold, and canary deployments.

A canary deployment goes on during a vendor's outage, and is rolled back by a bug.
"""

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from personal_link.metrics import NAMESPACE, Metric
from verify.checks.triggers import every_trigger
from verify.stage import DOMAIN, FIRST_NAME, FUNCTIONS, LINK, TOKEN, Stage, Wrong, check


@check("runtime", "The runtime's AWS SDK loads with the layers' urllib3.")
def libraries(stage: Stage) -> str:
    found = _probed(stage)
    if found["in_a_layer"] != ["aws_lambda_powertools", "urllib3"]:
        raise Wrong(f"from the layers come {', '.join(found['in_a_layer'])}")
    return ", ".join(f"{name} {version}" for name, version in {"Python": found["python"], **found["versions"]}.items())


@check("runtime", "The layers' bytecode is used as it is.")
def bytecode(stage: Stage) -> str:
    found = _probed(stage)
    if compiled := found["compiled_here"]:
        raise Wrong(f"{len(compiled)} of {found['modules']} modules have none that fits, such as {compiled[0]}")
    return f"{found['modules']} modules"


@check("runtime", "With SnapStart a restored function gives a link.", needs_aws=True)
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


# Logs and traces, searched for what all requests of this run had in them


@check("secrecy", "No log shows a record, a link, the token or the secret.")
def logs(stage: Stage) -> str:
    for send in (stage.send, stage.invoke, lambda request: stage.caller().send("PUT", json.dumps(request))):
        send(stage.request("log"))
    lines = stage.wait(lambda: _lines(stage), "not every function logged")
    for name, found in lines.items():
        _search(stage, found, name)
    return f"{sum(map(len, lines.values()))} lines in {len(lines)} logs"


@check("secrecy", "No trace shows them either.", needs_aws=True)
def traces(stage: Stage) -> str:
    stage.update(Tracing="Active")
    request = stage.request("trace")
    stage.caller().send("PUT", json.dumps(request))
    stage.created(request)
    xray, began = stage.client("xray"), datetime.fromtimestamp(stage.began, UTC)
    service = f'service("{stage.stack.resource(FUNCTIONS[0])}")'

    def look() -> list[str] | None:
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=began, EndTime=datetime.now(UTC), FilterExpression=service
        )
        return [one["Id"] for page in pages for one in page["TraceSummaries"]] or None

    ids = stage.wait(look, "there is no trace")
    found = [
        json.dumps(xray.batch_get_traces(TraceIds=list(some)), default=str) for some in batched(ids, 5, strict=False)
    ]
    _search(stage, found, "the traces")
    return f"{len(ids)} traces"


def _lines(stage: Stage) -> dict[str, list[str]] | None:
    """Return what each log holds, or None if one is empty."""
    groups = stage.stack.of_type("AWS::Logs::LogGroup")
    lines = {name: list(stage.log(group)) for name, group in groups.items()}
    return lines if all(lines.values()) else None


def _search(stage: Stage, lines: Iterable[str], where: str) -> None:
    telling = {
        "an e-mail": DOMAIN,
        "a name": FIRST_NAME,
        "a link": LINK,
        "a token": TOKEN,
        "the secret": stage.client_secret,
    }
    text = "\n".join(lines)
    if shown := [what for what, value in telling.items() if value in text]:
        raise Wrong(f"{where} shows {', '.join(shown)}")


# Canary deployments


@check("canaries", "A canary deployment goes on while CustomerGauge fails.", needs_aws=True)
def outage(stage: Stage) -> str:
    stage.update(CanaryDeployments="true")
    caller, ends = stage.caller(), time.time() + 3600

    def fail() -> None:
        request = stage.request("outage", **{"Stand-in": f"503 1 {ends:.0f}"})
        caller.send("PUT", json.dumps(request))

    return _deploy(stage, "WARNING", fail, "UPDATE_COMPLETE", "WARNING")


@check("canaries", "A canary deployment with a bug is rolled back.", needs_aws=True)
def bug(stage: Stage) -> str:
    stage.update(CanaryDeployments="true")
    before = stage.live(FUNCTIONS[0])["Environment"]["Variables"]["LOG_LEVEL"]
    dimensions = [{"Name": "Stack", "Value": stage.site.name}]
    datum = {"MetricName": Metric.BUGS, "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}

    def fail() -> None:  # what a function logs of an unexpected error
        stage.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])

    return _deploy(stage, "ERROR", fail, "UPDATE_ROLLBACK_COMPLETE", before)


def _deploy(stage: Stage, level: str, fail: Callable[[], None], status: str, live: str) -> str:
    """Change LogLevel, repeat `fail` during the deployment, and compare its end."""
    stage.begin_update(LogLevel=level)
    while stage.site.status().endswith("_IN_PROGRESS"):
        fail()
        time.sleep(stage.site.every)
    seen = stage.updated()
    found = sorted({stage.live(name)["Environment"]["Variables"]["LOG_LEVEL"] for name in FUNCTIONS})
    if (seen, found) != (status, [live]):
        raise Wrong(f"the deployment ended as {seen}, live is LogLevel {found}", stage.site.why_failed())
    return f"{seen}, live is LogLevel {live}"
