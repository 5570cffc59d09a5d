"""What every bulk command is given: a stack, a file, and how its rows become requests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import Any, Final

import click

from operate.bulk.job import BulkFile, Look
from operate.stack import Account, Stack, load_mappings
from operate.terminal.options import NO_REFERENCE
from personal_link.aws.ledger_lookup import LedgerLookup
from personal_link.aws.queues import RequestsQueue
from personal_link.bulk.job import Job
from personal_link.bulk.sheet import NotUtf8, UnreadableFile
from personal_link.domain.clock import SystemClock
from personal_link.domain.request import is_label
from personal_link.settings import Reader
from personal_link.triggers.deliveries import MapEvent, no_mapping

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
OPTIONS: Final = (
    click.argument("stack"),
    click.argument("file", type=FILE),
    click.option("--job", "name", required=True, help="Name of the job. Under one name a row is one request."),
    click.option("--configuration", help="Inbound mapping of all rows; default: that of the stack."),
    click.option("--detail-type", help="Each row is the detail of such an event: its entry of the mappings applies."),
    click.option("--mappings", type=FILE, help="The stack's event_mappings.toml; default: that of this checkout."),
    click.option("--encoding", type=click.Choice(["utf-8", "cp1252"]), default="utf-8", help="Encoding of FILE."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts."),
)


@dataclass(frozen=True)
class Run:
    """One run of a bulk command."""

    stack: Stack
    file: BulkFile
    as_json: bool

    def ledger(self) -> LedgerLookup:
        """Return the ledger of the stack."""
        return LedgerLookup(self.stack.account.client("dynamodb"), self.stack.resource("LedgerTable"), SystemClock())

    def queue(self) -> RequestsQueue:
        """Return the requests queue of the stack."""
        sqs = self.stack.account.client("sqs")
        return RequestsQueue(sqs, self.stack.output("RequestsQueueUrl"), self.stack.output("ParkedQueueUrl"))

    def look(self) -> Look:
        """Return a look at the rows."""
        queue = self.queue()
        return Look(self.ledger(), queue.sqs, queue.parked_url)

    def say(self, content: dict[str, object], *lines: str) -> None:
        """Print the JSON object if it is asked for, otherwise the lines."""
        for line in [json.dumps(content)] if self.as_json else lines:
            click.echo(line)


def bulk_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments and options of a job, and itself a Run."""

    def with_run(account: Account, **given: Any) -> None:
        stack, file = account.stack(given.pop("stack")), given.pop("file")
        encoding, as_json = given.pop("encoding"), given.pop("as_json")
        named = {name: given.pop(name) for name in ("name", "configuration", "detail_type", "mappings")}
        try:
            command(Run(stack, BulkFile(file, encoding, _job(stack, **named)), as_json), **given)
        except UnreadableFile as problem:
            hint = " (--encoding cp1252)" if isinstance(problem, NotUtf8) else ""
            raise click.ClickException(f"{file.name}: {problem}{hint}") from None

    wrapped: Callable[..., None] = click.pass_obj(update_wrapper(with_run, command))
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _job(stack: Stack, *, name: str, configuration: str | None, detail_type: str | None, mappings: Path | None) -> Job:
    if configuration is not None and not is_label(configuration):
        raise click.UsageError(NO_REFERENCE)
    parameters = stack.parameters
    try:
        return Job(
            name,
            configuration,
            detail_type,
            _map_event(stack, detail_type, mappings) if detail_type is not None else no_mapping,
            has_default_configuration=bool(parameters.get("DefaultConfiguration")),
            known_headings=Reader(parameters).names("KnownHeadings"),
        )
    except ValueError as problem:
        raise click.UsageError(f"{problem}.") from None


def _map_event(stack: Stack, detail_type: str, mappings: Path | None) -> MapEvent:
    """Return the mappings, which have to be those of the stack, with an entry for the detail-type."""
    known = load_mappings(mappings) if mappings else stack.mappings
    types = sorted({entry.detail_type for entry in known.entries.values()})
    if detail_type not in types:
        raise click.UsageError(f"The mappings have no entry for this detail-type. Entries: {', '.join(types)}.")
    return known.apply
