"""The command `find`."""

import re
from collections.abc import Iterator
from typing import Final

import click
from rich.console import Console

from operate.find.search import Found, Sought, advice_on, find
from operate.health.checks import LOOKED_AT
from operate.ledger_reader import ledger_of
from operate.logs import OUTCOME, PARKED
from operate.stack import Account
from operate.terminal.duration import Duration
from operate.terminal.failures import NEEDS_YOU, WrongCall
from operate.terminal.options import JSON, STACK, ExampleCommand, program
from operate.terminal.screen import SHORT, Need, facts, now, print_json, print_verdict, screen, table

SHOWN: Final = 10  # events on the screen; --json has all
_DIGEST: Final = re.compile("[0-9a-f]{8,64}")


@click.command("find", cls=ExampleCommand, epilog="find personal-link --key order-1234")
@STACK
@click.option("--key", help="Its idempotency key; without one of its own, the id of the event or of the message.")
@click.option("--reference", help="Its reference.")
@click.option("--digest", help="The digest of its key, as in the logs and the ledger, or its first 8 digits.")
@click.option("--caller", help="Whose key it is, by HTTP: the ARN of the role or user, or the id of the API key.")
@click.option("--since", type=Duration(), default="3d", show_default=True, help="How far back to read the logs.")
@JSON
@click.pass_obj
def find_request(  # noqa: PLR0913, PLR0917 # click's way
    account: Account,
    stack: str,
    key: str | None,
    reference: str | None,
    digest: str | None,
    caller: str | None,
    since: int,
    as_json: bool,  # noqa: FBT001 # click's way
) -> None:
    """Find one request of STACK, and what happened to it.

    Asks the ledger, the log and the parked queue. Needs one of --key, --reference and --digest. The requests queue is
    not read, because that would take messages from the worker. Exit code 0: its link is created; 1: it is not, or not
    yet.
    """
    if "" in {key, reference}:
        raise WrongCall("--key or --reference is empty: no request has such a one.")
    if sum(one is not None for one in (key, reference, digest)) != 1:
        raise WrongCall("Give one of --key, --reference and --digest.")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise WrongCall("--digest takes the 64 hexadecimal digits, or at least the first 8.")
    if caller is not None and key is None:
        raise WrongCall("--caller goes with --key.")
    sought = Sought.by_key(key, caller) if key is not None else Sought([digest] if digest else [], reference)
    located = account.stack(stack)
    found = find(located, ledger_of(located), sought, now() - since)
    if as_json:
        print_json(found)
    else:
        print_found(found, screen(), stack, caller)
    if found.state != "created":
        raise click.exceptions.Exit(NEEDS_YOU)


def print_found(found: Found, out: Console, stack: str, caller: str | None = None) -> None:
    """Print where a request is, then its life."""
    verdict = found.state.capitalize() + (f": {found.code}" if found.code else "")
    print_verdict(
        out, verdict, "green" if found.state == "created" else "red", stack, list(_needs(found, stack, caller))
    )
    if found.events:
        rows = table("time (UTC)", "event", "code", ">again in")
        for event in found.events[-SHOWN:]:
            again = f"{event.wait_seconds} s" if event.wait_seconds is not None else ""
            rows.add_row(event.at.removesuffix(" UTC"), SHORT.get(event.what, event.what), event.code, again)
        out.print(rows)
        if (earlier := len(found.events) - SHOWN) > 0:
            out.print(f"{earlier} earlier events are left out: --json has them")
        out.print()
    facts(out, list(_facts(found)))


def _needs(found: Found, stack: str, caller: str | None) -> Iterator[Need]:
    if found.parked_id:
        yield Need(f"It is parked: {found.parked_detail}", f"{program()} parked show {stack} {found.parked_id}")
    if found.state == "rejected":
        yield Need("Change the request, or the set-up of CustomerGauge", f"docs/codes.md says what {found.code} means")
    if found.state == "unknown":
        yield Need("Its survey record probably exists, and its link is lost", "docs/operation.md#unknownoutcomes")
    if found.state == "retrying":
        yield Need("It is retried until RetryWindowHours end, then parked", f"{program()} health {stack}")
    if found.state == "not settled" and found.events and found.events[-1].what == PARKED:
        where = f"redriven, deleted, hidden by another reader, or after the first {LOOKED_AT}"
        yield Need(f"It was parked; now it is {where}", f"{program()} parked list {stack}")
    elif found.state == "not settled":
        yield Need("Its last attempt did not settle it", "the worker or its HTTP caller may repeat it with its key")
    if found.state == "refused":
        yield Need("Its caller got this error, and there is no link", f"docs/codes.md says what {found.code} means")
    if found.state == "not found":
        waits = f"{found.waiting} wait on the requests queue; it may be one of them"
        yield Need(waits if found.waiting else "No trace of it", advice_on(caller))


def _facts(found: Found) -> Iterator[tuple[str, str]]:
    if found.requested_at:
        yield "Requested", f"{found.requested_at}, by {found.source}"
    if found.attempts is not None:
        yield "Attempts", str(found.attempts)
    elif found.events and found.events[-1].what == OUTCOME:
        yield "Ledger", "no item: erased, expired, or rejected on arrival; what is shown is from the log"
    yield "Parked", found.parked_id or "no"
    if found.result_sent_at:
        yield "Result sent", found.result_sent_at
    elif found.log_level in {"WARNING", "ERROR"}:
        yield "Result sent", f"not known: LogLevel is {found.log_level}, so outcomes are not logged"
    if found.outcome_id:
        yield "Outcome id", found.outcome_id
    if found.events and found.events[-1].detail:
        yield "Last error", found.events[-1].detail
    if found.key_digest:
        yield "Key digest", found.key_digest
    for other in found.other_digests:
        yield "Older request", other
