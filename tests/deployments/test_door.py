"""Who gets in by HTTP: whoever has the credential that `HttpAuth` names, on the one path there is, and nobody else."""

import json
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import (
    HttpCaller,
    HttpReply,
    anonymous_caller,
    caller_with_policy,
    keyed_caller,
    permitted_caller,
)
from sandbox.stack import Stack, deploy
from sandbox.template import REPOSITORY

BODY = (REPOSITORY / "events" / "http_put.json").read_text()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BESIDE = [
    "/",
    "/personal-link/",
    "/personal-link/1",
    "/Personal-Link",
    "/other",
    "//personal-link",
    "/../test-invoke-stage",
]
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SOMETHING_ELSE = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}


def everywhere(caller: HttpCaller) -> set[int]:
    """Return the statuses that a caller gets by every method on the path of the API and on those beside it."""
    root = caller.stack.http_url.removesuffix("/personal-link")
    urls = [caller.stack.http_url, *(root + path for path in BESIDE)]
    return {caller.send(method, BODY, url=url).status for method in METHODS for url in urls}


def foreign_caller(stack: Stack) -> HttpCaller:
    """Return a user of another account, who may do everything there and thinks so of here."""
    return caller_with_policy(stack, "stranger", EVERYTHING, stack.emulator.client("iam", account="222222222222"))


@pytest.fixture(scope="module")
def keyed_stack() -> Iterator[Stack]:
    """The stack after its owner has changed from signatures to keys."""
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        deploy(emulator, HttpAuth="AWS_IAM", **urls)
        stack = deploy(emulator, HttpAuth="API_KEY", **urls)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield stack


@pytest.fixture(scope="module")
def key_holder(keyed_stack: Stack) -> HttpCaller:
    assert keyed_stack.api_key_id
    return keyed_caller(keyed_stack, keyed_stack.api_key_id)


# Signatures


@pytest.mark.parametrize(
    "intruder", ["unsigned", "wrongly signed", "signed by nobody", "without a permission", "permitted something else"]
)
def test_nobody_without_a_permitted_signature_gets_in_anywhere(
    stack: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox, intruder: str
) -> None:
    assert caller.credentials
    calls = len(vendor.calls("personal-link"))
    match intruder:
        case "unsigned":
            intruding = anonymous_caller(stack)
        case "wrongly signed":
            intruding = HttpCaller(stack, Credentials(caller.credentials.access_key, "a wrong secret access key"))
        case "signed by nobody":
            intruding = HttpCaller(stack, Credentials("AKIAUNKNOWNUNKNOWN00", "any secret access key"))
        case "without a permission":
            intruding = caller_with_policy(stack, "without-a-permission", None)
        case _:
            intruding = caller_with_policy(stack, "permitted-something-else", SOMETHING_ELSE)

    assert everywhere(intruding) == {403}
    assert len(vendor.calls("personal-link")) == calls


def test_a_caller_of_another_account_does_not_get_in(stack: Stack) -> None:
    # AWS says 403; to the emulator an API of another account does not even exist.
    assert everywhere(foreign_caller(stack)) <= {403, 404}


def test_a_permitted_caller_gets_in_by_two_methods_and_nowhere_else(stack: Stack, caller: HttpCaller) -> None:
    by_method = {method: caller.send(method, BODY).status for method in METHODS}
    root = stack.http_url.removesuffix("/personal-link")

    assert {method for method, status in by_method.items() if status == 200} == {"PUT", "POST"}
    assert {status for method, status in by_method.items() if method not in {"PUT", "POST"}} == {403}
    assert {caller.send("PUT", BODY, url=f"{root}/other").status, caller.send("PUT", BODY, url=root).status} == {403}


# Keys


@pytest.mark.parametrize(
    "intruder", ["keyless", "wrongly keyed", "signed and keyless", "with a disabled key", "with a key of no plan"]
)
def test_nobody_without_the_key_gets_in_anywhere(keyed_stack: Stack, intruder: str) -> None:
    gateway = keyed_stack.emulator.client("apigateway")
    match intruder:
        case "keyless":
            intruding = anonymous_caller(keyed_stack)
        case "wrongly keyed":
            intruding = HttpCaller(keyed_stack, api_key="a-key-that-nobody-was-given-00000000")
        case "signed and keyless":
            intruding = permitted_caller(keyed_stack)
        case "with a disabled key":
            intruding = keyed_caller(keyed_stack, gateway.create_api_key(enabled=False)["id"])
        case _:
            intruding = keyed_caller(keyed_stack, gateway.create_api_key(enabled=True)["id"])

    assert everywhere(intruding) == {403}


