"""The wheel of the command line: what it imports is installed with it, and it runs outside the repository."""

import ast
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from operate import VERSION
from sandbox import REPOSITORY

PACKAGES = ("operate", "layers/personal_link/personal_link")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
REQUIREMENTS = PROJECT["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
DISTRIBUTIONS = {"aws_lambda_powertools": "aws-lambda-powertools", "botocore": "boto3"}  # boto3 requires botocore


def imported() -> set[str]:
    """Return what the packages import that is neither Python's nor theirs."""
    names = set[str]()
    for path in (path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    # Stubs are for the type checker; snapshot_restore_py is a part of Lambda's runtime.
    others = {name for name in names if name.startswith(("mypy_boto3_", "_typeshed"))} | {"snapshot_restore_py"}
    return {DISTRIBUTIONS.get(name, name) for name in names - sys.stdlib_module_names - others} - {
        "operate",
        "personal_link",
    }


def test_what_it_imports_is_what_it_requires() -> None:
    lines = [line for name in REQUIREMENTS for line in (REPOSITORY / name).read_text().splitlines()]

    assert {line.partition(">")[0] for line in lines if not line.startswith("#")} == imported()


def test_every_package_and_data_file_is_in_it() -> None:
    homes = [REPOSITORY / package for package in PACKAGES]
    there = {
        ".".join(path.parent.relative_to(home.parent).parts) for home in homes for path in home.rglob("__init__.py")
    }

    assert set(PROJECT["tool"]["setuptools"]["packages"]) == there


@pytest.mark.slow
def test_the_wheel_runs_in_an_environment_of_its_own(tmp_path: Path) -> None:
    source, wheels, fresh = tmp_path / "source", tmp_path / "wheels", tmp_path / "fresh"
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, source / name)
    for name in ("pyproject.toml", "LICENSE", *REQUIREMENTS):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, source], check=True)
    [wheel] = wheels.glob("*.whl")
    venv.create(fresh, with_pip=False)
    python = fresh / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    [site] = (fresh / "lib").glob("python*/site-packages")
    # Its requirements are those of this environment: nothing is downloaded.
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib"))

    told = subprocess.run(
        [fresh / "bin" / "operate", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    helped = subprocess.run(
        [fresh / "bin" / "operate", "find", "-h"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert told.stdout == f"operate {VERSION}\n"
    assert helped.stdout.splitlines()[-1] == "Example: operate find personal-link --key order-1234"
