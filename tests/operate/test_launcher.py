"""The program as a person starts it: its name, and its exit code, which a script relies on."""

import os
import subprocess
from pathlib import Path

import pytest

from sandbox import REPOSITORY

BIN = REPOSITORY / "bin"


def run(*command: str, path: str = "", at: Path = REPOSITORY, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{path}{os.environ['PATH']}", "AWS_CONFIG_FILE": os.devnull, **more}
    return subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("program", "path"), [("operate", f"{BIN}{os.pathsep}"), ("bin/operate", ""), (str(BIN / "operate"), "")]
)
def test_the_help_has_the_name_by_which_it_was_called(program: str, path: str) -> None:
    shown = run("/bin/sh", "-c", f"{program} health --help", path=path).stdout

    assert shown.startswith(f"Usage: {program} health ")
    assert shown.splitlines()[-1] == f"Example: {program} health personal-link"


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["health"], 2), (["find", "stack"], 2)])
def test_its_exit_code_is_that_of_the_command(arguments: list[str], code: int) -> None:
    assert run("bin/operate", *arguments).returncode == code


def test_make_has_an_exit_code_of_its_own_and_prints_that_of_the_command() -> None:
    # -o: the tools are here, however old
    made = run("make", "-o", ".venv/made-from-the-lock", "operate", "ARGS=find stack")

    assert made.returncode == 2
    assert made.stderr.splitlines()[-1].endswith("operate] Error 2")


def test_a_file_is_found_from_where_the_person_stands(tmp_path: Path) -> None:
    asked = run(str(BIN / "operate"), "send", "s", "none.json", at=tmp_path)

    assert asked.returncode == 2
    assert "File 'none.json' does not exist" in asked.stderr


def test_an_output_that_cannot_be_written_is_told() -> None:
    shown = run("/bin/sh", "-c", "bin/operate --help > /dev/full")

    assert (shown.returncode, shown.stderr) == (
        1,
        "Error: The output cannot be written: No space left on device.\n",
    )


def test_ctrl_c_is_quiet_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "botocore.py").write_text("raise KeyboardInterrupt")  # while the commands are imported

    stopped = run("bin/operate", "--help", PYTHONPATH=str(tmp_path))

    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (130, "", "")
