import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import split_file
from bulk_files import BulkError, Files, task
from bulk_settings import MainStack, Settings
from personal_link.bulk.job import Job
from personal_link.bulk.sheet import Sheet
from personal_link.domain.errors import PersonalLinkError
from tests.bulk_stack.conftest import SETTINGS, Put

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7"
CONTACTS = "Email,First name\nann@example.com,Ann\nbob@example.com,Bob\n"


def rows(files: Files, part: int = 1) -> list[dict[str, Any]]:
    return list(files.rows(part))


def reason(files: Files) -> str:
    written = json.loads(files.read(files.run.error))
    assert written.keys() == {"job", "file", "message"}
    return str(written["message"])


def test_each_row_is_stored_with_its_request(put: Put) -> None:
    files = put(CONTACTS)

    assert split_file.split(files, SETTINGS) == "split"
    assert [row["cells"] for row in rows(files)] == [["ann@example.com", "Ann"], ["bob@example.com", "Bob"]]
    assert json.loads(rows(files)[0]["body"])["record"] == {"Email": "ann@example.com", "First name": "Ann"}


def test_a_row_has_the_key_that_operate_bulk_gives_it(put: Put) -> None:
    files = put(CONTACTS)
    split_file.split(files, SETTINGS)
    sheet = Sheet.open(CONTACTS.encode().splitlines(keepends=True))
    requests = [Job("orders", has_default_configuration=True).to_request(row) for row in sheet.rows]

    assert [row["digest"] for row in rows(files)] == [request.digest for request in requests]  # type: ignore[union-attr]


def test_a_row_that_breaks_the_contract_is_stored_with_the_reason(put: Put) -> None:
    files = put("Email,First name\nann@example.com,Ann\nbob@example.com\n")

    split_file.split(files, SETTINGS)

    message = "The row has 1 cell, the heading line has 2."
    assert rows(files)[1] == {"cells": ["bob@example.com"], "refused": ["invalid_request", message]}


def test_the_list_of_parts_holds_numbers_only(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "ROWS_PER_PART", 1)
    files = put(CONTACTS)

    split_file.split(files, SETTINGS)

    assert json.loads(files.read(files.run.parts)) == [{"part": 1}, {"part": 2}]
    assert [row["cells"][1] for row in rows(files, 2)] == ["Bob"]


def test_a_part_with_long_rows_has_fewer_rows(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "BYTES_PER_PART", 100)
    files = put(CONTACTS)

    split_file.split(files, SETTINGS)

    assert files.parts() == [1, 2]


def test_a_file_without_rows_has_no_parts(put: Put) -> None:
    files = put("Email\n")

    assert split_file.split(files, SETTINGS) == "split"
    assert files.parts() == []


