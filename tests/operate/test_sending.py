"""A test request: refused before it is sent if it is of no use, and told by its outcome in the ledger."""

import json
import re
from pathlib import Path

import pytest

from personal_link.domain.request import NO_RECORD
from tests.aws.account import doing_before, watched
from tests.leaks.canaries import CANARIES, LINK, canaries_in
from tests.operate.stage import BODY, NAME, REQUEST, Stage, the_request

UNKNOWN = "is not a heading of the inbound mapping"
ENTRIES = (
    "Case_Closed__e, Object Created, Order Paid, Survey Due, checkout.session.completed, order.updated, shopifyWebhook"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "request.json"
    made.write_text(BODY)
    return made


def test_a_request_is_sent_and_its_outcome_is_told_without_reading_the_results(stage: Stage, file: Path) -> None:
    with (
        watched(stage.located.client("sqs"), "ReceiveMessage") as received,
        doing_before(stage.located.client("dynamodb"), "GetItem", lambda _: stage.settle(), call=3),
    ):
        sent = stage.run("send", NAME, str(file))

    assert sent.exit_code == 0
    assert sent.output.splitlines()[:3] == [
        "Sent. Waiting up to 60 s for the outcome; Ctrl-C ends the waiting only.",
        "  no attempt yet",
        "Created",
    ]
    assert sent.output.splitlines()[-1] == "Link        masked: --unmask shows it"
    assert canaries_in(sent.output, CANARIES) == []
    assert received == []
    assert [message["Body"] for message in stage.requests()] == [BODY]


def test_the_link_is_shown_when_that_is_asked_for(stage: Stage, file: Path) -> None:
    stage.settle()

    sent = stage.run("send", NAME, str(file), "--unmask")

    assert "Its key is already settled: this is the first outcome." in sent.output
    assert sent.output.splitlines()[-1] == f"Link        {LINK.value}"


def test_a_rejected_one_is_an_exit_code_and_the_vendors_words_are_masked(stage: Stage, file: Path) -> None:
    stage.settle(error={"code": "bad_request", "message": "The vendor's own words."})

    sent = stage.run("send", NAME, str(file))

    assert sent.exit_code == 1
    assert "Rejected: bad_request" in sent.output.splitlines()
    assert "own words" not in sent.output
    unmasked = stage.run("send", NAME, str(file), "--unmask").output.splitlines()[-1]
    assert json.loads(unmasked.removeprefix("Error ")) == {"code": "bad_request", "message": "The vendor's own words."}


def test_one_without_an_outcome_in_time_is_told_what_the_ledger_knows(stage: Stage, file: Path) -> None:
    stage.leave_marked()

    sent = stage.run("send", NAME, str(file), "--wait", "0s")

    assert sent.exit_code == 1
    digest = the_request().key.digest
    assert "Now         attempt 1 ended without an answer; it is retried" in sent.output
    assert sent.output.splitlines()[-1] == f"operate find personal-link --digest {digest}"


@pytest.mark.parametrize(("seconds_ago", "wait"), [(5, 40), (1_000, 1_800)])
def test_an_open_circuit_is_told_with_the_time_of_the_first_attempt(
    stage: Stage, file: Path, seconds_ago: float, wait: int
) -> None:
    digest = the_request().key.digest
    stage.log_retry("m-1", seconds_ago, wait=wait, key_digest=digest, detail="not started: the circuit is open")

    sent = stage.run("send", NAME, str(file), "--wait", "0s")

    pattern = r"^Now +no attempt yet: the circuit is open; tried at 20\d\d-[-0-9]+ [:0-9]+ UTC$"
    assert re.search(pattern, sent.output, re.MULTILINE)


def test_without_permission_to_read_the_log_send_goes_on(stage: Stage, file: Path) -> None:
    stage.located.deny("FilterLogEvents", "logs:FilterLogEvents")

    sent = stage.run("send", NAME, str(file), "--wait", "0s")

    assert "Now         no attempt yet\n" in sent.output


def test_while_it_waits_each_change_is_told_once(stage: Stage, file: Path) -> None:
    dynamodb = stage.located.client("dynamodb")
    with (
        doing_before(dynamodb, "GetItem", lambda _: stage.leave_marked(), call=4),
        doing_before(dynamodb, "GetItem", lambda _: stage.settle(), call=5),
    ):
        sent = stage.run("send", NAME, str(file))

    told = [line.strip() for line in sent.output.splitlines() if line.startswith("  ")]
    assert told == ["no attempt yet", "attempt 1 ended without an answer; it is retried"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"Email": "zoe@', "The body is not valid JSON: malformed at line 1, column 11. Nothing was sent."),
        (
            b'{"record": []}',
            f"The request is not valid: see record. record {NO_RECORD['record'][0]}. Nothing was sent.",
        ),
        (
            b'[{"Source": "shop", "DetailType": "Order Paid", "Detail": "{}"}]',
            "It holds entries for `aws events put-events`, not a request: send it with that command. Nothing was sent.",
        ),
        (
            b'{"id": "1", "detail-type": "Order paid", "detail": {}}',
            f'The event has no entry for "Order paid"; nearest: "Order Paid"; entries: {ENTRIES}. Nothing was sent.',
        ),
        (b"\xff\xfe", "request.json is not text in UTF-8."),
        (
            b'{"record": {"Email": "x"}}',
            "The request names no configuration, and the stack has no DefaultConfiguration.",
        ),
        (
            b'{"configuration": "contact", "record": {"E-mail": "zoe@acme.example"}}',
            f"The request is not valid: see record. record.E-mail {UNKNOWN}; did you mean Email? Nothing was sent.",
        ),
        (
            json.dumps({**REQUEST, "record": {"Email": "another"}}).encode(),
            "Its idempotency_key belongs to another request: choose another key.",
        ),
    ],
)
def test_what_would_be_refused_on_arrival_is_not_sent(stage: Stage, file: Path, content: bytes, line: str) -> None:
    stage.parameter("KnownHeadings", "Email, Phone")
    stage.settle()
    file.write_bytes(content)

    sent = stage.run("send", NAME, str(file))

    assert (sent.exit_code, sent.output) == (2, f"Error: {line}\n")
    assert stage.requests() == []


@pytest.mark.parametrize(("parameter", "value"), [("KnownHeadings", "Another Heading"), ("DefaultConfiguration", "")])
def test_a_settled_request_is_sent_whatever_the_settings_are_now(
    stage: Stage, file: Path, parameter: str, value: str
) -> None:
    without_configuration = json.dumps({"record": {"Email": "zoe@acme.example"}, "idempotency_key": "order-1"})
    file.write_text(without_configuration)
    stage.parameter("DefaultConfiguration", "contact")
    stage.settle(the_request(without_configuration))
    stage.parameter(parameter, value)

    sent = stage.run("send", NAME, str(file))

    assert sent.exit_code == 0
    assert [message["Body"] for message in stage.requests()] == [without_configuration]


def test_a_request_may_come_from_a_pipe(stage: Stage) -> None:
    stage.settle()

    stage.run("send", NAME, "-", typed=json.dumps(REQUEST))

    assert [json.loads(message["Body"]) for message in stage.requests()] == [REQUEST]
