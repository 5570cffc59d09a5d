"""The sample events of the console. The first word of a file's name is its trigger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import REPOSITORY

EVENTS = REPOSITORY / "events"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
WAYS: Mapping[str, str] = {"http": "HTTP call", "eventbridge": "Event bus", "sqs": "Requests queue"}
_LABELS: Mapping[str, str] = {
    "http_put.json": "HTTP, JSON",
    "http_form.txt": "HTTP, form",
    "eventbridge_woocommerce_order_completed.json": "WooCommerce order completed",
    "sqs_request.json": "Queue request",
    "sqs_refused.json": "Refused request",
    "sqs_malformed.txt": "Malformed message",
}
_FIRST = ("http_put.json", "http_form.txt", "sqs_request.json")
_LAST = ("sqs_refused.json", "sqs_malformed.txt")


@dataclass(frozen=True)
class Sample:
    """A file of the sample events."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def way(self) -> str:
        """The trigger: http, eventbridge or sqs."""
        return self.path.stem.partition("_")[0]

    @property
    def label(self) -> str:
        """The button's text."""
        name = self.path.stem.partition("_")[2].removeprefix("event_")
        return _LABELS.get(self.name, name.replace("_", " ").capitalize())

    @property
    def body(self) -> str:
        """The content."""
        return self.path.read_text()

    @property
    def media_type(self) -> str:
        """The media type for HTTP."""
        return JSON if self.path.suffix == ".json" else FORM


def samples(folder: Path = EVENTS) -> Sequence[Sample]:
    """Return the samples by trigger, the simple ones first, those that fail last; skip files with other names."""
    found = [Sample(path) for path in sorted(folder.iterdir(), key=_turn)]
    return [sample for way in WAYS for sample in found if sample.way == way and sample.label]


def _turn(path: Path) -> tuple[int, int, str]:
    """Return the place of a file in its group."""
    if path.name in _FIRST:
        return 0, _FIRST.index(path.name), ""
    return 2 if path.name in _LAST else 1, 0, path.name
