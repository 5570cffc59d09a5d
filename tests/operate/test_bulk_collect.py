"""`operate bulk status` and `collect`: each row in its place, with its link or its reason."""

import json
import os
import time
from pathlib import Path

import pytest

from operate.bulk.job import Tally
from personal_link.domain.errors import Code
from tests.aws.account import doing_before, watched
from tests.leaks.canaries import CANARIES, LINK, SHORT_LINK, canaries_in
from tests.operate.bulk_files import JOB, bodies_of, collected, requests_of, write
from tests.operate.stage import NAME, Stage
from tests.tables import table

COLUMNS = ["status", "code", "message", "number_customergauge", "survey_link", "survey_link_short"]
CREATED = ["created", "", "", "12345", LINK.value, SHORT_LINK.value]
WAITS = ["waiting", "", "", "", "", ""]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "contacts.csv", 4)


def run(stage: Stage, command: str, file: Path, *options: str) -> list[str]:
    return stage.run("bulk", command, NAME, str(file), *JOB, *options).output.splitlines()


def ours(row: dict[str, str]) -> list[str]:
    return [row[name] for name in COLUMNS]


# --- each end ---------------------------------------------------------------------------------------------------------


def test_each_row_has_its_end_in_its_place(stage: Stage, file: Path) -> None:
    created, rejected, parked, _waiting = requests_of(file)
    stage.settle(created)
    stage.settle(rejected, {"code": "duplicate_record", "message": "It is a duplicate."})
    stage.begin(parked)
    stage.park(bodies_of(file)[2])
    file.write_text(f"{file.read_text()}ACME\n")

    rows = collected(stage, file)

    assert [row["Email"] for row in rows] == [*(f"joe.{number}@acme.example" for number in range(4)), ""]
    assert [ours(row) for row in rows] == [
        CREATED,
        ["rejected", "duplicate_record", "It is a duplicate.", "", "", ""],
        ["parked", "unavailable", "Our own words.", "", "", ""],
        WAITS,
        ["rejected", "invalid_request", "The row has 1 cell, the heading line has 2.", "", "", ""],
    ]


def test_the_same_row_twice_has_its_link_twice(stage: Stage, file: Path) -> None:
    stage.settle(requests_of(file)[1])
    file.write_text(f"{file.read_text()}ACME,joe.1@acme.example\n")

    rows = collected(stage, file)

    assert [ours(rows[1]), ours(rows[4])] == [CREATED, CREATED]


def test_a_row_that_was_redriven_to_a_link_has_it_although_a_copy_is_parked(stage: Stage, file: Path) -> None:
    stage.settle(requests_of(file)[0])
    stage.park(bodies_of(file)[0])

    assert ours(collected(stage, file)[0]) == CREATED


def test_parked_requests_of_others_are_not_taken_for_rows_and_all_are_left_where_they_are(
    stage: Stage, file: Path
) -> None:
    parked = {stage.park(), stage.park("not JSON", Code.INVALID_REQUEST), stage.park(bodies_of(file)[0])}

    rows = collected(stage, file)

    assert [row["status"] for row in rows] == ["parked", "waiting", "waiting", "waiting"]
    assert set(stage.parked_ids()) == parked


def test_another_name_has_no_result(stage: Stage, file: Path) -> None:
    stage.settle(requests_of(file)[0])

    output = stage.run("bulk", "status", NAME, str(file), "--job", "december", "--configuration", "contact").output

    assert output.startswith("4 rows: 0 created, 0 rejected, 0 unknown, 0 parked, 4 waiting.")


# --- status -----------------------------------------------------------------------------------------------------------


def test_the_status_counts_the_rows_and_tells_the_rate_and_the_time_left(
    stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = requests_of(file)[:3]
    for request in settled:
        stage.settle(request)
    in_time = 1_795_428_031.0  # half a minute after the outcomes of the stage
    monkeypatch.setattr(time, "time", lambda: in_time)

    assert run(stage, "status", file) == [
        "4 rows: 3 created, 0 rejected, 0 unknown, 0 parked, 1 waiting.",
        "0.1 a second, about 13 s left.",
    ]


def test_without_a_recent_result_there_is_no_estimate(stage: Stage, file: Path) -> None:
    stage.begin(requests_of(file)[0])

    assert run(stage, "status", file) == [
        "4 rows: 0 created, 0 rejected, 0 unknown, 0 parked, 4 waiting.",
        "None was settled in the last minute.",
    ]


def test_a_job_of_which_the_ledger_knows_nothing_is_named(stage: Stage, file: Path) -> None:
    assert run(stage, "status", file)[-1] == "The ledger has no row of this job yet. Was it sent, under this name?"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", ["0 rows: 0 created, 0 rejected, 0 unknown, 0 parked, 0 waiting."]),
        (
            "ACME\n",
            [
                "1 row: 0 created, 1 rejected, 0 unknown, 0 parked, 0 waiting.",
                "Every row is rejected: give the --configuration or --detail-type that you gave send.",
            ],
        ),
    ],
)
def test_the_options_are_in_doubt_if_there_are_rows_and_all_are_rejected(
    stage: Stage, file: Path, rows: str, said: list[str]
) -> None:
    file.write_text(f"Account Name,Email\n{rows}")

    assert run(stage, "status", file) == said


def test_the_rate_is_that_of_the_last_minute_or_since_the_job_began() -> None:
    young, old = (Tally(recent=30, began_at=time.time() - ago) for ago in (10, 1000))

    assert young.rate() == pytest.approx(3.0, rel=0.01)
    assert old.rate() == 0.5


