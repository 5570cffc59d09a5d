"""Whatever dies or fails, at whatever step: every request gets one honest outcome.

A story is told once undisturbed, to learn its steps; then with each fault at each step; then with each of those and a
second one at a later step, of the same delivery or a redelivery. There are about 600 such pairs of deaths and failures
for each trigger; to save time each trigger tells every fifth, and each another fifth, but `make soak` tells them all.
"""

import itertools
import json
from collections.abc import Iterator

import pytest

from sandbox.customergauge import Reply
from tests.aws.account import values
from tests.crash.arrivals import Arrival, Trigger
from tests.crash.environments import DAY, Stage
from tests.crash.interruptions import Killed, Kind, Step, each_fault
from tests.crash.stories import LEASE_AND_REST, Story, tell

Plan = dict[int, Kind]
NAMES = (f"r{number}" for number in itertools.count(1))

TRIGGERS: list[Trigger] = ["http with a key", "http without a key", "sqs", "eventbridge", "direct"]


def tell_of(stage: Stage, *triggers: Trigger, plan: Plan) -> Story:
    return tell(stage, [Arrival(trigger, next(NAMES), stage.clock.wall()) for trigger in triggers], plan)


def with_one_fault(stage: Stage, *triggers: Trigger) -> list[Story]:
    undisturbed = tell_of(stage, *triggers, plan={})
    assert undisturbed.wrong == []
    assert list(undisturbed.statuses.values()) == [["created"]] * len(triggers)
    return [tell_of(stage, *triggers, plan={step: kind}) for step, kind in each_fault(undisturbed.steps)]


def pairs(first: list[Story]) -> Iterator[Plan]:
    for story in first:
        ((step, kind),) = story.plan.items()
        for later, later_kind in each_fault(story.steps, since=step + 1):
            if not {kind, later_kind} & {"repeat", "revoke"}:
                yield {step: kind, later: later_kind}


def wrong(stories: list[Story]) -> list[str]:
    return [str(story) for story in stories if story.wrong]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_steps_of_a_request_are_all_seen(stage: Stage, trigger: Trigger) -> None:
    steps = tell_of(stage, trigger, plan={}).steps

    calls = ["PutItem", "GetSecretValue", "token", "personal-link", "UpdateItem", "SendMessageBatch"]
    assert steps == [Step(call, side) for call in calls for side in ("before", "after")]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_one_fault_at_any_step_leaves_one_honest_outcome(stage: Stage, trigger: Trigger) -> None:
    stories = with_one_fault(stage, trigger)

    assert wrong(stories) == []
    assert len(stories) >= 30
    assert sum(story.kills for story in stories) == 12
    assert sum(story.leases_waited_for for story in stories) >= 9


def test_unknown_is_what_an_answer_is_that_was_lost_or_not_kept(stage: Stage) -> None:
    unknown = [
        f"{kind} {story.steps[step].side} {story.steps[step].call}"
        for story in with_one_fault(stage, "sqs")
        for step, kind in story.plan.items()
        if ["unknown"] in story.statuses.values()
    ]

    assert unknown == ["kill after personal-link", "fail after personal-link", "kill before UpdateItem"]


@pytest.mark.slow
@pytest.mark.parametrize(("offset", "trigger"), list(enumerate(TRIGGERS)))
def test_two_faults_at_any_steps_leave_one_honest_outcome(stage: Stage, trigger: Trigger, offset: int) -> None:
    plans = itertools.islice(pairs(with_one_fault(stage, trigger)), offset, None, 5)

    stories = [tell_of(stage, trigger, plan=plan) for plan in plans]

    assert wrong(stories) == []
    assert len(stories) >= 100


@pytest.mark.full
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_pair_of_faults_leaves_one_honest_outcome(stage: Stage, trigger: Trigger) -> None:
    stories = [tell_of(stage, trigger, plan=plan) for plan in pairs(with_one_fault(stage, trigger))]

    assert wrong(stories) == []
    assert len(stories) >= 500


