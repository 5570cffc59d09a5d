"""The sample events of the console. The first word of a file's name is its trigger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.emulator import REPOSITORY

EVENTS = REPOSITORY / "events"
WAYS = {"http": "HTTP call", "eventbridge": "Event", "sqs": "Queue message"}


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
        return name.replace("_", " ").capitalize()

    @property
    def body(self) -> str:
        """The content."""
        return self.path.read_text()

    @property
    def media_type(self) -> str:
        """The media type for HTTP."""
        return "application/json" if self.path.suffix == ".json" else "application/x-www-form-urlencoded"


def samples(folder: Path = EVENTS) -> Sequence[Sample]:
    """Return the samples by trigger; skip files with other names."""
    found = [Sample(path) for path in sorted(folder.iterdir())]
    return [sample for way in WAYS for sample in found if sample.way == way and sample.label]
