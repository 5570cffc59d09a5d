"""What a handler is compared with does the same: the same calls, in the same order, of the same size."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from benchmarks import measured
from benchmarks.aws_stub import AwsStub, running_stub
from benchmarks.invocations import Function
from benchmarks.stage import Stage, Vendor
from sandbox.customergauge import CustomerGaugeSandbox


@dataclass(frozen=True)
class Watched:
    """What a handler and the code by hand did in turns, one warm request each at the end."""

    sandbox: CustomerGaugeSandbox
    stub: AwsStub
    calls_before: list[int] = field(default_factory=list)  # to AWS, when each PUT came

    def take_turns(self, function: Function) -> None:
        vendor = Vendor(self.sandbox.base_url, self.sandbox.client_id, self.sandbox.client_secret)
        Stage(vendor, self.stub).run(function, measured.take_turns, function, 1)


@pytest.fixture(scope="module", params=["queue_worker", "http_api"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    with CustomerGaugeSandbox(client_secret="only-for-this-test") as sandbox:
        secret = json.dumps({"client_id": sandbox.client_id, "client_secret": sandbox.client_secret})
        with running_stub(secret) as stub:
            watching = Watched(sandbox, stub)
            # Of each PUT: how many calls AWS had got by then.
            sandbox.misbehave = lambda call: (
                watching.calls_before.append(len(stub.count().calls)) if call.method == "PUT" else None
            )
            watching.take_turns(request.param)
            yield watching


def test_the_code_by_hand_makes_the_handlers_aws_calls_in_the_handlers_order(watched: Watched) -> None:
    names = [name for name, _size in watched.stub.count().calls]

    assert names[-6:-3] == ["PutItem", "UpdateItem", "SendMessageBatch"]
    assert names[-3:] == ["PutItem", "UpdateItem", "SendMessageBatch"]


def test_both_call_the_vendor_between_the_marker_and_the_outcome(watched: Watched) -> None:
    calls = watched.stub.count().calls

    by_hand, handler = watched.calls_before[-2:]
    assert (by_hand, handler) == (len(calls) - 5, len(calls) - 2)


def test_what_both_send_to_aws_is_of_the_same_size(watched: Watched) -> None:
    sizes = [size for _name, size in watched.stub.count().calls]

    assert sizes[-6:-3] == pytest.approx(sizes[-3:], rel=0.03)


def test_what_both_send_to_the_vendor_is_the_same_but_for_the_request(watched: Watched) -> None:
    by_hand, handler = watched.sandbox.calls("personal-link")[-2:]

    assert (by_hand.method, by_hand.path) == (handler.method, handler.path) == ("PUT", "/personal-link/")
    assert {name.lower() for name in by_hand.headers} == {name.lower() for name in handler.headers}
    for name in ("Content-Type", "Accept", "Accept-Encoding"):
        assert by_hand.headers[name] == handler.headers[name]
    assert json.loads(by_hand.body).keys() == json.loads(handler.body).keys() == {"configuration", "record"}
    assert len(by_hand.body) == pytest.approx(len(handler.body), abs=4)
    assert by_hand.connection != handler.connection


def test_each_has_one_connection_to_the_api(watched: Watched) -> None:
    assert len({call.connection for call in watched.sandbox.calls("personal-link")}) == 2
