"""Each trigger gives a link; then nothing needs a person."""

import json
from urllib.parse import urlencode

from operate.health import report
from verify.check import check
from verify.stage import Stage, Wrong


@check("An HTTP call gives a link, by PUT with JSON and by POST with a form.", "the whole path by HTTP")
def http(stage: Stage) -> str:
    caller, seen = stage.caller(), []
    for method, media_type in (("PUT", "application/json"), ("POST", "application/x-www-form-urlencoded")):
        request = stage.request("http")
        fields = {"configuration": "contact", "reference": request["reference"]}
        form = urlencode(fields | {f"record[{heading}]": value for heading, value in request["record"].items()})
        body = json.dumps(request) if method == "PUT" else form
        answer = caller.send(method, body, {"Content-Type": media_type})
        if answer.status != 200:
            raise Wrong(f"{method} was answered {answer.status}")
        stage.created(request)
        seen.append(f"{method} {answer.status}")
    return ", ".join(seen) + ", each with its result on the results queue"


@check("An event on the bus gives a link.", "rule, queue policy and worker together")
def event(stage: Stage) -> str:
    request = stage.request("event")
    stage.emit(request)
    stage.created(request)
    return "created"


@check("A message on the requests queue gives a link.", "event source mapping with the alias")
def queue(stage: Stage) -> str:
    request = stage.request("queue")
    stage.send(request)
    stage.created(request)
    return "created"


@check("A direct invocation returns the result that is queued.", "invocation of the alias")
def direct(stage: Stage) -> str:
    request = stage.request("direct")
    answer = stage.invoke(request)
    if "FunctionError" in answer:
        raise Wrong("the function failed")
    if json.load(answer["Payload"]) != stage.created(request):
        raise Wrong("the queued result is another one")
    return "created"


@check("Nothing needs a person after that.", "operate health, on what AWS reports")
def health(stage: Stage) -> str:
    found = report.read(stage.stack)
    if found.verdict != "ok":
        raise Wrong("; ".join(need.what for need in found.needs) or found.verdict)
    return f"{found.verdict}, {len(found.functions)} functions active, {found.alarms} alarms"


def every_trigger(stage: Stage) -> str:
    """Run the checks of all triggers."""
    for run in (http, event, queue, direct):
        run(stage)
    return "created by HTTP, event, queue and direct invocation"
