"""`make mapping`: the preview sees what the deployed stack would see, and names what is wrong with a file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from personal_link.triggers import event_mappings
from sandbox import REPOSITORY, mapping
from sandbox.aws.emulator import SandboxError
from sandbox.soak import run as soak

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
NO_DETAIL = "entry 1: Detail must be a text that holds a JSON object"
NO_ENTRY = "must be an object, an event or an entry for put-events"
REFUSED: list[tuple[Any, str]] = [
    ({"DetailType": "Visit Ended", "Detail": "{}"}, "entry 1: Source must be a text"),
    ({"Source": "com.example.hotel", "Detail": "{}"}, "entry 1: DetailType must be a text"),
    ({"Source": "com.example.hotel", "DetailType": "Visit Ended"}, NO_DETAIL),
    (A_VISIT | {"Detail": {"email": "a@b.example"}}, NO_DETAIL),
    ([A_VISIT, A_VISIT | {"Detail": "{email"}], "entry 2: Detail is not JSON: malformed at line 1, column 2"),
    (A_VISIT | {"Detail": "[]"}, "entry 1: Detail must hold a JSON object"),
    *((A_VISIT | {"Time": time}, "entry 1: Time is no timestamp") for time in ("noon", "Infinity", 1e300, -1e20)),
    (A_VISIT | {"Time": "0001-01-01T00:00:00+01:00"}, "entry 1: Time is no timestamp"),
    ({"Entries": [A_VISIT | {"Detail": "[]"}]}, "entry 1: Detail must hold a JSON object"),
    ([A_VISIT, "Visit Ended"], f"entry 2: {NO_ENTRY}"),
    ([], "holds no event"),
    (A_VISIT | {"Detail": "{}"}, r'record\.Email: the mapping of "Visit Ended" gives nothing: detail\.email'),
    (
        A_VISIT | {"DetailType": "Visit Began"},
        r"^No entry .* detail-type is \"Visit Began\"; entries: Visit Ended. Add one [^\n]*$",
    ),
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that `make mapping` reads, with mappings of its own instead of the repository's."""
    (tmp_path / "event_mappings.toml").write_text(AN_ENTRY)
    mappings = event_mappings.load(tmp_path / "event_mappings.toml")
    monkeypatch.setattr(event_mappings, "load", lambda: mappings)
    monkeypatch.setattr(sys, "argv", ["mapping", str(tmp_path / "visit.json")])
    return tmp_path / "visit.json"


def test_a_put_events_entry_keeps_its_source_time_and_resources_in_the_preview(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(json.dumps([A_VISIT | {"Time": "2026-11-24T11:00:00+01:00"}]))

    mapping.mapping()

    request = json.loads(capsys.readouterr().out)
    assert request["reference"] == "com.example.hotel 2026-11-24T10:00:00Z 000000000000 eu-west-1 room-7"


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=[message for _content, message in REFUSED])
def test_an_event_that_cannot_become_a_request_is_refused_with_the_reason(
    content: object, message: str, file: Path
) -> None:
    file.write_text(json.dumps(content))

    with pytest.raises(SandboxError, match=message):
        mapping.mapping()


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000], ids=["empty", "cut off", "deep"])
def test_a_file_that_is_not_json_is_refused_by_name(content: bytes, file: Path) -> None:
    file.write_bytes(content)

    with pytest.raises(SandboxError, match=r"visit\.json cannot be read as JSON: malformed"):
        mapping.mapping()


def test_the_path_of_the_event_file_may_have_blanks_and_quotes(tmp_path: Path) -> None:
    file = tmp_path / 'Ida\'s "last" visit.json'
    file.write_text((REPOSITORY / "events" / "eventbridge_order_paid.json").read_text())

    made = subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv/made-from-the-lock", "mapping", f"EVENT={file}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.stderr == ""
    assert json.loads(made.stdout)["reference"] == "1005"


def test_an_event_file_that_is_not_utf_8_is_told_where(file: Path) -> None:
    file.write_bytes(b"{\n\xff}")

    with pytest.raises(SandboxError, match=r"visit\.json is not UTF-8: see line 2$"):
        mapping.mapping()


def test_a_fixed_text_without_quotes_as_configuration_is_told_what_to_write(tmp_path: Path) -> None:
    event = {"id": "1", "detail-type": "Visit Ended", "detail": {"email": "ida@example.com"}}
    toml = tmp_path / "event_mappings.toml"
    toml.write_text('["Visit Ended"]\nconfiguration = "contact"\nrecord.Email = "detail.email"')

    with pytest.raises(SandboxError, match=r"configuration: .* gives nothing: contact; write a fixed text in '…'"):
        mapping.request_of(event, event_mappings.load(toml))


def test_a_file_of_mappings_without_entries_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(event_mappings, "load", lambda: event_mappings.EventMappings({}))
    monkeypatch.setattr(sys, "argv", ["mapping"])

    mapping.mapping()

    assert capsys.readouterr().out == "event_mappings.toml has no entry\n"


FULL = Path("/dev/full")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (None, ""),
        pytest.param(
            FULL,
            "\nerror: the output cannot be written: No space left on device\n",
            marks=pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full"),
        ),
    ],
)
def test_an_output_that_cannot_be_written_ends_without_a_traceback(device: Path | None, message: str) -> None:
    reader, closed = os.pipe()
    os.close(reader)
    output = os.open(device, os.O_WRONLY) if device else closed

    ended = subprocess.run(
        [sys.executable, "-m", "sandbox.mapping"],
        cwd=REPOSITORY,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    os.close(output)
    assert (ended.returncode, ended.stderr) == (1, message)


def test_a_soak_without_a_request_is_a_wrong_call() -> None:
    with pytest.raises(SystemExit, match="2"):
        soak.main(["--requests", "0"])
