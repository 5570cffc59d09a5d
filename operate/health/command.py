"""The command `health`: the verdict, what needs a person, then block by block what was seen."""

import click
from rich.console import Console

from operate.health import report
from operate.health.report import Health, hidden_line, parked_line, retry_line
from operate.stack import Account
from operate.terminal.duration import in_words
from operate.terminal.failures import NEEDS_YOU, NOT_REACHABLE
from operate.terminal.options import JSON, STACK, ExampleCommand
from operate.terminal.screen import count_of_needs, facts, print_json, print_verdict, screen, table


@click.command(cls=ExampleCommand, epilog="health personal-link")
@STACK
@JSON
@click.pass_obj
def health(account: Account, stack: str, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """Show the health of STACK, and what needs you.

    Looks at the queues, the retries, the parked requests, the alarms and their subscribers, the live functions, and
    whether the secret was filled in. Reads no secret. Exit code 1: something needs you. Exit code 3: nothing
    that you may see needs you, but you may not see everything.
    """
    found = report.read(account.stack(stack))
    if as_json:
        print_json(found)
    else:
        print_health(found, screen())
    if found.verdict != "ok":
        raise click.exceptions.Exit(NEEDS_YOU if found.needs else NOT_REACHABLE)


def print_health(found: Health, out: Console) -> None:
    """Print the health of a stack."""
    verdict, colour = {
        "ok": ("OK", "green"),
        "needs you": (count_of_needs(len(found.needs)), "red"),
        "not all seen": ("Not all seen", "yellow"),
    }[found.verdict]
    print_verdict(out, verdict, colour, f"{found.stack}, {found.at}", found.needs)
    _queues(found, out)
    _functions(found, out)
    facts(out, _facts(found))
    if found.unseen:
        out.print()
        for one in found.unseen:
            out.print(f"{one.point}: not allowed: {one.action}")


def _queues(found: Health, out: Console) -> None:
    if not found.queues:
        return
    rows = table("queue", ">waiting", ">retrying", ">in flight", ">delayed", ">oldest")
    for queue in found.queues:
        counts = (queue.waiting, queue.retrying, queue.in_flight, queue.delayed)
        oldest = in_words(queue.oldest_seconds) if queue.oldest_seconds is not None else "-"
        rows.add_row(queue.name, *map(str, counts), oldest)
    out.print(rows)
    out.print()


def _functions(found: Health, out: Console) -> None:
    if not found.functions:
        return
    rows = table("function", ">version", "state", "last update")
    for function in found.functions:
        rows.add_row(function.name, function.version, function.state, function.last_update)
    out.print(rows)
    out.print()


def _facts(found: Health) -> list[tuple[str, str]]:
    unseen = {one.point for one in found.unseen}
    rows = [("Stack", f"{found.status} in {found.region}")]
    if "Retries" not in unseen:
        rows.append(("Retries", retry_line(found.retries) if found.retries else "none"))
    if "Parked" not in unseen:
        rows.append(("Parked", parked_line(found.parked) if found.parked else hidden_line(found) or "none"))
    if found.intake is not None:
        rows.append(("Queue to worker", found.intake))
    events = found.events
    sources = f", from {events.sources}" if events.sources else ""
    rows.append(("Events", f"{', '.join(events.detail_types) or 'none'}, on the bus {events.bus}{sources}"))
    if events.not_heard:
        rows.append(("Not heard", f"{', '.join(events.not_heard)}: mapped, but not in EventDetailType"))
    if found.credentials:
        rows.append(("Credentials", found.credentials.state))
    if found.ringing is not None:
        rows.append(("Alarms", f"{len(found.ringing)} of {found.alarms} on"))
    if told := found.subscribers:
        pending = f", {told.pending} pending confirmation" if told.pending else ""
        rows.append(("Subscribers", f"{told.confirmed or 'none'}{pending}"))
    return rows
