"""The browser of the console's tests is the one that there is, or a line that says how to get one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.template import REPOSITORY


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Look for a browser where nothing is on PATH but what is in this folder."""
    (folder / "id").symlink_to(shutil.which("id") or "id")
    return subprocess.run(
        ["/bin/sh", REPOSITORY / "sandbox" / "find-browser.sh"],
        env={"PATH": str(folder), "APPLICATIONS": f"{folder}/Applications", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, code: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["chromium", "google-chrome"])
def test_a_browser_on_path_is_found(tmp_path: Path, name: str) -> None:
    browser = program(tmp_path / name)

    assert find(tmp_path).stdout == f"{browser}\n"


def test_one_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "chromium", code=1)
    browser = program(tmp_path / "google-chrome")

    assert find(tmp_path).stdout == f"{browser}\n"


def test_one_that_is_named_goes_first(tmp_path: Path) -> None:
    program(tmp_path / "chromium")
    browser = program(tmp_path / "my own")

    assert find(tmp_path, CHROMIUM=str(browser)).stdout == f"{browser}\n"


def test_where_there_is_none_it_says_how_to_get_one(tmp_path: Path) -> None:
    found = find(tmp_path)

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: no Chromium or Chrome here")
    assert "apt-get install chromium" in found.stderr
