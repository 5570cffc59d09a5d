"""What is retried, parked and redriven."""

import io
import json
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

from operate.parked.redrive_command import redrive
from personal_link.metrics import NAMESPACE, Metric
from verify.check import check
from verify.stage import Stage, Wrong

SLACK = 20  # seconds that a redelivery may come late


@check("A request is retried after the time that CustomerGauge asks for.", "visibility set by the function is kept")
def redelivery(stage: Stage) -> str:
    fails, wait = (15, 20) if stage.site.is_emulated else (25, 40)  # a cold start comes before the first call
    request = stage.request("retry", **{"Stand-in": f"503 {wait} {time.time() + fails:.0f}"})
    stage.send(request)
    result = stage.created(request, within=wait + SLACK)
    first, second = stage.wait(lambda: _two(stage.vendor_calls(request)), "the stand-in did not log two calls")
    if not wait - 1 <= second - first <= wait + SLACK:
        raise Wrong(f"asked for {wait} s, the second call came after {second - first:.0f} s")
    return f"asked for {wait} s, came after {second - first:.0f} s, {result['attempts']} attempts"


@check("A retry reaches the metric of the alarm OldestRetry.", "metrics out of the log", needs_aws=True)
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

    if look() is None:  # perhaps no other check sent a request that is retried
        redelivery(stage)
    return f"{stage.wait(look, 'the metric has no value', within=90):.0f} s at most"


@check("What Lambda parks of a direct invocation can be redriven.", "dead-letter attributes of Lambda")
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


@check("An event that the queue refuses is parked whole.", "dead-letter queue of the rule", needs_aws=True)
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
