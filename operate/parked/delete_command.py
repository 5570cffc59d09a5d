"""The command `parked delete`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import click
from rich.console import Console
from rich.text import Text

from operate.ledger_reader import Entry, Standing, ledger_of
from operate.parked.queue import Sweep, is_meant
from operate.stack import Account, Stack
from operate.terminal.failures import NEEDS_YOU, WrongCall
from operate.terminal.options import CODE, DRY_RUN, JSON, OLDER_THAN, STACK, ExampleCommand
from operate.terminal.screen import ask, now, print_json, screen, table

SETTLED = "no result is sent; a redrive would send it again"
LOST = "it never gets a result"
UNREADABLE = "it holds no request"


@dataclass(frozen=True, slots=True)
class Deletable:
    """A parked request that was chosen, and what its deletion means."""

    id: str
    code: str
    means: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """The chosen parked requests, and how many of them were deleted."""

    stack: str
    dry_run: bool
    deleted: int
    chosen: list[Deletable]
    missing: list[str]  # ids that are not parked


@click.command(cls=ExampleCommand, epilog="parked delete personal-link --code invalid_request --dry-run")
@STACK
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE_ID]...")
@CODE
@OLDER_THAN
@DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
@click.pass_obj
def delete(  # noqa: PLR0913, PLR0917 # click's way
    account: Account,
    stack: str,
    message_ids: tuple[str, ...],
    code: str | None,
    older_than: int | None,
    dry_run: bool,  # noqa: FBT001 # click's way
    yes: bool,  # noqa: FBT001 # click's way
    as_json: bool,  # noqa: FBT001 # click's way
) -> None:
    """Delete parked requests of STACK for good.

    Choose them by MESSAGE_ID or by --code; also those that cannot be read. Shows a preview and asks. A request without
    a result will never get one: redrive it if it can be redriven. Exit code 1: some that you named are not parked, or
    were not deleted, or another reader hides them.
    """
    if bool(message_ids) == (code is not None):
        raise WrongCall("Give either the message ids or --code.")
    if message_ids and older_than is not None:
        raise WrongCall("--older-than goes with --code.")
    if as_json and not (yes or dry_run):
        raise WrongCall("--json cannot ask: add --yes or --dry-run.")
    found, before = account.stack(stack), now() - older_than if older_than else None
    ledger = ledger_of(found)
    with Sweep.of(found) as sweep:
        meant = [one for one in sweep if is_meant(one, code, before) and (code or one.id in message_ids)]
    chosen = [Deletable(one.id, one.code, meaning(ledger.entry_of(one.record))) for one in meant]
    missing = sorted(set(message_ids) - {one.id for one in chosen})
    report = Deletion(found.name, dry_run, 0, chosen, missing)
    if not as_json:
        print_preview(report, screen())
    if chosen and not dry_run:
        if not yes:
            ask(f"Delete {len(chosen)} for good?", "--yes")
        report = replace(report, deleted=len(list(delete_shown(found, {one.id for one in chosen}))))
    if as_json:
        print_json(report)
    elif not dry_run:
        print_deleted(report, screen())
    if sweep.tell_hidden() or missing or (not dry_run and report.deleted < len(chosen)):
        raise click.exceptions.Exit(NEEDS_YOU)


def meaning(entry: Entry) -> str:
    """Return what the deletion of a parked request with this entry means."""
    match entry.standing:
        case Standing.SETTLED:
            return SETTLED
        case Standing.UNREADABLE:
            return UNREADABLE
        case _:
            return f"{LOST} ({entry.standing})"


def delete_shown(stack: Stack, ids: set[str]) -> Iterator[str]:
    """Delete the messages that were shown, and no other; yield the id of each that is gone."""
    with Sweep.of(stack) as sweep:
        for message in sweep:
            if message.id in ids:
                sweep.delete(message)
                yield message.id


def print_preview(report: Deletion, out: Console) -> None:
    """Print what was chosen, by code and by what the deletion means."""
    out.print(Text(f"{len(report.chosen)} to delete", style="bold"))
    if report.chosen:
        out.print()
        rows = table(">requests", "code", "deleting means")
        for (code, means), count in Counter((one.code, one.means) for one in report.chosen).most_common():
            rows.add_row(str(count), code, means)
        out.print(rows)
        out.print()
    for one in report.missing:
        out.print(f"Not parked: {one}")
    if report.dry_run:
        out.print("Nothing was changed.")


def print_deleted(report: Deletion, out: Console) -> None:
    """Print how many were deleted."""
    left = len(report.chosen) - report.deleted
    again = f"; {left} are hidden by another reader: try again in a minute" if left else ""
    out.print(f"{report.deleted} deleted{again}.")
