"""The command `erase`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import click
from rich.console import Console

from operate.check.command import print_findings
from operate.check.vendor import confirm
from operate.erase.anonymise import Anonymiser
from operate.erase.erasure import Erasure, erase, find, is_settled
from operate.erase.person import SHORTEST
from operate.find.search import Sought, advice_on
from operate.parked.delete_command import SETTLED
from operate.stack import Account, Stack
from operate.terminal.failures import NEEDS_YOU, WrongCall
from operate.terminal.options import JSON, STACK, ExampleCommand, program
from operate.terminal.screen import Need, facts, print_json, print_verdict, screen, table

NO_TOKEN: Final = Need("Nothing was erased: CustomerGauge issued no token", "see below, or leave out --vendor")


@click.command("erase", cls=ExampleCommand, epilog="erase personal-link --key order-1234 --person joe.doe@example.com")
@STACK
@click.option("--key", help="A request's idempotency key; without one, the id of the event or of the message.")
@click.option("--caller", help="Whose key it is, by HTTP: the ARN of the role or user, or the id of the API key.")
@click.option("--person", "persons", multiple=True, help="A value of theirs, such as an e-mail address; - reads it.")
@click.option("--vendor", is_flag=True, help="Also ask CustomerGauge to anonymise each --person that is an e-mail.")
@click.option("--any-host", is_flag=True, help="With --vendor, do not ask before a host that is not CustomerGauge's.")
@click.option("--despite-queue", is_flag=True, help="Erase links although requests are under way in the queue.")
@click.option("--yes", is_flag=True, help="Erase for good; without it, show a preview and change nothing.")
@JSON
@click.pass_obj
def erase_person(  # noqa: PLR0913, PLR0917 # click's way
    account: Account,
    stack: str,
    key: str | None,
    caller: str | None,
    persons: tuple[str, ...],
    vendor: bool,  # noqa: FBT001 # click's way
    any_host: bool,  # noqa: FBT001 # click's way
    despite_queue: bool,  # noqa: FBT001 # click's way
    yes: bool,  # noqa: FBT001 # click's way
    as_json: bool,  # noqa: FBT001 # click's way
) -> None:
    """Erase a person from STACK, and list what is left.

    Erases the ledger's item of a --key, the parked requests with that key or with a --person in their body, and the
    items of those requests. An item that is not settled stays: an attempt may be in flight or to come. While the
    requests queue holds messages, a settled item stops the whole erasure: its request, delivered again, would make a
    second survey record. Afterwards the key is free, so the same request sent again makes a new link. With
    --vendor, you are asked before secret, token or address go to a host that is not CustomerGauge's. --person - reads a
    line from standard input, so the value is in no shell history. You can run it again after an interruption. Exit
    code 1: something stays, or the key was not found.
    """
    persons = tuple(_typed() if one == "-" else one for one in persons)
    _check(key, caller, persons)
    emails = [person.strip() for person in persons if "@" in person]
    if vendor and not emails:
        raise WrongCall("--vendor goes with --person and an e-mail address.")
    located = account.stack(stack)
    sought = Sought.by_key(key, caller) if key is not None else None
    anonymiser = Anonymiser.of(located) if vendor and yes else None
    if anonymiser and not any_host:
        confirm(anonymiser.receivers, option="--any-host", as_json=as_json)

    def show(report: Erasure) -> None:
        if as_json:
            print_json(report)
        else:
            print_erasure(report, screen(), asks_vendor=vendor, caller=caller)

    report = find(located, sought, persons, asks_vendor=vendor, despite_queue=despite_queue)
    if yes:
        report = _last(report, _steps(located, report, anonymiser, emails), show)
    show(report)
    if list(_needs(report)) or any(one.state != "ok" for one in report.vendor):
        raise click.exceptions.Exit(NEEDS_YOU)


def _typed() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Value of the person", err=True))
    if value := sys.stdin.readline().strip():
        return value
    raise WrongCall("--person -: standard input has no value.")


def _check(key: str | None, caller: str | None, persons: Sequence[str]) -> None:
    if key == "":
        raise WrongCall("--key is empty: no request has such a key.")
    if key is None and not persons:
        raise WrongCall("Give --key, --person, or both.")
    if caller is not None and key is None:
        raise WrongCall("--caller goes with --key.")
    if any(len(person.strip()) < SHORTEST for person in persons):
        raise WrongCall(f"--person takes at least {SHORTEST} characters: a shorter value is in requests of others.")


def _steps(stack: Stack, report: Erasure, anonymiser: Anonymiser | None, emails: Sequence[str]) -> Iterator[Erasure]:
    """Erase, unless something hinders; yield the report after each step."""
    if report.hindrance:
        return
    if anonymiser:
        token = anonymiser.fetch_token()
        report = replace(report, vendor=[token], hindrance=None if token.state == "ok" else NO_TOKEN)
        if report.hindrance:
            yield report
            return
    for step in erase(stack, report):
        yield (report := step)
    for finding in anonymiser.anonymise(emails) if anonymiser else ():
        yield (report := replace(report, vendor=[*report.vendor, finding]))


def _last(report: Erasure, steps: Iterator[Erasure], show: Callable[[Erasure], None]) -> Erasure:
    """Return the last report. If a step fails, show what was erased before it."""
    try:
        for step in steps:
            report = step
    except BaseException:
        if not report.dry_run:
            show(report)
        raise
    return report


def print_erasure(report: Erasure, out: Console, *, asks_vendor: bool, caller: str | None = None) -> None:
    """Print what is or would be erased, and what is left."""
    needs = list(_needs(report, caller))
    count = report.deleted + sum(item.erased for item in report.items)
    if report.dry_run:
        count = len(report.parked) + sum(map(is_settled, report.items))
    verdict = f"{count or 'Nothing'} {'to erase' if report.dry_run else 'erased'}"
    print_verdict(out, verdict, "red" if needs else "yellow" if report.dry_run else "green", report.stack, needs)
    if report.items or report.parked:
        rows = table("where", "id", "erasing it means")
        for item in report.items:
            means = "its link is forgotten" if is_settled(item) else "nothing: it stays"
            rows.add_row("ledger", item.key_digest[:12], means)
        for one in report.parked:
            rows.add_row("parked", one.id, "its result is not sent again" if one.means == SETTLED else one.means)
        out.print(rows)
        out.print()
    if any(map(is_settled, report.items)):
        out.print("The key is free afterwards: the same request sent again makes a new link.")
        out.print()
    if report.vendor:
        print_findings(report.vendor, out)
        out.print()
    out.print("What is left:")
    facts(out, list(report.left.items()))
    if report.dry_run:
        out.print()
        offer = "" if report.hindrance else f" --yes erases{' and asks CustomerGauge' if asks_vendor else ''}."
        out.print(f"Nothing was changed.{offer}")


def _needs(report: Erasure, caller: str | None = None) -> Iterator[Need]:
    command = program()
    if not report.is_key_found:
        yield Need("The key has no item in the ledger and no parked request", advice_on(caller))
    if report.hindrance:
        yield report.hindrance
    for item in report.items:
        if not (item.erased or (report.dry_run and is_settled(item))):
            why = "not reached" if is_settled(item) else item.standing
            where = f"{command} find {report.stack} --digest {item.key_digest}"
            yield Need(f"Ledger item {item.key_digest[:12]} stays: {why}", where)
    if not report.dry_run and (hidden := len(report.parked) - report.deleted):
        yield Need(f"{hidden} parked stay: hidden by another reader, or not reached", "run this again in a minute")
