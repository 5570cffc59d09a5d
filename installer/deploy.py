"""`make deploy`: say what will be deployed, refuse what AWS would refuse, ask, build and deploy."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from benchmarks import cost
from installer.account import Account, refusal
from installer.parameters import assignments, problems, target
from installer.sam import run
from operate.stack import aws_session
from operate.terminal.failures import WrongCall
from operate.terminal.screen import ask, screen, table
from sandbox.template import source_template


@click.command(epilog='Example: make deploy ARGS="DefaultConfiguration=contact"')
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--config-env", default="default", show_default=True, help="Environment of samconfig.toml.")
@click.option("--stack", help="Another stack name.")
@click.option("--region", help="AWS region; default: that of your AWS configuration.")
@click.option("--profile", help="Profile of your AWS configuration.")
@click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the stack and of all in it; repeatable."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def deploy(  # noqa: PLR0913, PLR0917 # click's way: an argument each
    parameters: tuple[str, ...],
    config_env: str,
    stack: str | None,
    region: str | None,
    profile: str | None,
    tags: tuple[str, ...],
    yes: bool,  # noqa: FBT001 # click's way
) -> None:
    """Show what will be deployed and what it costs, ask, build and deploy.

    Parameters that you do not name keep their value; in a first deployment they get that of samconfig.toml, or the
    template's default.
    """
    configured = target(config_env)
    name = configured.stack if stack is None else stack
    refuse(name, region, profile, tags)
    declared = source_template()["Parameters"]
    given = {**configured.parameters, **assignments(parameters)}
    if lost := sorted(declared.keys() & os.environ.keys()):
        raise click.ClickException(f'make does not pass on {lost[0]}: write ARGS="{lost[0]}=..."')
    if found := problems(given, declared):
        raise click.ClickException("\n       ".join(found))
    account = Account(aws_session(profile, region))
    number, before = account.number(), account.stack(name)
    where = "".join(f" --{name} {value}" for name, value in (("profile", profile), ("region", region)) if value)
    if refused := refusal(name, before, where):
        raise click.ClickException(refused)
    defaults = {key: str(one["Default"]) for key, one in declared.items()}
    after = {**defaults, **(before.parameters if before else {}), **given}
    screen().print(f"{'Update' if before else 'Create'} stack {name}, account {number}, region {account.region}.")
    show({key: value for key, value in after.items() if key in given or value != defaults.get(key)}, declared)
    findings = list(account.findings(after, before.parameters if before else {}))
    for one in findings:
        screen().print(f"! {one.text}")
    if any(one.refused for one in findings):
        raise click.ClickException("AWS would refuse this deployment: see the lines with a !.")
    if not yes:
        ask("Deploy?", "--yes")
    run("build")
    options = ["--config-env", config_env, "--stack-name", name, "--no-confirm-changeset"]
    for option, values in (
        ("--region", [account.region] if account.region else []),
        ("--profile", [profile] if profile else []),
        ("--parameter-overrides", [f'{key}="{value}"' for key, value in given.items()]),  # SAM cuts at a bare blank
        ("--tags", tags),
    ):
        options += [option, *values] if values else []
    run("deploy", *options)
    steps = "".join(f"\n{number}. {step}" for number, step in enumerate(next_steps(name, after, where), 1))
    screen().print(f"\nDeployed. Next:{steps}")


def refuse(stack: str, region: str | None, profile: str | None, tags: Iterable[str]) -> None:
    """Raise WrongCall for an empty option, such as an unset variable, and for a name or tag that AWS refuses."""
    for option, value in (("stack", stack), ("region", region), ("profile", profile)):
        if value == "":
            raise WrongCall(f"--{option} is empty.")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,127}", stack):
        raise WrongCall(
            f"The stack's name is {stack!r}: it must be a letter, then letters, digits and hyphens, at most 128."
        )
    for tag in tags:
        if not re.fullmatch("(?!(?i:aws:))[^=]+=.*", tag):
            raise WrongCall(f"--tag is {tag!r}: write KEY=VALUE; a key must not begin with aws:.")


def show(chosen: Mapping[str, str], declared: Mapping[str, Any]) -> None:
    """Print the parameters that are not the defaults, the price and the permissions."""
    out = screen()
    rows = table("parameter", "value", "meaning")
    for key, value in chosen.items():
        rows.add_row(key, value or "(empty)", declared.get(key, {}).get("Description", "removed by this version"))
    if chosen:
        out.print(rows)
    out.print(f"Every other parameter has its default (docs/parameters.md).\n{cost.in_words()}: docs/benchmarks.")
    out.print("Permissions that you need: docs/policies/pipeline.json and docs/policies/pipeline-cloudformation.json.")
    out.print("The first SAM deployment in an account and region needs an administrator: it creates SAM's bucket.")


def next_steps(stack: str, parameters: Mapping[str, str], where: str) -> Iterator[str]:
    """Yield what is left to do after a deployment."""
    if not parameters["CredentialsSecretArn"]:
        yield "Put the client_id and client_secret of your Connected App into the secret (README, Deploy)."
    if parameters["AlarmEmail"]:
        yield f"Confirm AWS's mail to {parameters['AlarmEmail']} within 48 hours."
    else:
        yield "Deploy again with AlarmEmail=..., else alarms tell nobody."
    yield f'Check the connection: make operate ARGS="{" ".join([*where.split(), "check", stack])}"'