def test_whoever_has_the_key_gets_in_by_two_methods_and_nowhere_else(
    keyed_stack: Stack, key_holder: HttpCaller
) -> None:
    by_method = {method: key_holder.send(method, BODY).status for method in METHODS}
    root = keyed_stack.http_url.removesuffix("/personal-link")

    assert {method for method, status in by_method.items() if status == 200} == {"PUT", "POST"}
    assert {status for method, status in by_method.items() if method not in {"PUT", "POST"}} == {403}
    assert key_holder.send("PUT", BODY, url=f"{root}/other").status == 403


def test_a_key_is_no_good_where_signatures_are_asked_for(stack: Stack, key_holder: HttpCaller) -> None:
    assert everywhere(HttpCaller(stack, api_key=key_holder.api_key)) == {403}


# Whose a key is


def two_callers_send(one: HttpCaller, other: HttpCaller, headers: dict[str, str], reference: str) -> list[HttpReply]:
    """Return what two callers get for the same request, and the first one for sending it once more."""
    body = json.dumps({"configuration": "contact", "record": {"Email": "ana@example.com"}, "reference": reference})
    return [caller.send("PUT", body, headers) for caller in (one, other, one)]


def assert_each_has_a_link_of_its_own(answers: list[HttpReply]) -> None:
    assert [answer.status for answer in answers] == [200, 200, 200]
    first, second, again = [answer.json()["data"]["survey_link"] for answer in answers]
    assert first == again != second
    assert ["idempotent-replayed" in answer.headers for answer in answers] == [False, False, True]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-1"}], ids=["without a key", "with the same key"])
def test_two_signed_callers_who_send_the_same_request_get_a_link_of_their_own_each(
    stack: Stack, headers: dict[str, str]
) -> None:
    reference = f"two callers {len(headers)}"
    shop, crm = (caller_with_policy(stack, f"{name}-{len(headers)}", EVERYTHING) for name in ("shop", "crm"))

    assert_each_has_a_link_of_its_own(two_callers_send(shop, crm, headers, reference))


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-1"}], ids=["without a key", "with the same key"])
def test_two_holders_of_keys_who_send_the_same_request_get_a_link_of_their_own_each(
    keyed_stack: Stack, key_holder: HttpCaller, headers: dict[str, str]
) -> None:
    gateway = keyed_stack.emulator.client("apigateway")
    second = gateway.create_api_key(enabled=True)["id"]
    [plan] = gateway.get_usage_plans()["items"]
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=second, keyType="API_KEY")
    other = keyed_caller(keyed_stack, second)

    assert_each_has_a_link_of_its_own(two_callers_send(key_holder, other, headers, "two holders"))


def test_from_an_address_that_may_not_call_nobody_gets_in(keyed_stack: Stack) -> None:
    elsewhere = deploy(keyed_stack.emulator, AllowedIpRanges="10.0.0.0/8,2001:db8::/32")
    assert elsewhere.api_key_id

    assert everywhere(keyed_caller(elsewhere, elsewhere.api_key_id)) == {403}

    here = deploy(keyed_stack.emulator, AllowedIpRanges="10.0.0.0/8,127.0.0.0/8")
    assert keyed_caller(here, elsewhere.api_key_id).send("PUT", BODY).status == 200
    assert everywhere(anonymous_caller(here)) == {403}

    signed = deploy(keyed_stack.emulator, AllowedIpRanges="10.0.0.0/8,127.0.0.0/8", HttpAuth="AWS_IAM")
    assert everywhere(caller_with_policy(signed, "unpermitted", SOMETHING_ELSE)) == {403}
    assert caller_with_policy(signed, "permitted", EVERYTHING).send("PUT", BODY).status == 200


def test_more_calls_than_the_stage_lets_in_get_429(keyed_stack: Stack) -> None:
    slow = deploy(keyed_stack.emulator, HttpAuth="AWS_IAM", HttpRateLimit="1", HttpBurstLimit="2", AllowedIpRanges="")
    caller = caller_with_policy(slow, "hasty", EVERYTHING)

    assert {caller.send("PUT", "{").status for _call in range(12)} == {400, 429}


def test_a_key_is_good_for_so_many_calls_a_day(keyed_stack: Stack) -> None:
    few = deploy(
        keyed_stack.emulator,
        HttpAuth="API_KEY",
        ApiKeyDailyQuota="3",
        HttpRateLimit="20",
        HttpBurstLimit="40",
        AllowedIpRanges="",
    )
    assert few.api_key_id
    caller = keyed_caller(few, few.api_key_id)

    assert [caller.send("PUT", "{").status for _call in range(5)] == [400, 400, 400, 429, 429]
