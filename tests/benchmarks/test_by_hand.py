"""The code by hand, beside which a handler is measured, does the same: same calls, same order, same size."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from benchmarks import workloads
from benchmarks.environment import Environment, Vendor, canned_account
from sandbox.customergauge import CustomerGaugeSandbox

if TYPE_CHECKING:
    from benchmarks.invocations import Function


@dataclass(frozen=True)
class Turns:
    """The calls of one request by hand, then of one through the handler."""

    sandbox: CustomerGaugeSandbox
    aws: Sequence[tuple[str, int]]  # operations with the bytes of their bodies, three each


@pytest.fixture(scope="module", params=["queue_worker", "http_api"])
def turns(request: pytest.FixtureRequest) -> Iterator[Turns]:
    function: Function = request.param
    with CustomerGaugeSandbox(client_secret="only-for-this-test") as sandbox:
        vendor = Vendor(sandbox.base_url, sandbox.client_id, sandbox.client_secret)
        environment = Environment(vendor, canned_account(vendor.secret))
        yield Turns(sandbox, environment.run(function, workloads.last_calls, function))


def test_both_make_the_same_aws_calls_in_the_same_order(turns: Turns) -> None:
    names = [name for name, _size in turns.aws]

    assert names == ["PutItem", "UpdateItem", "SendMessageBatch"] * 2


def test_both_send_bodies_of_the_same_size_to_aws(turns: Turns) -> None:
    sizes = [size for _name, size in turns.aws]

    assert sizes[:3] == pytest.approx(sizes[3:], rel=0.03)


def test_both_send_the_same_to_the_vendor_but_for_the_request(turns: Turns) -> None:
    by_hand, handler = turns.sandbox.calls("personal-link")[-2:]

    assert (by_hand.method, by_hand.path) == (handler.method, handler.path) == ("PUT", "/personal-link/")
    assert {name.lower() for name in by_hand.headers} == {name.lower() for name in handler.headers}
    for name in ("Content-Type", "Accept", "Accept-Encoding"):
        assert by_hand.headers[name] == handler.headers[name]
    assert json.loads(by_hand.body).keys() == json.loads(handler.body).keys() == {"configuration", "record"}
    assert len(by_hand.body) == pytest.approx(len(handler.body), abs=4)


def test_each_keeps_one_connection_to_the_vendors_api(turns: Turns) -> None:
    assert len({call.connection for call in turns.sandbox.calls("personal-link")}) == 2
