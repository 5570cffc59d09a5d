"""The API: who gets in, what API Gateway refuses by itself, and what it logs."""

import json
import re
from collections.abc import Iterator
from typing import Any

from personal_link.domain.errors import CODES, Code
from tests.template.invariants.invariant import CONNECTOR, Built, Wrongs, change, without

API = "Resources PersonalLinkApi Properties"
PATH = f"{API} DefinitionBody paths /personal-link"
EVENTS = "Resources HttpApiFunction Properties Events"
OPEN = {"responses": {}, "x-amazon-apigateway-integration": {"type": "mock"}}
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}

SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
KEY_IN_A_HEADER = {"type": "apiKey", "in": "header", "name": "x-api-key"}


def apis(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::ApiGateway::RestApi")


def methods(built: Built) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every method there is, by name, with its definition and that of its API."""
    for api in apis(built).values():
        for path, item in api["Body"]["paths"].items():
            for method, definition in item.items():
                yield f"{method.upper()} {path}", definition, api["Body"]


def policy_statements(built: Built) -> Iterator[dict[str, Any]]:
    """Every statement of a resource policy, wherever SAM puts it."""
    for api in apis(built).values():
        for policy in (api.get("Policy", {}), api["Body"].get("x-amazon-apigateway-policy", {})):
            statements = policy.get("Statement", [])
            yield from statements if isinstance(statements, list) else [statements]


@CONNECTOR.invariant(
    change(f"{PATH} get", OPEN),
    change(f"{API} Cors", "'*'"),
    without(f"{EVENTS} Put Properties RestApiId"),  # SAM then makes a second API, an open one
)
def the_api_has_only_put_and_post_on_one_path(built: Built) -> Wrongs:
    names = sorted(name for name, _method, _body in methods(built))
    if names != ["POST /personal-link", "PUT /personal-link"]:
        yield f"{', '.join(apis(built))}: {names}"


@CONNECTOR.invariant(without(f"{API} OpenApiVersion"))  # SAM then makes one more, called "Stage"
def no_api_deployment_creates_a_stage(built: Built) -> Wrongs:
    for name, deployment in built.of_type("AWS::ApiGateway::Deployment").items():
        if "StageName" in deployment:
            yield f"{name}: {deployment['StageName']}"


@CONNECTOR.invariant(
    change("Resources HttpApi", {"Type": "AWS::Serverless::HttpApi"}),
    change("Resources HttpApiFunction Properties FunctionUrlConfig", {"AuthType": "AWS_IAM"}),
)
def there_is_no_second_api_and_no_function_url(built: Built) -> Wrongs:
    doors = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::Lambda::Url", "AWS::AppSync::GraphQLApi")
    for name, resource in built.resources.items():
        if resource["Type"] in doors and name != "PersonalLinkApi":
            yield f"{name}: {resource['Type']}"


@CONNECTOR.invariant(
    change(f"{PATH} post security", []),
    change(f"{PATH} put security +", {}),  # a signature, or nothing
    change(f"{PATH} post security", [{"key": []}, {"signature": []}]),  # either is enough
    change(f"{PATH} post x-amazon-apigateway-auth", {"type": "NONE"}),
    change("Parameters HttpAuth AllowedValues +", "NONE"),
    change(f"{API} Auth", {"ApiKeyRequired": True}),
    change("Conditions UseApiKey", {"Fn::Equals": [{"Ref": "HttpAuth"}, "KEY"]}),
)
def every_method_requires_a_signature_or_in_api_key_mode_the_key(built: Built) -> Wrongs:
    if (allowed := built.template["Parameters"]["HttpAuth"].get("AllowedValues")) != ["AWS_IAM", "API_KEY"]:
        yield f"HttpAuth: {allowed}"
    asked = KEY_IN_A_HEADER if built.parameters["HttpAuth"] == "API_KEY" else SIGNATURE
    found = list(methods(built))
    if not found:
        yield "PersonalLinkApi: no method"
    for name, method, body in found:
        schemes = body["components"]["securitySchemes"]
        alternatives = [[schemes.get(scheme) for scheme in needed] for needed in method.get("security", [])]
        if alternatives != [[asked]] or "x-amazon-apigateway-auth" in method:
            yield f"PersonalLinkApi: {name} asks for {alternatives}"


@CONNECTOR.invariant(
    change(f"{API} Policy Fn::If 1 Statement 0", EVERYBODY),  # with signatures it would let in any account
    change(f"{API} Auth", {"ResourcePolicy": {"AwsAccountWhitelist": ["210987654321"]}}),
    without(f"{API} Policy"),
    change(f"{API} Policy Fn::If 1 Statement 1 Effect", "Allow"),
    change(f"{API} Policy Fn::If 1 Statement 1 Condition NotIpAddress aws:SourceIp", {"Ref": "AllowedIpRanges"}),
)
def the_api_policy_denies_other_addresses_and_allows_nobody_when_calls_are_signed(built: Built) -> Wrongs:
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}},
    }
    match built.parameters["AllowedIpRanges"], built.parameters["HttpAuth"]:
        case "", _:
            expected = []
        case _, "API_KEY":
            expected = [EVERYBODY, denied]
        case _:
            expected = [denied]
    if (statements := list(policy_statements(built))) != expected:
        yield f"PersonalLinkApi: {statements}"


@CONNECTOR.invariant(
    without(f"{EVENTS} Post"),
    change(
        "Resources Invoke",
        {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "QueueWorkerFunction"},
                "Principal": "apigateway.amazonaws.com",
            },
        },
    ),
)
def only_the_api_of_the_stack_may_invoke_a_function(built: Built) -> Wrongs:
    api = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${PersonalLinkApi}"
    expected = {
        ("apigateway.amazonaws.com", "${HttpApiFunctionAliaslive}", f"{api}/*/PUT/personal-link"),
        ("apigateway.amazonaws.com", "${HttpApiFunctionAliaslive}", f"{api}/*/POST/personal-link"),
    }
    found = {
        (permission["Principal"], permission["FunctionName"], permission.get("SourceArn"))
        for permission in built.of_type("AWS::Lambda::Permission").values()
    }
    for permission in found ^ expected:
        yield f"{permission}: {'too much' if permission in found else 'missing'}"


ANSWERS = f"{API} GatewayResponses"


def stages(built: Built) -> dict[str, Any]:
    return built.of_type("AWS::ApiGateway::Stage")


@CONNECTOR.invariant(
    without(f"{API} SecurityPolicy"),  # then it is TLS_1_0
    without(f"{API} EndpointAccessMode"),  # API Gateway refuses the one without the other
)
def the_api_requires_at_least_tls_1_2_with_forward_secrecy(built: Built) -> Wrongs:
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
    change(f"{ANSWERS} QUOTA_EXCEEDED ResponseTemplates application/json", '{"message": "No.", "code": "quota"}'),
    change(
        f"{ANSWERS} REQUEST_TOO_LARGE ResponseTemplates application/json",
        '{"message": "$context.error.message", "code": "too_large"}',
    ),
    change(f"{ANSWERS} QUOTA_EXCEEDED ResponseParameters Headers Retry-After", "'1'"),  # it lasts for the day
    change(f"{ANSWERS} API_CONFIGURATION_ERROR StatusCode", 500),
)
def refusals_of_the_gateway_look_like_those_of_the_function_and_echo_nothing(built: Built) -> Wrongs:
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


@CONNECTOR.invariant(change("Resources HttpApiFunction Properties Timeout", 29))
def the_function_times_out_before_the_gateway(built: Built) -> Wrongs:
    longest = built.of_type("AWS::Lambda::Function")["HttpApiFunction"]["Timeout"]
    for name, method, _body in methods(built):
        if longest * 1000 >= method["x-amazon-apigateway-integration"].get("timeoutInMillis", 29_000):
            yield f"HttpApiFunction: {longest} s, {name}"
