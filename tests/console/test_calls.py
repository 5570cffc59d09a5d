"""CustomerGauge gets no reference: a call belongs to the requests with its record that wait at its time."""

import json
import time
from collections.abc import Iterator

import pytest

from sandbox.console.calls import Calls
from sandbox.console.journal import Journal, Request
from sandbox.console.outcomes import Answer
from sandbox.console.preview import Previews
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.sandbox.sandbox_client import JOE, Client


@pytest.fixture
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        client = Client(sandbox)
        client.put(JOE)
        client.wire.close()
        yield sandbox


def sent(journal: Journal, at: float, record: object = JOE) -> Request:
    request = journal.sent("sqs", "Request", at, None)
    request.content = json.dumps({"configuration": "contact", "record": record})
    return request


def test_a_call_belongs_to_the_waiting_requests_with_the_same_record(vendor: CustomerGaugeSandbox) -> None:
    calls, journal, now = Calls(vendor, Previews()), Journal(), time.time()
    waits, waits_too = sent(journal, now - 9), sent(journal, now - 8)
    other, later = sent(journal, now - 9, {"Email": "ida@example.com"}), sent(journal, now + 9)
    ended = sent(journal, now - 9)
    ended.place, ended.answer = "answered", Answer(503, now - 7, {})
    [call] = [one for one in vendor.exchanges() if one.endpoint == "personal-link"]

    assert calls.requests_of(call, journal.requests) == [waits, waits_too]
    assert [one.number for one in calls.of(waits)] == [call.number]
    assert [calls.of(one) for one in (other, later, ended)] == [[], [], []]
