"""The commands for parked requests: list, show, redrive."""

import math
import time
from collections import Counter

import click

from operate.duration import Duration, in_words
from operate.ledger_reader import ledger_of
from operate.masking import body_text, id_text, printable
from operate.parked import ParkedMessage, Sweep
from operate.redrive import BECOMES, Pace, Redrive
from operate.screen import progress, screen, table
from operate.stack import Account, Stack
from personal_link.aws.queues import ResultsQueue
from personal_link.domain.clock import timestamp
from personal_link.domain.errors import CODES

STACK = click.argument("stack")
CODE = click.option(
    "--code", type=click.Choice([*CODES, "-"]), metavar="CODE", help="Only requests parked with this code."
)


@click.group(epilog="Example: python -m operate parked list personal-link")
def parked() -> None:
    """List, show and redrive parked requests."""


@parked.command(
    "list", epilog="Example: python -m operate parked list personal-link --code unavailable --older-than 2h"
)
@STACK
@CODE
@click.option("--older-than", type=Duration(), help="Only requests parked for at least: 30m, 2h, 7d.")
@click.pass_obj
def list_parked(account: Account, stack: str, code: str | None, older_than: int | None) -> None:
    """List the parked requests of STACK by code, the oldest first.

    Nothing is removed. Reading hides the messages from other readers, for a minute at most. The code is - if SQS or
    EventBridge parked the request.
    """
    found, out, now = account.stack(stack), screen(), time.time()
    with _sweep(found) as sweep:
        messages = [one for one in sweep if _is_meant(one, code, now - older_than if older_than else None)]
    rows = table("code", ">age", "message id", ">attempts", "parked at")
    for one in sorted(messages, key=lambda one: (one.code, one.parked_at)):
        rows.add_row(one.code, in_words(now - one.parked_at), one.id, one.attempts, timestamp(one.parked_at))
    if messages:
        out.print(rows)
    counts = Counter(one.code for one in messages)
    by_code = ", ".join(f"{count} {code}" for code, count in counts.most_common())
    out.print(f"{len(messages)} parked{f': {by_code}' if by_code else '.'}")


@parked.command(epilog="Example: python -m operate parked show personal-link 0f0c4a0e-5b3c-4f2e-9f0e-2d8f5a1c7b11")
@STACK
@click.argument("message_id")
@click.option("--unmask", is_flag=True, help="Show the body with personal data.")
@click.pass_obj
def show(account: Account, stack: str, message_id: str, unmask: bool) -> None:  # noqa: FBT001 # click's way
    """Show one parked request of STACK: its error, its state in the ledger, and its body.

    `parked list` shows each MESSAGE_ID. The values of the body are masked without --unmask.
    """
    found, out = account.stack(stack), screen()
    with _sweep(found) as sweep:
        message = next((one for one in sweep if one.id == message_id), None)
    if message is None:
        raise click.ClickException(
            f"This message is not parked: python -m operate parked list {stack} shows those there are."
        )
    entry = ledger_of(found).entry_of(message.record)
    facts = {
        "message id": message.id,
        "original id": id_text(message.original_id, unmask=unmask),
        "code": message.code,
        "detail": printable(message.detail),
        "attempts": message.attempts,
        "parked at": timestamp(message.parked_at),
        "ledger": f"{entry.standing} (attempts: {entry.attempts})",
        "redriven": BECOMES[entry.standing],
    }
    for name, fact in facts.items():
        out.print(f"{name:<12}{fact}")
    out.print(body_text(message.body, unmask=unmask))


@parked.command(epilog="Example: python -m operate parked redrive personal-link --code credentials_refused --rate 5")
@STACK
@CODE
@click.option("--rate", type=click.IntRange(1, 100), default=10, show_default=True, help="Most requests per second.")
@click.option("--dry-run", is_flag=True, help="Show a preview and change nothing.")
@click.option("--old", is_flag=True, help="Also requests older than the ledger remembers: may survey twice.")
@click.pass_obj
def redrive(account: Account, stack: str, code: str | None, rate: int, dry_run: bool, old: bool) -> None:  # noqa: FBT001, PLR0913, PLR0917 # click's way
    """Redrive the parked requests of STACK, all or those with one code.

    Fix the cause first. The ledger decides about each request. If it is settled, its result is sent again, without a
    call to CustomerGauge. It stays parked if it is unreadable, in flight, or so old that the ledger may have forgotten
    an attempt. Every other one goes to the requests queue with its key.
    You can interrupt the command at any time and start it again; nothing is lost.
    """
    found = account.stack(stack)
    sqs = found.account.client("sqs")
    echo = found.parameters.get("EchoRecord", "true") == "true"
    results = ResultsQueue(sqs, found.output("ResultsQueueUrl"), echo)
    requests_url, remembered = found.output("RequestsQueueUrl"), math.inf if old else _remembered(found)
    back = Redrive(sqs, requests_url, results, ledger_of(found), Pace(rate), remembered, account.refused)
    became: Counter[str] = Counter()
    try:
        with progress() as bar, _sweep(found) as sweep:
            task = bar.add_task("redriving" if not dry_run else "looking", total=_depth(found))
            for message in sweep:
                if _is_meant(message, code, None):
                    entry = back.entry(message)
                    if not dry_run:
                        back.bring_back(message, entry, sweep)
                    became[BECOMES[entry.standing]] += 1
                bar.advance(task)
    finally:  # also after an interruption
        _report(became, dry_run=dry_run)


def _report(became: Counter[str], *, dry_run: bool) -> None:
    out = screen()
    rows = table(">requests", "become" if dry_run else "became")
    for what, count in became.most_common():
        rows.add_row(str(count), what)
    if became:
        out.print(rows)
    out.print(f"{became.total()} looked at{', nothing was changed' if dry_run else ''}.")


def _is_meant(message: ParkedMessage, code: str | None, before: float | None) -> bool:
    return (code is None or message.code == code) and (before is None or message.parked_at <= before)


def _sweep(stack: Stack) -> Sweep:
    return Sweep(stack.account.client("sqs"), stack.output("ParkedQueueUrl"))


def _remembered(stack: Stack) -> float:
    """Return the age in seconds from which a request may outlive its ledger item while it is retried."""
    parameters = stack.parameters
    return int(parameters.get("LedgerDays", 21)) * 86_400 - int(parameters.get("RetryWindowHours", 24)) * 3600


def _depth(stack: Stack) -> int:
    """Return the approximate number of parked messages."""
    name = "ApproximateNumberOfMessages"
    answer = stack.account.client("sqs").get_queue_attributes(
        QueueUrl=stack.output("ParkedQueueUrl"), AttributeNames=[name]
    )
    return int(answer["Attributes"][name])
