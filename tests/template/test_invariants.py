"""Each invariant holds in every mode of the template, and each of its mutants breaks it."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.template.invariants.invariant import CONNECTOR, Built, Invariant, Mutant, Subject

FOLDER = Path(__file__).with_name("invariants")
MODULES = [import_module(f"tests.template.{FOLDER.name}.{path.stem}") for path in sorted(FOLDER.glob("*.py"))]
INVARIANTS = [
    one
    for module in MODULES
    for thing in vars(module).values()
    for one in (thing if isinstance(thing, list) else [thing])
    if isinstance(one, Invariant)
]


@cache
def as_written(subject: Subject, mode: str) -> Built:
    return subject.built(mode)


@pytest.mark.parametrize(
    ("invariant", "mode"),
    [pytest.param(one, mode, id=f"{one} [{mode}]") for one in INVARIANTS for mode in one.subject.modes],
)
def test_the_template_keeps_its_invariants(invariant: Invariant, mode: str) -> None:
    assert list(invariant.check(as_written(invariant.subject, mode))) == []


@pytest.mark.parametrize(
    ("invariant", "mutant"),
    [pytest.param(one, mutant, id=f"{one} [{mutant}]") for one in INVARIANTS for mutant in one.mutants],
)
def test_every_mutant_of_the_template_breaks_its_invariant(invariant: Invariant, mutant: Mutant) -> None:
    subject = invariant.subject
    mutated = mutant.of(subject.source())

    assert mutated != subject.source()
    assert any(list(invariant.check(subject.built(mode, mutated))) for mode in subject.modes), mutant


def test_there_are_at_least_twenty_invariants_each_with_its_mutants() -> None:
    assert len({str(invariant) for invariant in INVARIANTS}) == len(INVARIANTS) >= 20
    assert [str(invariant) for invariant in INVARIANTS if not invariant.mutants] == []


@pytest.mark.parametrize("mode", CONNECTOR.modes)
def test_the_parameter_values_of_each_tested_mode_are_allowed(mode: str) -> None:
    for name, value in CONNECTOR.modes[mode].items():
        parameter = CONNECTOR.source()["Parameters"][name]

        assert value in map(str, parameter.get("AllowedValues", [value]))
        values = value.split(",") if parameter["Type"] == "CommaDelimitedList" else [value]
        assert all(re.fullmatch(parameter.get("AllowedPattern", ".*"), one) for one in values)
