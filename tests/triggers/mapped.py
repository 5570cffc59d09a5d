"""Mappings for events of one's own."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from personal_link.domain.errors import InvalidRequest
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers.deliveries import open_sqs
from personal_link.triggers.event_mappings import EventMappings, load


def mappings_of(text: str) -> EventMappings:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "event_mappings.toml"
        file.write_text(text)
        return load(file)


def opened(event: object, mappings: EventMappings | str) -> LinkRequest:
    """Return the request that mappings, or the text of their file, make of an event."""
    record = {"messageId": "m-1", "body": json.dumps(event), "attributes": {"SentTimestamp": "1800000000000"}}
    return check(open_sqs(record, (mappings_of(mappings) if isinstance(mappings, str) else mappings).apply))


def solved(detail: object) -> dict[str, object]:
    return {"id": "event-1", "detail-type": "Ticket Solved", "time": "2026-11-24T10:00:00Z", "detail": detail}


def problems_of(event: object, mappings: EventMappings | str) -> Mapping[str, object]:
    with pytest.raises(InvalidRequest) as refused:
        opened(event, mappings)
    return refused.value.errors
