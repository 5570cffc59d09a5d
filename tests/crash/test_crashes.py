"""Every request gets exactly one correct outcome, whichever step dies or fails.

A request is run once without faults, to learn its steps; then with each fault at each step; then with each of those
and a second one at a later step, of the same delivery or a redelivery. There are about 600 such pairs of faults for
each trigger. To save time each trigger runs every twentieth, and each other ones; `make soak` runs them all.
"""

import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from personal_link.domain.clock import Deadline
from personal_link.domain.errors import TryAgain
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, one_write_at_a_time, values
from tests.crash.environments import DAY, Connector, Environment, an_environment
from tests.crash.interruptions import Interruptions, Killed, Kind, Step, WatchedTransport, each_fault
from tests.crash.runs import HTTP, LEASE_AND_REST, Arrival, Run, Trigger, run_requests
from tests.fake_clock import FakeClock

Plan = dict[int, Kind]
NAMES = (f"r{number}" for number in itertools.count(1))

TRIGGERS: list[Trigger] = ["http with a key", "http without a key", "sqs", "eventbridge", "direct"]


def run_of(connector: Connector, *triggers: Trigger, plan: Plan) -> Run:
    return run_requests(
        connector, [Arrival(trigger, next(NAMES), connector.clock.wall()) for trigger in triggers], plan
    )


def with_one_fault(connector: Connector, *triggers: Trigger) -> list[Run]:
    undisturbed = run_of(connector, *triggers, plan={})
    assert undisturbed.wrong == []
    assert list(undisturbed.statuses.values()) == [["created"]] * len(triggers)
    return [run_of(connector, *triggers, plan={step: kind}) for step, kind in each_fault(undisturbed.steps)]


def pairs(first: list[Run]) -> Iterator[Plan]:
    for run in first:
        ((step, kind),) = run.plan.items()
        for later, later_kind in each_fault(run.steps, since=step + 1):
            if not {kind, later_kind} & {"repeat", "revoke"}:
                yield {step: kind, later: later_kind}


def wrong(runs: list[Run]) -> list[str]:
    return [str(run) for run in runs if run.wrong]


@pytest.mark.parametrize("shares_token", [False, True])
def test_every_call_of_a_request_is_a_step_before_and_after_it(connector: Connector, *, shares_token: bool) -> None:
    connector.shares_token = shares_token
    fetching = ["GetSecretValue", "token"]
    if shares_token:  # no token is there, so the lease is taken; then renewed, the token stored, the lease ended
        fetching = ["GetSecretValue", "UpdateItem", *fetching, "UpdateItem", "PutSecretValue", "UpdateItem"]

    steps = run_of(connector, "http with a key", plan={}).steps

    calls = ["PutItem", *fetching, "personal-link", "UpdateItem", "SendMessageBatch"]
    assert steps == [Step(call, side) for call in calls for side in ("before", "after")]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_one_fault_at_any_step_leaves_exactly_one_correct_outcome(connector: Connector, trigger: Trigger) -> None:
    runs = with_one_fault(connector, trigger)

    assert wrong(runs) == []
    assert len(runs) >= 30
    assert sum(run.kills for run in runs) == 12
    assert sum(run.leases_waited_for for run in runs) >= 9


def test_the_outcome_is_unknown_exactly_when_the_answer_is_lost_or_not_stored(connector: Connector) -> None:
    unknown = [
        f"{kind} {run.steps[step].side} {run.steps[step].call}"
        for run in with_one_fault(connector, "sqs")
        for step, kind in run.plan.items()
        if ["unknown"] in run.statuses.values()
    ]

    assert unknown == ["kill after personal-link", "fail after personal-link", "kill before UpdateItem"]


