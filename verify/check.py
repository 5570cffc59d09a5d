"""A check: a sentence, what it answers, and a function that sees whether the sentence is true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from verify.stage import Stage

Run = Callable[[Stage], str]


@dataclass(frozen=True)
class Check:
    """One check. `run` returns what it saw, or raises Wrong. `answers` names what was only known from documents."""

    name: str
    answers: str
    run: Run
    needs_aws: bool = False

    @property
    def group(self) -> str:
        """The module that has it."""
        return self.run.__module__.rpartition(".")[2]


CHECKS: Final[list[Check]] = []


def check(name: str, answers: str, *, needs_aws: bool = False) -> Callable[[Run], Run]:
    """Make a function a check."""

    def add(run: Run) -> Run:
        CHECKS.append(Check(name, answers, run, needs_aws))
        return run

    return add
