"""The command: say what will be created, ask, deploy, run the checks, report, and delete everything."""

import json
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from installer.sam import run as run_sam
from operate import VERSION
from operate.stack import Account
from operate.terminal.failures import WrongCall, explain
from operate.terminal.screen import screen, table, when
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.emulator import running_emulator
from verify.account import PREFIX, VENDOR, Site
from verify.bridge import bridge_to
from verify.check import Check
from verify.checks import CHECKS, GROUPS
from verify.report import Report, Result, Row
from verify.stage import Stage, Wrong
from verify.standin.standin import CLIENT_ID

PLAN: Final = """\
In account {number}, region {region}, this creates:
- {name}: a copy of the stack. It hears no event of yours, and calls a stand-in instead of CustomerGauge.
- {name}-vendor: that stand-in behind a public function URL, locked by a client secret made for this run; a probe, two
  roles, a topic.
- {name}-key: a KMS key, for the check of a customer's key.
- {name}: a bucket for their code.
All of it is deleted at the end, also after Ctrl-C. AWS deletes the key after seven days, in which it costs nothing.

All checks take about an hour and a half: some 25 updates of the stack, one parameter each, and two canary deployments.
They cost about $0.20 at list prices: some 80 custom metrics and 8 alarms for two hours ($0.07), some fifteen snapshots,
each paid for three hours ($0.06), a key and secrets for two hours ($0.01), and the requests, logs and traces.
You need an administrator's permissions, since it makes roles and assumes them.
"""
DETAIL_TYPE: Final = "Personal Link Verification"  # a detail-type that no other stack hears


@click.command()
@click.option("--only", default="", help="Groups or words of names, separated by commas: triggers,SnapStart.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--emulator", is_flag=True, help="On the emulator of this project instead of AWS.")
@click.option("--delete", "name", metavar="NAME", help="Only delete what an earlier run left.")
def verify(only: str, yes: bool, emulator: bool, name: str | None) -> None:  # noqa: FBT001 # click's way
    """Deploy a throw-away copy of the stack, check what only AWS can answer, and delete it.

    Credentials and region come from the usual AWS variables. Exit code 1: a check failed, or something is left.
    """
    interrupted = Event()

    def interrupt(*_signal: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):  # a background shell ignores SIGINT
        signal.signal(number, interrupt)
    with ExitStack() as opened:
        if emulator:
            running = opened.enter_context(running_emulator())
            environment = running.environment()
            os.environ.clear()
            os.environ.update(environment)
        try:
            if not _verified(only, name, interrupted, yes=yes):
                raise click.exceptions.Exit(1)
        except (ClientError, BotoCoreError) as failure:
            raise explain(failure) from None


def _verified(only: str, name: str | None, interrupted: Event, *, yes: bool) -> bool:
    """Run the command, and tell whether every check passed and nothing is left."""
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # boto3 reads AWS_DEFAULT_REGION alone
    if not session.region_name:
        raise WrongCall("no AWS region is set: AWS_REGION=eu-west-1 make verify-aws")
    account = Account(session, os.environ.get("AWS_ENDPOINT_URL"))
    site, chosen = Site(account, name or f"{PREFIX}{secrets.token_hex(4)}"), _chosen(only)
    if name:
        if not re.fullmatch(f"{PREFIX}[0-9a-f]{{8}}", name):
            raise WrongCall(f"{name} is not of this command: its names are like {PREFIX}1a2b3c4d")
        return not _deleted(site)
    number, region = account.client("sts").get_caller_identity()["Account"], session.region_name
    screen().print(PLAN.format(number=number, region=region, name=site.name))
    if not yes:
        click.confirm("Go on?", abort=True)
    run_sam("build")
    began, rows, left = time.time(), list[Row](), ["unknown"]
    try:
        with _deployed(site) as stage:
            for one in chosen:
                rows.append(_row(one, stage))
                screen().print(f"{rows[-1].result:9}  {one.name}  {rows[-1].seen}", soft_wrap=True)
                if interrupted.is_set():  # Python loses what a signal raises in a finalizer
                    raise KeyboardInterrupt
    finally:
        left = _deleted(site)
        where = "the emulator" if site.is_emulated else "AWS"
        report = Report(VERSION, where, region, when(began), round((time.time() - began) / 60, 1), len(left), rows)
        _show(rows, report.write(Path()))
    return not left and all(row.result in {"ok", "needs AWS"} for row in rows)


