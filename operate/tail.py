"""The command `tail`."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from operate import logs
from operate.stack import Account, Stack
from operate.terminal.duration import Duration
from operate.terminal.options import JSON, STACK, ExampleCommand
from operate.terminal.screen import SHORT, now, screen, when
from personal_link.domain.errors import CODES

EVERY: Final = 2.0  # seconds
LATE: Final = 30  # seconds; so much later may CloudWatch show a line
_WIDEST: Final = max(map(len, CODES))
_COLOURS: Final = {"created": "green", "rejected": "red", "unknown": "red", logs.PARKED: "red", logs.RETRY: "yellow"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `tail`."""

    at: str
    what: str  # created, rejected, unknown, retry scheduled, parked, no outcome
    code: str | None
    source: str
    detail: str | None
    wait_seconds: int | None
    key_digest: str | None
    outcome_id: str | None


@click.command(cls=ExampleCommand, epilog="tail personal-link --since 10m")
@STACK
@click.option("--since", type=Duration(), default="1m", show_default=True, help="How far back to begin.")
@click.option("--no-follow", is_flag=True, help="End with the newest line.")
@JSON
@click.pass_obj
def tail(account: Account, stack: str, since: int, no_follow: bool, as_json: bool) -> None:  # noqa: FBT001 # click's way
    """Follow what becomes of requests, one line each, until Ctrl-C.

    Shows outcomes, retries, parked requests, and calls without an outcome. The lines are those of the logs: without
    personal data, and a few seconds late.
    """
    located, out = account.stack(stack), screen()
    if logs.level(located) in {"WARNING", "ERROR"}:
        click.echo(f"LogLevel is {logs.level(located)}: outcomes are not logged.", err=True)
    try:
        for line in follow(located, now() - since, once=no_follow):
            if as_json:
                click.echo(json.dumps(asdict(line)))
            else:
                print_event(line, out)
    except KeyboardInterrupt:
        return


def follow(stack: Stack, since: float, *, once: bool) -> Iterator[Line]:
    """Yield each line once, in the order of the time, as far as they came together."""
    seen: dict[str, float] = {}
    while True:
        found = [line for line in logs.lines(stack, {"message": list(logs.ENDS)}, since) if line.id not in seen]
        for line in sorted(found, key=lambda line: line.at):
            seen[line.id] = line.at
            yield _line(line)
        if once:
            return
        since = max(since, now() - LATE)
        seen = {one: at for one, at in seen.items() if at >= since}
        time.sleep(EVERY)


def print_event(line: Line, out: Console) -> None:
    """Print one line; what does not fit is cut off, because the next line matters more."""
    again = f"in {line.wait_seconds} s" if line.wait_seconds is not None else ""
    code = line.code if line.code and line.code != line.what else ""
    what = f"  {SHORT.get(line.what, line.what):<10}"
    text = Text(line.at.removesuffix(" UTC")).append(what, style=_COLOURS.get(line.what, "red"))
    rest = f"  {code:<{_WIDEST}}  {again:>8}  {(line.key_digest or '')[:8]:<8}  {line.source}"
    text.append(rest, style="default")
    out.print(text, no_wrap=True, overflow="ellipsis")


def _line(line: logs.LogLine) -> Line:
    is_outcome = line.message == logs.OUTCOME
    return Line(
        at=when(line.at),
        what=line.text("status") if is_outcome else line.message,
        code=line.text("code") or None,
        source=line.text("source_type") or line.function,
        detail=line.text("detail") or None,
        wait_seconds=line.number("wait") if line.message == logs.RETRY else None,
        key_digest=line.text("key_digest") or None,
        outcome_id=line.text("outcome_id") or None,
    )
