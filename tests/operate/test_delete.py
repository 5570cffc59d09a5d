"""Delete parked requests: those that were shown, after a question, and no other."""

import io
import json

import pytest
from click.testing import Result

from operate.terminal.failures import WrongCall
from operate.terminal.screen import ask
from personal_link.domain.errors import Code
from tests.aws.account import doing_before
from tests.operate.stage import FIRST_ID, NAME, Stage

OTHER_ID = "44444444-4444-4444-8444-444444444444"


def delete(stage: Stage, *arguments: str, typed: str = "") -> Result:
    return stage.run("parked", "delete", NAME, *arguments, typed=typed)


def test_a_preview_says_what_deleting_means_and_changes_nothing(stage: Stage) -> None:
    unreadable, open_one = stage.park("{", Code.INVALID_REQUEST), stage.park(code=Code.INVALID_REQUEST)

    told = delete(stage, "--code", "invalid_request", "--dry-run", "--json")

    report = json.loads(told.output)
    assert told.exit_code == 0
    assert {one["id"]: one["means"] for one in report["chosen"]} == {
        unreadable: "it holds no request",
        open_one: "it never gets a result (not processed yet)",
    }
    assert (report["deleted"], set(stage.parked_ids())) == (0, {unreadable, open_one})


def test_a_settled_request_is_better_redriven(stage: Stage) -> None:
    stage.settle()
    parked = stage.park()

    report = json.loads(delete(stage, parked, "--dry-run", "--json").output)

    assert [one["means"] for one in report["chosen"]] == ["no result is sent; a redrive would send it again"]


def test_whoever_says_yes_deletes_those_of_the_code(stage: Stage) -> None:
    stage.park("{", Code.INVALID_REQUEST)
    stays = stage.park()

    told = delete(stage, "--code", "invalid_request", typed="y\n")

    assert told.exit_code == 0
    assert "Delete 1 for good? [y/N]: y" in told.output
    assert told.output.splitlines()[-1] == "1 deleted."
    assert stage.parked_ids() == [stays]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_yes_nothing_is_deleted(stage: Stage, answer: str) -> None:
    parked = stage.park()

    told = delete(stage, parked, typed=answer)

    assert told.exit_code == 1
    assert stage.parked_ids() == [parked]


def test_what_is_parked_after_the_preview_is_not_deleted(stage: Stage) -> None:
    stage.park()
    came: list[str] = []

    def park_another(_parameters: object) -> None:
        came.append(stage.park(first_id=OTHER_ID))

    with doing_before(stage.located.client("sqs"), "DeleteMessage", park_another):
        told = delete(stage, "--code", "unavailable", "--yes")

    assert told.output.splitlines()[-1] == "1 deleted."
    assert stage.parked_ids() == came


def test_an_id_that_is_not_parked_is_named_and_an_exit_code(stage: Stage) -> None:
    parked = stage.park()

    told = delete(stage, parked, FIRST_ID, "--yes")

    assert told.exit_code == 1
    assert f"Not parked: {FIRST_ID}" in told.output
    assert told.output.splitlines()[-1] == "1 deleted."
    assert stage.parked_ids() == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "Give either the message ids or --code."),
        ((FIRST_ID, "--code", "forbidden"), "Give either the message ids or --code."),
        ((FIRST_ID, "--older-than", "7d"), "--older-than goes with --code."),
        (("--code", "forbidden", "--json"), "--json cannot ask: add --yes or --dry-run."),
    ],
)
def test_nothing_is_chosen_by_chance(stage: Stage, arguments: tuple[str, ...], line: str) -> None:
    stage.park(code=Code.FORBIDDEN)

    told = delete(stage, *arguments)

    assert (told.exit_code, told.output) == (2, f"Error: {line}\n")


def test_if_nobody_can_answer_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(WrongCall, match="give --yes"):
        ask("Delete 1 for good?", "--yes")
