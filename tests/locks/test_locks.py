"""What is installed and what is shipped is pinned, with hashes, and comes from whatever index the reader uses."""

from pathlib import Path

import pytest

from sandbox.lock import LAYER, Package, locked
from sandbox.template import REPOSITORY

DEVELOPMENT = REPOSITORY / "requirements-dev.txt"
LOCKS = [*REPOSITORY.glob("requirements*.txt"), LAYER]
HASH = "--hash=sha256:" + 64 * "0"


def test_the_layer_the_tools_the_scanners_the_benchmarks_and_the_oldest_sdk_have_a_lock_each() -> None:
    assert {lock.name for lock in LOCKS} == {
        "requirements-bench.txt",
        "requirements-dev.txt",
        "requirements-oldest.txt",
        "requirements-scan.txt",
        "requirements.txt",
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_nothing_but_versions_with_their_hashes(lock: Path) -> None:
    assert locked(lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_host(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize(
    "line",
    [
        "urllib3==2.8.0",
        f"urllib3>=2.8.0 {HASH}",
        f"urllib3 @ https://packages.example/urllib3.whl {HASH}",
        f"urllib3==2.8.0 --hash=md5:{32 * '0'}",
        f"urllib3==2.8.0 {HASH[:-1]}",
        "--index-url https://packages.example/simple",
        "--find-links wheels",
        "-r others.txt",
        "-e .",
    ],
)
def test_a_lock_with_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a package, its version and its hashes"):
        locked(f"jmespath==1.1.0 \\\n    {HASH}\n    # via urllib3\n{line}\n")


def test_a_lock_is_read_with_its_comments_and_conditions_left_out() -> None:
    lock = f"pywin32==312 ; sys_platform == 'win32' \\\n    {HASH} \\\n    {HASH}\n    # via docker\n"

    assert locked(lock) == [Package("pywin32", "312", (64 * "0", 64 * "0"))]


def test_the_tests_run_with_exactly_the_packages_that_are_shipped() -> None:
    shipped = locked(LAYER.read_text())
    tested = locked(DEVELOPMENT.read_text())

    assert len(shipped) >= 2
    assert [package for package in shipped if package not in tested] == []
