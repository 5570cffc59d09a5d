"""Parked requests come back: with their key, as fast as asked for, none twice, and none lost on the way."""

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from click.testing import Result

from operate.parked.queue import ParkedMessage
from operate.parked.redrive_command import Pace
from personal_link.domain.errors import Code
from personal_link.domain.request import check
from personal_link.triggers import deliveries
from tests.aws.account import doing_before, refusing, values, watched
from tests.fake_clock import FakeClock
from tests.leaks.canaries import CANARIES, canaries_in
from tests.operate.stage import BODY, FIRST_ID, NAME, Stage, the_request
from tests.tables import table

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef


def redrive(stage: Stage, *options: str) -> Result:
    return stage.run("parked", "redrive", NAME, *options)


def became(redriven: Result) -> dict[str, int]:
    told = re.findall(r"^ +(\d+) +(\S.*)$", redriven.output, re.MULTILINE)
    return {what.strip(): int(count) for count, what in told}


def test_a_redriven_message_is_the_same_request_under_the_same_key_and_date(stage: Stage) -> None:
    body = json.dumps({"configuration": "contact", "record": {"Email": "x"}})  # no key of its own: its id is the key
    stage.park(body, days_ago=7)

    redriven = redrive(stage)

    [message] = stage.requests()
    record = {
        "messageId": message["MessageId"],
        "body": message["Body"],
        "attributes": {"SentTimestamp": "1795427990000"},
        "messageAttributes": {"original_message_id": {"stringValue": values(message)["original_message_id"]}},  # type: ignore[arg-type]
    }
    assert message["Body"] == body
    assert check(deliveries.open_sqs(record)).key == the_request(body).key
    assert the_request(body).key.value == FIRST_ID
    assert int(values(message)["first_sent_at"]) == pytest.approx(1000 * (time.time() - 7 * 86_400), abs=60_000)  # type: ignore[arg-type]
    assert became(redriven) == {"retried": 1}
    assert stage.parked_ids() == []


@pytest.mark.parametrize(("echo", "days_ago"), [(True, 0), (False, 30)])
def test_what_is_settled_gets_its_result_again_and_no_second_try_however_old_it_is(
    stage: Stage, *, echo: bool, days_ago: int
) -> None:
    outcome = stage.settle()
    stage.park(days_ago=days_ago)
    stage.parameter("EchoRecord", str(echo).lower())

    redriven = redrive(stage)

    [result] = stage.aws.results()
    assert result["Body"] == outcome.message(echo_record=echo).replace('"replayed":false', '"replayed":true')
    assert values(result) == {"status": "created", "code": "created", "source": "sqs"}
    assert (stage.requests(), stage.parked_ids()) == ([], [])
    assert became(redriven) == {"its result is sent again, CustomerGauge is not called": 1}


def test_what_cannot_be_read_and_what_is_being_tried_stay(stage: Stage) -> None:
    unreadable, in_flight = stage.park("{", Code.INVALID_REQUEST), stage.park()
    stage.begin()

    redriven = redrive(stage)

    assert redriven.exit_code == 1
    assert redriven.output.splitlines()[0] == "0 redriven, 2 left parked"
    assert redriven.output.splitlines()[-1] == "  operate parked delete personal-link --code invalid_request"
    assert set(stage.parked_ids()) == {unreadable, in_flight}
    assert stage.requests() == []
    assert became(redriven) == {
        "stays parked: it would be parked again": 1,
        "stays parked: an attempt is in flight": 1,
    }


def test_each_code_of_requests_that_cannot_be_read_has_its_line(stage: Stage) -> None:
    stage.park("{", Code.TOO_LARGE)
    stage.park(code=Code.INVALID_REQUEST)  # can be read
    stage.aws.sqs.send_message(QueueUrl=stage.aws.parked_url, MessageBody="{")

    told = redrive(stage, "--dry-run")

    assert told.output.splitlines()[-3:] == [
        "Requests that cannot be read can only be deleted:",
        "  operate parked list personal-link --code -  # then parked delete personal-link MESSAGE_ID",
        "  operate parked delete personal-link --code too_large",
    ]


def test_a_request_under_anothers_key_and_one_that_is_not_valid_go_to_the_worker_to_be_rejected(stage: Stage) -> None:
    stage.settle()
    other = json.dumps({**json.loads(BODY), "record": {"Email": "another"}})
    invalid = json.dumps({"record": []})
    stage.park(other)
    stage.park(invalid)

    redriven = redrive(stage)

    assert {message["Body"] for message in stage.requests()} == {other, invalid}
    assert became(redriven) == {
        "a rejected result (idempotency_key_reused)": 1,
        "a rejected result": 1,
    }


