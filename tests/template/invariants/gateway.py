"""What API Gateway does by itself: limits, logs, refusals, deployments."""

import json
import re
from types import SimpleNamespace
from typing import Any
from unittest import mock

from personal_link.domain.errors import CODES, Code
from sandbox.template import translated_template
from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.door import API, PATH, apis, methods
from tests.template.invariants.invariant import Wrongs, change, without

SETTINGS = f"{API} MethodSettings"
ACCESS_LOG = f"{API} AccessLogSetting Fn::If 1"
ANSWERS = f"{API} GatewayResponses"


def stages(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::ApiGateway::Stage")


@CONNECTOR.invariant(
    without(f"{API} OpenApiVersion"),  # SAM then makes one more, called "Stage"
    change(
        "Resources TestStage",
        {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": {"Ref": "PersonalLinkApi"}, "StageName": "test"},
        },
    ),
    change(f"{API} StageName", "test"),
)
def there_is_one_stage(built: Built) -> Wrongs:
    names = [stage["StageName"] for stage in stages(built).values()]
    for deployment in built.of_type("AWS::ApiGateway::Deployment").values():
        names += [deployment["StageName"]] if "StageName" in deployment else []
    if names != ["live"]:
        yield f"PersonalLinkApi: {names}"


@CONNECTOR.invariant(
    without(f"{API} AlwaysDeploy"),
    change(f"{API} AlwaysDeploy", value=False),
)
def every_deployment_reaches_the_stage(built: Built) -> Wrongs:
    """A new HttpAuth changes no word of the API's definition, and SAM deploys anew when one changes."""
    with mock.patch("samtranslator.model.apigateway.time", SimpleNamespace(time=lambda: 0)):
        earlier = translated_template(built.source, **built.parameters)
    for name, stage in stages(built).items():
        if earlier["Resources"][name]["Properties"]["DeploymentId"] == {"Ref": stage["DeploymentId"].strip("${}")}:
            yield f"{name}: it would stay as it was"


@CONNECTOR.invariant(
    without(SETTINGS),
    without(f"{SETTINGS} 0 ThrottlingRateLimit"),
    without(f"{SETTINGS} 0 ThrottlingBurstLimit"),
    change(f"{SETTINGS} 0 HttpMethod", "PUT"),
    change(f"{SETTINGS} +", {"ResourcePath": "/personal-link", "HttpMethod": "PUT"}),
)
def every_method_is_throttled(built: Built) -> Wrongs:
    for name, stage in stages(built).items():
        limits = {
            (setting["ResourcePath"], setting["HttpMethod"]): (
                setting.get("ThrottlingRateLimit"),
                setting.get("ThrottlingBurstLimit"),
            )
            for setting in stage.get("MethodSettings", [])
        }
        if limits != {("/*", "*"): ("20", "40")}:
            yield f"{name}: {limits}"


@CONNECTOR.invariant(
    change(f"{SETTINGS} 0 DataTraceEnabled", value=True),
    change(f"{SETTINGS} 0 LoggingLevel", "INFO"),
    change(f"{SETTINGS} 0 LoggingLevel", "ERROR"),
    change(f"{SETTINGS} +", {"ResourcePath": "/personal-link", "HttpMethod": "PUT", "DataTraceEnabled": True}),
)
def no_body_and_no_header_is_logged(built: Built) -> Wrongs:
    for name, stage in stages(built).items():
        for setting in stage["MethodSettings"]:
            if setting.get("DataTraceEnabled", False) or setting.get("LoggingLevel", "OFF") != "OFF":
                yield f"{name}: {setting}"


# Who called and how it ended. No address, path or header: they are personal, or a caller chooses them. A caller may
# choose the request id too, by a header, but not the extended one.
LOGGED = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "extended_request_id": "$context.extendedRequestId",
    "status": "$context.status",
    "refusal": "$context.error.responseType",
    "resource": "$context.resourcePath",
    "account": "$context.identity.accountId",
    "caller": "$context.identity.userArn",
    "api_key_id": "$context.identity.apiKeyId",
    "milliseconds": "$context.responseLatency",
    "bytes": "$context.responseLength",
}


@CONNECTOR.invariant(
    change(f"{ACCESS_LOG} Format", json.dumps({**LOGGED, "ip": "$context.identity.sourceIp"})),
    change(f"{ACCESS_LOG} Format", json.dumps({**LOGGED, "path": "$context.path"})),
    change(f"{ACCESS_LOG} Format", json.dumps({**LOGGED, "api_key_id": "$context.identity.apiKey"})),
    change(f"{ACCESS_LOG} Format", json.dumps({**LOGGED, "extended_request_id": "$context.requestId"})),
    change(f"{ACCESS_LOG} Format", json.dumps(LOGGED, indent=1)),
    change(f"{ACCESS_LOG} Format", "$context.status $context.requestId"),
    change(f"{API} AccessLogSetting Fn::If 2", {"Format": '{"ip":"$context.identity.sourceIp"}'}),
)
def the_access_log_is_one_line_of_json_with_nothing_personal_and_nothing_that_a_caller_wrote(built: Built) -> Wrongs:
    for name, stage in stages(built).items():
        if "AccessLogSetting" not in stage:
            continue
        line = stage["AccessLogSetting"]["Format"]
        if not line.startswith("{") or "\n" in line or json.loads(line) != LOGGED:
            yield f"{name}: {line}"


