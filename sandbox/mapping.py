"""`make mapping`: the event mappings checked, and the request that an event becomes by them.

The event's file is one of those of `events/`, or like them: a whole event, or entries for `aws events put-events`.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.emulator import REPOSITORY, SandboxError
from sandbox.scene import run, say

sys.path.insert(0, str(REPOSITORY / "layers" / "personal_link"))

from personal_link import event_mappings, triggers  # only now is it on the path
from personal_link.errors import RequestError, SettingsError
from personal_link.request import check


def mapping() -> None:
    """Say which mappings there are, and what the given event becomes."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mapping", description=__doc__)
    parser.add_argument("event", nargs="?", type=Path, help="a file with an event")
    file = parser.parse_args().event
    try:
        mappings = event_mappings.load()
    except SettingsError as error:
        raise SandboxError(str(error)) from None
    if file is None:
        say("\n".join(f"{name}: {len(entry.expressions)} expressions" for name, entry in mappings.entries.items()))
        return
    for event in _events(file):
        say(json.dumps(_request_of(event, mappings), indent=2, ensure_ascii=False))


def _events(file: Path) -> Iterator[dict[str, Any]]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SandboxError(f"{file} cannot be read as JSON: {error}") from None
    for entry in content if isinstance(content, list) else [content]:
        if "DetailType" in entry:
            yield {"id": "(the event's)", "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        else:
            yield entry


def _request_of(event: dict[str, Any], mappings: event_mappings.EventMappings) -> dict[str, Any]:
    record = {"messageId": "(the message's)", "body": json.dumps(event), "attributes": {"SentTimestamp": "0"}}
    try:
        request = check(triggers.open_sqs(record, mappings.apply))
    except RequestError as error:
        raise SandboxError("\n".join([error.message, *_lines(error)])) from None
    return {
        "configuration": request.configuration or "(the stack's DefaultConfiguration)",
        "record": request.record,
        "reference": request.reference,
        "idempotency_key": request.key.value,
    }


def _lines(error: RequestError) -> Iterator[str]:
    for field, messages in error.errors.items():
        yield f"{field}: {'; '.join(messages)}"


if __name__ == "__main__":
    run(mapping)
