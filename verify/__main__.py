"""The command: say what will be created, ask, deploy, run the checks, report, and delete everything."""

import json
import os
import re
import secrets
import shlex
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from installer.sam import run as run_sam
from operate import VERSION
from operate.stack import Account, aws_session
from operate.terminal.failures import WrongCall, explain
from operate.terminal.screen import screen, when
from personal_link.aws.aws_errors import aws_error_code
from sandbox import REPOSITORY
from sandbox.aws.emulator import running_emulator
from verify.account import PREFIX, VENDOR, Site
from verify.bridge import bridge_to
from verify.checks import CHECKS, GROUPS
from verify.report import Report, Result, Row
from verify.stage import Check, Stage, Wrong
from verify.standin import CLIENT_ID

PLAN: Final = """\
In account {number}, region {region}, this creates:
- {name}: a copy of the stack. It hears no event of yours, and calls a stand-in instead of CustomerGauge.
- {name}-vendor: that stand-in behind a public function URL, locked by a client secret made for this run; a probe,
  three roles, a topic.
- {name}-key: a KMS key, for the check of a customer's key.
- {name}: a bucket for their code.
All of it is deleted at the end, also after Ctrl-C. AWS deletes the key after seven days, in which it costs nothing.

All checks take about an hour and a half: some 25 updates of the stack, one parameter each, and two canary deployments.
They cost about $0.20 at list prices: some 80 custom metrics and 8 alarms for two hours ($0.07), some fifteen snapshots,
each paid for three hours ($0.06), a key and secrets for two hours ($0.01), and the requests, logs and traces.
You need an administrator's permissions, since it makes roles and assumes them.
"""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BOUNDARY: Final = r"(|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+)"
DETAIL_TYPE: Final = "Personal Link Verification"  # a detail-type that no other stack hears


