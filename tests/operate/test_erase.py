"""Erase a person: the item of a key, parked requests, the contact in CustomerGauge on demand; nothing in flight."""

import json
from dataclasses import replace
from typing import Any

import pytest

from operate.erase.person import is_about
from personal_link.domain.errors import Code
from personal_link.domain.request import IdempotencyKey
from tests.aws.account import doing_before
from tests.leaks.canaries import CANARIES, EMAIL, KEY, LINK, canaries_in
from tests.operate.stage import BODY, NAME, REQUEST, Stage, the_request
from tests.tables import table

DIGEST = IdempotencyKey("caller", KEY.value).digest
BY_KEY = ("--key", KEY.value)
BY_PERSON = ("--person", EMAIL.value)
WITH_VENDOR = ("--vendor", "--any-host", "--yes")


def erase(stage: Stage, *arguments: str) -> dict[str, Any]:
    """Return what `erase --json` prints, with its exit code."""
    told = stage.run("erase", NAME, *arguments, "--json")
    return {**json.loads(told.output), "exit code": told.exit_code}


def items(stage: Stage) -> int:
    return int(stage.aws.dynamodb.scan(TableName=stage.aws.ledger_table)["Count"])


@pytest.mark.parametrize("by", [BY_KEY, BY_PERSON], ids=lambda by: by[0])
def test_a_preview_says_what_is_erased_and_what_is_left_and_changes_nothing(stage: Stage, by: tuple[str, str]) -> None:
    stage.settle()
    parked = stage.park()

    told = erase(stage, *by)

    assert (told["exit code"], told["dry_run"], told["deleted"]) == (0, True, 0)
    assert told["items"] == [{"key_digest": DIGEST, "standing": "settled", "erased": False}]
    assert [one["id"] for one in told["parked"]] == [parked]
    assert list(told["left"]) == [
        *("Requests queue", "Parked queue", "Results queue", "Consumer", "Ledger"),
        *("Files of rows", "Backups", "Logs", "CustomerGauge"),
    ]
    assert (items(stage), stage.parked_ids()) == (1, [parked])


@pytest.mark.parametrize("by", [BY_KEY, BY_PERSON], ids=lambda by: by[0])
def test_with_yes_the_item_and_the_parked_request_are_gone_and_those_of_others_stay(
    stage: Stage, by: tuple[str, str]
) -> None:
    other = json.dumps({**REQUEST, "record": {"Email": f"not-{EMAIL.value}"}, "idempotency_key": "other"})
    stage.settle()
    stage.settle(the_request(other))
    stage.park()
    stays = stage.park(other)

    told = erase(stage, *by, "--yes")

    assert (told["exit code"], told["items"][0]["erased"], told["deleted"]) == (0, True, 1)
    assert (items(stage), stage.parked_ids()) == (1, [stays])
    assert stage.vendor.calls("token") == []


def test_the_screen_warns_that_the_key_is_free_and_names_no_person(stage: Stage) -> None:
    stage.settle()
    stage.park()

    told = stage.run("erase", NAME, *BY_KEY, *BY_PERSON, "--yes").output

    assert told.splitlines()[0] == "2 erased  personal-link"
    assert "The key is free afterwards: the same request sent again makes a new link.\n" in told
    assert canaries_in(told, CANARIES) == []


def settle_in_a_newer_format(stage: Stage) -> None:
    stage.settle()
    stage.change_item("format", {"S": "2"})


@pytest.mark.parametrize("end", [Stage.begin, Stage.leave_marked, Stage.take_back, settle_in_a_newer_format])
def test_an_item_that_is_not_settled_stays_although_its_parked_request_is_erased(stage: Stage, end: Any) -> None:
    end(stage)
    stage.park()

    told = erase(stage, *BY_PERSON, "--yes")

    assert (told["exit code"], told["items"][0]["erased"], told["deleted"]) == (1, False, 1)
    assert items(stage) == 1


def test_an_attempt_that_begins_after_the_preview_keeps_its_item(stage: Stage) -> None:
    stage.settle()

    def begin_anew(_parameters: object) -> None:
        stage.aws.dynamodb.delete_item(TableName=stage.aws.ledger_table, Key={"pk": {"S": DIGEST}})
        stage.begin()

    with doing_before(stage.located.client("dynamodb"), "DeleteItem", begin_anew):
        told = stage.run("erase", NAME, *BY_KEY, "--yes")

    assert told.exit_code == 1
    assert f"! Ledger item {DIGEST[:12]} stays: an attempt has just begun\n" in told.output
    assert items(stage) == 1