def test_the_ledger_tells_an_attempt_without_an_answer_from_one_that_reached_nobody(stage: Stage) -> None:
    stage.park()
    stage.take_back()
    assert became(redrive(stage, "--dry-run")) == {"retried": 1}

    stage.leave_marked()
    assert became(redrive(stage, "--dry-run")) == {"retried; CustomerGauge may have its record already": 1}


def test_an_outcome_that_is_over_its_time_is_none(stage: Stage) -> None:
    stage.settle()
    stage.change_item("expires_at", {"N": "1"})
    stage.park()

    assert became(redrive(stage)) == {"retried": 1}
    assert len(stage.requests()) == 1


def test_a_dry_run_tells_and_changes_nothing(stage: Stage) -> None:
    parked = {stage.park(), stage.park("{", Code.INVALID_REQUEST)}

    told = redrive(stage, "--dry-run")

    assert became(told) == {"retried": 1, "stays parked: it would be parked again": 1}
    assert told.output.splitlines()[0] == "1 would be redriven, 1 would stay  Nothing was changed."
    assert set(stage.parked_ids()) == parked
    assert stage.requests() == []


def test_what_lambda_parked_goes_back_as_the_invocation_that_it_was(stage: Stage) -> None:
    stage.park_as_lambda('{"record": {"Email": "ada@acme.example"}}')

    redriven = redrive(stage, "--code", "unavailable")

    assert became(redriven) == {"retried": 1}
    [message] = stage.requests()
    assert message["Body"] == '{"record": {"Email": "ada@acme.example"}}'
    assert values(message)["original_invocation_id"] == FIRST_ID  # type: ignore[arg-type]
    assert stage.parked_ids() == []


def test_what_sqs_parked_is_no_invocation_whatever_attributes_its_sender_wrote() -> None:
    text: MessageAttributeValueOutputTypeDef = {"DataType": "String", "StringValue": FIRST_ID}
    message: MessageTypeDef = {
        "MessageId": "22222222-2222-4222-8222-222222222222",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "Attributes": {"SentTimestamp": "1795427990000"},
        "MessageAttributes": dict.fromkeys(("RequestID", "ErrorCode", "ErrorMessage"), text),
    }
    message["MessageAttributes"]["ERROR_CODE"] = {"DataType": "String", "StringValue": "ADA_LOVELACE"}
    by_lambda = ParkedMessage.received(message)
    moved = {**message["Attributes"], "DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:123456789012:requests"}
    by_sqs = ParkedMessage.received({**message, "Attributes": moved})

    assert (by_lambda.detail, by_sqs.detail) == ("EventBridge: ADA_LOVELACE", "-")
    first_sent_at = {"first_sent_at": "1795427990000"}
    assert deliveries.origin(by_lambda.record) == {"original_invocation_id": FIRST_ID, **first_sent_at}
    assert deliveries.origin(by_sqs.record) == {"original_message_id": message["MessageId"], **first_sent_at}


@pytest.mark.parametrize("marked", [False, True])
def test_what_the_ledger_may_forget_before_it_is_tried_stays_unless_it_is_asked_for(
    stage: Stage, *, marked: bool
) -> None:
    # LedgerDays 21, less a retry window of 24 hours
    young = stage.park(json.dumps({"record": {"Email": "young"}}), first_id="young", days_ago=19.9)
    old = stage.park(days_ago=20.1)
    if marked:
        stage.leave_marked()

    first = became(redrive(stage, "--dry-run"))
    redrive(stage)
    left = stage.parked_ids()
    redrive(stage, "--old")

    assert first == {
        "retried": 1,
        "stays parked: the ledger may have forgotten an attempt; see Request History, then use --old": 1,
    }
    assert young not in left
    assert left == [old]
    assert stage.parked_ids() == []


