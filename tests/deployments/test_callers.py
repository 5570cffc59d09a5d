"""The callers of docs/examples/callers, as they stand: they get a link, retry with their key, say what is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright._impl._driver import compute_driver_executable

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import REGION, running_emulator
from sandbox.http_caller import HttpCaller, keyed_caller
from sandbox.stack import Stack, deploy
from sandbox.template import REPOSITORY
from sandbox.vendor_replies import Reply

CALLERS: Final = REPOSITORY / "docs" / "examples" / "callers"
NODE: Final = str(compute_driver_executable()[0])  # the one that playwright brings
SIGNED: Final = {"curl": ["sh", "call.sh"], "Python": [sys.executable, "call.py"], "Node": [NODE, "call.mjs"]}
RETRYING: Final = ["Python", "Node"]

Program = list[str]


def call(program: Program, stack: Stack, key: str, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a caller with a key and a body, and an environment in which it trusts the emulator."""
    authority = str(stack.emulator.authority)
    return subprocess.run(
        [*program, key, body],
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
def signer(caller: HttpCaller, stack: Stack) -> Iterator[dict[str, str]]:
    """What a caller knows who may call this stack and nothing else; the results it leaves are taken."""
    assert caller.credentials
    yield {
        "AWS_ACCESS_KEY_ID": caller.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": caller.credentials.secret_key,
    }
    while stack.results(10, within=1):
        pass


def a_request(reference: str, email: str = "ana@example.com") -> str:
    return json.dumps({"configuration": "contact", "record": {"Email": email}, "reference": reference})


def link_in(answer: str) -> str:
    parsed = json.loads(answer)
    link: str = parsed.get("data", parsed)["survey_link"]
    return link


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_caller_gets_the_link_and_with_the_same_key_the_same_one(
    stack: Stack, signer: dict[str, str], vendor: CustomerGaugeSandbox, name: str
) -> None:
    made = len(vendor.links)

    answers = [call(SIGNED[name], stack, f"{name} signs", a_request(name), **signer) for _time in range(2)]

    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    assert [link_in(answer.stdout) for answer in answers] == [vendor.links[-1].survey_link] * 2
    assert len(vendor.links) == made + 1


@pytest.mark.parametrize("name", SIGNED)
def test_a_caller_that_is_told_to_slow_down_comes_again_with_its_key(
    stack: Stack, signer: dict[str, str], vendor: CustomerGaugeSandbox, name: str
) -> None:
    vendor.script("personal-link", Reply.error(429, retry_after=1))
    made = len(vendor.links)

    answer = call(SIGNED[name], stack, f"{name} is slowed down", a_request(name), **signer)

    assert answer.returncode == 0, answer.stderr
    assert [link_in(answer.stdout)] == [link.survey_link for link in vendor.links[made:]]


@pytest.mark.parametrize("name", RETRYING)
def test_a_caller_comes_again_after_a_lost_answer_and_says_that_the_link_is_lost(
    stack: Stack, signer: dict[str, str], vendor: CustomerGaugeSandbox, name: str
) -> None:
    duplicate = "Personal link record could not be created because it duplicates with another record."
    vendor.script("personal-link", Reply(fault="reset", commit=True), Reply.error(400, duplicate))

    answer = call(SIGNED[name], stack, f"{name} loses an answer", a_request(name), **signer)

    assert answer.returncode == 1
    assert answer.stderr.startswith("outcome_unknown: ")


@pytest.mark.parametrize("name", SIGNED)
def test_a_caller_says_what_is_wrong_with_its_request(stack: Stack, signer: dict[str, str], name: str) -> None:
    answer = call(SIGNED[name], stack, f"{name} errs", a_request(name, email="nobody"), **signer)

    assert answer.returncode != 0
    assert "validation_failed" in answer.stdout + answer.stderr
    assert "must be a valid email address" in answer.stdout + answer.stderr


@pytest.mark.parametrize("name", RETRYING)
def test_a_caller_that_is_not_let_in_does_not_come_again(stack: Stack, signer: dict[str, str], name: str) -> None:
    answer = call(
        SIGNED[name], stack, f"{name} is a stranger", a_request(name), **{**signer, "AWS_SECRET_ACCESS_KEY": "another"}
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith("not_let_in: ")


def test_a_caller_with_the_key_gets_the_link_and_one_without_does_not() -> None:
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        stack = deploy(emulator, HttpAuth="API_KEY", AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        assert stack.api_key_id
        key = keyed_caller(stack, stack.api_key_id).api_key
        assert key

        let_in = call(["sh", "call_with_key.sh"], stack, "keyed", a_request("keyed"), PERSONAL_LINK_API_KEY=key)
        refused = call(["sh", "call_with_key.sh"], stack, "wrong", a_request("wrong"), PERSONAL_LINK_API_KEY="no key")

        assert let_in.returncode == 0, let_in.stderr
        assert [link_in(let_in.stdout)] == [link.survey_link for link in vendor.links]
        assert (refused.returncode, json.loads(refused.stdout)) == (22, {"message": "Forbidden"})


@pytest.mark.parametrize("path", sorted(CALLERS.iterdir()), ids=lambda path: path.name)
def test_no_caller_is_left_out(path: Path) -> None:
    assert path.name in {program[-1] for program in SIGNED.values()} | {"call_with_key.sh"}
