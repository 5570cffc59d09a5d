"""The command `parked redrive`: redrive parked requests at a given rate, without losing one.

The ledger decides about each request. A settled one has its result sent again. An unreadable one or one in flight stays
parked. Every other one is sent to the requests queue first and deleted from the parked queue second: an interruption in
between repeats the message, and the ledger prevents a second survey.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.text import Text

from operate.ledger_reader import Entry, LedgerReader, Standing, ledger_of
from operate.parked.queue import ParkedMessage, Sweep, is_meant
from operate.stack import Account, Stack
from operate.terminal.failures import NEEDS_YOU, NotAllowed
from operate.terminal.options import CODE, DRY_RUN, JSON, NO_CODE, STACK, ExampleCommand, program
from operate.terminal.screen import print_json, print_line, progress, screen, table
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import Clock, SystemClock
from personal_link.triggers.deliveries import first_sent_at, origin

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STAYS: Final = {Standing.UNREADABLE, Standing.IN_FLIGHT, Standing.FORGOTTEN}
BECOMES: Final = {
    Standing.SETTLED: "its result is sent again, CustomerGauge is not called",
    Standing.IN_FLIGHT: "stays parked: an attempt is in flight",
    Standing.UNANSWERED: "retried; CustomerGauge may have its record already",
    Standing.UNTRIED: "retried",
    Standing.REFUSED: "a rejected result",
    Standing.ANOTHERS_KEY: "a rejected result (idempotency_key_reused)",
    Standing.UNREADABLE: "stays parked: it would be parked again",
    Standing.FORGOTTEN: "stays parked: the ledger may have forgotten an attempt; see Request History, then use --old",
}


class Pace:
    """Limit a rate."""

    def __init__(
        self, per_second: float, clock: Clock | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._interval = 1 / per_second
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the next one may go."""
        now = self._clock.monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._interval


@dataclass(frozen=True)
class Redrive:
    """Redrive parked messages, one at a time."""

    sqs: "SQSClient"
    requests_url: str
    results: ResultsQueue
    ledger: LedgerReader
    pace: Pace
    remembered: float = math.inf  # seconds after its first sending in which a message may be redriven
    refused: Sequence[str] = ()  # actions that AWS refused

    def entry(self, message: ParkedMessage) -> Entry:
        """Return the ledger's entry of a message's request; FORGOTTEN if the entry may expire before the retry."""
        entry = self.ledger.entry_of(message.record)
        too_old = time.time() - first_sent_at(message.record) >= self.remembered
        if too_old and entry.standing in {Standing.UNTRIED, Standing.UNANSWERED}:
            return replace(entry, standing=Standing.FORGOTTEN)
        return entry

    def bring_back(self, message: ParkedMessage, entry: Entry, sweep: Sweep) -> bool:
        """Send a message's result or the message itself, then delete it from the parked queue; False if it stays.

        Raises ClickException if the results queue does not accept the result, NotAllowed without permission to send.
        """
        if entry.standing in STAYS:
            return False
        self.pace.wait()
        if entry.outcome is not None:
            if self.results.send([entry.outcome]):
                if self.refused:
                    raise NotAllowed(self.refused[-1])
                raise click.ClickException("The results queue did not accept a result: try again; nothing is lost.")
        else:
            self.sqs.send_message(
                QueueUrl=self.requests_url,
                MessageBody=message.body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in origin(message.record).items()
                },
            )
        sweep.delete(message)
        return True


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of parked requests, or would become of them in a dry run."""

    stack: str
    dry_run: bool
    looked_at: int
    stayed: int
    became: dict[str, int]


@click.command(cls=ExampleCommand, epilog="parked redrive personal-link --code credentials_refused --rate 5")
@STACK
@CODE
@click.option("--rate", type=click.IntRange(1, 100), default=10, show_default=True, help="Most requests per second.")
@DRY_RUN
@click.option("--old", is_flag=True, help="Also requests older than the ledger remembers: may survey twice.")
@JSON
@click.pass_obj
def redrive(  # noqa: PLR0913, PLR0917 # click's way
    account: Account,
    stack: str,
    code: str | None,
    rate: int,
    dry_run: bool,  # noqa: FBT001 # click's way
    old: bool,  # noqa: FBT001 # click's way
    as_json: bool,  # noqa: FBT001 # click's way
) -> None:
    """Redrive the parked requests of STACK, all or those with one code.

    Fix the cause first. The ledger decides about each request. If it is settled, its result is sent again, without a
    call to CustomerGauge. It stays parked if it is unreadable, in flight, or so old that the ledger may have forgotten
    an attempt. Every other one goes to the requests queue with its key. Exit code 1: some stay parked, or another
    reader hides them. You can interrupt the command at any time and start it again; nothing is lost.
    """
    found = account.stack(stack)
    sqs = found.account.client("sqs")
    echo = found.parameters.get("EchoRecord", "true") == "true"
    results = ResultsQueue(sqs, found.output("ResultsQueueUrl"), echo)
    requests_url, remembered = found.output("RequestsQueueUrl"), math.inf if old else _remembered(found)
    back = Redrive(sqs, requests_url, results, ledger_of(found), Pace(rate), remembered, account.refused)
    became: Counter[str] = Counter()
    stayed, unreadable = 0, set[str]()
    try:
        with progress() as bar, Sweep.of(found) as sweep:
            task = bar.add_task("looking" if dry_run else "redriving", total=sweep.depth())
            for message in sweep:
                if is_meant(message, code, None):
                    entry = back.entry(message)
                    if not dry_run:
                        back.bring_back(message, entry, sweep)
                    became[BECOMES[entry.standing]] += 1
                    stayed += entry.standing in STAYS
                    if entry.standing is Standing.UNREADABLE:
                        unreadable.add(message.code)
                bar.advance(task)
    finally:  # also after an interruption
        report = Redriven(found.name, dry_run, became.total(), stayed, dict(became.most_common()))
        if as_json:
            print_json(report)
        else:
            print_redriven(report, unreadable, screen())
    if sweep.tell_hidden() or stayed:
        raise click.exceptions.Exit(NEEDS_YOU)


def print_redriven(report: Redriven, unreadable: Collection[str], out: Console) -> None:
    """Print how many were redriven, what became of them, and how to delete the unreadable ones, by code."""
    redriven = report.looked_at - report.stayed
    if report.dry_run:
        line, note = f"{redriven} would be redriven, {report.stayed} would stay", "  Nothing was changed."
    else:
        line, note = f"{redriven} redriven, {report.stayed} left parked", ""
    out.print(Text(line, style="bold red" if report.stayed else "bold green").append(note, style="not bold default"))
    if not report.became:
        return
    out.print()
    rows = table(">requests", "become" if report.dry_run else "became")
    for what, count in report.became.items():
        rows.add_row(str(count), what)
    out.print(rows)
    if unreadable:
        out.print()
        out.print("Requests that cannot be read can only be deleted:")
    for code in sorted(unreadable):
        if code == NO_CODE:
            line = f"parked list {report.stack} --code -  # then parked delete {report.stack} MESSAGE_ID"
        else:
            line = f"parked delete {report.stack} --code {code}"
        print_line(out, f"  {program()} {line}")


def _remembered(stack: Stack) -> float:
    """Return the age in seconds from which a request may outlive its ledger item while it is retried."""
    parameters = stack.parameters
    return int(parameters.get("LedgerDays", 21)) * 86_400 - int(parameters.get("RetryWindowHours", 24)) * 3600
