"""`make mapping`: check the event mappings, and show the request that they make of an event.

The event's file holds a whole event or entries for `aws events put-events`, like the files in `events/`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.utils import parse_timestamp

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, SandboxError
from sandbox.environment import run, say

sys.path.insert(0, str(REPOSITORY / "layers" / "personal_link"))

from personal_link.domain import strict_json
from personal_link.domain.errors import RequestError, SettingsError, Unreadable
from personal_link.domain.request import check
from personal_link.triggers import deliveries, event_mappings


def mapping() -> None:
    """Print the mappings, or the request that they make of the given event."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mapping", description=__doc__)
    parser.add_argument("event", nargs="?", type=Path, help="a file with an event")
    file = parser.parse_args().event
    try:
        mappings = event_mappings.load()
    except SettingsError as error:
        raise SandboxError(str(error)) from None
    if file is None:
        lines = [f"{name}: {len(entry.expressions)} expressions" for name, entry in mappings.entries.items()]
        say("\n".join(lines) or f"{event_mappings.FILE.name} has no entry")
        return
    try:
        content = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SandboxError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SandboxError(f"{file} is not UTF-8: see line {error.object[: error.start].count(10) + 1}") from None
    events = list(events_in(content, str(file)))  # report a wrong entry before the first output
    if not events:
        raise SandboxError(f"{file} holds no event")
    for event in events:
        say(json.dumps(request_of(event, mappings), indent=2, ensure_ascii=False))


def events_in(text: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the events in a text: an event, or entries for put-events. Raises SandboxError that begins with `name`."""
    try:
        content = strict_json.parse(text)
    except ValueError as error:
        raise SandboxError(f"{name} cannot be read as JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("Entries"), list):  # the form for --cli-input-json
        content = content["Entries"]
    for number, entry in enumerate(content if isinstance(content, list) else [content], start=1):
        if not isinstance(entry, dict):
            raise SandboxError(f"{name}, entry {number}: must be an object, an event or an entry for put-events")
        try:
            yield _put(entry) if is_entry(entry) else entry
        except ValueError as error:
            raise SandboxError(f"{name}, entry {number}: {error}") from None


def is_entry(content: Mapping[str, Any]) -> bool:
    """Tell whether an object is an entry for put-events."""
    return bool(content.keys() & {"Source", "DetailType", "Detail"})


def _put(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that `put-events` makes of an entry. Raises ValueError for an entry that AWS refuses."""
    for name in ("Source", "DetailType", "Detail"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            raise ValueError(f"{name} must be a text" + (" that holds a JSON object" if name == "Detail" else ""))
    try:
        detail = strict_json.parse(entry["Detail"])
    except ValueError as error:
        raise ValueError(f"Detail is not JSON: {error}") from None
    if not isinstance(detail, dict):
        raise ValueError("Detail must hold a JSON object")  # noqa: TRY004  # the caller collects ValueError
    try:
        time = parse_timestamp(entry["Time"]).astimezone(UTC) if "Time" in entry else datetime.now(UTC)
    except (ValueError, RuntimeError, OverflowError):  # botocore's, and of a year before 1 or after 9999
        raise ValueError("Time is no timestamp") from None
    return {
        "version": "0",
        "id": "(the event's)",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "000000000000",  # the emulator's
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": entry.get("Resources", []),
        "detail": detail,
    }


def request_of(event: dict[str, Any], mappings: event_mappings.EventMappings) -> dict[str, Any]:
    """Return the request that an event becomes. Raises SandboxError that says why it becomes none."""
    record = {"messageId": "(the message's)", "body": json.dumps(event), "attributes": {"SentTimestamp": "0"}}
    try:
        request = check(deliveries.open_sqs(record, mappings.apply))
    except RequestError as error:
        reasons = [error.message, *_lines(error)]
        if "detail-type" in event and not mappings.apply(event):
            taken = ", ".join(sorted({entry.detail_type for entry in mappings.entries.values()}))
            no_entry = f'No entry takes this event. Its detail-type is "{event["detail-type"]}"; entries: {taken}. '
            no_entry += "Add one (docs/mapping.md)."
            reasons = [no_entry] if isinstance(error, Unreadable) else [no_entry, *reasons]
        raise SandboxError("\n".join(reasons)) from None
    return {
        "configuration": request.configuration or "(the stack's DefaultConfiguration)",
        "record": request.record,
        "reference": request.reference,
        "idempotency_key": request.key.value,
    }


def _lines(error: RequestError) -> Iterator[str]:
    for field, messages in error.errors.items():
        hint = "; write a fixed text in '…'" if field == "configuration" and "gives nothing" in messages[0] else ""
        yield f"{field}: {'; '.join(messages)}{hint}"


if __name__ == "__main__":
    run(mapping)
