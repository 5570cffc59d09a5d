"""Who gets in by HTTP, and the callers of docs/examples/callers as they stand: with signatures, then with keys.

One stack is deployed three times: with signatures, with keys, and closed to this address. The tests run in that order.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import playwright
import pytest
from botocore.credentials import Credentials

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator
from sandbox.aws.http_caller import (
    HttpCaller,
    anonymous_caller,
    caller_with_policy,
    keyed_caller,
    permitted_caller,
)
from sandbox.aws.stack import Stack, deploy
from sandbox.customergauge.replies import DUPLICATE, Reply
from sandbox.customergauge.server import CustomerGaugeSandbox

BODY = (REPOSITORY / "events" / "http_put.json").read_text()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BESIDE = ["/", "/personal-link/1", "/Personal-Link", "//personal-link", "/../test-invoke-stage"]
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SOMETHING_ELSE = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
HERE, ELSEWHERE = "10.0.0.0/8,127.0.0.0/8", "10.0.0.0/8,2001:db8::/32"


def deployed(emulator: Emulator, vendor: CustomerGaugeSandbox, auth: str, ranges: str) -> Stack:
    urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
    return deploy(emulator, HttpAuth=auth, AllowedIpRanges=ranges, **urls)


def everywhere(caller: HttpCaller) -> set[int]:
    """Return the statuses that a caller gets by every method on the path of the API and on those beside it."""
    root = caller.stack.http_url.removesuffix("/personal-link")
    urls = [caller.stack.http_url, *(root + path for path in BESIDE)]
    return {caller.send(method, BODY, url=url).status for method in METHODS for url in urls}


def assert_gets_in_by_two_methods_and_nowhere_else(caller: HttpCaller) -> None:
    by_method = {method: caller.send(method, BODY).status for method in METHODS}
    root = caller.stack.http_url.removesuffix("/personal-link")

    assert by_method == {method: 200 if method in {"PUT", "POST"} else 403 for method in METHODS}
    assert {caller.send("PUT", BODY, url=f"{root}/other").status, caller.send("PUT", BODY, url=root).status} == {403}


def assert_each_of_two_callers_has_a_link_of_its_own(one: HttpCaller, other: HttpCaller) -> None:
    for headers in ({}, {"Idempotency-Key": "order-1"}):
        record = {"Email": "ana@example.com", "First Name": f"Ana {len(headers)}"}
        body = json.dumps({"configuration": "contact", "record": record})
        answers = [caller.send("PUT", body, headers) for caller in (one, other, one)]

        assert [answer.status for answer in answers] == [200, 200, 200]
        first, second, again = [answer.json()["data"]["survey_link"] for answer in answers]
        assert first == again != second
        assert ["idempotent-replayed" in answer.headers for answer in answers] == [False, False, True]


# Signatures


@pytest.fixture(scope="module")
def signed(emulator: Emulator, vendor: CustomerGaugeSandbox) -> Stack:
    stack = deployed(emulator, vendor, "AWS_IAM", HERE)
    stack.fill_secret(vendor.client_id, vendor.client_secret)
    return stack


@pytest.fixture(scope="module")
def caller(signed: Stack) -> HttpCaller:
    return permitted_caller(signed)


@pytest.mark.parametrize(
    "intruder", ["unsigned", "wrongly signed", "unknown", "permitted something else", "of another account"]
)
def test_nobody_without_a_permitted_signature_gets_in_anywhere(
    signed: Stack, caller: HttpCaller, vendor: CustomerGaugeSandbox, intruder: str
) -> None:
    assert caller.credentials
    refusals = {403}
    match intruder:
        case "unsigned":
            intruding = anonymous_caller(signed)
        case "wrongly signed":
            intruding = HttpCaller(signed, Credentials(caller.credentials.access_key, "a wrong secret access key"))
        case "unknown":
            intruding = HttpCaller(signed, Credentials("AKIAUNKNOWNUNKNOWN00", "any secret access key"))
        case "permitted something else":
            intruding = caller_with_policy(signed, "permitted-something-else", SOMETHING_ELSE)
        case _:
            iam = signed.emulator.client("iam", account="222222222222")
            intruding = caller_with_policy(signed, "stranger", EVERYTHING, iam)
            refusals = {403, 404}  # AWS says 403; to the emulator an API of another account does not even exist

    assert everywhere(intruding) <= refusals
    assert vendor.calls("personal-link") == []


def test_a_permitted_caller_gets_in_by_two_methods_and_nowhere_else(caller: HttpCaller) -> None:
    assert_gets_in_by_two_methods_and_nowhere_else(caller)


def test_two_signed_callers_who_send_the_same_request_get_a_link_of_their_own_each(signed: Stack) -> None:
    shop, crm = (caller_with_policy(signed, name, EVERYTHING) for name in ("shop", "crm"))

    assert_each_of_two_callers_has_a_link_of_its_own(shop, crm)


# The callers of docs/examples/callers

CALLERS: Final = REPOSITORY / "docs" / "examples" / "callers"
NODE: Final = str(Path(playwright.__file__).with_name("driver") / "node")  # the one that playwright brings
PROGRAMS: Final = {"curl": ["sh", "call.sh"], "Python": [sys.executable, "call.py"], "Node": [NODE, "call.mjs"]}
RETRYING: Final = ["Python", "Node"]


def call(program: list[str], stack: Stack, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a caller with a key and a body, and an environment in which it trusts the emulator."""
    authority = str(stack.emulator.authority)
    return subprocess.run(
        [*program, json.loads(body)["reference"], body],
        cwd=CALLERS,
        env={
            "PATH": os.environ["PATH"],
            "PERSONAL_LINK_URL": stack.http_url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), authority),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def signer(caller: HttpCaller) -> dict[str, str]:
    """What a caller knows who may call this stack and nothing else."""
    assert caller.credentials
    return {
        "AWS_ACCESS_KEY_ID": caller.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": caller.credentials.secret_key,
    }