@pytest.mark.parametrize("every", [pytest.param(20, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize(("offset", "trigger"), list(enumerate(TRIGGERS)))
def test_each_pair_of_faults_leaves_exactly_one_correct_outcome(
    connector: Connector, trigger: Trigger, offset: int, every: int
) -> None:
    plans = itertools.islice(pairs(with_one_fault(connector, trigger)), offset % every, None, every)

    runs = [run_of(connector, trigger, plan=plan) for plan in plans]

    assert wrong(runs) == []
    assert len(runs) >= 500 / every


@pytest.mark.slow
def test_a_batch_that_dies_or_fails_at_any_step_leaves_one_correct_outcome_per_message(connector: Connector) -> None:
    runs = with_one_fault(connector, "sqs", "eventbridge", "sqs")

    assert wrong(runs) == []
    assert len(runs) >= 60


@pytest.mark.parametrize("what", ["an unreadable message", "a message that is too old while the vendor is down"])
def test_a_message_to_be_parked_is_parked_although_any_step_dies_or_fails(connector: Connector, what: str) -> None:
    code, least = ("invalid_request", 5) if what == "an unreadable message" else ("unavailable", 20)
    parked_once = park(connector, what, {})
    assert parked_once == [code]
    faults = list(each_fault(connector.interruptions.steps))

    for step, kind in faults:
        parked = park(connector, what, {step: kind})
        assert set(parked) in ({code}, {"internal_error"}, {"no_answer"}), (kind, connector.interruptions.steps[step])
    assert len(faults) >= least


def park(connector: Connector, what: str, plan: Plan) -> list[str]:
    """Deliver a message until it leaves the queue; return the codes with which it was parked."""
    connector.vendor.reset()
    connector.vendor.script("personal-link", *[Reply.error(503, retry_after=1)] * 9)
    connector.interruptions.plan(plan)
    connector.replace_environment()
    arrival = Arrival("sqs", next(NAMES), connector.clock.wall() - DAY)
    body = "{" if what == "an unreadable message" else arrival.body
    for delivery in range(1, 9):
        try:
            with connector.interruptions.watching():
                if not connector.work([{**arrival.sqs_record(delivery, connector.receipt), "body": body}]):
                    break
        except Killed:
            connector.replace_environment()
        connector.clock.advance(LEASE_AND_REST)
    assert [json.loads(message["Body"]) for message in connector.account.results()] == []
    parked = connector.account.parked()
    assert {message["Body"] for message in parked} == {body}
    assert {values(message)["original_message_id"] for message in parked} == {arrival.message_id}
    return [values(message)["code"] for message in parked]


# With the shared token


def tokens_too_many(connector: Connector, trigger: Trigger, plan: Plan) -> list[str]:
    """Run a request; return the run if it is wrong or fetched more than one token and one for each fault."""
    run = run_of(connector, trigger, plan=plan)
    tokens = len(connector.vendor.calls("token"))
    return [str(run)] if run.wrong or tokens > 1 + len(plan) else []


@pytest.mark.parametrize("trigger", ["http with a key", "sqs"])
def test_one_fault_at_any_step_of_token_sharing_costs_at_most_one_token_more(
    connector: Connector, trigger: Trigger
) -> None:
    connector.shares_token = True
    undisturbed = run_of(connector, trigger, plan={})
    plans: list[Plan] = [{step: kind} for step, kind in each_fault(undisturbed.steps)]

    assert [problem for plan in plans for problem in tokens_too_many(connector, trigger, plan)] == []
    assert len(plans) >= 50


@pytest.mark.full
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_pair_of_faults_with_the_shared_token_costs_at_most_two_more_tokens(
    connector: Connector, trigger: Trigger
) -> None:
    connector.shares_token = True
    plans = list(pairs(with_one_fault(connector, trigger)))

    assert [problem for plan in plans for problem in tokens_too_many(connector, trigger, plan)] == []
    assert len(plans) >= 1_000


# Concurrent requests

# The key is in the body. By HTTP it is the caller's own; the queue and the bus share theirs.
SHARING: dict[str, tuple[Trigger, ...]] = {
    "in_progress": ("http without a key",),
    "in the queue again": ("sqs", "eventbridge"),
}


@pytest.mark.parametrize("meanwhile", SHARING)
@pytest.mark.parametrize("first", ["nobody", "an attempt that died before its call"])
def test_a_hundred_concurrent_requests_with_one_key_make_one_call_of_customergauge(
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
        environment.http.serve(arrival.http_event(delivery), Deadline.after(15, clock))
    except TryAgain as error:
        return error.code
    return "done"
