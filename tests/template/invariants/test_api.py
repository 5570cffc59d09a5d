"""The API: who gets in, what API Gateway refuses by itself, and what it logs."""

import json
from collections.abc import Iterator
from typing import Any

from personal_link.domain.errors import CODES, Code
from tests.template.invariants.built import Built, source

EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
KEY_IN_A_HEADER = {"type": "apiKey", "in": "header", "name": "x-api-key"}
# What API Gateway itself refuses: the status, the code, and Retry-After; it lasts for the day with a used up quota.
REFUSALS = {
    "THROTTLED": ("429", "rate_limited", "'1'"),
    "QUOTA_EXCEEDED": ("429", "rate_limited", "'3600'"),
    "INTEGRATION_FAILURE": ("503", "internal_error", "'5'"),
    "API_CONFIGURATION_ERROR": ("503", "internal_error", "'5'"),
    "INTEGRATION_TIMEOUT": ("504", "no_answer", None),
    "REQUEST_TOO_LARGE": ("413", "too_large", None),
}
SET_BY_AWS = {"THROTTLED": "429", "QUOTA_EXCEEDED": "429", "INTEGRATION_TIMEOUT": "504", "REQUEST_TOO_LARGE": "413"}


def the_api(built: Built) -> dict[str, Any]:
    [api] = built.of_type("AWS::ApiGateway::RestApi").values()
    assert isinstance(api, dict)
    return api


def methods(built: Built) -> dict[str, dict[str, Any]]:
    paths = the_api(built)["Body"]["paths"].items()
    return {f"{method.upper()} {path}": told for path, item in paths for method, told in item.items()}


def policy_statements(built: Built) -> Iterator[dict[str, Any]]:
    """Every statement of a resource policy, wherever SAM puts it."""
    api = the_api(built)
    for policy in (api.get("Policy", {}), api["Body"].get("x-amazon-apigateway-policy", {})):
        statements = policy.get("Statement", [])
        yield from statements if isinstance(statements, list) else [statements]


def test_the_one_api_has_only_put_and_post_on_one_path_and_there_is_no_other_entrance(built: Built) -> None:
    doors = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::Lambda::Url", "AWS::AppSync::GraphQLApi")

    assert [name for name, one in built.resources.items() if one["Type"] in doors] == ["PersonalLinkApi"]
    assert sorted(methods(built)) == ["POST /personal-link", "PUT /personal-link"]


def test_no_api_deployment_creates_a_stage(built: Built) -> None:
    [deployment] = built.of_type("AWS::ApiGateway::Deployment").values()

    assert "StageName" not in deployment


def test_every_method_requires_a_signature_or_in_api_key_mode_the_key(built: Built) -> None:
    assert source()["Parameters"]["HttpAuth"]["AllowedValues"] == ["AWS_IAM", "API_KEY"]
    schemes = the_api(built)["Body"]["components"]["securitySchemes"]
    for method in methods(built).values():
        asked = [[schemes[scheme] for scheme in needed] for needed in method["security"]]
        assert asked == [[KEY_IN_A_HEADER if built.parameters["HttpAuth"] == "API_KEY" else SIGNATURE]]
        assert "x-amazon-apigateway-auth" not in method


def test_the_api_policy_denies_other_addresses_and_allows_nobody_when_calls_are_signed(built: Built) -> None:
    denied = {
        **EVERYBODY,
        "Effect": "Deny",
        "Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}},
    }
    by_key = [EVERYBODY] if built.parameters["HttpAuth"] == "API_KEY" else []

    assert list(policy_statements(built)) == ([*by_key, denied] if built.parameters["AllowedIpRanges"] else [])


def test_only_the_api_of_the_stack_may_invoke_a_function(built: Built) -> None:
    api = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${PersonalLinkApi}"

    assert {
        (permission["Principal"], permission["FunctionName"], permission.get("SourceArn"))
        for permission in built.of_type("AWS::Lambda::Permission").values()
    } == {
        ("apigateway.amazonaws.com", "${HttpApiFunctionAliaslive}", f"{api}/*/PUT/personal-link"),
        ("apigateway.amazonaws.com", "${HttpApiFunctionAliaslive}", f"{api}/*/POST/personal-link"),
    }


def test_the_api_requires_at_least_tls_1_2_with_forward_secrecy(built: Built) -> None:
    api = the_api(built)

    assert (api["SecurityPolicy"], api["EndpointAccessMode"]) == ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "STRICT")


def test_refusals_of_the_gateway_look_like_those_of_the_function_and_echo_nothing(built: Built) -> None:
    found = {}
    for name, answer in the_api(built)["Body"]["x-amazon-apigateway-gateway-responses"].items():
        [text] = answer["responseTemplates"].values()
        body = json.loads(text)
        waits = answer["responseParameters"].get("gatewayresponse.header.Retry-After")
        found[name] = (answer.get("statusCode") or SET_BY_AWS[name], body["code"], waits)
        assert body.keys() == {"message", "code"}
        assert "$" not in text

    assert found == REFUSALS
    for status, code, waits in REFUSALS.values():
        assert str(CODES[Code(code)].http_status) == status
        assert waits or not CODES[Code(code)].http_retry_after


def test_the_function_times_out_before_the_gateway(built: Built) -> None:
    longest = built.of_type("AWS::Lambda::Function")["HttpApiFunction"]["Timeout"]
    for method in methods(built).values():
        assert longest * 1000 < method["x-amazon-apigateway-integration"].get("timeoutInMillis", 29_000)
