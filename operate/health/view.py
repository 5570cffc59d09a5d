"""Print a stack's health: the verdict, what needs a person, then block by block what was seen."""

from rich.console import Console

from operate.health.report import Health, hidden_line, parked_line, retry_line
from operate.terminal.duration import in_words
from operate.terminal.screen import count_of_needs, facts, print_verdict, table


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
