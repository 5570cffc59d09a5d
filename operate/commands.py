"""The commands. Each shows an example in its help. None prints a secret or a token, or a value without --unmask."""

import json
from pathlib import Path

import boto3
import click

from operate.bulk_commands import bulk
from operate.duration import Duration
from operate.failures import NotAllowed, OneLineErrors
from operate.health_view import Glance, print_health
from operate.ledger_reader import Entry, Standing, ledger_of
from operate.masking import printable
from operate.parked_commands import parked
from operate.screen import screen
from operate.sending import TrialRequest
from operate.stack import Account, Stack
from operate.vendor_check import findings, foreign_host, settings_of

STACK = click.argument("stack")


@click.group(
    cls=OneLineErrors,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: python -m operate --region eu-west-1 health personal-link",
)
@click.option("--region", help="AWS region; default: that of your AWS configuration.")
@click.option("--profile", help="Profile of your AWS configuration.")
@click.option("--endpoint-url", help="Another endpoint for all AWS services, for example that of `make local`.")
@click.pass_context
def operate(ctx: click.Context, region: str | None, profile: str | None, endpoint_url: str | None) -> None:
    """Show the health of a Personal Link stack, and redrive parked requests.

    The STACK's name is enough. Values of records, links and texts of callers are masked without --unmask; secrets and
    tokens are never shown.
    """
    if ctx.obj is None:
        ctx.obj = Account(boto3.Session(profile_name=profile, region_name=region), endpoint_url)


@operate.command(epilog="Example: python -m operate health personal-link")
@STACK
@click.pass_obj
def health(account: Account, stack: str) -> None:
    """Show the health of STACK.

    Shows the queues and their ages, retries and parked requests by code, ringing alarms and their subscribers, the live
    functions, and whether the secret was filled in. Reads no secret. Ends with a list of things to do and exit code 1;
    with exit code 3 if there is nothing to do but your permissions hid a part.
    """
    out = screen()
    glance = Glance(account.stack(stack), out)
    needs = list(print_health(glance))
    for need in needs:
        out.print(f"! {need}")
    if needs:
        raise click.exceptions.Exit(1)
    if glance.unseen:
        out.print(f"Nothing to do in what you may see; not seen: {', '.join(glance.unseen)}.")
        raise click.exceptions.Exit(NotAllowed.exit_code)
    out.print("Nothing to do.")


@operate.command(epilog="Example: python -m operate check personal-link")
@STACK
@click.option("--yes", is_flag=True, help="Do not ask before the secret is sent to a host that is not CustomerGauge's.")
@click.pass_obj
def check(account: Account, stack: str, yes: bool) -> None:  # noqa: FBT001 # click's way
    """Check the credentials of STACK and the connection to CustomerGauge.

    Reads the secret, fetches a token and discards it, and connects to the API without sending a request. It checks
    from this machine; the functions may use another network. The token server is that of the function's environment:
    if it is not CustomerGauge's, you are asked first.
    """
    found, out = account.stack(stack), screen()
    settings = settings_of(found)
    host = foreign_host(settings)
    if host and not yes:
        click.confirm(
            f"The token server {printable(host)} is not CustomerGauge's. Send it the client secret?", abort=True
        )
    marks = {True: "ok ", False: "BAD", None: "?  "}
    ends = set()
    for finding in findings(found, settings):
        out.print(f"{marks[finding.is_good]} {finding.step} {finding.said}")
        ends.add(finding.is_good)
    if False in ends:
        raise click.exceptions.Exit(1)
    if None in ends:
        raise click.exceptions.Exit(NotAllowed.exit_code)


@operate.command(epilog="Example: python -m operate send personal-link events/sqs_request.json")
@STACK
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", "seconds", type=Duration(), default="60s", show_default=True, help="How long to wait.")
@click.option("--unmask", is_flag=True, help="Show the link or CustomerGauge's message.")
@click.pass_obj
def send(account: Account, stack: str, file: Path, seconds: int, unmask: bool) -> None:  # noqa: FBT001 # click's way
    """Send the request in FILE to the requests queue of STACK, and wait for its outcome.

    It makes a real survey record. The outcome is read from the ledger; the result stays for your consumer. For a
    settled idempotency_key only the result is sent again.
    """
    found, out = account.stack(stack), screen()
    trial = TrialRequest(
        found.account.client("sqs"),
        found.output("RequestsQueueUrl"),
        ledger_of(found),
        found.parameters.get("DefaultConfiguration", ""),
    )
    body = _text_of(file)
    if trial.check(body).standing is Standing.SETTLED:
        out.print(
            "Its key is already settled: this is the first outcome. Use another idempotency_key for a new request."
        )
    request = trial.send(body)
    out.print(f"Sent. Its key is {request.key.digest[:12]}…, as a {request.key.scope}'s.")
    entry = trial.wait(request, seconds)
    _show(entry, found, unmask=unmask)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not text in UTF-8.") from None


def _show(entry: Entry, stack: Stack, *, unmask: bool) -> None:
    outcome, out = entry.outcome, screen()
    if outcome is None:
        raise click.ClickException(
            f"No outcome yet ({entry.standing}, attempts: {entry.attempts}); the stack goes on with it. "
            f"See: python -m operate health {stack.name}"
        )
    out.print(f"{outcome.status}: {outcome.code} (attempts: {outcome.attempts}, outcome id: {outcome.id})")
    if outcome.personal_link:
        out.print(printable(outcome.personal_link.survey_link) if unmask else "The link is masked: --unmask shows it.")
    if outcome.error:
        words = json.dumps(outcome.error, indent=2)  # in ASCII, which cannot move a cursor
        out.print(words if unmask else "CustomerGauge's message is masked: --unmask shows it.")
        raise click.exceptions.Exit(1)


operate.add_command(parked)
operate.add_command(bulk)