def a_request(reference: str, email: str = "ana@example.com") -> str:
    return json.dumps({"configuration": "contact", "record": {"Email": email}, "reference": reference})


def link_in(answer: str) -> str:
    parsed = json.loads(answer)
    link: str = parsed.get("data", parsed)["survey_link"]
    return link


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_caller_that_is_told_to_slow_down_comes_again_with_its_key_and_gets_one_link(
    signed: Stack, signer: dict[str, str], vendor: CustomerGaugeSandbox, name: str
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=1))
    made = len(vendor.links)

    answers = [call(PROGRAMS[name], signed, a_request(name), **signer) for _time in range(2)]

    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    assert [link_in(answer.stdout) for answer in answers] == [vendor.links[-1].survey_link] * 2
    assert len(vendor.links) == made + 1


LOST = [Reply(fault="reset", commit=True), DUPLICATE]


@pytest.mark.parametrize("name", RETRYING)
@pytest.mark.parametrize(
    ("replies", "environment", "said"),
    [(LOST, {}, "outcome_unknown: "), ([], {"AWS_SECRET_ACCESS_KEY": "another"}, "not_let_in: ")],
    ids=["its link is lost", "it is not let in"],
)
def test_a_caller_that_cannot_get_its_link_ends_and_says_why(
    signed: Stack,
    signer: dict[str, str],
    vendor: CustomerGaugeSandbox,
    name: str,
    replies: list[Reply],
    environment: dict[str, str],
    said: str,
) -> None:
    vendor.script("personal-link", *replies)

    answer = call(PROGRAMS[name], signed, a_request(f"{name} {said}"), **signer | environment)

    assert answer.returncode == 1
    assert answer.stderr.startswith(said)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_caller_says_what_is_wrong_with_its_request(signed: Stack, signer: dict[str, str], name: str) -> None:
    answer = call(PROGRAMS[name], signed, a_request(f"{name} errs", email="nobody"), **signer)

    assert answer.returncode != 0
    assert "validation_failed" in answer.stdout + answer.stderr
    assert "must be a valid email address" in answer.stdout + answer.stderr


def test_no_caller_is_left_out() -> None:
    known = {program[-1] for program in PROGRAMS.values()} | {"call_with_key.sh"}

    assert {path.name for path in CALLERS.iterdir()} == known


