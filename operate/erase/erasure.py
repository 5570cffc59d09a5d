"""Find what the stack holds of a person, erase it, and say what is left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from botocore.exceptions import ClientError

from operate.check.vendor import Finding
from operate.erase.person import is_about
from operate.find.search import Sought, key_of
from operate.health.checks import QUEUES, QueueState, queue_state
from operate.ledger_reader import Standing, ledger_of
from operate.parked.delete_command import Deletable, delete_shown, meaning
from operate.parked.queue import Sweep
from operate.stack import Stack
from operate.terminal.screen import Need
from personal_link.aws.aws_errors import aws_error_code

WITHOUT_ITEM: Final = {Standing.REFUSED, Standing.ANOTHERS_KEY, Standing.UNREADABLE}
BEGUN: Final = "an attempt has just begun"
ROWS: Final = "CSV files of `operate bulk` and of the bulk stack's bucket, and what was written from them"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the ledger. Only a settled one is erased: of any other an attempt may be in flight or to come."""

    key_digest: str
    standing: str
    erased: bool


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was found of a person, what was erased, and what is left. It holds no value of the person."""

    stack: str
    dry_run: bool
    is_key_found: bool  # also if no key was given
    items: list[Item]
    parked: list[Deletable]
    deleted: int  # of the parked requests
    vendor: list[Finding]  # empty without --vendor, and in a dry run
    hindrance: Need | None  # why nothing is erased now
    left: dict[str, str]


def find(
    stack: Stack, sought: Sought | None, persons: Sequence[str], *, asks_vendor: bool, despite_queue: bool
) -> Erasure:
    """Return what would be erased: by the key, and the parked requests of the persons with their items."""
    ledger = ledger_of(stack)
    # First, because reading the parked queue hides its messages.
    queues = {name: queue_state(stack, name) for name in QUEUES}
    digests = dict.fromkeys(sought.digests if sought else ())
    parked: list[Deletable] = []
    is_key_parked = False
    with Sweep.of(stack) as sweep:
        for message in sweep:
            digest, _reference = key_of(message, stack.map_event)
            is_by_key = sought is not None and sought.is_key(digest)
            if is_by_key or is_about(message.body, persons):
                of_body = ledger.entry_of(message.record)
                parked.append(Deletable(message.id, message.code, meaning(of_body)))
                is_key_parked |= is_by_key
                if digest and of_body.standing not in WITHOUT_ITEM:
                    digests[digest] = None
    found = {digest: entry for digest in digests if (entry := ledger.entry_at(digest, expired=True))}
    items = [Item(digest, str(entry.standing), erased=False) for digest, entry in found.items()]
    is_guarded = not despite_queue and any(
        entry.standing is Standing.SETTLED and entry.source != "http" for entry in found.values()
    )
    return Erasure(
        stack=stack.name,
        dry_run=True,
        is_key_found=sought is None or is_key_parked or any(sought.is_key(digest) for digest in found),
        items=items,
        parked=parked,
        deleted=0,
        vendor=[],
        hindrance=_hindrance(_under_way(queues["requests"])) if is_guarded else None,
        left=_left(stack, queues, asks_vendor=asks_vendor),
    )


def erase(stack: Stack, found: Erasure) -> Iterator[Erasure]:
    """Erase what was found, and no more; yield the report after each step, so that a failure does not hide the others.

    The parked requests come last: by them a second run finds the items again.
    """
    items = list(found.items)
    for place, item in enumerate(items):
        if is_settled(item):
            is_gone = _delete_item(stack, item)
            items[place] = replace(item, erased=is_gone, standing=item.standing if is_gone else BEGUN)
            yield replace(found, dry_run=False, items=list(items))
    report = replace(found, dry_run=False, items=items)
    if found.parked:
        for deleted, _id in enumerate(delete_shown(stack, {one.id for one in found.parked}), 1):
            yield (report := replace(report, deleted=deleted))
    yield report


def is_settled(item: Item) -> bool:
    """Tell whether an item may be erased."""
    return item.standing == Standing.SETTLED


def _delete_item(stack: Stack, item: Item) -> bool:
    """Delete an item, unless an attempt has begun meanwhile."""
    try:
        stack.account.client("dynamodb").delete_item(
            TableName=stack.resource("LedgerTable"),
            Key={"pk": {"S": item.key_digest}},
            ConditionExpression="attribute_not_exists(pk) OR #state = :settled",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":settled": {"S": "settled"}},
        )
    except ClientError as failure:
        if aws_error_code(failure) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _under_way(requests: QueueState) -> int:
    return requests.waiting + requests.in_flight + requests.delayed


def _hindrance(under_way: int) -> Need | None:
    """Return why no settled item may be erased: its message may still be queued, and would not be replayed then."""
    if not under_way:
        return None
    return Need(
        f"{under_way} on the requests queue: one of a forgotten link would make a second survey record",
        "nothing is erased: run this again when the queue is empty, or add --despite-queue",
    )


def _left(stack: Stack, queues: Mapping[str, QueueState], *, asks_vendor: bool) -> dict[str, str]:
    """Return what this command cannot erase, by place."""
    requests, parked, results = (queues[name] for name in QUEUES)
    echoes = stack.parameters.get("EchoRecord", "true") == "true"
    in_vendor = "its Request History, 90 days"
    return {
        "Requests queue": f"{_under_way(requests)} under way, not read: run this again when they are done",
        "Parked queue": f"{parked.in_flight} hidden by another reader, not read: run this again in a minute",
        "Results queue": f"{results.waiting} unread with links{' and records' if echoes else ''}, 4 days at most",
        "Consumer": "what it has stored or passed on",
        "Ledger": "links of other keys: an item is found by its key alone, for LedgerDays",
        "Files of rows": ROWS,
        "Backups": "the stack makes none, and the table has no point-in-time recovery; look for your own",
        "Logs": "SHA-256 of keys and references, until LogRetentionDays end",
        "CustomerGauge": in_vendor if asks_vendor else f"its records, without --vendor; {in_vendor}",
    }
