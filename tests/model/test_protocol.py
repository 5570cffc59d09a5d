"""The protocol, checked: every interleaving of two deliveries with two faults (three with three by `make model`)."""

from dataclasses import replace

import pytest

from tests.model.deliveries import Delivery, prepare
from tests.model.explorer import Explorer, Scenario

HOURS = 7200.0  # seconds: more than the hour for which a settled key of the content is remembered
A, B, C = (Delivery(name, "http") for name in "abc")


def of(*deliveries: Delivery, faults: int, **more: object) -> Scenario:
    """Return a scenario whose closing delivery is like the last one, in another form."""
    return Scenario((*deliveries, replace(deliveries[-1], name="z", other_form=True)), faults, **more)  # type: ignore[arg-type]


def scenarios(faults: int, *third: Delivery) -> dict[str, Scenario]:
    http = [A, B, *third]
    queue = [replace(one, trigger="sqs") for one in http]
    direct = [replace(A, trigger="direct"), *(replace(one, redriven=True) for one in queue[1:])]
    return {
        "http": of(*http, faults=faults),
        "http, the contact is known": of(*http, faults=faults, made_before=True),
        "queue": of(*queue, faults=faults),
        "direct and redriven": of(*direct, faults=faults),
        "http without a key": of(*(replace(one, key=None) for one in http), faults=faults, pauses=(HOURS,)),
        "direct and redriven without a key": of(
            *(replace(one, key=None) for one in direct), faults=faults, pauses=(HOURS,)
        ),
    }


TWO, THREE = scenarios(2), scenarios(3, C)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(monkeypatch)


@pytest.mark.parametrize("name", TWO)
def test_no_interleaving_of_two_deliveries_with_two_faults_breaks_a_guarantee(name: str) -> None:
    explorer = Explorer(TWO[name])

    assert list(explorer.problems()) == []
    assert explorer.states > 5_000


@pytest.mark.full
@pytest.mark.parametrize("name", THREE)
def test_no_interleaving_of_three_deliveries_with_three_faults_breaks_a_guarantee(name: str) -> None:
    explorer = Explorer(THREE[name])

    assert list(explorer.problems()) == []
    assert explorer.states > 100_000


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        (
            "http",
            {
                ("created",),
                ("bad_response",),
                ("outcome_unknown",),
                ("mapping_not_found",),
                ("created", "outcome_unknown"),
                ("bad_response", "outcome_unknown"),
            },
        ),
        (
            "http, the contact is known",
            {("duplicate_record",), ("outcome_unknown",), ("mapping_not_found",)},
        ),
    ],
)
def test_every_end_of_a_request_is_one_that_the_documents_name(name: str, ends: set[tuple[str, ...]]) -> None:
    explorer = Explorer(TWO[name])
    assert list(explorer.problems()) == []

    assert explorer.ends == ends  # two together: the list of docs/architecture.md
