"""Direct invocations while AWS fails: Lambda tries them again with the same id, and the vendor is called once."""

import time
from dataclasses import dataclass
from typing import Any

import pytest

import direct_invocation
from personal_link.domain.errors import PersonalLinkError
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account
from tests.faults.faulty_aws import DENIED, DOWN, EMPTY, LOST, RESET, SILENT, THROTTLED, FaultyAws

pytestmark = pytest.mark.usefixtures("environment")


@dataclass(frozen=True)
class Context:
    """Lambda's context of an invocation and of its retries."""

    aws_request_id: str = "a3f1c1de-6f0f-4a53-9a3e-2f6f3f7b8c11"
    ends_at: float = 0.0

    def get_remaining_time_in_millis(self) -> int:
        return round((self.ends_at - time.monotonic()) * 1000)


def invoke() -> dict[str, Any]:
    """Invoke with a minute to work in; every invocation has the same id."""
    return direct_invocation.handler({"record": {"Email": "ada@acme.example"}}, Context(ends_at=time.monotonic() + 60))


def failure() -> str:
    """Return the name of the error that an invocation ends with."""
    with pytest.raises(PersonalLinkError) as caught:
        invoke()
    return type(caught.value).__name__


@pytest.mark.parametrize("fault", [THROTTLED, DOWN, RESET, DENIED], ids=["throttled", "down", "reset", "denied"])
def test_without_a_marker_nothing_is_sent_and_the_retry_gets_the_link(
    aws: FaultyAws, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("PutItem", fault, fault)

    assert failure() == "internal_error"
    assert (vendor.calls("token"), vendor.calls("personal-link")) == ([], [])

    aws.forgive()
    assert invoke()["status"] == "created"
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize(
    "fault", [THROTTLED, DOWN, RESET, DENIED, EMPTY], ids=["throttled", "down", "reset", "denied", "no message id"]
)
def test_a_result_that_is_not_queued_fails_the_invocation_and_the_retry_queues_it_without_a_second_call(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("SendMessageBatch", fault, fault)

    assert failure() == "internal_error"
    assert account.results() == []

    aws.forgive()
    assert invoke()["personal_link"]["survey_link"] == vendor.links[0].survey_link
    assert len(account.results()) == 1
    assert len(vendor.calls("personal-link")) == 1


@pytest.mark.parametrize("fault", [THROTTLED, DENIED, LOST], ids=["throttled", "denied", "answer lost"])
def test_an_outcome_that_the_ledger_does_not_take_is_told_all_the_same(
    aws: FaultyAws, account: Account, vendor: CustomerGaugeSandbox, fault: Reply
) -> None:
    aws.script("UpdateItem", *[fault] * 4)

    assert invoke()["personal_link"]["survey_link"] == vendor.links[0].survey_link
    assert len(account.results()) == 1


def test_a_ledger_that_does_not_answer_ends_in_time_and_sends_nothing(
    aws: FaultyAws, vendor: CustomerGaugeSandbox
) -> None:
    aws.script("PutItem", SILENT, SILENT)
    began = time.monotonic()

    assert failure() == "internal_error"
    assert time.monotonic() - began < 7.5
    assert vendor.calls("personal-link") == []
