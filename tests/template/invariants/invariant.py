"""What an invariant is: a sentence that holds on a template in every mode, and edits that break it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.template.invariants.built import Built

Template = Mapping[str, Any]
Wrongs = Iterator[str]  # what is wrong, each naming its resource
Check = Callable[[Built], Wrongs]

GONE = object()


@dataclass(frozen=True)
class Mutant:
    """One careless edit of a template: what stands at a place becomes something else, or goes.

    The place is written in words, "Resources LedgerTable DeletionPolicy"; a number is an item of a list, "+" a new one.
    """

    place: str
    value: object

    def __str__(self) -> str:
        return f"without {self.place}" if self.value is GONE else f"{self.place}: {self.value!r:.60}"

    def of(self, template: Template) -> Template:
        """Return the edited template; the given one stays as it is."""
        edited: Template = _edited(template, self.place.split(), self.value)
        return edited


def _edited(node: Any, place: list[str], value: object) -> Any:
    here, *further = place
    if here == "+":
        return [*node, value]
    key = int(here) if isinstance(node, list) else here
    copy = node.copy()
    if further:
        copy[key] = _edited(node[key], further, value)
    elif value is GONE:
        del copy[key]
    else:
        copy[key] = value
    return copy


def change(place: str, value: object) -> Mutant:
    """Set what stands at a place of the template, be it there or not."""
    return Mutant(place, value)


def without(place: str) -> Mutant:
    """Leave out what stands at a place of the template."""
    return Mutant(place, GONE)


@dataclass(frozen=True, eq=False)
class Subject:
    """A template that has invariants, and the parameters that it is built with to see whether they hold."""

    source: Callable[[], Template]
    translate: Callable[..., Template]
    modes: Mapping[str, Mapping[str, str]]
    name: str = ""  # of one of many templates with the same invariants

    def built(self, mode: str, source: Template | None = None) -> Built:
        """Return what CloudFormation makes of a source (this template's own, if none is given) in a mode."""
        source, parameters = source or self.source(), self.modes[mode]
        return Built(self.translate(source, **parameters), parameters, source)

    def invariant(self, *mutants: Mutant) -> "Callable[[Check], Invariant]":
        """Make an invariant of a check of this template and of the edits that it has to catch."""
        return lambda check: Invariant(self, check, mutants)


@dataclass(frozen=True)
class Invariant:
    """A check that finds nothing wrong with the template, in any mode, and something with each mutant, in some mode."""

    subject: Subject
    check: Check
    mutants: tuple[Mutant, ...]

    def __str__(self) -> str:
        return f"{self.check.__name__} {self.subject.name}".replace("_", " ").strip()