def test_the_item_of_anothers_request_under_the_same_key_is_not_the_persons(stage: Stage) -> None:
    stage.settle(the_request(json.dumps({**REQUEST, "record": {"Email": "another@example.com"}})))
    stage.park()

    told = erase(stage, *BY_PERSON, "--yes")

    assert (told["items"], told["deleted"]) == ([], 1)
    assert items(stage) == 1


def test_a_parked_request_that_cannot_be_read_is_the_persons_if_it_holds_the_address(stage: Stage) -> None:
    stage.park(BODY[:-3], Code.INVALID_REQUEST)

    assert erase(stage, *BY_PERSON, "--yes")["deleted"] == 1
    assert stage.parked_ids() == []


def test_a_parked_request_that_another_reader_holds_is_told(stage: Stage) -> None:
    stage.park()
    stage.aws.sqs.receive_message(QueueUrl=stage.aws.parked_url)

    told = erase(stage, *BY_PERSON, "--yes")

    assert told["parked"] == []
    assert told["left"]["Parked queue"] == "1 hidden by another reader, not read: run this again in a minute"


def test_a_key_by_http_is_erased_with_its_caller_only(stage: Stage) -> None:
    request = the_request()
    owned = IdempotencyKey("caller", KEY.value, "api key a1b2c3")
    stage.settle(replace(request, key=owned))

    assert erase(stage, *BY_KEY, "--yes")["is_key_found"] is False
    assert erase(stage, *BY_KEY, "--caller", "a1b2c3", "--yes")["items"][0]["erased"] is True
    assert items(stage) == 0


def test_a_key_that_is_nowhere_is_told(stage: Stage) -> None:
    stage.settle()

    told = erase(stage, "--key", "order-1234", "--yes")

    assert (told["exit code"], told["is_key_found"]) == (1, False)
    assert items(stage) == 1


def test_without_the_permission_nothing_is_erased_and_the_action_is_named(stage: Stage) -> None:
    stage.settle()
    parked = stage.park()
    stage.located.deny("DeleteItem", "dynamodb:DeleteItem")

    told = stage.run("erase", NAME, *BY_KEY, "--yes")

    assert (told.exit_code, told.output) == (
        3,
        "Error: not allowed: dynamodb:DeleteItem (docs/policies has all that is needed)\n",
    )
    assert stage.parked_ids() == [parked]


# Requests under way


def hold_request(stage: Stage, delay: int = 0, *, received: bool = False) -> None:
    """Let a request be on the requests queue: waiting, delayed, or in flight."""
    stage.aws.sqs.send_message(QueueUrl=stage.aws.requests_url, MessageBody=BODY, DelaySeconds=delay)
    if received:
        stage.requests()


@pytest.mark.parametrize("how", [{}, {"delay": 60}, {"received": True}], ids=["waiting", "delayed", "in flight"])
@pytest.mark.parametrize("arguments", [(), ("--yes",), WITH_VENDOR], ids=" ".join)
def test_a_settled_item_stays_while_its_request_may_be_delivered_again(
    stage: Stage, how: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    stage.settle()
    parked = stage.park()
    hold_request(stage, **how)

    told = stage.run("erase", NAME, *BY_PERSON, *arguments)

    assert told.output.splitlines()[2:4] == [
        "! 1 on the requests queue: one of a forgotten link would make a second survey record",
        "  nothing is erased: run this again when the queue is empty, or add --despite-queue",
    ]
    assert told.output.endswith("\nNothing was changed.\n")
    assert (told.exit_code, items(stage), stage.parked_ids()) == (1, 1, [parked])
    assert stage.vendor.calls("token") == []


@table(
    "name, value, is_queued, options",
    ("expired, not yet deleted", "expires_at", {"N": "1"}, False, ()),
    ("queued, on demand", "source_type", {"S": "sqs"}, True, ("--despite-queue",)),
    ("by HTTP", "source_type", {"S": "http"}, True, ()),
)
def test_a_settled_item_that_no_message_can_miss_is_erased(
    stage: Stage, name: str, value: dict[str, str], options: tuple[str, ...], *, is_queued: bool
) -> None:
    stage.settle()
    stage.change_item(name, value)
    if is_queued:
        hold_request(stage)

    assert erase(stage, *BY_KEY, "--yes", *options)["exit code"] == 0
    assert items(stage) == 0


def test_a_parked_request_without_a_settled_item_is_erased_whatever_is_queued(stage: Stage) -> None:
    stage.park()
    hold_request(stage)

    assert erase(stage, *BY_PERSON, "--yes")["deleted"] == 1


# The call


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "Give --key, --person, or both."),
        (("--key", ""), "--key is empty: no request has such a key."),
        (("--person", "-"), "--person -: standard input has no value."),
        (("--person", "a@b.example", "--caller", "x"), "--caller goes with --key."),
        (("--person", " jo "), "--person takes at least 4 characters: a shorter value is in requests of others."),
        (("--person", "+44 7700 900461", "--vendor"), "--vendor goes with --person and an e-mail address."),
    ],
)
def test_who_is_erased_is_named(stage: Stage, arguments: tuple[str, ...], line: str) -> None:
    told = stage.run("erase", NAME, *arguments, "--yes")

    assert (told.exit_code, told.output) == (2, f"Error: {line}\n")


