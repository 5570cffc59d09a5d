"""The command `outputs`."""

import re
import shlex
from dataclasses import dataclass

import click

from operate.stack import Account
from operate.terminal.options import JSON, STACK, ExampleCommand
from operate.terminal.screen import facts, print_json, screen


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a stack, by name."""

    stack: str
    region: str
    outputs: dict[str, str]


@click.command(cls=ExampleCommand, epilog="outputs personal-link --export")
@STACK
@click.option("--export", is_flag=True, help='Print lines for a shell: eval "$(… outputs STACK --export)".')
@JSON
@click.pass_obj
def outputs(account: Account, stack: str, export: bool, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """Show the outputs of STACK, or export them to a shell.

    They are the addresses of the API and the queues, the secret's ARN, the dashboard, and more.
    With --export the names are those that the pages use: RequestsQueueUrl is REQUESTS_QUEUE_URL. STACK, AWS_REGION
    and AWS_DEFAULT_REGION are set, too. No output is a secret.
    """
    found = account.stack(stack)
    report = Outputs(found.name, found.region, dict(sorted(found.outputs.items())))
    if as_json:
        print_json(report)
    elif export:
        for name, value in exported(report).items():
            click.echo(f"export {name}={shlex.quote(value)}")
    else:
        facts(screen(), list(report.outputs.items()))


def exported(report: Outputs) -> dict[str, str]:
    """Return the variables for a shell."""
    named = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): value for name, value in report.outputs.items()}
    region = {"AWS_REGION": report.region, "AWS_DEFAULT_REGION": report.region}  # SAM's command line reads the second
    return {"STACK": report.stack, **region, **named}
