"""The same request a hundred times at once, by triggers that share its key: one call on the wire, one outcome."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from personal_link.domain.clock import Deadline
from personal_link.domain.errors import TryAgain
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, one_write_at_a_time
from tests.crash.arrivals import HTTP, Arrival, Trigger
from tests.crash.environments import Environment, an_environment
from tests.crash.interruptions import Interruptions, Killed, WatchedTransport
from tests.fake_clock import FakeClock

# The key is in the body. By HTTP it is the caller's own; the queue and the bus share theirs.
SHARING: dict[str, tuple[Trigger, ...]] = {
    "in_progress": ("http without a key",),
    "in the queue again": ("sqs", "eventbridge"),
}


@pytest.mark.parametrize("meanwhile", SHARING)
@pytest.mark.parametrize("first", ["nobody", "an attempt that died before its call"])
def test_a_hundred_duplicates_at_once_by_the_triggers_that_share_a_key_are_one_call(
    account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock, first: str, meanwhile: str
) -> None:
    triggers = SHARING[meanwhile]
    vendor.script("personal-link", Reply(delay=1))  # long enough for all to meet
    environments = [
        an_environment(account, vendor, clock, WatchedTransport(clock, Interruptions(), vendor)) for _ in range(10)
    ]
    arrivals = [
        Arrival(trigger, f"d{number}", clock.wall(), key="order-1", record={"Email": "a@acme.example"})
        for number, trigger in zip(range(100), itertools.cycle(triggers), strict=False)
    ]
    receipt = account.queued_record("{}")["receiptHandle"]
    start = threading.Barrier(100)
    if first != "nobody":
        die_before_the_call(arrivals[0], account, vendor, clock)

    def arrive(number: int) -> str:
        start.wait()
        return ending(environments[number % 10], arrivals[number], 1, receipt, clock)

    with one_write_at_a_time(account), ThreadPoolExecutor(100) as pool:
        endings = list(pool.map(arrive, range(100)))
    assert len(vendor.calls("personal-link")) == 1
    assert set(endings) == {"done", meanwhile}
    clock.advance(120)
    for number, arrival in enumerate(arrivals):
        if endings[number] != "done":
            assert ending(environments[number % 10], arrival, 2, receipt, clock) == "done"

    assert len(vendor.calls("personal-link")) == 1
    results = [json.loads(message["Body"]) for message in account.results()]
    assert len(results) == 100
    assert [result["replayed"] for result in results].count(False) == 1
    assert {result["status"] for result in results} == {"created"}
    assert len({json.dumps({**result, "replayed": None}) for result in results}) == 1


def die_before_the_call(arrival: Arrival, account: Account, vendor: CustomerGaugeSandbox, clock: FakeClock) -> None:
    """Leave an attempt in the ledger whose lease has run out."""
    interruptions = Interruptions()
    interruptions.plan({2: "kill"})  # after both steps of the token's call
    doomed = an_environment(account, vendor, clock, WatchedTransport(clock, interruptions, vendor))
    with interruptions.watching(), pytest.raises(Killed):
        ending(doomed, arrival, 1, "a receipt", clock)
    assert vendor.calls("personal-link") == []
    clock.advance(120)


def ending(environment: Environment, arrival: Arrival, delivery: int, receipt: str, clock: FakeClock) -> str:
    """Let a request arrive; return how that ended."""
    if arrival.trigger not in HTTP:
        again = environment.worker.work([arrival.sqs_record(delivery, receipt)], Deadline.after(40, clock))
        return "in the queue again" if again else "done"
    try:
        environment.door.serve(arrival.http_event(delivery), Deadline.after(15, clock))
    except TryAgain as error:
        return error.code
    return "done"