def test_a_script_gets_one_json_object_on_one_line(stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stage.settle(requests_of(file)[0])

    [line] = run(stage, "status", file, "--json")

    counts = {"rows": 4, "created": 1, "rejected": 0, "unknown": 0, "parked": 0, "waiting": 3}
    assert json.loads(line) == {**counts, "per_second": 0.0, "seconds_left": None}


def test_the_status_reads_no_parked_message_if_there_is_none(stage: Stage, file: Path) -> None:
    with watched(stage.located.client("sqs"), "ReceiveMessage") as received:
        run(stage, "status", file)

    assert received == []


# --- collect ----------------------------------------------------------------------------------------------------------


def test_collecting_ends_with_one_while_rows_wait_and_with_zero_at_the_end(stage: Stage, file: Path) -> None:
    output = ("--output", str(file.with_name("out.csv")))
    early = stage.run("bulk", "collect", NAME, str(file), *JOB, *output)
    for request in requests_of(file):
        stage.settle(request)
    late = stage.run("bulk", "collect", NAME, str(file), *JOB, *output)

    assert (early.exit_code, late.exit_code) == (1, 0)
    assert late.output == "4 rows: 4 created, 0 rejected, 0 unknown, 0 parked, 0 waiting.\n"


def test_with_wait_it_looks_until_no_row_waits(stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, pauses = requests_of(file), list[float]()

    def settle_one(seconds: float) -> None:
        pauses.append(seconds)
        stage.settle(left.pop())

    monkeypatch.setattr(time, "sleep", settle_one)
    rows = collected(stage, file, "--wait")

    assert [row["status"] for row in rows] == ["created"] * 4
    assert pauses == [1.0, 1.5, 2.25, 3.375]


@pytest.mark.parametrize(
    ("settled_before", "said"),
    [(0, ["The ledger has no row of this job yet. Was it sent, under this name?"]), (1, [])],
)
def test_waiting_for_a_job_of_which_the_ledger_knows_nothing_says_so_once(
    stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch, settled_before: int, said: list[str]
) -> None:
    pauses, requests = list[float](), requests_of(file)
    for request in requests[:settled_before]:
        stage.settle(request)

    def settle_at_the_second(seconds: float) -> None:
        pauses.append(seconds)
        for request in requests[settled_before:] if len(pauses) == 2 else []:
            stage.settle(request)

    monkeypatch.setattr(time, "sleep", settle_at_the_second)
    output = run(stage, "collect", file, "--output", str(file.with_name("out.csv")), "--wait")

    assert output == [*said, "4 rows: 4 created, 0 rejected, 0 unknown, 0 parked, 0 waiting."]
    assert pauses == [1.0, 1.5]


def test_an_interruption_leaves_the_earlier_output_and_no_other_file(stage: Stage, file: Path) -> None:
    output = file.with_name("out.csv")
    output.write_text("earlier")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with doing_before(stage.located.client("dynamodb"), "BatchGetItem", interrupt):
        stage.run("bulk", "collect", NAME, str(file), *JOB, "--output", str(output))

    assert output.read_text() == "earlier"
    assert sorted(path.name for path in file.parent.iterdir()) == ["contacts.csv", "out.csv"]


def test_only_its_owner_may_read_the_output(stage: Stage, file: Path) -> None:
    collected(stage, file)

    assert file.with_name("out.csv").stat().st_mode & 0o777 == 0o600


@table(
    "output, problem",
    ("the file itself", "contacts.csv", "--output is FILE itself: name another file."),
    ("no folder", "missing/out.csv", "--output: there is no folder {}/missing that you may write to."),
    ("a file as folder", "contacts.csv/out.csv", "--output: there is no folder {}/contacts.csv that you may write to."),
    ("standard output", "-", "--output: - is no regular file: name a file."),
    ("a pipe", "pipe", "--output: pipe is no regular file: name a file."),
)
def test_an_output_that_cannot_be_is_a_wrong_call_before_the_ledger_is_asked(
    stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch, output: str, problem: str
) -> None:
    before = file.read_bytes()
    monkeypatch.chdir(file.parent)
    os.mkfifo("pipe")

    with watched(stage.located.client("dynamodb"), "BatchGetItem") as asked:
        refused = stage.run("bulk", "collect", NAME, str(file), *JOB, "--output", output)

    assert (refused.exit_code, refused.output.splitlines()[-1]) == (2, f"Error: {problem.format(file.parent)}")
    assert (file.read_bytes(), Path("pipe").is_fifo(), asked) == (before, True, [])


def test_no_screen_shows_a_link_or_a_text_of_the_vendor(stage: Stage, file: Path) -> None:
    first, second, *_ = requests_of(file)
    stage.settle(first)
    stage.settle(second, {"code": "bad_request", "message": "The vendor's own words."})
    output = ("--output", str(file.with_name("out.csv")))

    shown = "\n".join([*run(stage, "status", file), *run(stage, "collect", file, *output)])

    assert canaries_in(shown, CANARIES) == []
    assert "own words" not in shown
    assert "acme.example" not in shown


@pytest.mark.parametrize(
    ("command", "operation", "action"),
    [("send", "SendMessageBatch", "sqs:SendMessage"), ("status", "BatchGetItem", "dynamodb:BatchGetItem")],
)
def test_without_the_permission_the_action_is_named(
    stage: Stage, file: Path, command: str, operation: str, action: str
) -> None:
    stage.located.deny(operation, action)

    told = stage.run("bulk", command, NAME, str(file), *JOB)

    assert told.exit_code == 3
    assert f"not allowed: {action}" in told.output


def test_an_output_is_written_through_a_symlink(stage: Stage, file: Path) -> None:
    target, link = file.with_name("real.csv"), file.with_name("link.csv")
    link.symlink_to(target)

    run(stage, "collect", file, "--output", str(link))

    assert link.is_symlink()
    assert len(target.read_text("utf-8").splitlines()) == 5
