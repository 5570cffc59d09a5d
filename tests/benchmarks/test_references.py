"""The references do the work: a request comes off the queue, its link goes to the results queue."""

import json
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from moto import mock_aws

from benchmarks.invocations import Context
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from sandbox.template import REPOSITORY
from tests.aws.account import CLIENT_ID, CLIENT_SECRET, Account, template_variables

REQUEST = {"record": {"Email": "joe.doe@example.com"}, "reference": "order-1"}
BOTH = pytest.mark.parametrize("name", ["tutorial", "composed"])


class LambdaContext(Context):
    """Lambda's context with what Powertools logs of it."""

    function_name = "reference"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:reference"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox(client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, vendor: CustomerGaugeSandbox) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        made = Account.create()
        for name, value in template_variables(made, vendor).items():
            monkeypatch.setenv(name, value)
        yield made


def reference(name: str) -> ModuleType:
    """The reference, loaded anew: its clients and caches are made when it is imported."""
    spec = spec_from_file_location(name, REPOSITORY / "benchmarks" / "references" / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@BOTH
def test_a_reference_sends_the_link_of_each_request_to_the_results_queue(
    name: str, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    messages = [account.queued_record(json.dumps(REQUEST)), account.queued_record(json.dumps(REQUEST))]

    answer = reference(name).handler({"Records": messages}, LambdaContext(60_000))

    results = [json.loads(message["Body"]) for message in account.results()]
    assert answer in (None, {"batchItemFailures": []})
    assert [result["reference"] for result in results] == ["order-1", "order-1"]
    assert {result["personal_link"]["survey_link"] for result in results} == {link.survey_link for link in vendor.links}
    assert [link.record for link in vendor.links] == [REQUEST["record"], REQUEST["record"]]


@pytest.mark.parametrize(("name", "tokens"), [("tutorial", 2), ("composed", 1)])
def test_composed_keeps_the_token_and_tutorial_does_not(
    name: str, tokens: int, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    handler = reference(name).handler

    for _ in range(2):
        handler({"Records": [account.queued_record(json.dumps(REQUEST))]}, LambdaContext(60_000))

    assert len(vendor.calls("token")) == tokens


@pytest.mark.parametrize(("name", "links"), [("tutorial", 2), ("composed", 1)])
def test_composed_makes_one_link_of_a_message_that_comes_twice_and_tutorial_two(
    name: str, links: int, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    handler, message = reference(name).handler, account.queued_record(json.dumps(REQUEST))

    for _ in range(2):
        handler({"Records": [message]}, LambdaContext(60_000))

    assert len(vendor.links) == links
    assert len(account.results()) == 2


def test_composed_lets_only_the_message_come_again_that_failed(account: Account, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(503))
    messages = [account.queued_record(json.dumps(REQUEST)), account.queued_record(json.dumps(REQUEST))]

    answer = reference("composed").handler({"Records": messages}, LambdaContext(60_000))

    assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["messageId"]}]}
    assert len(account.results()) == 1


@pytest.mark.usefixtures("account")
def test_floor_does_nothing() -> None:
    assert reference("floor").handler({}, LambdaContext(60_000)) == {}
