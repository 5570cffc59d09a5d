"""The command `parked redrive`."""

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import click
from rich.console import Console
from rich.text import Text

from operate.ledger_reader import Standing, ledger_of
from operate.parked.queue import Sweep, is_meant
from operate.parked.redrive import BECOMES, STAYS, Pace, Redrive
from operate.stack import Account, Stack
from operate.terminal.failures import NEEDS_YOU
from operate.terminal.options import CODE, DRY_RUN, JSON, NO_CODE, STACK, ExampleCommand, program
from operate.terminal.screen import print_json, print_line, progress, screen, table
from personal_link.aws.queues import ResultsQueue


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
