"""The commands `parked list` and `parked show`: they change nothing."""

from collections import Counter
from dataclasses import dataclass

import click
from rich.console import Console
from rich.text import Text

from operate.ledger_reader import ledger_of
from operate.parked.queue import Sweep, is_meant
from operate.parked.redrive_command import BECOMES
from operate.send.event_entries import no_entry
from operate.stack import Account
from operate.terminal.duration import in_words
from operate.terminal.failures import WrongCall
from operate.terminal.masking import body_text, id_text, printable
from operate.terminal.options import CODE, JSON, OLDER_THAN, STACK, UNMASK, ExampleCommand, program
from operate.terminal.screen import INDENT, facts, now, print_json, print_line, screen, table, when


@dataclass(frozen=True, slots=True)
class Row:
    """A parked request."""

    id: str
    code: str
    age_seconds: int
    parked_at: str
    receives: int | None


@dataclass(frozen=True, slots=True)
class ParkedList:
    """The parked requests, by code, the oldest first."""

    stack: str
    count: int
    codes: dict[str, int]
    parked: list[Row]


@dataclass(frozen=True, slots=True)
class ParkedRequest:
    """One parked request. Its body is text in JSON, masked unless it was asked for."""

    id: str
    original_id: str
    code: str
    detail: str
    receives: int | None  # of the message; the ledger counts attempts: calls to CustomerGauge
    parked_at: str
    ledger: str
    ledger_attempts: int
    redriven: str
    body: str


@click.command("list", cls=ExampleCommand, epilog="parked list personal-link --code unavailable --older-than 2h")
@STACK
@CODE
@OLDER_THAN
@JSON
@click.pass_obj
def list_parked(account: Account, stack: str, code: str | None, older_than: int | None, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """List the parked requests of STACK by code, the oldest first.

    Nothing is removed. Reading hides the messages from other readers, for a minute at most. The code is - if SQS or
    EventBridge parked the request.
    """
    found, at = account.stack(stack), now()
    with Sweep.of(found) as sweep:
        messages = [one for one in sweep if is_meant(one, code, at - older_than if older_than else None)]
    codes = Counter(one.code for one in messages)
    rows = [
        Row(one.id, one.code, round(at - one.parked_at), when(one.parked_at), one.receives)
        for one in sorted(messages, key=lambda one: (one.code, one.parked_at))
    ]
    report = ParkedList(found.name, len(rows), dict(codes.most_common()), rows)
    if as_json:
        print_json(report)
    else:
        print_list(report, screen())
    sweep.tell_hidden()


def print_list(report: ParkedList, out: Console) -> None:
    """Print the number of parked requests, then those of each code; a narrow screen shows id and age only."""
    by_code = ", ".join(f"{count} {code}" for code, count in report.codes.items())
    out.print(Text(f"{report.count} parked", style="bold").append(f": {by_code}" if by_code else "", style="not bold"))
    for code in sorted(report.codes):
        out.print()
        out.print(Text(f"{code}{' (no code)' if code == '-' else ''}", style="yellow"))
        names = ["message id", ">age", "parked at", ">receives"]
        rows = table(*names[: 2 if out.width < 75 else 3 if out.width < 85 else 4])  # what fits
        for one in (row for row in report.parked if row.code == code):
            cells = (one.id, in_words(one.age_seconds), one.parked_at, _number(one.receives))
            rows.add_row(*cells[: len(rows.columns)])
        out.print(rows)


@click.command(cls=ExampleCommand, epilog="parked show personal-link 0f0c4a0e-5b3c-4f2e-9f0e-2d8f5a1c7b11")
@STACK
@click.argument("message_id")
@UNMASK
@JSON
@click.pass_obj
def show(account: Account, stack: str, message_id: str, unmask: bool, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """Show one parked request of STACK, with its body.

    Shows its error and its state in the ledger, too. `parked list` shows each MESSAGE_ID. The values of the body are
    masked without --unmask.
    """
    found = account.stack(stack)
    with Sweep.of(found) as sweep:
        message = next((one for one in sweep if one.id == message_id), None)
    if message is None:
        raise WrongCall(f"This message is not parked: {program()} parked list {stack} shows those there are.")
    entry = ledger_of(found).entry_of(message.record)
    report = ParkedRequest(
        id=message.id,
        original_id=id_text(message.original_id, unmask=unmask),
        code=message.code,
        detail=no_entry(message.body, found) or printable(message.detail),
        receives=message.receives,
        parked_at=when(message.parked_at),
        ledger=str(entry.standing),
        ledger_attempts=entry.attempts,
        redriven=BECOMES[entry.standing],
        body=body_text(message.body, unmask=unmask),
    )
    if as_json:
        print_json(report)
    else:
        print_request(report, screen())


def print_request(report: ParkedRequest, out: Console) -> None:
    """Print what is known of a parked request, then its body."""
    out.print(Text("Parked", style="bold red").append(f": {report.code}", style="not bold default"))
    out.print()
    facts(
        out,
        [
            ("Detail", report.detail),
            ("Message id", report.id),
            ("Original id", report.original_id),
            ("Receives", _number(report.receives)),
            ("Parked at", report.parked_at),
            ("Ledger", f"{report.ledger} (attempts: {report.ledger_attempts})"),
            ("Redriven", report.redriven),
        ],
    )
    out.print()
    for line in report.body.splitlines():
        print_line(out, f"{INDENT}{line}")


def _number(receives: int | None) -> str:
    return "-" if receives is None else str(receives)
