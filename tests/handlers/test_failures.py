"""HTTP while something fails; the queue; logs."""

import io
import json
import time
from typing import Any

import pytest

import http_api
import queue_worker
from personal_link.aws.ledger import Ledger
from personal_link.domain.clock import Deadline, SystemClock
from personal_link.domain.errors import SettingsError
from personal_link.domain.request import IdempotencyKey, LinkRequest, Source
from sandbox.customergauge import CustomerGaugeSandbox, Reply
from tests.aws.account import Account, values
from tests.handlers.conftest import ADA, Context, api_event, call, forget

pytestmark = pytest.mark.usefixtures("environment")


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def sqs_event(*bodies: object) -> dict[str, Any]:
    now = str(round(time.time() * 1000))
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"receipt-of-m-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": now},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


# Failures over HTTP


@pytest.mark.parametrize(
    ("reply", "status", "code", "retry_after"),
    [
        pytest.param(Reply.error(429, retry_after=120), 429, "rate_limited", "120", id="429 with Retry-After"),
        pytest.param(Reply.error(429), 429, "rate_limited", "5", id="429 without"),
        pytest.param(Reply.error(503, retry_after=30), 503, "unavailable", "30", id="503 with Retry-After"),
        pytest.param(Reply.html(502), 503, "unavailable", "5", id="502"),
        pytest.param(Reply.error(403), 502, "forbidden", None, id="403"),
        pytest.param(Reply.html(403), 502, "forbidden", None, id="403 of a firewall"),
        pytest.param(Reply(200, {"data": {}}), 502, "bad_response", None, id="no link"),
    ],
)
def test_a_failure_of_the_vendor_tells_when_to_try_again(
    vendor: CustomerGaugeSandbox, reply: Reply, status: int, code: str, retry_after: str | None
) -> None:
    vendor.script("personal-link", reply)

    answer = call(ADA)

    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["code"] == code
    assert answer["headers"].get("Retry-After") == retry_after


def test_a_201_with_the_documented_body_is_answered_with_200_and_that_body(vendor: CustomerGaugeSandbox) -> None:
    data = {"number_customergauge": 77, "survey_link": "https://cust.xx/12", "survey_link_short": "https://cust.xx/1"}
    vendor.script("personal-link", Reply(201, {"data": data}))

    answer = call(ADA)

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"data": data})


def test_a_vendor_out_of_reach_is_unavailable(vendor: CustomerGaugeSandbox) -> None:
    vendor.stop()

    answer = call(ADA)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    assert answer["headers"]["Retry-After"] == "5"


def test_a_secret_not_filled_in_is_the_stacks_fault(account: Account) -> None:
    account.secretsmanager.put_secret_value(
        SecretId=account.secret_arn, SecretString='{"client_id": "", "client_secret": ""}'
    )

    answer = call(ADA)

    assert answer["statusCode"] == 502
    assert json.loads(answer["body"]) == {
        "code": "credentials_missing",
        "message": "The credentials secret has no client_id: fill it in.",
    }


def test_a_request_in_flight_is_a_conflict_to_come_back_to(account: Account, vendor: CustomerGaugeSandbox) -> None:
    clock = SystemClock()
    in_flight = LinkRequest(
        configuration=None,
        record={"Email": "ada@acme.example", "First Name": "Ada"},
        reference=None,
        key=IdempotencyKey("caller", "order-1", "iam arn:aws:iam::123456789012:user/shop"),
        source=Source("http", "r-0"),
        received_at=clock.wall(),
    )
    Ledger(account.dynamodb, account.ledger_table, 21, clock).begin(in_flight, Deadline.after(20, clock))

    answer = call(ADA, key="order-1")

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (409, "in_progress")
    assert answer["headers"]["Retry-After"] == "5"
    assert vendor.calls("token") == []


def test_a_link_whose_result_cannot_be_queued_is_not_answered_but_kept(
    account: Account, vendor: CustomerGaugeSandbox
) -> None:
    account.sqs.delete_queue(QueueUrl=account.results_url)
    failed = call(ADA, key="order-1")
    account.sqs.create_queue(QueueName="results")

    answer = call(ADA, key="order-1")

    assert (failed["statusCode"], json.loads(failed["body"])["code"]) == (503, "internal_error")
    assert failed["headers"]["Retry-After"] == "5"
    assert answer["statusCode"] == 200
    assert len(vendor.calls("personal-link")) == 1


def test_a_call_with_too_little_time_left_is_not_begun(account: Account, vendor: CustomerGaugeSandbox) -> None:
    answer = http_api.handler(api_event(ADA), Context(seconds=9))

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    assert account.ledger_items() == []
    assert vendor.calls("token") == []


def test_missing_settings_are_an_answer_and_a_line_that_names_them(
    monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    monkeypatch.setenv("RESULTS_QUEUE_URL", "")
    monkeypatch.setenv("ECHO_RECORD", "perhaps")

    answer = call(ADA)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "internal_error")
    assert answer["headers"]["Retry-After"] == "5"
    assert "LEDGER_TABLE" not in answer["body"]
    (line,) = lines(log)
    assert line["detail"] == (
        "The environment is not complete: LEDGER_TABLE is missing; RESULTS_QUEUE_URL is missing; "
        "ECHO_RECORD must be one of true, false"
    )


