"""Each parameter, changed alone, is live when the update ends. CloudFormation publishes no version by itself.

Left out: parameters that name something of the user's own (a secret, a web ACL, a boundary, a bus, an address), and
DirectConcurrency, which a new account refuses. The customer's key, snapshots and canaries have checks of their own.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.aws.http_caller import HttpCaller
from verify.check import CHECKS, Check, check
from verify.stage import FUNCTIONS, SOURCE, Stage, Wrong

WORKER: Final = ("QueueWorkerFunction",)


@dataclass(frozen=True)
class Change:
    """A parameter's new value, and what is seen of it where it acts."""

    parameter: str
    value: str
    seen: Callable[[Stage], Any]
    expected: Any

    def run(self, stage: Stage) -> str:
        """Change the parameter and compare."""
        stage.update(**{self.parameter: self.value})
        seen = self.seen(stage)
        if seen != self.expected:
            raise Wrong(f"live is {seen}, not {self.expected}")
        return f"{seen}"


def _environment(variable: str, functions: tuple[str, ...] = FUNCTIONS) -> Callable[[Stage], list[str]]:
    def look(stage: Stage) -> list[str]:
        live = [stage.live(name)["Environment"]["Variables"] for name in functions]
        return sorted({variables[variable] for variables in live})

    return look


def _shared_tokens(stage: Stage) -> int:
    return sum(map(bool, _environment("ACCESS_TOKEN_SECRET_ARN")(stage)))


def _intake(stage: Stage) -> int:
    [uuid] = stage.stack.of_type("AWS::Lambda::EventSourceMapping").values()
    mapping = stage.client("lambda").get_event_source_mapping(UUID=uuid)
    return int(mapping["ScalingConfig"]["MaximumConcurrency"])


def _tracing(stage: Stage) -> list[str]:
    return sorted({stage.live(name)["TracingConfig"]["Mode"] for name in FUNCTIONS})


def _retention(stage: Stage) -> list[int]:
    groups = stage.stack.of_type("AWS::Logs::LogGroup").values()
    described = [stage.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] for name in groups]
    return sorted({group["retentionInDays"] for [group] in described})


def _pattern(field: str) -> Callable[[Stage], list[str]]:
    def look(stage: Stage) -> list[str]:
        [rule] = stage.stack.of_type("AWS::Events::Rule").values()
        name, bus = rule.rpartition("|")[2], stage.stack.output("EventBusName")
        pattern = json.loads(stage.client("events").describe_rule(Name=name, EventBusName=bus)["EventPattern"])
        return list(pattern.get(field, []))

    return look


def _throttle(field: str) -> Callable[[Stage], float]:
    def look(stage: Stage) -> float:
        api = stage.stack.resource("PersonalLinkApi")
        settings = stage.client("apigateway").get_stage(restApiId=api, stageName="live")["methodSettings"]
        return float(settings["*/*"][field])

    return look


def _echoes(stage: Stage) -> bool:
    request = stage.request("echo")
    stage.send(request)
    return "record" in stage.created(request)


def _known_headings(stage: Stage) -> str:
    request = stage.request("headings", Emial="x")
    stage.send(request)
    return str(stage.result(request).get("error", {}).get("code"))


def _topic(stage: Stage) -> str:
    sns, request = stage.client("sns"), stage.request("topic")
    queue, topic = stage.stack.output("RequestsQueueArn"), stage.beside["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    sns.publish(TopicArn=topic, Message=json.dumps(request))
    return str(stage.created(request)["status"])


HEADINGS: Final = "Check,Email,First Name,Stand-in"
CHANGES: Final = (
    Change("LogLevel", "DEBUG", _environment("LOG_LEVEL"), ["DEBUG"]),
    Change("DefaultConfiguration", "contact", _environment("DEFAULT_CONFIGURATION"), ["contact"]),
    Change("LedgerDays", "22", _environment("LEDGER_DAYS"), ["22"]),
    Change("CustomerGaugeRegion", "us", _environment("CUSTOMERGAUGE_REGION"), ["us"]),
    Change("ShareAccessToken", "false", _shared_tokens, 0),
    Change("RetryWindowHours", "23", _environment("RETRY_WINDOW_HOURS", WORKER), ["23"]),
    Change("BatchConcurrency", "9", _environment("BATCH_CONCURRENCY", WORKER), ["9"]),
    Change("VendorCallsPerSecond", "50", _environment("VENDOR_CALLS_PER_SECOND", WORKER), ["50"]),
    Change(
        "MaximumConcurrency",
        "3",
        lambda stage: (_environment("MAXIMUM_CONCURRENCY", WORKER)(stage), _intake(stage)),
        (["3"], 3),
    ),
    Change("EchoRecord", "false", _echoes, expected=False),
    Change("KnownHeadings", HEADINGS, _known_headings, "invalid_request"),
    Change("Tracing", "Active", _tracing, ["Active"]),
    Change("LogRetentionDays", "1", _retention, [1]),
    Change("EventDetailType", "Verification Requested", _pattern("detail-type"), ["Verification Requested"]),
    Change("EventSources", SOURCE, _pattern("source"), [SOURCE]),
    Change("HttpRateLimit", "21", _throttle("throttlingRateLimit"), 21),
    Change("HttpBurstLimit", "41", _throttle("throttlingBurstLimit"), 41),
)


def _checks() -> Iterator[Check]:
    for change in CHANGES:
        yield Check(f"The parameter {change.parameter}, changed alone, is live.", "versions and aliases", change.run)


CHECKS.extend(_checks())


@check("A topic named in SenderArns may send requests.", "queue policy, changed alone")
def senders(stage: Stage) -> str:
    return Change("SenderArns", stage.beside["TopicArn"], _topic, "created").run(stage)


@check(
    "With AllowedIpRanges a caller elsewhere is refused, and without it let in again.", "resource policy, redeployed"
)
def addresses(stage: Stage) -> str:
    seen = []
    for ranges, status in (("192.0.2.0/24", 403), ("", 200)):
        stage.update(AllowedIpRanges=ranges)
        seen.append(_status_becomes(stage, stage.caller(), status))
    return ", then ".join(seen)


@check("With HttpAuth=API_KEY the key alone lets callers in.", "usage plan and stage, redeployed")
def keys(stage: Stage) -> str:
    signed = stage.caller()
    stage.update(HttpAuth="API_KEY")
    try:
        gateway = stage.client("apigateway")
        key = gateway.get_api_key(apiKey=stage.stack.output("ApiKeyId"), includeValue=True)["value"]
        refused = _status_becomes(stage, signed, 403)
        return f"signed {refused}, with the key {_status_becomes(stage, HttpCaller(stage, api_key=key), 200)}"
    finally:
        stage.update(HttpAuth="AWS_IAM")


def _status_becomes(stage: Stage, caller: HttpCaller, status: int) -> str:
    """Wait for a status: API Gateway takes some seconds to apply a deployment."""

    def look() -> str | None:
        found = caller.send("PUT", json.dumps(stage.request("access"))).status
        return str(found) if found == status else None

    return stage.wait(look, f"a call was not answered {status}", within=15)
