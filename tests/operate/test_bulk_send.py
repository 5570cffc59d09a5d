"""`operate bulk send`: all rows are checked, the good ones are sent, and none of them twice."""

import json
from pathlib import Path

import pytest

from operate.bulk import send
from operate.bulk.job import depth
from tests.aws.account import answering, doing_before, watched
from tests.leaks.canaries import CANARIES, RECORD, canaries_in
from tests.operate.bulk_files import JOB, bodies_of, emails, queued, requests_of, write
from tests.operate.stage import NAME, Stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "contacts.csv", 12)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "PAUSE", 0.0)
    monkeypatch.setattr(send, "TRIES", (0.0, 0.0))


def test_each_good_row_is_sent_as_a_request(stage: Stage, file: Path) -> None:
    sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent.exit_code == 0
    assert sent.output.splitlines() == [
        "contacts.csv: 12 rows, 2 columns: 12 good, 0 rejected.",
        "12 sent. Not sent again: 0 with a result, 0 in progress.",
    ]
    assert sorted(queued(stage)) == sorted(bodies_of(file))


def test_a_bad_row_is_told_by_its_line_and_stops_nothing(stage: Stage, file: Path) -> None:
    file.write_text(f"{file.read_text()}ACME\nACME\nACME,joe.12@acme.example\n")

    sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent.exit_code == 0
    assert sent.output.splitlines()[:2] == [
        "contacts.csv: 15 rows, 2 columns: 13 good, 2 rejected.",
        "Rejected, as the output will say in their place:",
    ]
    assert "2 invalid_request The row has 1 cell, the heading line has 2. 14, 15" in " ".join(sent.output.split())
    assert "joe.12@acme.example" in emails(queued(stage))


def test_the_same_row_twice_is_sent_once(stage: Stage, file: Path) -> None:
    file.write_text(f"{file.read_text()}ACME,joe.3@acme.example\n")

    sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent.output.splitlines()[0].endswith("13 good (1 repeated), 0 rejected.")
    assert len(queued(stage)) == 12


def test_a_dry_run_sends_nothing_and_its_exit_code_tells_whether_all_rows_are_good(stage: Stage, file: Path) -> None:
    good = stage.run("bulk", "send", NAME, str(file), *JOB, "--dry-run")
    file.write_text(f"{file.read_text()}ACME\n")
    bad = stage.run("bulk", "send", NAME, str(file), *JOB, "--dry-run")

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert bad.output.splitlines()[-1] == "Nothing was sent."
    assert queued(stage) == []


def test_rows_that_the_ledger_knows_are_not_sent_again(stage: Stage, file: Path) -> None:
    settled, begun, *others = requests_of(file)
    stage.settle(settled)
    stage.begin(begun)

    sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent.output.splitlines()[-1] == "10 sent. Not sent again: 1 with a result, 1 in progress."
    assert emails(queued(stage)) == sorted(str(one.record["Email"]) for one in others)


def test_rows_that_were_other_requests_keep_their_result_and_that_is_said(stage: Stage, file: Path) -> None:
    stage.settle(requests_of(file)[0])

    sent = stage.run("bulk", "send", NAME, str(file), "--job", "november", "--configuration", "other")

    assert sent.output.splitlines()[-1] == (
        "1 of these were other requests (configuration, mapping): they keep their result."
    )
    assert len(queued(stage)) == 11


