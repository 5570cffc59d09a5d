"""Who gets in by HTTP: whoever has the credential that `HttpAuth` names, on one path, and nobody else."""

from collections.abc import Iterator
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR, RANGES, WEB_ACL
from tests.template.invariants.invariant import Wrongs, change, without

API = "Resources PersonalLinkApi Properties"
PATH = f"{API} DefinitionBody paths /personal-link"
SCHEMES = f"{API} DefinitionBody components securitySchemes"
INVOKE = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
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
    change(f"{PATH} x-amazon-apigateway-any-method", OPEN),
    change(f"{API} DefinitionBody paths /{{proxy+}}", {"get": OPEN}),
    change(f"{API} Cors", "'*'"),
    without(f"{PATH} post"),
    without(f"{EVENTS} Put Properties RestApiId"),  # SAM then makes a second API, an open one
    change(f"{EVENTS} Any", {"Type": "Api", "Properties": {"Path": "/any", "Method": "any"}}),
)
def the_api_has_two_methods_on_one_path_and_no_other(built: Built) -> Wrongs:
    names = sorted(name for name, _method, _body in methods(built))
    if names != ["POST /personal-link", "PUT /personal-link"]:
        yield f"{', '.join(apis(built))}: {names}"


@CONNECTOR.invariant(
    change(f"{EVENTS} Http", {"Type": "HttpApi"}),
    change("Resources HttpApi", {"Type": "AWS::Serverless::HttpApi"}),
    change("Resources HttpApiFunction Properties FunctionUrlConfig", {"AuthType": "AWS_IAM"}),
    change("Resources SecondApi", {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": {"paths": {}}}}),
)
def there_is_no_door_beside_the_api(built: Built) -> Wrongs:
    doors = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::Lambda::Url", "AWS::AppSync::GraphQLApi")
    for name, resource in built.resources.items():
        if resource["Type"] in doors and name != "PersonalLinkApi":
            yield f"{name}: {resource['Type']}"


@CONNECTOR.invariant(
    change(f"{PATH} post security", []),
    without(f"{PATH} put security"),
    change(f"{PATH} put security +", {}),  # a signature, or nothing
    change(f"{PATH} put security 0", {"signature": []}),
    change(f"{PATH} put security 0", {"Fn::If": ["UseApiKey", {"signature": []}, {"key": []}]}),
    change(f"{PATH} post security", [{"key": []}, {"signature": []}]),  # either is enough
    change(f"{PATH} post x-amazon-apigateway-auth", {"type": "NONE"}),
    without(f"{SCHEMES} signature x-amazon-apigateway-authtype"),
    change(f"{SCHEMES} key name", "apikey"),
    change(f"{API} Auth", {"ApiKeyRequired": True}),
    change("Conditions UseApiKey", {"Fn::Equals": [{"Ref": "HttpAuth"}, "KEY"]}),
    without(PATH),
)
def every_method_asks_for_a_signature_or_with_api_key_for_the_key(built: Built) -> Wrongs:
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
    change("Parameters HttpAuth AllowedValues +", "NONE"),
    without("Parameters HttpAuth AllowedValues"),
)
def there_is_no_third_kind_of_credential(built: Built) -> Wrongs:
    allowed = built.template["Parameters"]["HttpAuth"].get("AllowedValues")
    if allowed != ["AWS_IAM", "API_KEY"]:
        yield f"HttpAuth: {allowed}"


@CONNECTOR.invariant(
    without("Resources HttpUsagePlanKey"),
    change("Resources HttpUsagePlanKey Properties UsagePlanId", "another-plan"),
    without("Resources HttpUsagePlan Properties ApiStages"),
    change("Resources HttpUsagePlan Properties ApiStages 0 Stage", "test"),
    without("Resources HttpUsagePlan Properties Quota"),
    change("Resources HttpUsagePlan Properties Quota Limit", 1_000_000_000),
    without("Resources HttpUsagePlan Properties Throttle"),
    without("Resources HttpUsagePlan Properties Throttle BurstLimit"),
    without("Resources HttpApiKey Condition"),
)
def a_key_belongs_to_a_plan_of_this_stage_with_a_quota_and_a_throttle(built: Built) -> Wrongs:
    with_keys = built.parameters["HttpAuth"] == "API_KEY"
    plans = list(built.of_type("AWS::ApiGateway::UsagePlan").values())
    members = [(key["KeyId"], key["UsagePlanId"]) for key in built.of_type("AWS::ApiGateway::UsagePlanKey").values()]
    keys = list(built.of_type("AWS::ApiGateway::ApiKey"))
    if keys != (["HttpApiKey"] if with_keys else []):
        yield f"the keys are {keys}"
    if members != ([("${HttpApiKey}", "${HttpUsagePlan}")] if with_keys else []):
        yield f"HttpApiKey: its plans are {members}"
    expected = {
        "ApiStages": [{"ApiId": "${PersonalLinkApi}", "Stage": "${PersonalLinkApiliveStage}"}],
        "Throttle": {"RateLimit": "20", "BurstLimit": "40"},
        "Quota": {"Limit": "100000", "Period": "DAY"},
    }
    if plans != ([expected] if with_keys else []):
        yield f"HttpUsagePlan: {plans}"


@CONNECTOR.invariant(
    change(f"{API} Policy Fn::If 1 Statement 0", EVERYBODY),  # with signatures it would let in any account
    change(f"{API} Policy", {"Version": "2012-10-17", "Statement": EVERYBODY}),
    change(f"{API} Auth", {"ResourcePolicy": {"AwsAccountWhitelist": ["210987654321"]}}),
    without(f"{API} Policy"),
    without(f"{API} Policy Fn::If 1 Statement 1"),
    without(f"{API} Policy Fn::If 1 Statement 0"),  # then no key gets in at all
    without(f"{API} Policy Fn::If 1 Statement 1 Condition"),
    change(f"{API} Policy Fn::If 0", "UseApiKey"),
    change(f"{API} Policy Fn::If 1 Statement 1 Effect", "Allow"),
    change(f"{API} Policy Fn::If 1 Statement 1 Resource", "execute-api:/live/PUT/*"),
    change(f"{API} Policy Fn::If 1 Statement 1 Condition", {"IpAddress": {"aws:SourceIp": RANGES}}),
    change(f"{API} Policy Fn::If 1 Statement 1 Condition NotIpAddress aws:SourceIp", {"Ref": "AllowedIpRanges"}),
    change("Conditions HasAllowedIpRanges", {"Fn::Equals": [{"Ref": "AllowedIpRanges"}, ""]}),
)
def addresses_beside_the_allowed_ranges_are_denied_and_with_signatures_nobody_is_allowed(built: Built) -> Wrongs:
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
    without("Resources HttpWebAcl"),
    change("Resources HttpWebAcl Condition", "UseApiKey"),
    change("Resources HttpWebAcl Properties ResourceArn", {"Fn::Sub": "${PersonalLinkApi}/stages/test"}),
)
def a_given_web_acl_stands_before_the_stage(built: Built) -> Wrongs:
    stage = (
        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${PersonalLinkApi}"
        "/stages/${PersonalLinkApiliveStage}"
    )
    expected = [{"WebACLArn": WEB_ACL, "ResourceArn": stage}] if built.parameters["WebAclArn"] else []
    if (found := list(built.of_type("AWS::WAFv2::WebACLAssociation").values())) != expected:
        yield f"HttpWebAcl: {found}"


