"""The references do the work: a request comes off the queue, its link goes to the results queue."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from benchmarks.invocations import Context
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from sandbox.template import REPOSITORY
from tests.aws.account import Account, template_variables

REQUEST = {"record": {"Email": "joe.doe@example.com"}, "reference": "order-1"}
BOTH = pytest.mark.parametrize("name", ["tutorial", "composed"])


class LambdaContext(Context):
    """Lambda's context with what Powertools logs of it."""

    function_name = "reference"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:reference"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture(autouse=True)
def variables(account: Account, vendor: CustomerGaugeSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in template_variables(account, vendor).items():
        monkeypatch.setenv(name, value)


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


@pytest.mark.parametrize(("name", "tokens", "links"), [("tutorial", 3, 3), ("composed", 1, 2)])
def test_composed_keeps_the_token_and_makes_one_link_of_a_message_that_comes_twice_and_tutorial_does_not(
    name: str, tokens: int, links: int, account: Account, vendor: CustomerGaugeSandbox
) -> None:
    handler, message = reference(name).handler, account.queued_record(json.dumps(REQUEST))

    for _ in range(2):
        handler({"Records": [message]}, LambdaContext(60_000))
    handler({"Records": [account.queued_record(json.dumps(REQUEST))]}, LambdaContext(60_000))

    assert len(vendor.calls("token")) == tokens
    assert len(vendor.links) == links


def test_composed_lets_only_the_message_come_again_that_failed(account: Account, vendor: CustomerGaugeSandbox) -> None:
    vendor.script("personal-link", Reply.error(503))
    messages = [account.queued_record(json.dumps(REQUEST)), account.queued_record(json.dumps(REQUEST))]

    answer = reference("composed").handler({"Records": messages}, LambdaContext(60_000))

    assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["messageId"]}]}
    assert len(account.results()) == 1