def test_a_value_may_be_typed_so_that_no_shell_history_and_no_process_list_has_it(stage: Stage) -> None:
    stage.park()

    told = stage.run("erase", NAME, "--person", "-", "--yes", typed=f"{EMAIL.value}\n")

    assert told.output.startswith("1 erased")  # no prompt before it
    assert (told.exit_code, stage.parked_ids()) == (0, [])


def test_the_link_is_never_shown(stage: Stage) -> None:
    stage.settle()

    assert LINK.value not in stage.run("erase", NAME, *BY_KEY, "--json").output


# Who a body is about: it holds a value of the person, as it is or encoded, and not a longer one


@pytest.mark.parametrize(
    ("body", "person"),
    [
        ('{"record": {"Email": " Joe@Example.com "}}', "joe@example.com"),
        ('{"detail": {"to": "Joe <joe@example.com>."}}', "joe@example.com"),
        ('{"detail": {"mail": "joe\\u0040example.com"}}', "joe@example.com"),
        (
            '{"Type": "Notification", "Message": "{\\"record\\": {\\"Email\\": \\"joe\\\\u0040example.com\\"}}"}',
            "joe@example.com",
        ),
        ('{"Email": "joe@example.com", "Email": "x"}', "joe@example.com"),
        ('{"Email": "joe@example.com', "joe@example.com"),
        ('{"Email": "joe\\u0040example.com', "joe@example.com"),
        ("record%5BEmail%5D=joe%40example.com&configuration=contact", "joe@example.com"),
        ('{"detail": {"query": "to=joe%40example.com"}}', "joe@example.com"),
        ('{"detail": {"page": "<a>joe&#64;example.com</a>"}}', "joe@example.com"),
        ("record%5BPhone%5D=%2B44+7700+900461", "+44 7700 900461"),
        ('{"record": {"Phone": "+44 (7700) 900-461"}}', "+447700900461"),
        ('{"record": {"Phone": 447700900461}}', "+44 7700 900461"),
        ('{"record": {"Customer": "C-1234"}}', "c-1234"),
    ],
)
def test_a_body_with_a_value_of_the_person_is_about_them(body: str, person: str) -> None:
    assert is_about(body, ["nobody@example.com", person])


@pytest.mark.parametrize(
    ("body", "person"),
    [
        ('{"record": {"Email": "zoe-joe@example.com"}}', "joe@example.com"),
        ('{"record": {"Email": "zoe.joe@example.com"}}', "joe@example.com"),
        ('{"record": {"Email": "joe@example.com.au"}}', "joe@example.com"),
        ('{"record": {"Email": "joe@example-com"}}', "joe@example.com"),
        ('{"Email": "zoe+joe@example.com', "joe@example.com"),
        ("Email=zoe%2Bjoe%40example.com", "joe@example.com"),
        ('{"record": {"Phone": "+44 7700 9004612"}}', "+44 7700 900461"),
        ('{"record": {"joe@example.com": "x"}}', "joe@x.example"),
    ],
)
def test_a_longer_value_is_somebody_elses(body: str, person: str) -> None:
    assert not is_about(body, [person])