def test_mended_settings_need_no_new_environment(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    assert call(ADA)["statusCode"] == 503
    monkeypatch.setenv("LEDGER_TABLE", account.ledger_table)

    assert call(ADA)["statusCode"] == 200


def test_an_event_that_nobody_expected_is_still_answered(log: io.StringIO) -> None:
    event = api_event(ADA)
    event["body"] = 4711

    answer = http_api.handler(event, Context())

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "internal_error")
    (line,) = lines(log)
    assert line["message"] == "unexpected error"
    assert line["error"] == "TypeError"
    assert line["detail"] == ""


@pytest.mark.slow
def test_three_hundred_calls_on_a_warm_environment_fetch_one_token(vendor: CustomerGaugeSandbox) -> None:
    statuses = [call({"record": {"Email": f"person{number}@acme.example"}})["statusCode"] for number in range(300)]

    assert statuses == [200] * 300
    assert len(vendor.links) == 300
    assert len(vendor.calls("token")) == 1
    assert len({call.connection for call in vendor.calls("personal-link")}) == 1


# The queue


def test_a_batch_is_answered_with_what_is_to_come_again(vendor: CustomerGaugeSandbox, account: Account) -> None:
    busy: dict[str, object] = {"record": {"Email": "busy@acme.example"}}
    vendor.misbehave = lambda call: Reply.error(429, retry_after=2) if b"busy@" in call.body else None

    answer = queue_worker.handler(sqs_event(ADA, busy, "no JSON", {"record": {}}), Context(60))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert len(vendor.links) == 1
    assert [values(message)["code"] for message in account.results()] == ["created", "invalid_request"]
    assert [message["Body"] for message in account.parked()] == ["no JSON"]


def test_a_batch_that_is_done_brings_nothing_again() -> None:
    assert queue_worker.handler(sqs_event(ADA), Context(60)) == {"batchItemFailures": []}


def test_a_key_used_on_the_queue_is_another_one_by_http(vendor: CustomerGaugeSandbox, account: Account) -> None:
    queue_worker.handler(sqs_event({**ADA, "idempotency_key": "order-1"}), Context(60))

    answer = call(ADA, key="order-1")

    assert "Idempotent-Replayed" not in answer["headers"]
    assert len(vendor.calls("personal-link")) == 2
    assert len({json.loads(message["Body"])["id"] for message in account.results()}) == 2


def test_a_worker_without_settings_fails_as_a_whole_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARKED_QUEUE_URL")
    monkeypatch.delenv("LEDGER_DAYS")

    with pytest.raises(SettingsError, match="LEDGER_DAYS is missing; PARKED_QUEUE_URL is missing"):
        queue_worker.handler(sqs_event(ADA), Context(60))


# Logs


def test_an_outcome_is_one_line_of_plain_facts(log: io.StringIO) -> None:
    call(ADA, key="order-1", request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")

    (line,) = lines(log)
    assert line["message"] == "outcome"
    assert (line["status"], line["code"], line["attempts"], line["replayed"]) == ("created", "created", 1, False)
    assert (line["source_type"], line["source_id"]) == ("http", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef")


def test_the_lines_of_a_message_and_its_result_share_one_id(
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


def test_no_log_line_holds_anything_personal_or_secret(
    log: io.StringIO, vendor: CustomerGaugeSandbox, account: Account
) -> None:
    person = {"Email": "ada@acme.example", "Phone": "+44 20 7946 0018", "First Name": "Augusta"}
    request: dict[str, object] = {"record": person, "reference": "crm-0815", "idempotency_key": "order-of-augusta"}
    refusal = {"message": "ada@acme.example is wrong", "errors": {"Email": ["ada@acme.example is wrong"]}}
    vendor.script(
        "personal-link",
        Reply(),
        Reply.error(401),
        Reply(422, refusal),
        Reply(500, {"message": "SQLSTATE: Duplicate entry 'ada@acme.example'"}),
        Reply(200, {"data": {"survey_link": "javascript:ada@acme.example"}}),
    )

    call(request)
    for number in range(3):
        call({**request, "idempotency_key": f"augusta-{number}"})
    call('{"record": {"Email": "ada@acme.example"')
    call({"record": {"ada@acme.example": ["ada@acme.example"]}})
    http_api.handler({**api_event(request), "body": person}, Context())
    queue_worker.handler(sqs_event(request, "ada@acme.example", {"record": {"Email": person}}), Context(60))
    vendor.rotate_secret("rotated-Wm9uZQ")
    forget()
    call({**request, "idempotency_key": "augusta-9"})

    logged = log.getvalue()
    tokens = {call.headers["Authorization"].removeprefix("Bearer ") for call in vendor.calls("personal-link")}
    links = {text for link in vendor.links for text in (link.survey_link, link.survey_link_short)}
    secrets = {vendor.client_id, "s3cret-QkVBUkVS", "rotated-Wm9uZQ"}
    assert len(lines(log)) == 11
    assert len(tokens) == 2
    assert links
    for private in {*tokens, *links, *secrets, "ada@", "acme", "7946", "ugusta", "crm-0815", "order-of", "receipt-of"}:
        assert private not in logged
    assert account.results()
