"""An attempt that outlives its lease: somebody else has taken over, and what it brings late changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from personal_link.domain.clock import Deadline
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account
from tests.crash.arrivals import Arrival
from tests.crash.environments import Environment, an_environment
from tests.crash.gates import Gate, GatedTransport
from tests.fake_clock import FakeClock

LEASE = 21.1  # seconds: a deadline of ten, the margin of eleven, and a little


@dataclass
class Delivery:
    """A message in an environment of its own, stopped at a gate."""

    environment: Environment
    transport: GatedTransport
    record: dict[str, Any]
    clock: FakeClock

    def work(self) -> list[str]:
        return self.environment.worker.work([self.record], Deadline.after(10, self.clock))


class Scene:
    """A zombie, the attempt that took over from it, and anybody who comes later, all for one message."""

    def __init__(self, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock) -> None:
        self.account, self.vendor, self.clock = account, vendor, clock
        self.arrival = Arrival("sqs", "late", clock.wall())
        self.receipt = account.queued_record("{}")["receiptHandle"]
        self.transports: list[GatedTransport] = []

    def delivery(self, gate: Gate | None = None) -> Delivery:
        transport = GatedTransport(self.clock, gate)
        self.transports.append(transport)
        environment = an_environment(self.account, self.vendor, self.clock, transport)
        return Delivery(environment, transport, self.arrival.sqs_record(len(self.transports), self.receipt), self.clock)

    def let_the_lease_end(self) -> None:
        """Let time pass while the zombie is frozen: its monotonic clock, and so its deadline, stands still."""
        self.clock.advance_wall(LEASE)

    def results(self) -> list[tuple[str, bool]]:
        """Return the status of each result and whether it says to be a replay, and check that all have one id."""
        results = [json.loads(message["Body"]) for message in self.account.results()]
        assert len({result["id"] for result in results}) == 1
        return [(result["status"], result["replayed"]) for result in results]


@pytest.fixture
def scene(account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock) -> Iterator[Scene]:
    scene = Scene(account, vendor, clock)
    yield scene
    for transport in scene.transports:
        transport.let_through()


def test_a_zombie_that_calls_after_the_new_owner_made_the_link_does_not_report_a_duplicate(scene: Scene) -> None:
    zombie, owner = scene.delivery("before the call"), scene.delivery()
    running = zombie.transport.start(zombie.work)
    scene.let_the_lease_end()

    assert owner.work() == []
    assert zombie.transport.finish(running) == []

    assert scene.results() == [("created", False), ("created", True)]
    assert len(scene.vendor.links) == 1
    assert len(scene.vendor.calls("personal-link")) == 2


def test_a_zombie_that_has_the_link_does_not_contradict_the_new_owners_unknown(scene: Scene) -> None:
    zombie, owner = scene.delivery("after the call"), scene.delivery()
    running = zombie.transport.start(zombie.work)
    scene.let_the_lease_end()

    assert owner.work() == []
    assert zombie.transport.finish(running) == []

    assert scene.results() == [("unknown", False), ("unknown", True)]
    assert scene.delivery().work() == []
    assert scene.results() == [("unknown", True)]


@pytest.mark.parametrize("gate", ["before the call", "after the call"])
def test_a_zombie_that_ends_while_the_new_owner_is_at_work_leaves_the_word_to_it(scene: Scene, gate: Gate) -> None:
    zombie, owner = scene.delivery(gate), scene.delivery("before the call")
    zombie_running = zombie.transport.start(zombie.work)
    scene.let_the_lease_end()
    owner_running = owner.transport.start(owner.work)

    assert zombie.transport.finish(zombie_running) == ["late.m"]
    assert scene.account.results() == []
    assert owner.transport.finish(owner_running) == []

    assert scene.results() == [("unknown", False)]
    assert scene.delivery().work() == []
    assert scene.results() == [("unknown", True)]
    assert len(scene.vendor.calls("personal-link")) == 2


@pytest.mark.parametrize("answer", [Reply.error(503, retry_after=1), Reply(fault="reset")], ids=["503", "reset"])
def test_a_zombie_that_reached_nobody_frees_neither_the_key_nor_the_new_owners_mark(
    scene: Scene, answer: Reply
) -> None:
    zombie, owner = scene.delivery("before the call"), scene.delivery("after the call")
    zombie_running = zombie.transport.start(zombie.work)
    scene.let_the_lease_end()
    owner_running = owner.transport.start(owner.work)  # it has the link, and keeps it for itself
    scene.vendor.script("personal-link", answer)
    before = scene.account.ledger_items()

    assert zombie.transport.finish(zombie_running) == ["late.m"]

    assert scene.account.ledger_items() == before
    assert scene.delivery().work() == ["late.m"]
    assert len(scene.vendor.calls("personal-link")) == 2
    assert owner.transport.finish(owner_running) == []
    assert scene.results() == [("created", False)]


def test_a_new_owner_whose_predecessor_reached_nobody_still_finds_its_mark(scene: Scene) -> None:
    zombie, owner = scene.delivery("before the call"), scene.delivery("after the call")
    zombie_running = zombie.transport.start(zombie.work)
    scene.let_the_lease_end()
    owner_running = owner.transport.start(owner.work)
    scene.vendor.script("personal-link", Reply.error(503, retry_after=1))
    zombie.transport.finish(zombie_running)
    scene.let_the_lease_end()

    assert scene.delivery().work() == []
    assert owner.transport.finish(owner_running) == []

    assert scene.results() == [("unknown", False), ("unknown", True)]
