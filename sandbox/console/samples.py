"""The sample events as the console sends them: the first word of a file's name says which way in it takes."""

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
        """How it gets in: http, eventbridge, sqs."""
        return self.path.stem.partition("_")[0]

    @property
    def label(self) -> str:
        """Name it for a button."""
        name = self.path.stem.partition("_")[2].removeprefix("event_")  # that a message is a whole event
        return name.replace("_", " ").capitalize()

    @property
    def body(self) -> str:
        """What is in it."""
        return self.path.read_text()

    @property
    def media_type(self) -> str:
        """What its body is, for HTTP."""
        return "application/json" if self.path.suffix == ".json" else "application/x-www-form-urlencoded"


def samples(folder: Path = EVENTS) -> Sequence[Sample]:
    """Return the samples there are, by their ways in; a file of another name is none."""
    found = [Sample(path) for path in sorted(folder.iterdir())]
    return [sample for way in WAYS for sample in found if sample.way == way and sample.label]
