"""Each parameter, changed alone, is live when the update ends. CloudFormation publishes no version by itself.

Left out: parameters that name something of the user's own (a secret, a web ACL, a bus, an address), and
DirectConcurrency, which a new account refuses. Snapshots and canaries are in runtime.py.
"""

import json
from collections.abc import Callable
from typing import Final

from sandbox import REPOSITORY
from sandbox.aws.http_caller import HttpCaller
from verify.account import KEY
from verify.checks.triggers import every_trigger
from verify.stage import FUNCTIONS, SOURCE, Stage, Wrong, check

Look = Callable[[Stage], set[str]]  # where a parameter acts: the values that are live there
WORKER: Final = ("QueueWorkerFunction",)
HEADINGS: Final = "Check,Email,First Name,Stand-in"  # of every request that follows


def _variable(name: str, functions: tuple[str, ...] = FUNCTIONS) -> Look:
    return lambda stage: {stage.live(one)["Environment"]["Variables"][name] for one in functions}


def _shares_tokens(stage: Stage) -> set[str]:
    return {str(bool(arn)).lower() for arn in _variable("ACCESS_TOKEN_SECRET_ARN")(stage)}


def _concurrency(stage: Stage) -> set[str]:
    [uuid] = stage.stack.of_type("AWS::Lambda::EventSourceMapping").values()
    mapping = stage.client("lambda").get_event_source_mapping(UUID=uuid)
    return {str(mapping["ScalingConfig"]["MaximumConcurrency"])} | _variable("MAXIMUM_CONCURRENCY", WORKER)(stage)


def _tracing(stage: Stage) -> set[str]:
    return {stage.live(name)["TracingConfig"]["Mode"] for name in FUNCTIONS}


def _retention(stage: Stage) -> set[str]:
    groups = stage.stack.of_type("AWS::Logs::LogGroup").values()
    found = [stage.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] for name in groups]
    return {str(group["retentionInDays"]) for [group] in found}


def _pattern(field: str) -> Look:
    def look(stage: Stage) -> set[str]:
        [rule] = stage.stack.of_type("AWS::Events::Rule").values()
        name, bus = rule.rpartition("|")[2], stage.stack.output("EventBusName")
        found = stage.client("events").describe_rule(Name=name, EventBusName=bus)
        return set(json.loads(found["EventPattern"]).get(field, []))

    return look


def _throttle(field: str) -> Look:
    def look(stage: Stage) -> set[str]:
        api = stage.stack.resource("PersonalLinkApi")
        found = stage.client("apigateway").get_stage(restApiId=api, stageName="live")
        return {f"{found['methodSettings']['*/*'][field]:.0f}"}

    return look


CHANGES: Final[tuple[tuple[str, str, Look], ...]] = (
    ("LogLevel", "DEBUG", _variable("LOG_LEVEL")),
    ("DefaultConfiguration", "contact", _variable("DEFAULT_CONFIGURATION")),
    ("LedgerDays", "22", _variable("LEDGER_DAYS")),
    ("CustomerGaugeRegion", "us", _variable("CUSTOMERGAUGE_REGION")),
    ("ShareAccessToken", "false", _shares_tokens),
    ("EchoRecord", "false", _variable("ECHO_RECORD")),
    ("KnownHeadings", HEADINGS, _variable("KNOWN_HEADINGS")),
    ("RetryWindowHours", "23", _variable("RETRY_WINDOW_HOURS", WORKER)),
    ("BatchConcurrency", "9", _variable("BATCH_CONCURRENCY", WORKER)),
    ("VendorCallsPerSecond", "50", _variable("VENDOR_CALLS_PER_SECOND", WORKER)),
    ("MaximumConcurrency", "3", _concurrency),
    ("Tracing", "Active", _tracing),
    ("LogRetentionDays", "1", _retention),
    ("EventDetailType", "Verification Requested", _pattern("detail-type")),
    ("EventSources", SOURCE, _pattern("source")),
    ("HttpRateLimit", "21", _throttle("throttlingRateLimit")),
    ("HttpBurstLimit", "41", _throttle("throttlingBurstLimit")),
)


def _add(parameter: str, value: str, look: Look) -> None:
    @check("parameters", f"The parameter {parameter}, changed alone, is live.")
    def change(stage: Stage) -> str:
        stage.update(**{parameter: value})
        if (seen := look(stage)) != {value}:
            raise Wrong(f"live is {', '.join(sorted(seen)) or 'nothing'}, not {value}")
        return value


for one in CHANGES:
    _add(*one)


@check("parameters", "A topic named in SenderArns may send requests.")
def senders(stage: Stage) -> str:
    sns, topic, request = stage.client("sns"), stage.beside["TopicArn"], stage.request("topic")
    stage.update(SenderArns=topic)
    queue = stage.stack.output("RequestsQueueArn")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message=json.dumps(request))
    stage.created(request)
    return "created"


@check("parameters", "With AllowedIpRanges a caller elsewhere is refused, and without it let in again.")
def addresses(stage: Stage) -> str:
    seen = []
    for ranges, status in (("192.0.2.0/24", 403), ("", 200)):
        stage.update(AllowedIpRanges=ranges)
        seen.append(_status_becomes(stage, stage.caller(), status))
    return ", then ".join(seen)


@check("parameters", "With HttpAuth=API_KEY the key alone lets callers in.")
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


# The customer's own KMS key


@check("encryption", "With a customer's key every trigger gives a link, and data is encrypted with it.")
def encryption(stage: Stage) -> str:
    template = (REPOSITORY / "docs" / "customer-key.yaml").read_text()
    key = stage.site.create(KEY, {"StackName": stage.site.name}, TemplateBody=template)["KmsKeyArn"]
    stage.update(KmsKeyArn=key)
    sqs, logs = stage.client("sqs"), stage.client("logs")
    wrong = []
    for name, url in stage.stack.of_type("AWS::SQS::Queue").items():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        wrong += [name] if attributes.get("KmsMasterKeyId") != key else []
    for name, group in stage.stack.of_type("AWS::Logs::LogGroup").items():
        [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        wrong += [name] if described.get("kmsKeyId") != key else []
    if wrong:
        raise Wrong(f"encrypted with another key: {', '.join(wrong)}")
    return every_trigger(stage)
