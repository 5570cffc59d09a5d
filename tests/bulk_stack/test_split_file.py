import json
from pathlib import Path
from typing import Any

import pytest

import split_file
from bulk_files import Files
from bulk_task import BulkError, task
from personal_link.domain.errors import PersonalLinkError
from tests.bulk_stack.conftest import Put, split_up

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7"
CONTACTS = "Email,First name\nann@example.com,Ann\nbob@example.com,Bob\n"


def rows(files: Files, part: int = 1) -> list[dict[str, Any]]:
    return list(files.read_rows(part))


def reason(files: Files) -> str:
    written = json.loads(files.read(files.run.error))
    assert written.keys() == {"job", "file", "message"}
    return str(written["message"])


def test_each_row_is_stored_with_its_request(put: Put) -> None:
    files = put(CONTACTS)

    assert split_up(files) == "split"
    assert [row["cells"] for row in rows(files)] == [["ann@example.com", "Ann"], ["bob@example.com", "Bob"]]
    body = json.loads(rows(files)[0]["body"])
    assert body["record"] == {"Email": "ann@example.com", "First name": "Ann"}
    assert body["idempotency_key"].startswith("bulk:orders:"), "as `operate bulk --job orders` names it"


def test_a_row_that_breaks_the_contract_is_stored_with_the_reason(put: Put) -> None:
    files = put("Email,First name\nann@example.com,Ann\nbob@example.com\n")

    split_up(files)

    message = "The row has 1 cell, the heading line has 2."
    assert rows(files)[1] == {"cells": ["bob@example.com"], "refused": ["invalid_request", message]}


@pytest.mark.parametrize(("limit", "most"), [("ROWS_PER_PART", 1), ("BYTES_PER_PART", 100)])
def test_a_part_has_no_more_rows_or_bytes_than_allowed_and_the_list_of_parts_holds_numbers_only(
    put: Put, limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, limit, most)
    files = put(CONTACTS)

    split_up(files)

    assert json.loads(files.read(files.run.parts)) == [{"part": 1}, {"part": 2}]
    assert [row["cells"][1] for row in rows(files, 2)] == ["Bob"]


def test_a_file_without_rows_has_no_parts(put: Put) -> None:
    files = put("Email\n")

    assert split_up(files) == "split"
    assert files.read_parts() == []


@pytest.mark.parametrize(
    ("content", "metadata", "message"),
    [
        ("", {}, "The file is empty."),
        ("Email\ncaf\xe9@example.com\n".encode("cp1252"), {}, "Line 2 is not UTF-8."),
        (CONTACTS, {"encoding": "latin1"}, "The metadata `encoding` is one of utf-8, cp1252."),
        (
            CONTACTS,
            {"configuration": "contact", "detail-type": "Order Paid"},
            "The file's name or metadata is wrong: with a detail-type its mapping names the configuration.",
        ),
        ("Email\n" + "a@example.com\n" * 100, {}, "The file is larger than 1000 bytes: split it."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole_and_the_reason_is_stored(
    put: Put, content: str | bytes, metadata: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_file, "MAX_BYTES", 1000)
    files = put(content, **metadata)

    assert split_up(files) == "refused"
    assert reason(files).startswith(message)
    assert files.metadata(files.run.parts) is None


def test_only_rows_that_are_events_need_the_mappings_of_the_connector(put: Put) -> None:
    assert split_up(put(CONTACTS), mappings_layer_arn=LAYER) == "split"

    files = put(CONTACTS, **{"detail-type": "Order Paid"})

    assert split_up(files, mappings_layer_arn=LAYER) == "refused"
    told = "This stack has another MappingsLayerArn than the connector: deploy it with the connector's."
    assert reason(files) == told


def test_rows_that_are_events_become_requests_by_the_mappings_of_the_layer(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = put("address\nann@example.com\n", **{"detail-type": "Visit Ended"})
    (tmp_path / "event_mappings.toml").write_text('["Visit Ended"]\nrecord.Email = "detail.address"')
    monkeypatch.syspath_prepend(tmp_path)

    assert split_up(files, LAYER, mappings_layer_arn=LAYER) == "split"
    assert "body" in rows(files)[0]


def test_a_corrected_file_removes_the_stored_reason_of_the_refused_one(put: Put) -> None:
    split_up(put(""))
    files = put(CONTACTS)

    split_up(files)

    assert files.metadata(files.run.error) is None


def test_encoding_and_configuration_are_read_from_the_metadata_of_the_file(put: Put) -> None:
    files = put("Email;Name\nann@example.com;Zo\xe9\n".encode("cp1252"), encoding="cp1252", configuration="contact")

    assert split_up(files, has_default_configuration=False) == "split"
    body = json.loads(rows(files)[0]["body"])
    assert (body["configuration"], body["record"]["Name"]) == ("contact", "Zoé")


def test_every_row_with_a_heading_unknown_to_the_stack_is_refused(put: Put) -> None:
    files = put(CONTACTS)

    split_up(files, known_headings=frozenset({"Email"}))

    assert [row["refused"][0] for row in rows(files)] == ["invalid_request", "invalid_request"]


def test_a_file_that_was_replaced_or_deleted_before_the_split_is_not_split(put: Put) -> None:
    files = put(CONTACTS)
    later = put("Email\ncarl@example.com\n")
    later.s3.delete_object(Bucket=later.run.bucket, Key=later.run.key)

    assert split_up(later) == "replaced"
    put(CONTACTS + "carl@example.com,Carl\n")
    assert split_up(files) == "replaced"


def test_the_error_of_a_failed_task_does_not_quote_the_original_exception() -> None:
    @task
    def fails(_event: Any, _context: Any) -> None:
        raise ValueError("ann@example.com")

    with pytest.raises(BulkError, match=r"^unexpected ValueError$") as caught:
        fails({}, None)

    assert caught.value.__suppress_context__
    assert isinstance(caught.value, PersonalLinkError)