@pytest.mark.slow
def test_a_batch_that_dies_or_fails_at_any_step_leaves_one_honest_outcome_each(stage: Stage) -> None:
    stories = with_one_fault(stage, "sqs", "eventbridge", "sqs")

    assert wrong(stories) == []
    assert len(stories) >= 60


@pytest.mark.parametrize("what", ["an unreadable message", "a message that is too old while the vendor is down"])
def test_a_message_is_parked_whatever_dies_or_fails(stage: Stage, what: str) -> None:
    code, least = ("invalid_request", 5) if what == "an unreadable message" else ("unavailable", 20)
    parked_once = park(stage, what, {})
    assert parked_once == [code]
    faults = list(each_fault(stage.interruptions.steps))

    for step, kind in faults:
        parked = park(stage, what, {step: kind})
        assert set(parked) in ({code}, {"internal_error"}, {"no_answer"}), (kind, stage.interruptions.steps[step])
    assert len(faults) >= least


def park(stage: Stage, what: str, plan: Plan) -> list[str]:
    """Deliver a message until it leaves the queue; return the codes with which it was parked."""
    stage.vendor.reset()
    stage.vendor.script("personal-link", *[Reply.error(503, retry_after=1)] * 9)
    stage.interruptions.plan(plan)
    stage.replace_environment()
    arrival = Arrival("sqs", next(NAMES), stage.clock.wall() - DAY)
    body = "{" if what == "an unreadable message" else arrival.body
    for delivery in range(1, 9):
        try:
            with stage.interruptions.watching():
                if not stage.work([{**arrival.sqs_record(delivery, stage.receipt), "body": body}]):
                    break
        except Killed:
            stage.replace_environment()
        stage.clock.advance(LEASE_AND_REST)
    assert [json.loads(message["Body"]) for message in stage.account.results()] == []
    parked = stage.account.parked()
    assert {message["Body"] for message in parked} == {body}
    assert {values(message)["original_message_id"] for message in parked} == {arrival.message_id}
    return [values(message)["code"] for message in parked]


# With the shared token


@pytest.fixture
def sharing(stage: Stage) -> Stage:
    stage.shares_token = True
    return stage


CALLS_OF_THE_SHARED_TOKEN = [
    *("GetSecretValue", "UpdateItem"),  # no token is there; the lease is taken
    *("GetSecretValue", "token"),  # the credentials; the token
    *("UpdateItem", "PutSecretValue", "UpdateItem"),  # the lease renewed; the token stored; the lease ended
]


def tokens_too_many(stage: Stage, trigger: Trigger, plan: Plan) -> list[str]:
    """Tell a story; return what is wrong with it, or that it cost more than a token beyond each fault's."""
    story = tell_of(stage, trigger, plan=plan)
    tokens = len(stage.vendor.calls("token"))
    return [str(story)] if story.wrong or tokens > 1 + len(plan) else []


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_steps_of_a_request_that_fetches_a_token_for_all_are_all_seen(sharing: Stage, trigger: Trigger) -> None:
    steps = tell_of(sharing, trigger, plan={}).steps

    calls = ["PutItem", *CALLS_OF_THE_SHARED_TOKEN, "personal-link", "UpdateItem", "SendMessageBatch"]
    assert steps == [Step(call, side) for call in calls for side in ("before", "after")]


@pytest.mark.parametrize("trigger", ["http with a key", "sqs"])
def test_one_fault_at_any_step_of_sharing_a_token_leaves_one_honest_outcome_and_costs_one_token_at_most(
    sharing: Stage, trigger: Trigger
) -> None:
    undisturbed = tell_of(sharing, trigger, plan={})
    plans: list[Plan] = [{step: kind} for step, kind in each_fault(undisturbed.steps)]

    assert [problem for plan in plans for problem in tokens_too_many(sharing, trigger, plan)] == []
    assert len(plans) >= 50


@pytest.mark.full
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_pair_of_faults_with_the_shared_token_leaves_one_honest_outcome_and_costs_two_tokens_at_most(
    sharing: Stage, trigger: Trigger
) -> None:
    plans = list(pairs(with_one_fault(sharing, trigger)))

    assert [problem for plan in plans for problem in tokens_too_many(sharing, trigger, plan)] == []
    assert len(plans) >= 1_000
