"""The commands for bulk jobs: send the rows of a CSV file, count them by status, collect their links."""

import os
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import click

from operate.bulk.job import BulkFile, Check, Look, Tally
from operate.bulk.options import Run, bulk_options
from operate.bulk.send import Sender, Sent
from operate.parked.redrive_command import Pace
from operate.terminal.duration import in_words
from operate.terminal.failures import OneLineErrors
from operate.terminal.options import ExampleCommand
from operate.terminal.screen import progress, screen, table
from personal_link.bulk.output import STATUSES, output_header, output_row

FIRST_PAUSE: Final = 1.0  # seconds between two looks; grows by half
LONGEST_PAUSE: Final = 30.0
NO_ROW: Final = "The ledger has no row of this job yet. Was it sent, under this name?"


@click.group(cls=OneLineErrors, epilog="bulk send personal-link contacts.csv --job november")
def bulk() -> None:
    """Get a link for each row of a CSV file: send, status, collect.

    Give status and collect the options that you gave send. A row is one request under one --job, however often you
    start a command.
    """


@bulk.command(cls=ExampleCommand, epilog="bulk send personal-link contacts.csv --job november --dry-run")
@bulk_options
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Rows a second; default: no limit.")
@click.option("--dry-run", is_flag=True, help="Only check the rows. Exit code 1 if one would be rejected.")
def send(run: Run, *, rate: float | None, dry_run: bool) -> None:
    """Check all rows of FILE, then send them to STACK.

    It makes real survey records. Rows that are in the ledger under this name are not sent again. Ctrl-C is safe: the
    same command goes on.
    """
    check, sent = Check.of(run.file), Sent()
    if not check.rows:
        raise click.ClickException(f"{run.file.path.name} has no rows.")
    if not run.as_json:
        _print_check(run.file, check)
    try:
        if not dry_run and check.good:
            pace = Pace(rate) if rate else None
            with progress() as bar:
                tell = partial(bar.console.print, soft_wrap=True)
                sender = Sender(run.stack.account, run.queue(), run.ledger(), tell, pace)
                task = bar.add_task("sending", total=check.rows)
                for rows in sender.send(run.file, sent):
                    bar.advance(task, rows)
    finally:  # also after an interruption
        run.say({**check.as_json(), **asdict(sent), "dry_run": dry_run}, *_told(sent, dry_run=dry_run))
    if (dry_run and check.rejected) or not check.good:
        raise click.exceptions.Exit(1)


@bulk.command(cls=ExampleCommand, epilog="bulk status personal-link contacts.csv --job november")
@bulk_options
def status(run: Run) -> None:
    """Count the rows of FILE by status.

    Asks the ledger and the parked queue.
    """
    tally, look = Tally(), run.look()
    with run.file.open() as (_layout, prepared):
        for _ in look.endings(run.file, prepared, tally):
            pass
    _print_tally(run, tally)


@bulk.command(cls=ExampleCommand, epilog="bulk collect personal-link contacts.csv --job november --output links.csv")
@bulk_options
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--wait", is_flag=True, help="Write it again and again until no row waits. Ctrl-C is safe.")
def collect(run: Run, *, output: Path, wait: bool) -> None:
    """Write the rows of FILE with their links.

    Exit code 1 while rows wait.
    """
    if str(output) == "-" or (output.exists() and not output.is_file()):
        raise click.UsageError(f"--output: {output} is no regular file: name a file.")
    output = output.resolve()  # a symlink stays one
    if output.exists() and output.samefile(run.file.path):
        raise click.UsageError("--output is FILE itself: name another file.")
    if not (output.parent.is_dir() and os.access(output.parent, os.W_OK)):
        raise click.UsageError(f"--output: there is no folder {output.parent} that you may write to.")
    look, pause = run.look(), FIRST_PAUSE
    with progress() as bar:
        task = bar.add_task("settled", total=None)
        while True:
            tally = _write(run.file, look, output)
            bar.update(task, total=tally.rows, completed=tally.rows - tally.waiting)
            if not wait or not tally.waiting:
                break
            if pause == FIRST_PAUSE and tally.began_at is None:
                bar.console.print(NO_ROW, soft_wrap=True)
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)
    _print_tally(run, tally)
    if tally.waiting:
        raise click.exceptions.Exit(1)


def _write(file: BulkFile, look: Look, output: Path) -> Tally:
    """Write the output under another name and rename it, so that nobody reads half of it."""
    tally = Tally()
    with NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as part:  # for its owner alone
        unfinished = Path(part.name)
        try:
            with file.open() as (layout, prepared):
                part.write(output_header(layout))
                for row, ending in look.endings(file, prepared, tally):
                    part.write(output_row(layout, row, ending))
            part.flush()
            unfinished.replace(output)
        finally:  # also after an interruption
            unfinished.unlink(missing_ok=True)
    return tally


def _print_check(file: BulkFile, check: Check) -> None:
    out = screen()
    repeated = f" ({check.repeated:,} repeated)" if check.repeated else ""
    size = f"{_rows(check.rows)}, {check.columns} column{'s'[: check.columns != 1]}"
    out.print(f"{file.path.name}: {size}: {check.good:,} good{repeated}, {check.rejected:,} rejected.")
    if not check.rejected:
        return
    out.print("Rejected, as the output will say in their place:")
    rows = table(">rows", "code", "problem", "on line")
    for text, kind in check.kinds.items():
        more = ", …" if kind.rows > len(kind.lines) else ""
        rows.add_row(f"{kind.rows:,}", kind.code, text, ", ".join(map(str, kind.lines)) + more)
    out.print(rows)
    job = file.job
    if not (check.good or job.configuration or job.detail_type or job.has_default_configuration):
        out.print("The stack has no default configuration: give --configuration or --detail-type.")


def _told(sent: Sent, *, dry_run: bool) -> list[str]:
    if dry_run:
        return ["Nothing was sent."]
    lines = [f"{sent.sent:,} sent. Not sent again: {sent.settled:,} with a result, {sent.begun:,} in progress."]
    if sent.changed:
        lines.append(f"{sent.changed:,} of these were other requests (configuration, mapping): they keep their result.")
    return lines


def _rows(number: int) -> str:
    return f"{number:,} row{'s'[: number != 1]}"


def _print_tally(run: Run, tally: Tally) -> None:
    counts = ", ".join(f"{tally.counts[status]:,} {status}" for status in STATUSES)
    lines = [f"{_rows(tally.rows)}: {counts}."]
    if tally.rows and tally.counts["rejected"] == tally.rows:
        lines.append("Every row is rejected: give the --configuration or --detail-type that you gave send.")
    if tally.waiting:
        left = tally.seconds_left()
        if left is not None:
            lines.append(f"{tally.rate():.1f} a second, about {in_words(left)} left.")
        elif tally.began_at is not None:
            lines.append("None was settled in the last minute.")
        else:
            lines.append(NO_ROW)
    run.say(tally.as_json(), *lines)