@pytest.mark.parametrize(
    ("content", "metadata", "message"),
    [
        ("", {}, "The file is empty."),
        (b"PK\x03\x04", {}, "The file is an Excel workbook or a zip file, no CSV in UTF-8: save it as CSV UTF-8."),
        ("Email,Email\n", {}, "Columns 1 and 2 have the same heading: rename or remove one."),
        (CONTACTS, {"encoding": "latin1"}, "The metadata `encoding` is one of utf-8, cp1252."),
        (
            CONTACTS,
            {"configuration": "contact", "detail-type": "Order Paid"},
            "The file's name or metadata is wrong: with a detail-type its mapping names the configuration.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_the_reason_is_stored(
    put: Put, content: str | bytes, metadata: dict[str, str], message: str
) -> None:
    files = put(content, **metadata)

    assert split_file.split(files, SETTINGS) == "refused"
    assert reason(files) == message


def test_rows_that_are_events_need_the_mappings_of_the_connector(put: Put) -> None:
    files = put(CONTACTS, **{"detail-type": "Order Paid"})

    assert split_file.split(files, replace(SETTINGS, mappings_layer_arn=LAYER)) == "refused"
    told = "This stack has another MappingsLayerArn than the connector: deploy it with the connector's."
    assert reason(files) == told


def test_rows_that_are_records_do_not(put: Put) -> None:
    assert split_file.split(put(CONTACTS), replace(SETTINGS, mappings_layer_arn=LAYER)) == "split"


def test_rows_that_are_events_become_requests_by_the_mappings_of_the_layer(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = put("address\nann@example.com\n", **{"detail-type": "Visit Ended"})
    (tmp_path / "event_mappings.toml").write_text('["Visit Ended"]\nrecord.Email = "detail.address"')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MAPPINGS_LAYER_ARN", LAYER)

    assert split_file.split(files, replace(SETTINGS, mappings_layer_arn=LAYER)) == "split"
    assert "body" in rows(files)[0]


def test_a_file_that_cannot_be_decoded_at_its_end_is_refused_as_a_whole(put: Put) -> None:
    files = put(CONTACTS.encode() + b"c\xe9line@example.com,C\n")

    assert split_file.split(files, SETTINGS) == "refused"
    assert reason(files).startswith("Line 4 is not UTF-8.")
    assert files.metadata(files.run.parts) is None


def test_a_file_that_is_too_large_is_refused_without_reading_it(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_file, "MAX_BYTES", 10)
    files = put(CONTACTS)

    assert split_file.split(files, SETTINGS) == "refused"
    assert reason(files) == "The file is larger than 10 bytes: split it."


def test_a_corrected_file_removes_the_stored_reason_of_the_refused_one(put: Put) -> None:
    split_file.split(put(""), SETTINGS)
    files = put(CONTACTS)

    split_file.split(files, SETTINGS)

    assert files.metadata(files.run.error) is None


def test_encoding_and_configuration_are_read_from_the_metadata_of_the_file(put: Put) -> None:
    files = put("Email;Name\nann@example.com;Zo\xe9\n".encode("cp1252"), encoding="cp1252", configuration="contact")

    assert split_file.split(files, replace(SETTINGS, has_default_configuration=False)) == "split"
    body = json.loads(rows(files)[0]["body"])
    assert (body["configuration"], body["record"]["Name"]) == ("contact", "Zoé")


def test_every_row_with_a_heading_unknown_to_the_stack_is_refused(put: Put) -> None:
    files = put(CONTACTS)

    split_file.split(files, replace(SETTINGS, known_headings=frozenset({"Email"})))

    assert [row["refused"][0] for row in rows(files)] == ["invalid_request", "invalid_request"]


def test_a_file_that_was_replaced_before_the_split_is_not_split(put: Put) -> None:
    files = put(CONTACTS)
    put("Email\ncarl@example.com\n")

    assert split_file.split(files, SETTINGS) == "replaced"


def test_a_file_that_was_deleted_before_the_split_is_not_split(put: Put) -> None:
    files = put(CONTACTS)
    files.s3.delete_object(Bucket=files.run.bucket, Key=files.run.key)

    assert split_file.split(files, SETTINGS) == "replaced"


class Functions:
    """Lambda, as far as the settings need it."""

    def __init__(self, **variables: str) -> None:
        self._variables = variables

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:
        assert FunctionName == "arn:worker"
        return {"Environment": {"Variables": self._variables}}


def test_the_settings_are_read_from_the_variables_of_the_queue_worker() -> None:
    variables = {"DEFAULT_CONFIGURATION": "contact", "KNOWN_HEADINGS": "Email, Name", "MAPPINGS_LAYER_ARN": LAYER}
    worker: Any = Functions(RETRY_WINDOW_HOURS="48", **variables)

    assert Settings.of_worker(worker, "arn:worker") == Settings(
        retry_window=172_800.0,
        has_default_configuration=True,
        known_headings=frozenset({"Email", "Name"}),
        mappings_layer_arn=LAYER,
    )


def test_empty_variables_of_the_queue_worker_mean_no_default_and_no_known_headings() -> None:
    empty = dict.fromkeys(["DEFAULT_CONFIGURATION", "KNOWN_HEADINGS", "MAPPINGS_LAYER_ARN"], "")
    worker: Any = Functions(RETRY_WINDOW_HOURS="24", **empty)

    assert Settings.of_worker(worker, "arn:worker") == Settings(
        retry_window=86_400.0, has_default_configuration=False, known_headings=frozenset(), mappings_layer_arn=""
    )


def test_the_resource_names_of_the_main_stack_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_STACK", "https://q arn:q ledger arn:t arn:topic arn:worker")

    assert MainStack.load() == MainStack("https://q", "ledger", "arn:worker")


def test_the_error_of_a_failed_task_does_not_quote_the_original_exception() -> None:
    @task
    def fails(_event: Any, _context: Any) -> None:
        raise ValueError("ann@example.com")

    with pytest.raises(BulkError, match=r"^unexpected ValueError$") as caught:
        fails({}, None)

    assert caught.value.__suppress_context__
    assert isinstance(caught.value, PersonalLinkError)