def test_after_an_interruption_the_same_command_sends_the_rest(stage: Stage, file: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with doing_before(stage.located.client("sqs"), "SendMessageBatch", interrupt, call=2):
        interrupted = stage.run("bulk", "send", NAME, str(file), *JOB)
    first = queued(stage)
    for body in first:
        stage.settle(next(one for one in requests_of(file) if str(one.record["Email"]) in body))
    stage.run("bulk", "send", NAME, str(file), *JOB)

    assert interrupted.exit_code == 1
    assert "10 sent. Not sent again: 0 with a result, 0 in progress." in interrupted.output
    assert sorted([*first, *queued(stage)]) == sorted(bodies_of(file))


def test_nothing_is_sent_while_the_queue_is_full(stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depths, sent_before = iter([20_000, 20_000, 19_999]), list[int]()
    sqs = stage.located.client("sqs")

    with watched(sqs, "SendMessageBatch") as sends:

        def next_depth(*_: object) -> int:
            sent_before.append(len(sends))
            return next(depths)

        monkeypatch.setattr(send, "depth", next_depth)
        sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent_before == [0, 0, 0]
    assert len(sends) == 2
    assert "20,000 messages are in the queue. Sending goes on below 20,000." in sent.output.splitlines()


def test_the_queue_is_looked_at_again_after_a_thousand_messages(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    with watched(stage.located.client("sqs"), "SendMessageBatch") as sends:

        def empty(*_: object) -> int:
            looks.append(len(sends))
            return 0

        monkeypatch.setattr(send, "depth", empty)
        stage.run("bulk", "send", NAME, str(write(tmp_path / "many.csv", 1050)), *JOB)

    assert looks == [0, 100]  # batches of ten


def test_the_depth_counts_messages_that_are_in_flight(stage: Stage, file: Path) -> None:
    stage.run("bulk", "send", NAME, str(file), *JOB)
    stage.requests()

    assert depth(stage.aws.sqs, stage.aws.requests_url) == 12


def test_messages_that_sqs_does_not_take_are_sent_again(stage: Stage, file: Path) -> None:
    sqs = stage.located.client("sqs")
    failed = {
        "Failed": [{"Id": str(position), "Code": "InternalError", "SenderFault": False} for position in range(10)]
    }
    with answering(sqs, "SendMessageBatch", failed):
        sent = stage.run("bulk", "send", NAME, str(file), *JOB)

    assert sent.exit_code == 1
    assert sent.output.splitlines()[-1] == (
        "Error: SQS did not take 10 requests. Nothing is lost: the same command sends what is missing."
    )


def test_the_rate_bounds_the_rows_a_second(stage: Stage, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []

    class Counted:
        def __init__(self, per_second: float) -> None:
            self.rate = per_second

        def wait(self) -> None:
            rates.append(self.rate)

    monkeypatch.setattr("operate.bulk.commands.Pace", Counted)
    stage.run("bulk", "send", NAME, str(file), *JOB, "--rate", "2.5")

    assert rates == [2.5] * 12


def test_a_script_gets_one_json_object(stage: Stage, file: Path) -> None:
    file.write_text(f"{file.read_text()}ACME\n")

    sent = stage.run("bulk", "send", NAME, str(file), *JOB, "--json")

    text = "The row has 1 cell, the heading line has 2."
    problems = [{"problem": text, "code": "invalid_request", "rows": 1, "lines": [14]}]
    checked = {"rows": 13, "good": 12, "repeated": 0, "rejected": 1, "problems": problems}
    became = {"sent": 12, "settled": 0, "begun": 0, "changed": 0}
    assert json.loads(sent.output) == {**checked, **became, "dry_run": False}


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--json"]])
def test_a_file_without_rows_is_told(stage: Stage, file: Path, options: list[str]) -> None:
    file.write_text("Account Name,Email\n")

    sent = stage.run("bulk", "send", NAME, str(file), *JOB, *options)

    assert (sent.exit_code, sent.output) == (1, "Error: contacts.csv has no rows.\n")


# --- what is wrong with the call --------------------------------------------------------------------------------------


def test_a_file_in_windows_1252_is_named_and_read_when_it_is_said(stage: Stage, file: Path) -> None:
    file.write_bytes("Name,Email\nZoë,zoe@acme.example\n".encode("cp1252"))

    guessed = stage.run("bulk", "send", NAME, str(file), *JOB)
    said = stage.run("bulk", "send", NAME, str(file), *JOB, "--encoding", "cp1252")

    assert guessed.exit_code == 1
    assert guessed.output == (
        "Error: contacts.csv: Line 2 is not UTF-8. If the file comes from Excel, save it as CSV UTF-8, "
        "or say that it is cp1252. (--encoding cp1252)\n"
    )
    assert said.exit_code == 0
    assert len(queued(stage)) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--job", "a", "--configuration", ""], "--configuration takes the reference of an inbound mapping"),
        (["--job", "a\nb"], "a job's name has 1 to 128 characters and no control characters."),
        (
            ["--job", "a", "--configuration", "b", "--detail-type", "Order Paid"],
            "with a detail-type its mapping names the configuration.",
        ),
        (["--job", "a", "--detail-type", "Visit Ended"], "The mappings have no entry for this detail-type. Entries: "),
    ],
)
def test_options_that_do_not_fit_are_a_wrong_call(stage: Stage, file: Path, options: list[str], problem: str) -> None:
    sent = stage.run("bulk", "send", NAME, str(file), *options)

    assert sent.exit_code == 2
    assert problem in sent.output
    assert queued(stage) == []


def test_a_stack_with_mappings_of_its_own_needs_them_here(stage: Stage, file: Path) -> None:
    stage.parameter("MappingsLayerArn", "arn:aws:lambda:x")

    sent = stage.run("bulk", "send", NAME, str(file), "--job", "a", "--detail-type", "Order Paid")

    assert sent.exit_code == 2
    assert "personal-link has its mappings in a layer (MappingsLayerArn): name the file before the" in sent.output


def test_the_headings_and_the_configuration_of_the_stack_count(stage: Stage, file: Path) -> None:
    unset = stage.run("bulk", "send", NAME, str(file), "--job", "a", "--dry-run")
    stage.parameter("DefaultConfiguration", "contact")
    stage.parameter("KnownHeadings", "Account Name, E-Mail")
    unknown = stage.run("bulk", "send", NAME, str(file), "--job", "a", "--dry-run")

    assert "configuration. (is required: the stack has no default configuration)" in unset.output
    assert "is not a heading of the inbound mapping; did you mean E-Mail?" in unknown.output


def test_the_screen_shows_nothing_of_a_record_even_if_the_heading_line_is_missing(stage: Stage, file: Path) -> None:
    values = ",".join(f'"{value}"' for value in RECORD.values())
    file.write_text(f"{values}\n{values}\n{values},1\n{values}x\n")
    stage.parameter("KnownHeadings", "Email")

    sent = stage.run("bulk", "send", NAME, str(file), *JOB)
    as_json = stage.run("bulk", "send", NAME, str(file), *JOB, "--json")

    assert "0 good, 3 rejected" in sent.output
    assert canaries_in(sent.output + as_json.output, CANARIES) == []


def test_a_missing_configuration_is_told(stage: Stage, file: Path) -> None:
    missing = stage.run("bulk", "send", NAME, str(file), "--job", "a")

    hint = "The stack has no default configuration: give --configuration or --detail-type."
    assert hint in missing.output.splitlines()
