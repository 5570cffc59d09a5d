"""Installed and shipped packages are pinned with hashes, and come from whichever index the reader uses."""

import re
from pathlib import Path

import pytest

from sandbox import REPOSITORY
from tests.locks.pins import LAYER, pins

LOCKS = [*REPOSITORY.glob("requirements*.txt"), LAYER]
PINNED = re.compile(r"[a-z0-9-]+==[^\s;]+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+")


def unpinned(lock: str) -> list[str]:
    """The lines that are not a package with its version and its hashes."""
    lines = re.sub(r" *\\\n *", " ", lock).splitlines()
    return [line for line in lines if line and not line.lstrip().startswith("#") and not PINNED.fullmatch(line)]


def test_each_of_five_environments_has_a_lock() -> None:
    assert sorted(lock.name.removeprefix("requirements") for lock in LOCKS) == [
        *("-bench.txt", "-dev.txt", "-oldest.txt", "-scan.txt", ".txt")
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_versions_with_their_hashes_and_names_no_host(lock: Path) -> None:
    assert unpinned(lock.read_text()) == []
    assert pins(lock)
    assert "://" not in lock.read_text()


def test_the_tests_run_with_the_same_package_versions_that_are_shipped() -> None:
    shipped, tested = pins(LAYER), pins(REPOSITORY / "requirements-dev.txt")

    assert shipped.keys() == {"aws-lambda-powertools", "jmespath", "typing-extensions", "urllib3"}
    assert {name: tested[name] for name in shipped} == shipped
