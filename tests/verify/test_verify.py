"""`make verify-aws` on the emulator: what it says first, what it leaves, and what its report tells."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from installer import package
from sandbox import REPOSITORY
from sandbox.aws.emulator import Emulator
from sandbox.template import SOURCE
from tests.stack.deployed import CONTENTS, everything_in
from verify.__main__ import verify
from verify.account import OF_THE_STAND_IN
from verify.checks import CHECKS
from verify.report import Report, Row
from verify.stage import DOMAIN, FIRST_NAME, LINK, TOKEN

ACCOUNT = "000000000000"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
NAMES = re.compile(rf"arn:|https?://|\d{{12}}|amazonaws|on\.aws|personal-link-verify-|@|{DOMAIN}|{FIRST_NAME}|{TOKEN}")


def boundaries_in(emulator: Emulator) -> list[str]:
    """Return the boundary that each stack was given. The emulator's CloudFormation gives none to a role."""
    stacks = emulator.client("cloudformation").describe_stacks()["Stacks"]
    given = [one for stack in stacks for one in stack["Parameters"]]
    return [one["ParameterValue"] for one in given if one["ParameterKey"] == "PermissionsBoundaryArn"]


# The report


def test_a_report_names_no_account_no_host_and_no_person(tmp_path: Path) -> None:
    seen = (
        "arn:aws:sqs:eu-west-1:123456789012:personal-link-verify-1a2b3c4d-ParkedQueue-X and 123456789012, "
        "https://sqs.eu-west-1.amazonaws.com/123456789012/q, abc.lambda-url.eu-west-1.on.aws, "
        f"queue-1@{DOMAIN}, personal-link-verify-1a2b3c4d"
    )
    row = Row("A check.", "triggers", "failed", seen, 1.0)

    Report("1.0", "AWS", "eu-west-1", "2026-11-27", 1.0, 0, [row]).write(tmp_path)

    for name in ("verify-aws.json", "verify-aws.md"):
        text = (tmp_path / name).read_text()
        assert "A check." in text
        assert NAMES.search(text) is None, text
    assert json.loads((tmp_path / "verify-aws.json").read_text())["rows"][0]["result"] == "failed"


def test_a_report_stays_json_when_a_quote_follows_a_name(tmp_path: Path) -> None:
    row = Row("A check.", "triggers", "failed", 'see arn:aws:sqs:x:"quoted"\n| and \\', 1.0)

    Report("1.0", "AWS", "eu-west-1", "2026-11-27", 1.0, 0, [row]).write(tmp_path)

    [read] = json.loads((tmp_path / "verify-aws.json").read_text())["rows"]
    assert read["seen"] == 'see <arn>"quoted"\n| and \\'
    assert '| A check. | failed | see <arn>"quoted" / and \\ |\n' in (tmp_path / "verify-aws.md").read_text()


# Before and after


@pytest.mark.parametrize(
    ("arguments", "environment", "why"),
    [
        (["--only", "gatway"], {}, "no check has 'gatway' in its name; the groups are triggers, retries, gateway"),
        (["--delete", "personal-link-prod"], {}, "personal-link-prod is not of this command"),
        (["--delete", "personal-link-verify-"], {}, "personal-link-verify- is not of this command"),
        (["--boundary", "my-boundary"], {}, "Error: my-boundary is not the ARN of a policy\n"),
        (
            [],
            {"AWS_PROFILE": "sandbox", "AWS_ACCESS_KEY_ID": "AKIAX"},
            "AWS_PROFILE and AWS_ACCESS_KEY_ID are both set, and the key would win: unset one of them.\n",
        ),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    arguments: list[str], environment: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_DEFAULT_REGION": "eu-west-1", **environment}.items():
        monkeypatch.setenv(name, value)

    ended = CliRunner().invoke(verify, arguments)

    assert ended.exit_code == 2
    assert why in ended.output


@pytest.mark.slow
def test_it_says_what_it_creates_and_costs_and_creates_nothing_without_a_yes(emulator: Emulator, here: Path) -> None:
    ended = CliRunner().invoke(verify, [], input="n\n")

    assert ended.exit_code == 1
    assert f"In account {ACCOUNT}, region eu-west-1, this creates:" in ended.output
    assert {"about an hour and a half", "about $0.20"} <= set(
        re.findall(r"about [$\w.]+(?: hour and a half)?", ended.output)
    )
    assert everything_in(emulator) == set()
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_during_an_update_leaves_nothing_even_when_it_comes_twice(emulator: Emulator, here: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "verify", "--yes", "--only", "an http call,the parameter"]
    command += ["--boundary", BOUNDARY]
    with subprocess.Popen(command, env=environment, cwd=here, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        said: list[str] = []
        for line in running.stdout:
            first = not any(one.startswith("ok ") for one in said)
            said.append(line)
            if first and line.startswith("ok "):
                kinds = {one.split()[0] for one in everything_in(emulator)}
                assert kinds == CONTENTS.keys() - {"user", "api-key"}
                assert boundaries_in(emulator) == [BOUNDARY, BOUNDARY]
                running.send_signal(signal.SIGINT)
            if line.startswith("Deleting "):
                running.send_signal(signal.SIGINT)

    assert running.returncode == 1
    assert "Nothing is left.\n" in said
    assert everything_in(emulator) == set()
    assert json.loads((here / "verify-aws.json").read_text())["rows"][0]["result"] == "ok"


@pytest.mark.slow
def test_a_deployment_that_fails_leaves_nothing_and_says_why(
    emulator: Emulator, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "  Bad:\n    Type: AWS::Lambda::Url\n    Properties: {AuthType: NONE, TargetFunctionArn: nobody}\n"
    text = SOURCE.read_text().replace("\nResources:\n", f"\nResources:\n{url}")
    (here / "bad.yaml").write_text(text)
    monkeypatch.setattr(package, "SOURCE", here / "bad.yaml")

    ended = CliRunner().invoke(verify, ["--yes"])

    assert ended.exit_code == 1
    assert re.search(r"Error: personal-link-verify-\w{8} was not created: Bad: ", ended.output), ended.output
    assert everything_in(emulator) == set()


@pytest.mark.full
def test_every_check_that_the_emulator_can_run_passes_and_nothing_is_left(emulator: Emulator, here: Path) -> None:
    ended = CliRunner().invoke(verify, ["--yes"])

    assert ended.exit_code == 0, ended.output
    report = json.loads((here / "verify-aws.json").read_text())
    results = {row["check"]: row["result"] for row in report["rows"]}
    assert results == {one.name: "needs AWS" if one.needs_aws else "ok" for one in CHECKS}
    assert (report["where"], report["left_behind"]) == ("the emulator", 0)
    for name in ("verify-aws.json", "verify-aws.md"):
        assert NAMES.search((here / name).read_text()) is None
        assert LINK not in (here / name).read_text()
    assert everything_in(emulator) == set()


# The stand-in


def test_the_stand_in_needs_nothing_but_the_standard_library_and_what_is_packed_with_it(tmp_path: Path) -> None:
    for name in OF_THE_STAND_IN:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    program = (
        f"import sys, threading; sys.path.insert(0, {str(tmp_path)!r}); import verify.standin as one; "
        "assert one.handler and one.probe and threading.active_count() == 1; print('socketserver' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, "False\n"), ran.stderr
