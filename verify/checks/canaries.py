"""A canary deployment goes on during a vendor's outage, and is rolled back by a bug."""

import json
import time
from collections.abc import Callable

from personal_link.metrics import NAMESPACE, Metric
from verify.check import check
from verify.stage import FUNCTIONS, Stage, Wrong


@check("A canary deployment goes on while CustomerGauge fails.", "alarms of a deployment", needs_aws=True)
def outage(stage: Stage) -> str:
    stage.update(CanaryDeployments="true")
    caller, ends = stage.caller(), time.time() + 3600

    def fail() -> None:
        request = stage.request("outage", **{"Stand-in": f"503 1 {ends:.0f}"})
        caller.send("PUT", json.dumps(request))

    return _deploy(stage, "WARNING", fail, "UPDATE_COMPLETE", "WARNING")


@check("A canary deployment with a bug is rolled back.", "alarms of a deployment", needs_aws=True)
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
