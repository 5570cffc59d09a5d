"""The lines of the documents, run by bash in this repository against an emulator."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox import REPOSITORY
from sandbox.aws.emulator import Emulator

# version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS
AWS = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'


def works(program: str) -> bool:
    """Tell whether a program is there and runs; a shim of pyenv's may be there and yet not run."""
    found = shutil.which(program)
    return bool(found) and subprocess.run([str(found), "--version"], capture_output=True, check=False).returncode == 0


def answering(line: str, answer: str) -> str:
    """Return a line that is typed to."""
    return f"{line.split('   #', maxsplit=1)[0].rstrip()} <<< {shlex.quote(answer)}"


def run(emulator: Emulator, script: str, folder: Path = REPOSITORY, **variables: str) -> str:
    """Run a script in a folder and return its output; its first error ends it and fails the test."""
    environment = emulator.environment() | variables
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{AWS}\n{script}"],  # noqa: S607
        env={**environment, "SAM_CLI_POLL_DELAY": "0.5", "CURL_CA_BUNDLE": str(emulator.authority)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout
