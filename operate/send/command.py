"""The command `send`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from operate.ledger_reader import Entry, Standing
from operate.send.sender import TrialRequest
from operate.stack import Account
from operate.terminal.duration import Duration
from operate.terminal.failures import NEEDS_YOU, WrongCall
from operate.terminal.masking import printable
from operate.terminal.options import JSON, STACK, UNMASK, ExampleCommand, program
from operate.terminal.screen import facts, print_json, print_line, screen


@dataclass(frozen=True, slots=True)
class Sent:
    """A test request and its outcome, if it came in time. Link and error are null unless they were asked for."""

    status: str  # created, rejected, unknown, no outcome yet
    code: str | None
    attempts: int
    key_digest: str
    outcome_id: str | None
    was_settled: bool  # the key had an outcome before, and this is it
    survey_link: str | None
    error: dict[str, Any] | None


@click.command(cls=ExampleCommand, epilog="send personal-link events/sqs_request.json")
@STACK
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--wait", "seconds", type=Duration(), default="60s", show_default=True, help="How long to wait.")
@UNMASK
@JSON
@click.pass_obj
def send(account: Account, stack: str, file: Path, seconds: int, unmask: bool, as_json: bool) -> None:  # noqa: FBT001, PLR0913, PLR0917 # click's way
    """Send the request in FILE to STACK, and wait for its outcome.

    It makes a real survey record. The outcome is read from the ledger; the result stays for your consumer. For a
    settled idempotency_key only the result is sent again. FILE - is standard input. Exit code 1: no link, or not yet.
    """
    trial = TrialRequest.to(account.stack(stack))
    body = _text_of(file)
    was_settled = trial.check(body).standing is Standing.SETTLED
    request = trial.send(body)

    click.echo(f"Sent. Waiting up to {seconds} s for the outcome; Ctrl-C ends the waiting only.", err=True)
    entry, now = trial.wait(request, seconds, lambda line: click.echo(f"  {line}", err=True))
    report = _report(entry, request.key.digest, was_settled=was_settled, unmask=unmask)
    if as_json:
        print_json(report)
    else:
        print_sent(report, now, screen(), stack)
    if report.status != "created":
        raise click.exceptions.Exit(NEEDS_YOU)


def _text_of(file: Path) -> str:
    try:
        if str(file) == "-":
            return click.get_text_stream("stdin", "utf-8", "strict").read()
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise WrongCall(f"{file.name} is not text in UTF-8.") from None


def _report(entry: Entry, digest: str, *, was_settled: bool, unmask: bool) -> Sent:
    outcome = entry.outcome
    link = outcome.personal_link.survey_link if outcome and outcome.personal_link else None
    return Sent(
        status=outcome.status if outcome else "no outcome yet",
        code=outcome.code if outcome and outcome.error else None,
        attempts=entry.attempts,
        key_digest=digest,
        outcome_id=outcome.id if outcome else None,
        was_settled=was_settled,
        survey_link=link if unmask else None,
        error=dict(outcome.error) if unmask and outcome and outcome.error else None,
    )


def print_sent(report: Sent, now: str, out: Console, stack: str) -> None:
    """Print the outcome, or where the request is."""
    style = "bold green" if report.status == "created" else "bold red"
    out.print(Text(report.status.capitalize() + (f": {report.code}" if report.code else ""), style=style))
    if report.was_settled:
        out.print(
            "Its key is already settled: this is the first outcome. Use another idempotency_key for a new request."
        )
    out.print()
    rows = [("Attempts", str(report.attempts)), ("Key digest", report.key_digest)]
    masked = "masked: --unmask shows it"
    if report.outcome_id:
        rows.append(("Outcome id", report.outcome_id))
    if report.status == "created":
        rows.append(("Link", printable(report.survey_link) if report.survey_link else masked))
    elif report.outcome_id:
        # JSON in ASCII, which cannot move a cursor
        rows.append(("Error", json.dumps(report.error) if report.error else masked))
    else:
        rows.append(("Now", now))
    facts(out, rows)
    if not report.outcome_id:
        out.print()
        print_line(out, f"{program()} find {stack} --digest {report.key_digest}")
