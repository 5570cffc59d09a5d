"""Run the SAM CLI of .venv in this project."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from sandbox import REPOSITORY
from sandbox.aws.sam import one_at_a_time

TOOLS: Final = Path(sys.executable).parent


def run(command: str, *options: str) -> None:
    """Run a SAM command in this project, with its Python. Raises ClickException if it fails."""
    environment = os.environ | {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",  # the layers' Makefile takes this Python
        "SAM_CLI_TELEMETRY": "0",
    }
    with one_at_a_time():
        ended = subprocess.run([TOOLS / "sam", command, *options], env=environment, cwd=REPOSITORY, check=False)
    if ended.returncode:
        raise click.ClickException(f"sam {command} failed: its last lines say why.")
