"""The lines of the documents, run by bash in this repository against an emulator."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import Emulator

AWS_CLI = REPOSITORY / ".oldest" / "bin" / "aws"
# version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS
AWS = f'aws() {{ {AWS_CLI} --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}'

needs_aws_cli = pytest.mark.skipif(not AWS_CLI.exists(), reason="`make test-all` makes .oldest from its lock")
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def answering(line: str, answer: str) -> str:
    """Return a line that is typed to."""
    return f"{line.split('   #', maxsplit=1)[0].rstrip()} <<< {shlex.quote(answer)}"


def run(emulator: Emulator, script: str, folder: Path = REPOSITORY, **variables: str) -> str:
    """Run a script in a folder and return its output; its first error ends it and fails the test."""
    environment = emulator.environment() | variables
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{AWS}\n{script}"],
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


def taken_results(emulator: Emulator, queue_url: str, count: int) -> dict[str, str]:
    """Take this many results; return the status of each by its reference."""
    sqs, found = emulator.client("sqs"), dict[str, str]()
    for _ in range(20):
        answer = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            result = json.loads(message["Body"])
            assert result["reference"] not in found, "one result per request"
            found[result["reference"]] = result["status"]
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        if len(found) >= count:
            break
    return found
