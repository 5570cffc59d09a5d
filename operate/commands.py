"""The commands, a line each. None prints a secret or a token, or a value without --unmask."""

from pathlib import Path

import click

from operate import VERSION
from operate.bulk.commands import bulk
from operate.check.command import check
from operate.erase.command import erase_person
from operate.find.command import find_request
from operate.health.command import health
from operate.outputs import outputs
from operate.parked.delete_command import delete
from operate.parked.list_command import list_parked, show
from operate.parked.redrive_command import redrive
from operate.send.command import send
from operate.stack import Account, aws_session
from operate.tail import tail
from operate.terminal.failures import OneLineErrors


@click.group(
    cls=OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="--region eu-west-1 health personal-link",
)
@click.option("--region", help="AWS region; default: that of your AWS configuration.")
@click.option("--profile", help="Profile of your AWS configuration.")
@click.option("--endpoint-url", help="Another endpoint for all AWS services, for example that of `make local`.")
@click.option(
    "--mappings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The stack's event_mappings.toml, if it is in a layer (MappingsLayerArn).",
)
@click.version_option(VERSION, prog_name="operate", message="%(prog)s %(version)s", help="Show the version.")
@click.pass_context
def operate(
    ctx: click.Context, region: str | None, profile: str | None, endpoint_url: str | None, mappings: Path | None
) -> None:
    """Operate a Personal Link stack: its health, one request, the parked requests.

    The STACK's name is enough. Values of records, links and texts of callers are masked without --unmask; secrets and
    tokens are never shown. Exit codes: 0 all is well, 1 something needs you, 2 wrong call, 3 not allowed or AWS not
    reachable.
    """
    for option, value in (("--region", region), ("--profile", profile)):
        if value == "":  # as of a variable that is not set
            raise click.BadParameter("it is empty", param_hint=option)
    if endpoint_url is not None and not endpoint_url.startswith(("http://", "https://")):
        raise click.BadParameter("it must begin with http:// or https://", param_hint="--endpoint-url")
    if ctx.obj is None:
        ctx.obj = Account(aws_session(profile, region), endpoint_url, mappings)


@click.group(cls=OneLineErrors, epilog="parked list personal-link")
def parked() -> None:
    """List, show, redrive and delete parked requests."""


for command in (list_parked, show, redrive, delete):
    parked.add_command(command)
for command in (health, find_request, tail, send, check, outputs, erase_person):
    operate.add_command(command)
for group in (parked, bulk):
    operate.add_command(group)
