"""A bulk job on the deployed stack: interrupted twice, it gives each row its own link or reason, and asks once."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import running_emulator
from sandbox.aws.stack import STACK_NAME, Stack, deploy
from sandbox.customergauge.server import CustomerGaugeSandbox

ROWS = 1000
JOB = ("--job", "november", "--configuration", "contact")


@pytest.fixture(scope="module")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def own_stack(vendor: CustomerGaugeSandbox) -> Iterator[Stack]:
    with running_emulator() as emulator:
        stack = deploy(emulator, AuthBaseUrl=vendor.base_url, ImportsBaseUrl=vendor.base_url)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        yield stack


def write(path: Path) -> list[str]:
    """Write rows of which some repeat another one, and some are bad in one of three ways; return what names them."""
    lines, emails = ["Account Name,Email,Phone"], list[str]()
    for number in range(ROWS):
        email = f"joe.{number - (number % 100 == 10)}@acme.example"  # one in a hundred repeats the row before
        line = {
            20: "ACME",  # too few cells
            30: f'"ACME"x,{email},',  # a quotation mark in the wrong place
            40: "ACME,,",  # CustomerGauge requires an address or a telephone number
        }.get(number % 100)
        lines.append(line or f"ACME,{email},")
        emails.append("" if line else email)
    path.write_text("\n".join([*lines, ""]))
    return emails


class Commands:
    """`operate bulk` in processes of its own, as in a terminal."""

    def __init__(self, stack: Stack, vendor: CustomerGaugeSandbox, file: Path) -> None:
        self._stack = stack
        self._vendor = vendor
        self._file = file

    def start(self, command: str, *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "operate", "bulk", command, STACK_NAME, str(self._file), *JOB, *options, "--json"],
            cwd=REPOSITORY,
            env=self._stack.emulator.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, *options: str) -> tuple[int, dict[str, int]]:
        process = self.start(command, *options)
        said, _problems = process.communicate(timeout=300)
        return process.returncode, json.loads(said)

    def interrupt(self) -> dict[str, int]:
        """Start `send`, and press Ctrl-C when a hundred messages were sent."""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
        before, deadline = self._sent(), time.monotonic() + 60
        process = self.start("send", "--rate", "100")
        while self._sent() < before + 100 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _problems = process.communicate(timeout=60)
        assert process.returncode == 1
        return dict(json.loads(said))

    def _sent(self) -> int:
        """Return how many messages were sent: they are in the queue or were handed to the vendor."""
        return self._stack.depth(self._stack.requests_queue_url) + len(self._vendor.calls("personal-link"))


def test_a_job_that_is_interrupted_twice_gives_each_row_its_link_or_reason_and_asks_once(
    own_stack: Stack, vendor: CustomerGaugeSandbox, tmp_path: Path
) -> None:
    file, output = tmp_path / "contacts.csv", tmp_path / "links.csv"
    emails = write(file)
    bulk = Commands(own_stack, vendor, file)

    interrupted = [bulk.interrupt(), bulk.interrupt()]
    sent_code, sent = bulk.run("send")
    code, told = bulk.run("collect", "--output", str(output), "--wait")

    with output.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    links = {row["Email"]: row["survey_link"] for row in rows if row["status"] == "created"}
    assert all(0 < one["sent"] < 961 for one in interrupted)
    assert (sent_code, code, told["rows"], told["created"], told["rejected"]) == (0, 0, ROWS, 970, 30)
    assert [row["Email"] for row in rows] == emails
    assert Counter(row["code"] for row in rows) == {"": 970, "invalid_request": 20, "validation_failed": 10}
    assert [row["survey_link"] for row in rows] == [links.get(email, "") for email in emails]
    assert len(links) == len(set(links.values())) == 960
    assert sorted(str(one.record["Email"]) for one in vendor.links) == sorted(links)  # one record for each distinct row
    assert own_stack.leftovers().keys() <= {"results"}
    calls = len(vendor.calls("personal-link"))

    again_code, again = bulk.run("send")

    assert (again_code, again["sent"], again["settled"]) == (0, 0, 961)
    assert len(vendor.calls("personal-link")) == calls
    # An interrupted command may not have counted its last ten, which SQS took.
    assert sum(one["sent"] for one in [*interrupted, sent]) >= 941