@table(
    "operation, code, sent, error",
    ("not taken", "SendMessage", "AccessDenied", 0, "not allowed: SendMessage (docs/policies has all that is needed)"),
    ("not deleted", "DeleteMessage", "ServiceUnavailable", 1, "AWS failed at DeleteMessage (ServiceUnavailable): try "),
)
def test_a_message_is_on_both_queues_rather_than_on_none(
    stage: Stage, operation: str, code: str, sent: int, error: str
) -> None:
    parked = stage.park()

    with refusing(stage.located.client("sqs"), operation, code):
        redriven = redrive(stage)

    assert redriven.exit_code == 3
    assert redriven.output.startswith(f"0 redriven, 0 left parked\nError: {error}")
    assert (len(stage.requests()), stage.parked_ids()) == (sent, [parked])


def test_a_result_that_the_results_queue_does_not_take_stays_parked(stage: Stage) -> None:
    stage.settle()
    parked = stage.park()

    with refusing(stage.located.client("sqs"), "SendMessageBatch", "InternalError"):
        failed = redrive(stage)
    stage.located.deny("SendMessageBatch", "sqs:sendmessage")
    denied = redrive(stage)

    assert failed.output.splitlines()[-1] == (
        "Error: The results queue did not accept a result: try again; nothing is lost."
    )
    assert denied.output.splitlines()[-1].startswith("Error: not allowed: sqs:SendMessage (")
    assert stage.parked_ids() == [parked]


def test_an_interruption_gives_back_what_was_not_redriven_and_tells_what_was(stage: Stage) -> None:
    for _ in range(5):
        stage.park()

    def interrupt(_parameters: object) -> None:
        raise KeyboardInterrupt

    with doing_before(stage.located.client("sqs"), "SendMessage", interrupt, call=3):
        redriven = redrive(stage)

    assert redriven.exit_code == 1
    assert "2 redriven, 0 left parked" in redriven.output
    assert len(stage.parked_ids()) == 3
    assert len(stage.requests()) == 2


def test_messages_that_stay_and_become_visible_again_do_not_end_a_redrive(stage: Stage) -> None:
    stays = {stage.park("{", Code.INVALID_REQUEST) for _ in range(10)}
    for number in range(20):
        stage.park(json.dumps({"record": {"Order": number}}), first_id=f"{number:08}{FIRST_ID[8:]}")

    with doing_before(stage.located.client("sqs"), "ReceiveMessage", lambda _: stage.unhide(), call=3):
        redriven = redrive(stage, "--code", "unavailable", "--rate", "100")

    assert became(redriven) == {"retried": 20}
    assert set(stage.parked_ids()) == stays


def test_a_message_that_sqs_delivers_once_more_after_it_was_deleted_is_deleted_again_and_not_sent_twice(
    stage: Stage,
) -> None:
    stage.park()
    events, delivered = stage.located.client("sqs").meta.events, list[Any]()

    def keep(parsed: Any, **_: object) -> None:
        delivered.append(parsed)

    def repeat(**_: object) -> tuple[AWSResponse, Any] | None:
        again = AWSResponse("https://aws.example", 200, HTTPHeaders(), None)
        return (again, delivered[0]) if len(delivered) == 1 else None

    events.register("after-call.sqs.ReceiveMessage", keep)
    events.register("before-call.sqs.ReceiveMessage", repeat)
    with watched(stage.located.client("sqs"), "DeleteMessage") as deleted:
        redrive(stage)

    assert len(deleted) == 2
    assert len(stage.requests()) == 1


def test_the_pace_lets_through_so_many_a_second() -> None:
    clock, waits = FakeClock(), list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds)

    pace = Pace(4, clock, sleep)
    for _ in range(3):
        pace.wait()
    clock.advance(0.1)
    pace.wait()
    clock.advance(10)
    pace.wait()

    assert waits == pytest.approx([0.25, 0.25, 0.15])


def test_the_rate_is_that_of_the_command(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    monkeypatch.setattr("operate.parked.redrive_command.Pace", lambda rate: Pace(rate, FakeClock(), waits.append))
    for _ in range(2):
        stage.park()

    redrive(stage, "--rate", "2")

    assert waits == pytest.approx([0.5])


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.park()
    stage.park()
    assert "looking" not in redrive(stage, "--dry-run").output

    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    redriven = redrive(stage)

    assert "redriving" in redriven.output
    assert "2/2" in redriven.output


def test_nothing_of_anybody_is_printed(stage: Stage) -> None:
    stage.settle()
    stage.park()
    stage.park(json.dumps({**json.loads(BODY), "idempotency_key": "another"}))

    assert canaries_in(redrive(stage, "--dry-run").output, CANARIES) == []
    assert canaries_in(redrive(stage).output, CANARIES) == []
