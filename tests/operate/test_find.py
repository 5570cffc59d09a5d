"""Find one request: by key, reference or digest, wherever it is, and without showing anything of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from personal_link.domain.errors import Code
from personal_link.domain.request import IdempotencyKey, digest_of_reference
from tests.aws.account import watched
from tests.leaks.canaries import CANARIES, KEY, REFERENCE, canaries_in
from tests.operate.stage import BODY, FIRST_ID, NAME, REQUEST, Stage, the_request
from tests.tables import table

DIGEST = IdempotencyKey("caller", KEY.value).digest
REJECTION = {"code": "validation_failed", "message": "joe"}
DIGESTS = {"key_digest": DIGEST, "reference_digest": digest_of_reference(REFERENCE.value)}


def find(stage: Stage, *arguments: str) -> dict[str, Any]:
    """Return what `find --json` prints, with its exit code."""
    told = stage.run("find", NAME, *arguments, "--json")
    return {**json.loads(told.output), "exit code": told.exit_code}


def ends(found: dict[str, Any]) -> tuple[str, str | None, int]:
    return (found["state"], found["code"], found["exit code"])


def log_outcome(stage: Stage, outcome_id: str = FIRST_ID, **fields: Any) -> None:
    told = {"status": "created", "code": "created", "source_type": "sqs", "outcome_id": outcome_id}
    stage.log("outcome", **{**DIGESTS, **told, **fields})


BY = pytest.mark.parametrize(
    "by",
    [("--key", KEY.value), ("--reference", REFERENCE.value), ("--digest", DIGEST), ("--digest", DIGEST[:12])],
    ids=lambda by: f"{by[0]} {len(by[1])}",
)


@BY
def test_a_request_that_is_retried_is_found_before_any_attempt(stage: Stage, by: tuple[str, str]) -> None:
    stage.log_retry(FIRST_ID, seconds_ago=9, wait=40, **DIGESTS)

    found = find(stage, *by)

    assert ends(found) == ("retrying", "unavailable", 1)
    assert found["attempts"] is None
    assert [(one["what"], one["wait_seconds"]) for one in found["events"]] == [("retry scheduled", 40)]


@BY
def test_a_settled_request_is_found_with_its_life(stage: Stage, by: tuple[str, str]) -> None:
    outcome = stage.settle()
    stage.log_retry(FIRST_ID, seconds_ago=9, wait=5, **DIGESTS)
    log_outcome(stage, outcome.id)

    found = find(stage, *by)

    assert (ends(found), found["attempts"]) == (("created", None, 0), 1)
    assert [one["what"] for one in found["events"]] == ["retry scheduled", "outcome"]
    assert (found["outcome_id"], found["key_digest"], found["source"]) == (outcome.id, DIGEST, "sqs")
    assert found["result_sent_at"] is not None


@pytest.mark.parametrize("by", [("--key", KEY.value), ("--reference", REFERENCE.value)], ids=lambda by: by[0])
def test_a_parked_request_is_found_and_stays_parked(stage: Stage, by: tuple[str, str]) -> None:
    parked = stage.park(code=Code.FORBIDDEN)

    found = find(stage, *by)

    assert (ends(found), found["parked_id"]) == (("parked", "forbidden", 1), parked)
    assert stage.parked_ids() == [parked]


def test_the_requests_queue_is_not_read(stage: Stage) -> None:
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody=BODY)

    with watched(stage.located.client("sqs"), "ReceiveMessage") as received:
        found = find(stage, "--key", KEY.value)

    assert {call["QueueUrl"] for call in received} == {stage.aws.parked_url}
    assert (ends(found), found["waiting"]) == (("not found", None, 1), 1)


def log_no_outcome(stage: Stage, code: str = "invalid_request") -> None:
    stage.log("no outcome", 0, "http-api", code=code, detail="Two idempotency keys were given.", **DIGESTS)


def end_without_outcome(stage: Stage) -> None:
    stage.take_back()
    log_no_outcome(stage, "unavailable")


def log_parked(stage: Stage) -> None:
    stage.log("parked", code="unavailable", **DIGESTS)


@table(
    "arrange, ending, events",
    ("an attempt in flight", Stage.begin, ("in flight", None, 1), []),
    ("an attempt that settled nothing", Stage.take_back, ("not settled", None, 1), []),
    ("rejected", lambda stage: stage.settle(error=REJECTION), ("rejected", "validation_failed", 1), []),
    ("forgotten by the ledger", log_outcome, ("created", None, 0), ["outcome"]),
    ("parked, and not there now", log_parked, ("not settled", "unavailable", 1), ["parked"]),
    ("refused without an outcome", log_no_outcome, ("refused", "invalid_request", 1), ["no outcome"]),
    ("a call that settled nothing", end_without_outcome, ("not settled", "unavailable", 1), ["no outcome"]),
    ("others' lines", lambda stage: stage.log_retry("m-1", 5, 40, key_digest="0" * 64), ("not found", None, 1), []),
)
def test_each_state_is_told_with_its_code(
    stage: Stage, arrange: Callable[[Stage], object], ending: tuple[Any, ...], events: list[str]
) -> None:
    arrange(stage)

    found = find(stage, "--key", KEY.value)

    assert ends(found) == ending
    assert [one["what"] for one in found["events"]] == events
    assert found["parked_id"] is None


@table(
    "arrange, lines",
    (
        "parked",
        log_parked,
        [
            "! It was parked; now it is redriven, deleted, hidden by another reader, or after the first 500",
            "  operate parked list personal-link",
        ],
    ),
    (
        "refused",
        log_no_outcome,
        [
            "! Its caller got this error, and there is no link",
            "  docs/codes.md says what invalid_request means",
        ],
    ),
    (
        "only in the log",
        log_outcome,
        ["Ledger       no item: erased, expired, or rejected on arrival; what is shown is from the log"],
    ),
)
def test_what_is_no_longer_there_is_told_as_such(
    stage: Stage, arrange: Callable[[Stage], object], lines: list[str]
) -> None:
    arrange(stage)

    told = stage.run("find", NAME, "--reference", REFERENCE.value).output

    assert "\n".join(lines) in told


def test_a_request_that_was_refused_on_arrival_is_found_by_its_reference(stage: Stage) -> None:
    reference = {"reference_digest": digest_of_reference("ticket-1")}
    stage.log("outcome", status="rejected", code="invalid_request", source_type="sqs", outcome_id=FIRST_ID, **reference)

    found = find(stage, "--reference", "ticket-1")

    assert (found["state"], found["code"], found["key_digest"]) == ("rejected", "invalid_request", None)


def test_without_a_key_of_its_own_the_id_of_the_message_is_its_key(stage: Stage) -> None:
    stage.settle(the_request(json.dumps({**REQUEST, "idempotency_key": None})))

    assert find(stage, "--key", FIRST_ID)["state"] == "created"


@pytest.mark.parametrize(
    ("caller", "owner"),
    [
        ("arn:aws:iam::123456789012:user/joe", "iam arn:aws:iam::123456789012:user/joe"),
        ("arn:aws:iam::123456789012:role/shop", "iam arn:aws:sts::123456789012:assumed-role/shop"),
        ("arn:aws:iam::123456789012:role/teams/eu/shop", "iam arn:aws:sts::123456789012:assumed-role/shop"),
        ("arn:aws:sts::123456789012:assumed-role/shop", "iam arn:aws:sts::123456789012:assumed-role/shop"),
        ("a1b2c3d4e5", "api key a1b2c3d4e5"),
    ],
)
def test_a_key_by_http_is_found_with_its_caller_only(stage: Stage, caller: str, owner: str) -> None:
    request = the_request()
    owned = IdempotencyKey("caller", KEY.value, owner)
    stage.settle(type(request)(request.configuration, request.record, None, owned, request.source, 0.0))

    assert find(stage, "--key", KEY.value)["state"] == "not found"
    assert find(stage, "--key", KEY.value, "--caller", caller)["state"] == "created"


def test_of_two_requests_with_one_reference_the_newest_is_told_and_the_other_named(stage: Stage) -> None:
    older = "0" * 64
    stage.log("outcome", 60, status="created", code="created", **{**DIGESTS, "key_digest": older})
    stage.log_retry(FIRST_ID, seconds_ago=9, wait=40, **DIGESTS)

    found = find(stage, "--reference", REFERENCE.value)

    assert (found["state"], found["key_digest"], found["other_digests"]) == ("retrying", DIGEST, [older])


def test_an_event_without_an_entry_is_told_with_the_nearest_one(stage: Stage) -> None:
    event = {"id": FIRST_ID, "detail-type": "Order paid", "detail": {"order": 1}}
    stage.park(json.dumps(event), Code.INVALID_REQUEST)

    found = find(stage, "--key", FIRST_ID)

    assert found["parked_detail"].startswith('no entry for "Order paid"; nearest: "Order Paid"; entries: ')


def test_nothing_of_the_request_is_shown(stage: Stage) -> None:
    stage.settle()
    stage.park()
    log_outcome(stage)

    told = [stage.run("find", NAME, "--key", KEY.value, *more).output for more in ((), ("--json",))]

    assert canaries_in("".join(told), CANARIES) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "Give one of --key, --reference and --digest."),
        (("--key", "a", "--reference", "b"), "Give one of --key, --reference and --digest."),
        (("--digest", "abc"), "--digest takes the 64 hexadecimal digits, or at least the first 8."),
        (("--reference", "a", "--caller", "b"), "--caller goes with --key."),
        (("--key", ""), "--key or --reference is empty: no request has such a one."),
    ],
)
def test_what_to_look_for_is_named_once(stage: Stage, arguments: tuple[str, ...], line: str) -> None:
    told = stage.run("find", NAME, *arguments)

    assert (told.exit_code, told.output) == (2, f"Error: {line}\n")


@pytest.mark.parametrize("command", ["find", "erase"])
def test_a_caller_that_was_given_is_not_asked_for(stage: Stage, command: str) -> None:
    told = stage.run(command, NAME, "--key", "a", "--caller", "b").output

    assert "add --caller" not in told
    assert "compare the caller: the ARN of the role or user, or the id (not the value) of the API key" in told
