"""The function for the queue with the real core: retried messages, failures and log lines."""

import io
import json

import pytest

import queue_worker
from personal_link import wiring
from personal_link.domain.clock import Deadline
from personal_link.domain.errors import PersonalLinkError, SettingsError
from sandbox.customergauge.server import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, values
from tests.handlers.conftest import ADA, lines, sqs_event
from tests.lambda_environment import Context, forget

pytestmark = pytest.mark.usefixtures("environment")


def test_a_batch_is_answered_with_the_messages_to_be_retried(vendor: CustomerGaugeSandbox, account: Account) -> None:
    busy: dict[str, object] = {"record": {"Email": "busy@acme.example"}}
    vendor.misbehave = lambda call: Reply.error(429, retry_after=2) if b"busy@" in call.body else None

    answer = queue_worker.handler(sqs_event(ADA, busy, "no JSON", {"record": {}}), Context(60))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert len(vendor.links) == 1
    assert [values(message)["code"] for message in account.results()] == ["created", "invalid_request"]
    assert [message["Body"] for message in account.parked()] == ["no JSON"]


def test_a_worker_with_missing_settings_fails_the_whole_batch_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARKED_QUEUE_URL")
    monkeypatch.delenv("LEDGER_DAYS")

    with pytest.raises(SettingsError, match="LEDGER_DAYS is missing; PARKED_QUEUE_URL is missing"):
        queue_worker.handler(sqs_event(ADA), Context(60))


class Core:
    """Stands in for the batch worker: records what it gets and fails with a text that quotes somebody."""

    def __init__(self) -> None:
        self.worked: list[tuple[object, float]] = []

    def work(self, records: object, deadline: Deadline) -> list[str]:
        self.worked.append((records, deadline.remaining()))
        raise KeyError("joe@example.com")


def test_a_bug_outside_the_messages_fails_the_batch_with_an_error_that_hides_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    core, event = Core(), sqs_event(ADA)
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "batch_worker", lambda: core)
        with pytest.raises(PersonalLinkError) as caught:
            queue_worker.handler(event, Context(60))

    assert str(caught.value) == "unexpected KeyError"
    assert caught.value.__suppress_context__
    assert core.worked[0][0] is event["Records"]
    assert 31.0 < core.worked[0][1] <= 32.0  # the time left but for the reserve


def test_the_log_lines_of_a_message_and_its_result_share_one_id(
    vendor: CustomerGaugeSandbox, account: Account, log: io.StringIO
) -> None:
    event = {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "Personal Link Requested",
        "detail": {**ADA, "idempotency_key": "order-1"},
    }
    vendor.script("personal-link", Reply(429))
    queue_worker.handler(sqs_event(event), Context(60))
    forget()
    queue_worker.handler(sqs_event(event), Context(60))

    (message,) = account.results()
    result = json.loads(message["Body"])
    ids = [(line["message"], line["outcome_id"], line["source_id"]) for line in lines(log) if "outcome_id" in line]
    assert ids == [
        ("retry scheduled", result["id"], "7bf73129-1428-4cd3-a780-95db273d1602"),
        ("outcome", result["id"], "7bf73129-1428-4cd3-a780-95db273d1602"),
    ]
