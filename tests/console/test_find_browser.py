"""The browser of the console's tests is the one that there is, or a line that says how to get one."""

import shutil
import subprocess
from pathlib import Path

from sandbox import REPOSITORY


def find(folder: Path, *programs: str) -> subprocess.CompletedProcess[str]:
    """Look for a browser where nothing is on PATH but these programs; one whose name ends with ! does not run."""
    (folder / "id").symlink_to(shutil.which("id") or "id")
    for name in programs:
        program = folder / name.removesuffix("!")
        program.write_text(f"#!/bin/sh\nexit {int(name.endswith('!'))}\n")
        program.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", REPOSITORY / "sandbox" / "find-browser.sh"],
        env={"PATH": str(folder), "APPLICATIONS": f"{folder}/Applications"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_browser_on_path_is_found_and_one_that_does_not_run_is_skipped(tmp_path: Path) -> None:
    assert find(tmp_path, "chromium!", "google-chrome").stdout == f"{tmp_path}/google-chrome\n"


def test_without_a_browser_the_error_says_how_to_install_one(tmp_path: Path) -> None:
    found = find(tmp_path)

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: no Chromium or Chrome here")
    assert "apt-get install chromium" in found.stderr
