"""Each trigger gives a link; then nothing needs a person. What fails is retried, parked and redriven."""

import io
import json
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from operate.health import report
from operate.parked.redrive_command import redrive
from personal_link.metrics import NAMESPACE, Metric
from verify.stage import Stage, Wrong, check

SLACK = 20  # seconds that a redelivery may come late


@check("triggers", "An HTTP call gives a link, by PUT with JSON and by POST with a form.")
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


@check("triggers", "An event on the bus gives a link.")
def event(stage: Stage) -> str:
    request = stage.request("event")
    stage.emit(request)
    stage.created(request)
    return "created"


@check("triggers", "A message on the requests queue gives a link.")
def queue(stage: Stage) -> str:
    request = stage.request("queue")
    stage.send(request)
    stage.created(request)
    return "created"


@check("triggers", "A direct invocation returns the result that is queued.")
def direct(stage: Stage) -> str:
    request = stage.request("direct")
    answer = stage.invoke(request)
    if "FunctionError" in answer:
        raise Wrong("the function failed")
    if json.load(answer["Payload"]) != stage.created(request):
        raise Wrong("the queued result is another one")
    return "created"


@check("triggers", "Nothing needs a person after that.")
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


# Retries


@check("retries", "A request is retried after the time that CustomerGauge asks for.")
def redelivery(stage: Stage) -> str:
    fails, wait = (15, 20) if stage.site.is_emulated else (25, 40)  # a cold start comes before the first call
    request = stage.request("retry", **{"Stand-in": f"503 {wait} {time.time() + fails:.0f}"})
    stage.send(request)
    result = stage.created(request, within=wait + SLACK)
    first, second = stage.wait(lambda: _two(stage.vendor_calls(request)), "the stand-in did not log two calls")
    if not wait - 1 <= second - first <= wait + SLACK:
        raise Wrong(f"asked for {wait} s, the second call came after {second - first:.0f} s")
    return f"asked for {wait} s, came after {second - first:.0f} s, {result['attempts']} attempts"


@check("retries", "A retry reaches the metric of the alarm OldestRetry.", needs_aws=True)
def metric(stage: Stage) -> str:
    dimensions = [{"Name": "Stack", "Value": stage.site.name}]
    began = datetime.fromtimestamp(stage.began, UTC)

    def look() -> float | None:
        points = stage.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=Metric.RETRY_AGE,
            Dimensions=dimensions,
            Statistics=["Maximum"],
            Period=300,
            StartTime=began,
            EndTime=datetime.now(UTC) + timedelta(minutes=5),
        )["Datapoints"]
        return max((point["Maximum"] for point in points), default=None)

    redelivery(stage)
    return f"{stage.wait(look, 'the metric has no value', within=90):.0f} s at most"


@check("retries", "What Lambda parks of a direct invocation can be redriven.")
def lambda_parks(stage: Stage) -> str:
    ends = time.time() + (12 if stage.site.is_emulated else 240)  # Lambda tries again after one minute and after two
    request = stage.request("direct", **{"Stand-in": f"503 1 {ends:.0f}"})
    stage.invoke(request, "Event")
    code = stage.parked(request, within=60).code
    time.sleep(max(0.0, ends - time.time()))
    with redirect_stdout(io.StringIO()):
        redrive.main([stage.site.name, "--code", "unavailable"], standalone_mode=False, obj=stage.site.account)
    stage.created(request, within=60)
    return f"parked with the code {code}, redriven, created"


@check("retries", "An event that the queue refuses is parked whole.", needs_aws=True)
def undeliverable(stage: Stage) -> str:
    sqs, url = stage.client("sqs"), stage.stack.output("RequestsQueueUrl")
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    policy = json.loads(before)
    policy["Statement"] = [one for one in policy["Statement"] if one["Effect"] == "Deny"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    try:
        time.sleep(60)  # until SQS applies a policy
        request = stage.request("undeliverable")
        stage.emit(request)
        message = stage.parked(request, within=60, delete=True)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": before})
    if json.loads(message.body)["detail"] != request:
        raise Wrong("the parked body is not the event")
    return f"parked with {message.attribute('ERROR_CODE') or 'no code'}"


def _two(calls: list[float]) -> tuple[float, float] | None:
    return (calls[0], calls[1]) if len(calls) > 1 else None