def _chosen(only: str) -> list[Check]:
    """Return the checks of these groups, or with these words in their names; without any, all."""
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    if unknown := [word for word in words if not any(_is_meant(one, [word]) for one in CHECKS)]:
        raise WrongCall(f"no check has {unknown[0]!r} in its name; the groups are {', '.join(GROUPS)}")
    return [one for one in CHECKS if not words or _is_meant(one, words)]


def _is_meant(one: Check, words: Sequence[str]) -> bool:
    return any(word == one.group or word in one.name.lower() for word in words)


@contextmanager
def _deployed(site: Site) -> Iterator[Stage]:
    """Deploy the stand-in and the copy."""
    screen().print(f"Deploying {site.name} ...")
    url, secret = site.upload(), secrets.token_urlsafe(24)
    template = (REPOSITORY / "verify" / "standin" / "template.yaml").read_text()
    given = {"Bucket": site.name, "Key": "standin.zip", "ClientSecret": secret}
    beside = site.create(VENDOR, given, TemplateBody=template)
    with ExitStack() as opened:
        base = f"https://{beside['Host']}"
        if site.is_emulated:  # its functions cannot resolve that name
            path = f"{site.account.endpoint_url}/_aws/lambda-url/{beside['Host'].partition('.')[0]}"
            base = opened.enter_context(bridge_to(path, os.environ["AWS_CA_BUNDLE"]))
        urls = {"AuthBaseUrl": base, "ImportsBaseUrl": base}
        # A new account runs ten functions at once.
        few = {"MaximumConcurrency": "2", "EventDetailType": DETAIL_TYPE}
        outputs = site.create("", urls | few, TemplateURL=url)
        credentials = json.dumps({"client_id": CLIENT_ID, "client_secret": secret})
        site.client("secretsmanager").put_secret_value(
            SecretId=outputs["CredentialsSecretArn"], SecretString=credentials
        )
        yield Stage(site, site.found(), url, beside, secret)


def _row(one: Check, stage: Stage) -> Row:
    """Run a check."""
    began = time.monotonic()
    result: Result = "ok"
    seen = ""
    try:
        if one.needs_aws and stage.site.is_emulated:
            result = "needs AWS"
        else:
            seen = one.run(stage)
    except Wrong as wrong:
        result, seen = "failed", str(wrong)
    except ClientError as failure:
        result, seen = "error", f"{failure.operation_name}: {aws_error_code(failure)}"
    except Exception as failure:  # noqa: BLE001 # a check that breaks must not keep the others from running
        result, seen = "error", type(failure).__name__
    return Row(one.name, one.group, one.answers, result, seen, round(time.monotonic() - began, 1))


def _deleted(site: Site) -> list[str]:
    """Delete everything, whatever the user presses, and return what is left."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    again = f'make verify-aws ARGS="--delete {site.name}"'
    screen().print(f"Deleting {site.name}; Ctrl-C does nothing now. If this ends early: {again}")
    try:
        site.delete()
        left = site.left(within=5 if site.is_emulated else 180)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    screen().print(f"Left: {', '.join(left)}. Again: {again}" if left else "Nothing is left.", soft_wrap=True)
    return left


def _show(rows: Sequence[Row], files: Sequence[Path]) -> None:
    lines = table("check", "result", "seen", ">s")
    for row in rows:
        lines.add_row(row.check, row.result, row.seen, f"{row.seconds:.0f}")
    screen().print(lines)
    screen().print(f"For the maintainers, without names of your account: {', '.join(map(str, files))}", soft_wrap=True)


if __name__ == "__main__":
    verify(prog_name="make verify-aws")
