"""The recipe of docs/mapping.md for an event of one's own, followed to the letter in a copy of the repository."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.stack import MAPPINGS
from sandbox.template import REPOSITORY
from tests.docs.documents import fenced, sections

RECIPE = sections((REPOSITORY / "docs" / "mapping.md").read_text())["Wire your own event"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's entry added to the one file, and its event beside it."""
    folder = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S607
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    with (folder / MAPPINGS.relative_to(REPOSITORY)).open("a") as mappings:
        mappings.write("\n" + fenced(RECIPE, "toml")[0])
    (folder / "visit.json").write_text(fenced(RECIPE, "json")[0])
    return folder


@pytest.fixture
def local(copy: Path) -> Iterator[list[str]]:
    """What `make local` prints in that copy, up to where it waits."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "sandbox.local"],
        cwd=copy,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "_ministack/sqs/messages" in line:
            break
    yield lines
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


def client(service: str, exported: dict[str, str]) -> Any:
    session: Any = boto3.Session()  # its clients' types go by literal names
    return session.client(
        service,
        endpoint_url=exported["AWS_ENDPOINT_URL"],
        verify=exported["AWS_CA_BUNDLE"],
        region_name=exported["AWS_DEFAULT_REGION"],
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
    )


def test_make_mapping_shows_the_request_that_the_event_becomes(copy: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "sandbox.mapping", "visit.json"], cwd=copy, capture_output=True, text=True, check=True
    )

    assert json.loads(shown.stdout) == {
        "configuration": "9dd58237-c913-4073-9c76-07da0b49ff50",
        "record": {"Account Name": "Ida", "First Name": "Ida", "Email": "ida@example.com"},
        "reference": "visit-812",
        "idempotency_key": "(the event's)",
    }


def test_the_event_becomes_a_link_once_the_one_file_is_edited(copy: Path, local: list[str]) -> None:
    exports = [shlex.split(line)[1:] for line in local if line.strip().startswith("export ")]
    exported = dict(word.split("=", 1) for words in exports for word in words)
    (results_url,) = set(re.findall(r"--queue-url (\S*ResultsQueue\S*)", "".join(local)))

    client("events", exported).put_events(Entries=json.loads((copy / "visit.json").read_text()))
    received = client("sqs", exported).receive_message(QueueUrl=results_url, WaitTimeSeconds=20)

    result = json.loads(received["Messages"][0]["Body"])
    assert (result["status"], result["reference"]) == ("created", "visit-812")
    assert result["personal_link"]["survey_link"].startswith("http://127.0.0.1:")


def test_a_wrong_expression_is_named_by_make_mapping_and_fails_the_build(copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(copy, folder)
    file = folder / MAPPINGS.relative_to(REPOSITORY)
    file.write_text(file.read_text().replace("detail.guest.email", "detail.guest..email"))
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "ARTIFACTS_DIR": str(tmp_path / "built")}

    shown = subprocess.run(
        [sys.executable, "-m", "sandbox.mapping"], cwd=folder, capture_output=True, text=True, check=False
    )
    built = subprocess.run(
        ["make", "build-PersonalLinkLayer"],  # noqa: S607  # as sam does
        cwd=folder / "layers",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    message = 'event_mappings.toml: "Visit Ended" record.Email: is no JMESPath'
    assert (shown.returncode, built.returncode > 0) == (1, True)
    assert message in shown.stderr
    assert message in built.stderr
    assert "Traceback" not in shown.stderr + built.stderr
