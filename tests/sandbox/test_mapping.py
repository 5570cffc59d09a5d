"""`make mapping`: the preview sees what the deployed stack would see, and names what is wrong with a file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from personal_link.triggers import event_mappings
from sandbox import mapping
from sandbox.emulator import REPOSITORY, SandboxError

AN_ENTRY = """
["Visit Ended"]
reference = "join(' ', [source, time, account, region, resources[0]])"
record.Email = "detail.email"
"""
A_VISIT = {
    "Source": "com.example.hotel",
    "DetailType": "Visit Ended",
    "Resources": ["room-7"],
    "Detail": '{"email": "ida@example.com"}',
}
NOT_EVENTS: list[tuple[Any, str]] = [
    ({"DetailType": "Visit Ended", "Detail": "{}"}, "entry 1: Source must be a text"),
    ({"Source": "com.example.hotel", "Detail": "{}"}, "entry 1: DetailType must be a text"),
    (
        {"Source": "com.example.hotel", "DetailType": "Visit Ended"},
        "entry 1: Detail must be a text that holds a JSON object",
    ),
    (A_VISIT | {"Detail": {"email": "a@b.example"}}, "entry 1: Detail must be a text that holds a JSON object"),
    (A_VISIT | {"Detail": ""}, "entry 1: Detail must be a text that holds a JSON object"),
    ([A_VISIT, A_VISIT | {"Detail": "{email"}], "entry 2: Detail is not JSON: malformed at line 1, column 2"),
    (A_VISIT | {"Detail": "[]"}, "entry 1: Detail must hold a JSON object"),
    (A_VISIT | {"Time": "noon"}, "entry 1: Invalid timestamp"),
    ([A_VISIT, "Visit Ended"], "entry 2: must be an object, an event or an entry for put-events"),
    ("Visit Ended", "entry 1: must be an object, an event or an entry for put-events"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose mappings `make mapping` reads, instead of those of the repository."""
    (tmp_path / "event_mappings.toml").write_text(AN_ENTRY)
    mappings = event_mappings.load(tmp_path / "event_mappings.toml")
    monkeypatch.setattr(event_mappings, "load", lambda: mappings)
    return tmp_path


def shown(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(sys, "argv", ["mapping", str(file)])
    mapping.mapping()
    return json.loads(capsys.readouterr().out)


def test_an_entry_for_put_events_keeps_its_source_time_and_resources(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "visit.json").write_text(json.dumps([A_VISIT | {"Time": "2026-11-24T11:00:00+01:00"}]))

    request = shown(folder / "visit.json", monkeypatch, capsys)

    assert request["reference"] == "com.example.hotel 2026-11-24T10:00:00Z 000000000000 eu-west-1 room-7"


def test_an_event_whose_mapping_gives_nothing_is_refused_with_the_expression(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "visit.json").write_text(json.dumps([A_VISIT | {"Detail": "{}"}]))

    with pytest.raises(SandboxError, match=r'record\.Email: the mapping of "Visit Ended" gives nothing: detail\.email'):
        shown(folder / "visit.json", monkeypatch, capsys)


def test_an_event_that_no_entry_takes_and_that_is_no_request_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "visit.json").write_text(json.dumps([A_VISIT | {"DetailType": "Visit Began"}]))

    with pytest.raises(SandboxError, match="No entry takes this event, and its detail is not a request"):
        shown(folder / "visit.json", monkeypatch, capsys)


@pytest.mark.parametrize(("content", "message"), NOT_EVENTS, ids=[message for _content, message in NOT_EVENTS])
def test_what_put_events_would_refuse_is_named_with_its_entry(
    content: object,
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "visit.json").write_text(json.dumps(content))

    with pytest.raises(SandboxError, match=message):
        shown(folder / "visit.json", monkeypatch, capsys)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff"], ids=["empty", "cut off", "deep", "Latin-1"])
def test_a_file_that_is_not_json_is_named(
    content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "visit.json").write_bytes(content)

    with pytest.raises(SandboxError, match=r"visit\.json cannot be read as JSON: malformed"):
        shown(folder / "visit.json", monkeypatch, capsys)


def test_the_path_of_the_event_may_have_blanks_and_quotes(tmp_path: Path) -> None:
    file = tmp_path / 'Ida\'s "last" visit.json'
    file.write_text((REPOSITORY / "events" / "eventbridge_order_paid.json").read_text())

    made = subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv/made-from-the-lock", "mapping", f"EVENT={file}"],  # noqa: S607  # the tools are there
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.stderr == ""
    assert json.loads(made.stdout)["reference"] == "1005"