@click.command()
@click.option("--only", default="", help="Groups or words of names, separated by commas: triggers,SnapStart.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--emulator", is_flag=True, help="On the emulator of this project instead of AWS.")
@click.option("--boundary", default="", metavar="ARN", help="Permissions boundary of every role that it creates.")
@click.option("--delete", "name", metavar="NAME", help="Only delete what an earlier run left.")
def verify(only: str, yes: bool, emulator: bool, boundary: str, name: str | None) -> None:  # noqa: FBT001 # click's way
    """Deploy a throw-away copy of the stack, check what only AWS can answer, and delete it.

    Credentials and region come from the usual AWS variables. Exit code 1: a check failed, or something is left.
    """
    interrupted = Event()

    def interrupt(*_signal: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    for number in SIGNALS:  # a background shell ignores SIGINT; nohup ignores SIGHUP, and is meant
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    with ExitStack() as opened:
        if emulator:
            running = opened.enter_context(running_emulator())
            environment = running.environment()
            os.environ.clear()
            os.environ.update(environment)
        try:
            if not _verified(only, name, boundary, interrupted, yes=yes):
                raise click.exceptions.Exit(1)
        except (ClientError, BotoCoreError) as failure:
            raise explain(failure) from None


def _verified(only: str, name: str | None, boundary: str, interrupted: Event, *, yes: bool) -> bool:
    """Run the command, and tell whether every check passed and nothing is left."""
    if not re.fullmatch(BOUNDARY, boundary):
        raise WrongCall(f"{boundary} is not the ARN of a policy")
    account = _account()
    site, chosen = Site(account, name or f"{PREFIX}{secrets.token_hex(4)}"), _chosen(only)
    if name and not re.fullmatch(f"{PREFIX}[0-9a-f]{{8}}", name):
        raise WrongCall(f"{name} is not of this command: its names are like {PREFIX}1a2b3c4d")
    number, region = account.client("sts").get_caller_identity()["Account"], account.session.region_name
    if name:
        if site.left(within=0):
            return not _deleted(site)
        _say(f"There is nothing of the name {name} in account {number}, region {region}.")
        return True
    screen().print(PLAN.format(number=number, region=region, name=site.name))
    if not yes:
        click.confirm("Go on?", abort=True)
    run_sam("build")
    began, rows, left = time.time(), list[Row](), ["unknown"]
    try:
        with _deployed(site, boundary) as stage:
            for one in chosen:
                row, why = _row(one, stage)
                rows.append(row)
                screen().print(f"{row.result:9}  {one.name}  {row.seen}", soft_wrap=True)
                if why:
                    screen().print(f"           {why}", soft_wrap=True)
                if interrupted.is_set():  # Python loses what a signal raises in a finalizer
                    raise KeyboardInterrupt
    finally:
        try:
            left = _deleted(site)
        finally:
            where = "the emulator" if site.is_emulated else "AWS"
            minutes = round((time.time() - began) / 60, 1)
            files = Report(VERSION, where, region, when(began), minutes, len(left), rows).write(Path())
        names = ", ".join(map(str, files))
        screen().print(f"For the maintainers, without names of your account: {names}", soft_wrap=True)
    return not left and all(row.result in {"ok", "needs AWS"} for row in rows)


def _account() -> Account:
    """Return the account that the environment leads to. Raises WrongCall if that is not clear."""
    if os.environ.get("AWS_PROFILE") and os.environ.get("AWS_ACCESS_KEY_ID"):
        raise WrongCall("AWS_PROFILE and AWS_ACCESS_KEY_ID are both set, and the key would win: unset one of them.")
    session = aws_session()
    if not session.region_name:
        raise WrongCall("no AWS region is set: AWS_REGION=eu-west-1 make verify-aws")
    return Account(session, os.environ.get("AWS_ENDPOINT_URL"))


def _chosen(only: str) -> list[Check]:
    """Return the checks of these groups, or with these words in their names; without any, all."""
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    if unknown := [word for word in words if not any(_is_meant(one, [word]) for one in CHECKS)]:
        raise WrongCall(f"no check has {unknown[0]!r} in its name; the groups are {', '.join(GROUPS)}")
    return [one for one in CHECKS if not words or _is_meant(one, words)]


def _is_meant(one: Check, words: Sequence[str]) -> bool:
    return any(word == one.group or word in one.name.lower() for word in words)


@contextmanager
def _deployed(site: Site, boundary: str) -> Iterator[Stage]:
    """Deploy the stand-in and the copy."""
    screen().print(f"Deploying {site.name} ...")
    url, secret = site.upload(), secrets.token_urlsafe(24)
    template = (REPOSITORY / "verify" / "standin.yaml").read_text()
    bounded = {"PermissionsBoundaryArn": boundary}
    given = {"Bucket": site.name, "Key": "standin.zip", "ClientSecret": secret}
    beside = site.create(VENDOR, given | bounded, TemplateBody=template)
    with ExitStack() as opened:
        base = f"https://{beside['Host']}"
        if site.is_emulated:  # its functions cannot resolve that name
            path = f"{site.account.endpoint_url}/_aws/lambda-url/{beside['Host'].partition('.')[0]}"
            base = opened.enter_context(bridge_to(path, os.environ["AWS_CA_BUNDLE"]))
        urls = {"AuthBaseUrl": base, "ImportsBaseUrl": base}
        # A new account runs ten functions at once.
        few = {"MaximumConcurrency": "2", "EventDetailType": DETAIL_TYPE}
        outputs = site.create("", urls | few | bounded, TemplateURL=url)
        credentials = json.dumps({"client_id": CLIENT_ID, "client_secret": secret})
        site.client("secretsmanager").put_secret_value(
            SecretId=outputs["CredentialsSecretArn"], SecretString=credentials
        )
        yield Stage(site, site.found(), url, beside, secret)


def _row(one: Check, stage: Stage) -> tuple[Row, str]:
    """Run a check. Return its row, and a reason for the terminal alone: it may hold names of the account."""
    began = time.monotonic()
    result: Result = "ok"
    seen = why = ""
    try:
        if one.needs_aws and stage.site.is_emulated:
            result = "needs AWS"
        else:
            seen = one.run(stage)
    except Wrong as wrong:
        result, seen, why = "failed", str(wrong), wrong.why
    except ClientError as failure:
        result, seen, why = "error", f"{failure.operation_name}: {aws_error_code(failure)}", str(failure)
    except Exception as failure:  # noqa: BLE001 # a check that breaks must not keep the others from running
        result, seen, why = "error", f"{type(failure).__name__} at {_place(failure)}", str(failure)
    return Row(one.name, one.group, result, seen, round(time.monotonic() - began, 1)), why


def _place(failure: Exception) -> str:
    """Return the last line of this package that an exception went through, such as checks/gateway.py:31."""
    here = Path(__file__).parent
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(failure.__traceback__)]
    return [f"{file.relative_to(here)}:{line}" for file, line in frames if file.is_relative_to(here)][-1]


def _deleted(site: Site) -> list[str]:
    """Delete everything, whatever the user presses, and return what is left."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    used = {"AWS_PROFILE": os.environ.get("AWS_PROFILE"), "AWS_REGION": site.account.session.region_name}
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in used.items() if value)
    again = f'{settings} make verify-aws ARGS="--delete {site.name}"'
    _say(f"Deleting {site.name}; Ctrl-C does nothing now. If this ends early: {again}")
    try:
        failed = site.delete()
        left = site.left(within=5 if site.is_emulated else 180)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if left:
        for one in failed:
            _say(f"Not deleted: {one}")
    _say(f"Left: {', '.join(left)}. Again: {again}" if left else "Nothing is left.")
    return left


def _say(text: str) -> None:
    """Print a line, unless nobody reads any more: Ctrl-C ends a `tee` too, and the deletion must go on."""
    with suppress(OSError, SystemExit):  # rich exits when a pipe is broken
        screen().print(text, soft_wrap=True)


if __name__ == "__main__":
    verify(prog_name="make verify-aws")
