"""Mappings for events of one's own."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from personal_link.domain.errors import InvalidRequest
from personal_link.domain.request import LinkRequest, check
from personal_link.triggers.deliveries import open_sqs
from personal_link.triggers.event_mappings import EventMappings, load


def mappings_of(text: str, folder: Path) -> EventMappings:
    file = folder / "event_mappings.toml"
    file.write_text(text)
    return load(file)


def opened(event: object, mappings: EventMappings) -> LinkRequest:
    record = {"messageId": "m-1", "body": json.dumps(event), "attributes": {"SentTimestamp": "1800000000000"}}
    return check(open_sqs(record, mappings.apply))


def solved(detail: object) -> dict[str, object]:
    return {"id": "event-1", "detail-type": "Ticket Solved", "time": "2026-11-24T10:00:00Z", "detail": detail}


def problems_of(event: object, mappings: EventMappings) -> Mapping[str, object]:
    with pytest.raises(InvalidRequest) as refused:
        opened(event, mappings)
    return refused.value.errors
