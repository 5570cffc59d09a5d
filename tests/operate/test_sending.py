"""A test request: refused before it is sent if it is of no use, and told by its outcome in the ledger."""

import json
from pathlib import Path

import pytest

from tests.aws.account import doing_before, watched
from tests.leaks.canaries import CANARIES, LINK, canaries_in
from tests.operate.stage import BODY, NAME, REQUEST, Stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "request.json"
    made.write_text(BODY)
    return made


def test_a_request_is_sent_and_its_outcome_is_told_without_reading_the_results(stage: Stage, file: Path) -> None:
    with (
        watched(stage.located.client("sqs"), "ReceiveMessage") as received,
        doing_before(stage.located.client("dynamodb"), "GetItem", lambda _: stage.settle(), call=2),
    ):
        sent = stage.run("send", NAME, str(file))

    assert sent.exit_code == 0
    assert "created: created (attempts: 1, outcome id: " in sent.output
    assert sent.output.splitlines()[-1] == "The link is masked: --unmask shows it."
    assert canaries_in(sent.output, CANARIES) == []
    assert received == []
    assert [message["Body"] for message in stage.requests()] == [BODY]


def test_the_link_is_shown_when_that_is_asked_for(stage: Stage, file: Path) -> None:
    stage.settle()

    sent = stage.run("send", NAME, str(file), "--unmask")

    assert sent.output.splitlines()[0].startswith("Its key is already settled: this is the first outcome.")
    assert sent.output.splitlines()[-1] == LINK.value


def test_a_rejected_one_is_an_exit_code_and_the_vendors_words_are_masked(stage: Stage, file: Path) -> None:
    stage.settle(error={"code": "bad_request", "message": "The vendor's own words."})

    sent = stage.run("send", NAME, str(file))

    assert sent.exit_code == 1
    assert "rejected: bad_request (attempts: 1" in sent.output
    assert "own words" not in sent.output
    unmasked = stage.run("send", NAME, str(file), "--unmask").output
    assert json.loads(unmasked[unmasked.index("{") :]) == {"code": "bad_request", "message": "The vendor's own words."}


def test_one_without_an_outcome_in_time_is_told_what_the_ledger_knows(stage: Stage, file: Path) -> None:
    stage.leave_marked()

    sent = stage.run("send", NAME, str(file), "--wait", "0s")

    assert sent.exit_code == 1
    assert sent.output.splitlines()[-1] == (
        "Error: No outcome yet (tried, without an answer, attempts: 1); the stack goes on with it. "
        "See: python -m operate health personal-link"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"Email": "zoe@', "The body is not valid JSON: malformed at line 1, column 11. Nothing was sent."),
        (b'{"record": []}', "The request is not valid: see record. Nothing was sent."),
        (b"\xff\xfe", "request.json is not text in UTF-8."),
        (
            b'{"record": {"Email": "x"}}',
            "The request names no configuration, and the stack has no DefaultConfiguration.",
        ),
    ],
)
def test_what_would_be_refused_on_arrival_is_not_sent(stage: Stage, file: Path, content: bytes, line: str) -> None:
    file.write_bytes(content)

    sent = stage.run("send", NAME, str(file))

    assert (sent.exit_code, sent.output) == (1, f"Error: {line}\n")
    assert stage.requests() == []


def test_another_request_under_a_settled_key_is_not_sent(stage: Stage, file: Path) -> None:
    stage.settle()
    file.write_text(json.dumps({**REQUEST, "record": {"Email": "another"}}))

    sent = stage.run("send", NAME, str(file))

    assert sent.output == "Error: Its idempotency_key belongs to another request: choose another key.\n"
    assert stage.requests() == []