@CONNECTOR.invariant(
    without(f"{EVENTS} Post"),
    change(
        f"{EVENTS} Get",
        {"Type": "Api", "Properties": {"RestApiId": {"Ref": "PersonalLinkApi"}, "Method": "get", "Path": "/"}},
    ),
    change("Resources HttpApiFunction Properties FunctionUrlConfig", {"AuthType": "NONE"}),
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
def only_this_api_of_this_account_may_invoke_a_function(built: Built) -> Wrongs:
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


@CONNECTOR.invariant(
    change(f"{PATH} put x-amazon-apigateway-integration type", "mock"),
    change(f"{PATH} put x-amazon-apigateway-integration httpMethod", "PUT"),  # Lambda takes nothing but POST
    change(f"{PATH} post x-amazon-apigateway-integration uri", "https://example.com"),
    change(
        f"{PATH} put x-amazon-apigateway-integration uri", {"Fn::Sub": INVOKE + "/${HttpApiFunction.Arn}/invocations"}
    ),
)
def every_method_is_answered_by_the_function(built: Built) -> Wrongs:
    expected = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": INVOKE + "/${HttpApiFunction.Arn}:live/invocations",  # what is live, not what was uploaded last
    }
    for name, method, _body in methods(built):
        if method["x-amazon-apigateway-integration"] != expected:
            yield f"PersonalLinkApi: {name}, {method['x-amazon-apigateway-integration']}"
