"""The command `check`."""

from collections.abc import Sequence
from dataclasses import dataclass

import click
from rich.console import Console
from rich.text import Text

from operate.check.vendor import Finding, Receiver, Vendor, confirm, settings_of
from operate.stack import Account
from operate.terminal.failures import NEEDS_YOU, NOT_REACHABLE, WrongCall
from operate.terminal.options import JSON, NO_REFERENCE, STACK, ExampleCommand
from operate.terminal.screen import (
    INDENT,
    count_of_needs,
    print_indented,
    print_json,
    print_line,
    print_verdict,
    screen,
)
from personal_link.domain.request import is_label

_MARKS = {"ok": ("ok", "green"), "bad": ("bad", "red"), "not allowed": ("?", "yellow"), "not known": ("?", "yellow")}


@dataclass(frozen=True, slots=True)
class Check:
    """The findings of a check, in order; a step that needs a failed one is left out."""

    stack: str
    findings: list[Finding]

    @property
    def bad(self) -> int:
        """The number of steps that need a person."""
        return sum(one.state == "bad" for one in self.findings)


@click.command(cls=ExampleCommand, epilog="check personal-link --configuration contact")
@STACK
@click.option("--configuration", metavar="C", help="Also check this inbound mapping; no survey record is made.")
@click.option("--yes", is_flag=True, help="Do not ask before secret or token go to a host that is not CustomerGauge's.")
@JSON
@click.pass_obj
def check(account: Account, stack: str, configuration: str | None, yes: bool, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """Check the credentials of STACK, and the way to CustomerGauge.

    Reads the secret, fetches a token and discards it, and connects to the API without sending a request. It checks
    from this machine; the functions may use another network. The hosts are those of the function's environment: you are
    asked before the secret or a token goes to one that is not CustomerGauge's. With --configuration, sends a request
    without a contact, which CustomerGauge refuses: the refusal tells whether the inbound mapping exists, has a right
    type, and what it requires.
    """
    if configuration is not None and not is_label(configuration):
        raise WrongCall(NO_REFERENCE)
    found = account.stack(stack)
    settings = settings_of(found)
    receivers = [Receiver("token server", settings.auth_base_url, "the client secret")]
    if configuration is not None:
        receivers.append(Receiver("API", settings.imports_base_url, "an access token"))
    if not yes:
        confirm(receivers, option="--yes", as_json=as_json)
    report = Check(found.name, list(Vendor.of(found, settings).findings(configuration)))
    if as_json:
        print_json(report)
    else:
        print_check(report, screen())
    if any(one.state != "ok" for one in report.findings):
        raise click.exceptions.Exit(NEEDS_YOU if report.bad else NOT_REACHABLE)


def print_check(report: Check, out: Console) -> None:
    """Print the verdict, then each step."""
    states = {one.state for one in report.findings}
    if report.bad:
        print_verdict(out, count_of_needs(report.bad), "red", report.stack)
    else:
        print_verdict(out, *(("OK", "green") if states == {"ok"} else ("Not all seen", "yellow")), report.stack)
    print_findings(report.findings, out)


def print_findings(findings: Sequence[Finding], out: Console) -> None:
    """Print each step, and what to do about it."""
    for one in findings:
        mark, colour = _MARKS[one.state]
        out.print(Text(f"{mark:<5}", style=colour).append(f"{one.step}: {one.said}", style="default"))
        for line in one.do.splitlines():
            if line.startswith("aws "):
                print_line(out, f"{INDENT}{line}")
            else:
                print_indented(out, line)
