"""The command `health`."""

import click

from operate.health import report
from operate.health.view import print_health
from operate.stack import Account
from operate.terminal.failures import NEEDS_YOU, NOT_REACHABLE
from operate.terminal.options import JSON, STACK, ExampleCommand
from operate.terminal.screen import print_json, screen


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
