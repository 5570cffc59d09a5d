"""The deployed HTTP API answers as docs/contracts/openapi.yaml says, in every case that can be caused here."""

import uuid
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from requests.auth import AuthBase
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.schemas import BaseSchema

from sandbox.aws.emulator import REGION
from sandbox.aws.http_caller import HttpCaller
from sandbox.aws.stack import Stack
from sandbox.customergauge.replies import DUPLICATE, Reply
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.contracts.openapi import OPENAPI

EXAMPLES = 30  # of each media type
BY_THE_BOOK = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Signed(AuthBase):
    """Signs what requests is about to send."""

    def __init__(self, caller: HttpCaller) -> None:
        assert caller.credentials
        self._credentials = caller.credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        to_sign = AWSRequest(request.method, request.url, data=request.body, headers=headers)
        SigV4Auth(self._credentials, "execute-api", REGION).add_auth(to_sign)
        request.headers.update(dict(to_sign.headers.items()))
        return request


@pytest.fixture(scope="module")
def api() -> BaseSchema:
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_path(OPENAPI, config=config)


@pytest.fixture(autouse=True)
def no_results_are_left(stack: Stack) -> Iterator[None]:
    """Take the results; that they keep their contract is seen on the way."""
    yield
    while stack.results(10, within=1):
        pass


def send(case: Case[Any], stack: Stack, caller: HttpCaller) -> Any:
    root = stack.http_url.removesuffix("/personal-link")
    return case.call(base_url=root, auth=Signed(caller), verify=str(stack.emulator.authority), timeout=40)


def as_the_contract_says_beside_the_schema(case: Case[Any]) -> None:
    """Name a mapping, since this stack has no default; and do not name two keys at once."""
    body = cast("dict[str, Any]", case.body)
    if body.get("configuration") is None:
        body["configuration"] = "contact"
    if body.get("idempotency_key") is not None:
        case.headers.pop("Idempotency-Key", None)


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_request_that_the_openapi_document_allows_is_not_refused_as_invalid(
    api: BaseSchema, stack: Stack, caller: HttpCaller, media_type: str
) -> None:
    seen: list[int] = []

    @settings(max_examples=EXAMPLES, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(api["/personal-link"]["put"].as_strategy(GenerationMode.POSITIVE, media_type=media_type))
    def is_taken(case: Case[Any]) -> None:
        as_the_contract_says_beside_the_schema(case)
        answer = send(case, stack, caller)
        seen.append(answer.status_code)
        case.validate_response(answer, checks=[not_a_server_error, *BY_THE_BOOK])
        assert answer.status_code == 200 or answer.json()["code"] not in {"invalid_request", "unsupported_media_type"}

    is_taken()
    assert len(seen) >= EXAMPLES / 2


def ask(operation: Any, stack: Stack, caller: HttpCaller, content: Any, **more: Any) -> tuple[int, str, Any]:
    """Send a body, hold the answer against the document, and return its status, its code and the answer."""
    case = operation.Case(body=content, **{"media_type": "application/json", **more})
    answer = send(case, stack, caller)
    case.validate_response(answer, checks=BY_THE_BOOK)
    return answer.status_code, answer.json().get("code", "created"), answer


def request_of(email: str, **more: Any) -> dict[str, Any]:
    return {"configuration": "contact", "record": {"Email": email}, "reference": str(uuid.uuid4()), **more}


def test_every_answer_of_the_deployed_api_matches_the_openapi_document(
    api: BaseSchema, stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    operation = api["/personal-link"]["put"]
    key = "contract"
    lost = request_of("ana@example.com", idempotency_key="contract-lost")

    def answered(content: Any, **more: Any) -> tuple[int, str]:
        return ask(operation, stack, caller, content, **more)[:2]

    assert answered(request_of("ana@example.com")) == (200, "created")
    again = request_of("ana@example.com", idempotency_key=key)
    assert answered(again) == (200, "created")
    status, _code, answer = ask(operation, stack, caller, again)
    assert (status, answer.headers["idempotent-replayed"]) == (200, ["true"])
    assert answered(request_of("ana@example.com", idempotency_key=key)) == (422, "idempotency_key_reused")
    assert answered({"record": {}}) == (400, "invalid_request")
    assert answered({"record": {f"Heading {n}": n for n in range(201)}}) == (413, "too_large")
    assert answered(b"x", media_type="text/plain") == (415, "unsupported_media_type")
    assert answered(request_of("no-campaign@example.com")) == (400, "no_matching_campaign")
    assert answered(request_of("duplicate@example.com")) == (400, "duplicate_record")
    assert answered(request_of("nobody")) == (422, "validation_failed")
    assert answered({**again, "configuration": "elsewhere", "idempotency_key": None}) == (404, "mapping_not_found")
    vendor.script("personal-link", Reply.error(418), Reply.error(403), Reply(200, {"data": {}}))
    assert answered(request_of("ana@example.com")) == (400, "bad_request")
    assert answered(request_of("ana@example.com")) == (502, "forbidden")
    assert answered(request_of("ana@example.com")) == (502, "bad_response")
    vendor.script("personal-link", Reply(fault="reset", commit=True), DUPLICATE)
    assert answered(lost) == (504, "no_answer")
    assert answered(lost) == (409, "outcome_unknown")

    # The vendor is left alone for as long as it asks: until then its last word is repeated.
    vendor.script("personal-link", Reply.error(429, retry_after=2), Reply.error(503, retry_after=2))
    assert answered(request_of("ana@example.com")) == (429, "rate_limited")
    while (answer_then := answered(request_of("ana@example.com"))) == (429, "rate_limited"):
        pass
    assert answer_then == (503, "unavailable")
    while (answer_then := answered(request_of("ana@example.com"))) == (503, "unavailable"):
        pass
    assert answer_then == (200, "created")


def test_an_unauthorised_caller_gets_the_403_of_the_openapi_document(api: BaseSchema, stack: Stack) -> None:
    operation = api["/personal-link"]["put"]
    stranger = HttpCaller(stack, Credentials("AKIAUNKNOWNUNKNOWN00", "any secret access key"))

    assert ask(operation, stack, stranger, request_of("ana@example.com"))[0] == 403
