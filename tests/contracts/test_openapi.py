"""The OpenAPI document has exactly the statuses, codes and refusals of the code and the template."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from personal_link.domain.errors import CODES
from sandbox import REPOSITORY
from sandbox.template import source_template
from tests.contracts.openapi import DOCUMENT, METHODS, breaks, codes, operation, resolved, responses

every_method = pytest.mark.parametrize("method", METHODS)
API = source_template()["Resources"]["PersonalLinkApi"]["Properties"]


@every_method
def test_the_document_lists_every_code_under_its_status_and_only_200_and_403_have_no_code(method: str) -> None:
    told = {code: status for status, response in responses(method).items() for code in codes(response)}

    assert told == {str(code): meaning.http_status for code, meaning in CODES.items()}
    assert {status for status, response in responses(method).items() if not codes(response)} == {200, 403}


@every_method
def test_each_code_has_an_example_and_every_example_matches_its_schema(method: str) -> None:
    for status, response in responses(method).items():
        content = response["content"]["application/json"]
        assert codes(response) <= content["examples"].keys()
        for name, example in content["examples"].items():
            assert breaks(content["schema"], example["value"]) == [], name
            assert status in {200, 403} or name.startswith(example["value"]["code"]), name


@every_method
def test_every_example_of_a_request_body_matches_its_schema(method: str) -> None:
    body = resolved(operation(method)["requestBody"])["content"]

    assert set(body) == {"application/json", "application/x-www-form-urlencoded"}
    for content in body.values():
        for name, example in content["examples"].items():
            assert breaks(content["schema"], example["value"]) == [], name
    sample = json.loads((REPOSITORY / "events" / "http_put.json").read_text())
    assert breaks(body["application/json"]["schema"], sample) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"message": "no"},
        {"message": "no", "code": "rate_limited"},
        {"message": "no", "code": "invalid_request", "errors": {"record": "is required"}},
    ],
)
def test_an_answer_of_another_shape_breaks_the_schema(answer: Mapping[str, Any]) -> None:
    assert breaks(responses("put")[400]["content"]["application/json"]["schema"], answer) != []


@every_method
def test_retry_after_is_required_in_the_answers_that_always_have_it(method: str) -> None:
    said = {
        status: resolved(response["headers"]["Retry-After"]).get("required", False)
        for status, response in responses(method).items()
        if "Retry-After" in response.get("headers", {})
    }

    assert said == {409: False, 429: True, 502: False, 503: True}


def test_every_refusal_of_api_gateway_itself_is_in_the_document() -> None:
    for refusal in API["GatewayResponses"].values():
        body = json.loads(refusal["ResponseTemplates"]["application/json"])
        [response] = [one for one in responses("put").values() if body["code"] in codes(one)]
        examples = response["content"]["application/json"]["examples"].values()
        assert body in [example["value"] for example in examples]
        assert refusal.get("ResponseParameters", {}).get("Headers", {}).keys() <= response.get("headers", {}).keys()


def test_path_methods_and_security_schemes_of_the_document_match_the_template() -> None:
    api = API["DefinitionBody"]

    assert {path: set(item) for path, item in DOCUMENT["paths"].items()} == {
        path: set(item) for path, item in api["paths"].items()
    }
    assert [next(iter(one)) for one in DOCUMENT["security"]] == ["signature", "key"]
    for name, scheme in api["components"]["securitySchemes"].items():
        assert scheme.items() <= DOCUMENT["components"]["securitySchemes"][name].items()
