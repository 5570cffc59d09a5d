"""`VendorCallsPerSecond` on the deployed stack: the sandbox counts the calls of every sliding second."""

import json
from collections.abc import Iterator

import pytest

from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.stack import Stack, deploy

MOST = 10
WORKERS = 5


@pytest.fixture(scope="module")
def limited(vendor: CustomerGaugeSandbox) -> Iterator[Stack]:
    with running_emulator() as emulator:
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        stack = deploy(emulator, VendorCallsPerSecond=str(MOST), MaximumConcurrency=str(WORKERS), **urls)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield stack


@pytest.mark.parametrize("messages", [8, 60], ids=["one batch", "five workers"])
def test_no_second_has_more_calls_than_the_stack_may_make(
    limited: Stack, vendor: CustomerGaugeSandbox, messages: int
) -> None:
    before = len(vendor.calls("personal-link"))
    for number in range(messages):
        body = {"configuration": "contact", "record": {"Email": f"{messages}-{number}@acme.example"}}
        limited.sqs.send_message(QueueUrl=limited.requests_queue_url, MessageBody=json.dumps(body))

    limited.results(messages, within=90)

    times = [one.began for one in vendor.exchanges() if one.endpoint == "personal-link"][before:]
    assert len(times) == messages
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= MOST
    assert max(times) - min(times) <= messages / MOST * 6, "the rate is used, not only kept"
