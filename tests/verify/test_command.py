"""The command without a deployment: interrupted, in the wrong account, and what it says of a failure."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from samtranslator.yaml_helper import yaml_parse

from sandbox import REPOSITORY
from tests.verify.pretended_run import AnsweringAccount, empty_account, pretended_run, refusal
from verify import __main__ as command
from verify.account import Site
from verify.checks import triggers
from verify.stage import Check, Stage, Wrong

RUN = "personal-link-verify-1a2b3c4d"
PATH = f"{REPOSITORY}:{REPOSITORY / 'layers' / 'personal_link'}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> AnsweringAccount:
    account = empty_account()
    monkeypatch.setattr(command, "_account", lambda: account)
    return account


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Stage], str]], Result]:
    """Run a check, and nothing else."""
    monkeypatch.chdir(tmp_path)

    def run(check: Callable[[Stage], str]) -> Result:
        with pretended_run(Check("triggers", "A check.", check)):
            return CliRunner().invoke(command.verify, ["--yes"])

    return run


# Interrupted


def interrupt(number: int, folder: Path, *, seconds: int, under: tuple[str, ...] = (), reads: bool = True) -> None:
    """Start a run, send a signal while a check runs, and wait for the end."""
    program = (*under, sys.executable, str(REPOSITORY / "tests" / "verify" / "pretended_run.py"), str(folder))
    before = signal.signal(number, signal.default_int_handler)  # where it is ignored, the run would, too
    with subprocess.Popen(
        (*program, str(seconds)),
        env=os.environ | {"PYTHONPATH": PATH},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        signal.signal(number, before)
        assert running.stdout
        assert "WAITING\n" in iter(running.stdout.readline, "")
        if not reads:
            running.stdout.close()
        running.send_signal(number)
        running.wait(timeout=25)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_run_that_ends_early_deletes_everything_also_when_nobody_reads_what_it_says(
    number: signal.Signals, tmp_path: Path
) -> None:
    interrupt(number, tmp_path, seconds=30, reads=False)

    assert (tmp_path / "deleted").read_text().startswith("personal-link-verify-")
    assert json.loads((tmp_path / "verify-aws.json").read_text())["rows"] == []


@pytest.mark.slow
def test_under_nohup_a_run_goes_on_when_the_terminal_closes(tmp_path: Path) -> None:
    interrupt(signal.SIGHUP, tmp_path, seconds=5, under=("nohup",))

    assert [row["result"] for row in json.loads((tmp_path / "verify-aws.json").read_text())["rows"]] == ["ok"]


def test_the_report_is_written_when_the_deletion_breaks(
    failing: Callable[[Callable[[Stage], str]], Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(_site: Site) -> list[str]:
        raise RuntimeError

    monkeypatch.setattr(Site, "delete", delete)

    ended = failing(lambda _stage: "seen")

    assert isinstance(ended.exception, RuntimeError)
    report = json.loads((tmp_path / "verify-aws.json").read_text())
    assert (report["rows"][0]["seen"], report["left_behind"]) == ("seen", 1)


# Where


def test_delete_says_where_it_found_nothing(account: AnsweringAccount) -> None:
    ended = CliRunner().invoke(command.verify, ["--delete", RUN])

    assert ended.exit_code == 0
    assert ended.output == f"There is nothing of the name {RUN} in account 123456789012, region eu-west-1.\n"


def test_the_hint_leads_to_the_same_account_and_region_and_says_why_something_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text('[profile "my sandbox"]\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "my sandbox")
    account = empty_account()
    monkeypatch.setattr(command, "_account", lambda: account)
    account.answers["ListTables"] = {"TableNames": [f"{RUN}-LedgerTable-X"]}
    account.answers["DeleteTable"] = refusal("AccessDeniedException", "with an explicit deny")
    look = Site.left
    monkeypatch.setattr(Site, "left", lambda site, within: look(site, within * 0))

    ended = CliRunner().invoke(command.verify, ["--delete", RUN])

    again = f"AWS_PROFILE='my sandbox' AWS_REGION=eu-west-1 make verify-aws ARGS=\"--delete {RUN}\""
    assert ended.exit_code == 1
    assert f"Left: dynamodb: {RUN}-LedgerTable-X. Again: {again}\n" in ended.output
    assert re.search(rf"Not deleted: {RUN}-LedgerTable-X: .*with an explicit deny\n", ended.output)


# The boundary


def test_every_role_of_the_stand_in_can_have_a_boundary() -> None:
    template = yaml_parse((REPOSITORY / "verify" / "standin.yaml").read_text())
    roles = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::IAM::Role"}

    assert list(roles) == ["Role", "Caller", "Stranger"]
    given = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    assert [one["Properties"].get("PermissionsBoundary") for one in roles.values()] == [given] * 3


# Why


def test_an_unexpected_exception_is_reported_by_its_place_and_quoted_on_the_terminal_alone(
    failing: Callable[[Callable[[Stage], str]], Result], tmp_path: Path
) -> None:
    ended = failing(triggers.event)

    [row] = json.loads((tmp_path / "verify-aws.json").read_text())["rows"]
    assert row["result"] == "error"
    assert re.fullmatch(r"AttributeError at stage\.py:\d+", row["seen"])
    assert "'NoneType' object has no attribute 'parameters'" in ended.output


def test_the_reason_of_a_failed_update_is_on_the_terminal_and_not_in_the_report(
    failing: Callable[[Callable[[Stage], str]], Result], tmp_path: Path
) -> None:
    def fail(_stage: Stage) -> str:
        raise Wrong("the update ended as UPDATE_ROLLBACK_COMPLETE", "Queue: a policy of yours")

    ended = failing(fail)

    assert re.search(
        r"failed +A check\.  the update ended as UPDATE_ROLLBACK_COMPLETE\n +Queue: a policy of yours\n", ended.output
    )
    assert all("policy of yours" not in path.read_text() for path in tmp_path.glob("verify-aws.*"))