# Keys


@pytest.fixture(scope="module")
def keyed(emulator: Emulator, vendor: CustomerGaugeSandbox, signed: Stack) -> Stack:  # `signed` is deployed before
    return deployed(emulator, vendor, "API_KEY", HERE)


@pytest.fixture(scope="module")
def key_holder(keyed: Stack) -> HttpCaller:
    assert keyed.api_key_id
    return keyed_caller(keyed, keyed.api_key_id)


@pytest.mark.parametrize("intruder", ["keyless", "wrongly keyed", "signed and keyless", "disabled", "of no plan"])
def test_nobody_without_the_key_gets_in_anywhere(keyed: Stack, intruder: str) -> None:
    gateway = keyed.emulator.client("apigateway")
    match intruder:
        case "keyless":
            intruding = anonymous_caller(keyed)
        case "wrongly keyed":
            intruding = HttpCaller(keyed, api_key="a-key-that-nobody-was-given-00000000")
        case "signed and keyless":
            intruding = caller_with_policy(keyed, "signs", EVERYTHING)
        case _:
            key = gateway.create_api_key(enabled=intruder == "of no plan")["id"]
            intruding = keyed_caller(keyed, key)

    assert everywhere(intruding) == {403}


def test_whoever_has_the_key_gets_in_by_two_methods_and_nowhere_else(key_holder: HttpCaller) -> None:
    assert_gets_in_by_two_methods_and_nowhere_else(key_holder)


def test_two_holders_of_keys_who_send_the_same_request_get_a_link_of_their_own_each(
    keyed: Stack, key_holder: HttpCaller
) -> None:
    gateway = keyed.emulator.client("apigateway")
    second = gateway.create_api_key(enabled=True)["id"]
    [plan] = gateway.get_usage_plans()["items"]
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=second, keyType="API_KEY")

    assert_each_of_two_callers_has_a_link_of_its_own(key_holder, keyed_caller(keyed, second))


def test_the_caller_with_a_key_gets_the_link_and_without_it_does_not(
    keyed: Stack, key_holder: HttpCaller, vendor: CustomerGaugeSandbox
) -> None:
    assert key_holder.api_key
    program = ["sh", "call_with_key.sh"]

    let_in = call(program, keyed, a_request("keyed"), PERSONAL_LINK_API_KEY=key_holder.api_key)
    refused = call(program, keyed, a_request("wrong"), PERSONAL_LINK_API_KEY="no key")

    assert let_in.returncode == 0, let_in.stderr
    assert link_in(let_in.stdout) == vendor.links[-1].survey_link
    assert (refused.returncode, json.loads(refused.stdout)) == (22, {"message": "Forbidden"})


# Addresses


def test_from_an_address_that_may_not_call_nobody_gets_in(
    emulator: Emulator, vendor: CustomerGaugeSandbox, key_holder: HttpCaller
) -> None:
    elsewhere = deployed(emulator, vendor, "API_KEY", ELSEWHERE)

    assert everywhere(HttpCaller(elsewhere, api_key=key_holder.api_key)) == {403}


@pytest.mark.parametrize(
    ("arguments", "told"), [([], "Usage: call"), (["key", "{}"], "no_answer: No answer came .*refused")]
)
@pytest.mark.parametrize("name", RETRYING)
def test_a_caller_says_how_it_is_called_and_why_no_answer_came(
    name: str, arguments: list[str], told: str, tmp_path: Path
) -> None:
    *interpreter, file = PROGRAMS[name]
    program = tmp_path / file
    program.write_text((CALLERS / file).read_text().replace("ATTEMPTS = 5", "ATTEMPTS = 1"))
    known = {"PERSONAL_LINK_URL": "https://127.0.0.1:2/", "AWS_REGION": REGION}
    known |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}

    answer = subprocess.run(
        [*interpreter, program, *arguments], env=known, capture_output=True, text=True, check=False, timeout=60
    )

    assert answer.returncode == 1
    assert re.match(told, answer.stderr, re.IGNORECASE)
