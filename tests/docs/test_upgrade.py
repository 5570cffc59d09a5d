"""What the upgrade page promises of formats and of the table is so."""

import re

from personal_link.aws import ledger_item, token_lease
from personal_link.domain import outcome
from sandbox.template import REPOSITORY, source_template
from tests.docs.documents import DOCS, marked, rows, sections

PAGE = (DOCS / "upgrade.md").read_text()
VERSIONED = sections(PAGE)["What is versioned"]


def test_the_versions_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows(VERSIONED)}

    assert told["a result"] == f"`schema`, now `{outcome.SCHEMA}`"
    assert told["an item of the ledger"] == f"`format`, now `{ledger_item.FORMAT}`"
    assert told["the shared token"] == f"its key, now `{token_lease.KEY}`"


def test_every_file_of_the_formats_is_there() -> None:
    listed = re.findall(r"^\| `([\w.-]+\.json)` \|", PAGE, re.MULTILINE)

    assert sorted(listed) == sorted(path.name for path in (REPOSITORY / "tests" / "formats").iterdir())


def test_the_table_outlives_the_stack_as_it_says() -> None:
    table = source_template()["Resources"]["LedgerTable"]

    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert table["DeletionPolicy"] in marked(sections(PAGE)["What must not be deleted"])
    assert "TableName" not in table["Properties"]  # it has no name of its own


def test_the_alias_is_the_one_that_is_called_and_its_old_version_goes() -> None:
    functions = source_template()["Globals"]["Function"]

    assert f"call the alias `{functions['AutoPublishAlias']}`" in PAGE
    assert functions["VersionDeletionPolicy"] == "Delete"