@CONNECTOR.invariant(
    without(f"{API} AccessLogSetting"),
    change(f"{ACCESS_LOG} DestinationArn", {"Fn::GetAtt": ["HttpApiLogGroup", "Arn"]}),
    change("Conditions UseAccessLogs", {"Fn::Equals": [{"Ref": "HttpAccessLogs"}, "yes"]}),
    without("Resources HttpAccessLogGroup Condition"),
    change("Parameters HttpAccessLogs Default", "true"),  # a new account has no role for it: its first deployment fails
)
def calls_are_logged_if_that_is_asked_for_and_not_in_a_new_account(built: Built) -> Wrongs:
    if built.template["Parameters"]["HttpAccessLogs"]["Default"] != "false":
        yield "HttpAccessLogs: on by default"
    if ("HttpAccessLogGroup" in built.resources) != (built.parameters["HttpAccessLogs"] == "true"):
        yield "HttpAccessLogGroup: there without a reason, or not there"
    expected = {"true": "${HttpAccessLogGroup.Arn}", "false": None}[built.parameters["HttpAccessLogs"]]
    for name, stage in stages(built).items():
        if (found := stage.get("AccessLogSetting", {}).get("DestinationArn")) != expected:
            yield f"{name}: {found}"


@CONNECTOR.invariant(
    without(f"{API} SecurityPolicy"),  # then it is TLS_1_0
    change(f"{API} SecurityPolicy", "TLS_1_2"),
    without(f"{API} EndpointAccessMode"),  # API Gateway refuses the one without the other
    change(f"{API} EndpointAccessMode", "BASIC"),
)
def the_api_takes_nothing_older_than_tls_1_2_with_forward_secrecy(built: Built) -> Wrongs:
    for name, api in apis(built).items():
        found = api.get("SecurityPolicy"), api.get("EndpointAccessMode")
        if found != ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "STRICT"):
            yield f"{name}: {found}"


STATUSES = {  # as API Gateway has them
    "THROTTLED": "429",
    "QUOTA_EXCEEDED": "429",
    "INTEGRATION_TIMEOUT": "504",
    "REQUEST_TOO_LARGE": "413",
}


@CONNECTOR.invariant(
    change(f"{ANSWERS} THROTTLED ResponseTemplates application/json", '{"message": "Slow down."}'),
    change(f"{ANSWERS} QUOTA_EXCEEDED ResponseTemplates application/json", '{"message": "No.", "code": "quota"}'),
    change(
        f"{ANSWERS} REQUEST_TOO_LARGE ResponseTemplates application/json",
        '{"message": "$context.error.message", "code": "too_large"}',
    ),
    without(f"{ANSWERS} QUOTA_EXCEEDED ResponseParameters"),
    change(f"{ANSWERS} QUOTA_EXCEEDED ResponseParameters Headers Retry-After", "'1'"),  # it lasts for the day
    without(f"{ANSWERS} INTEGRATION_FAILURE StatusCode"),
    change(f"{ANSWERS} API_CONFIGURATION_ERROR StatusCode", 500),
    without(f"{ANSWERS} INTEGRATION_TIMEOUT"),
)
def what_the_gateway_refuses_looks_like_what_the_function_refuses_and_echoes_nothing(built: Built) -> Wrongs:
    answers = apis(built)["PersonalLinkApi"]["Body"]["x-amazon-apigateway-gateway-responses"]
    expected = {*STATUSES, "INTEGRATION_FAILURE", "API_CONFIGURATION_ERROR"}
    yield from (f"{name}: no answer of ours" for name in expected - answers.keys())
    for name, answer in answers.items():
        status = answer.get("statusCode") or STATUSES.get(name)
        [text] = answer["responseTemplates"].values()
        body = json.loads(text)
        if body.keys() != {"message", "code"} or body["code"] not in list(Code) or "$" in text:
            yield f"{name}: {body}"
            continue
        meaning = CODES[Code(body["code"])]
        if status != str(meaning.http_status):
            yield f"{name}: {body['code']} with status {status}"
        waits = answer["responseParameters"].get("gatewayresponse.header.Retry-After", "")
        some_time = "'3600'" if name == "QUOTA_EXCEEDED" else "'[1-9][0-9]?'"
        if meaning.http_retry_after and not re.fullmatch(some_time, waits):
            yield f"{name}: it does not say when to try again"


@CONNECTOR.invariant(
    change("Resources HttpApiFunction Properties Timeout", 29),
    change(f"{PATH} put x-amazon-apigateway-integration timeoutInMillis", 20_000),
)
def the_function_ends_before_the_gateway_gives_up(built: Built) -> Wrongs:
    longest = built.of_type("AWS::Lambda::Function")["HttpApiFunction"]["Timeout"]
    for name, method, _body in methods(built):
        if longest * 1000 >= method["x-amazon-apigateway-integration"].get("timeoutInMillis", 29_000):
            yield f"HttpApiFunction: {longest} s, {name}"
