"""No object and no exception of the package shows private data."""

import importlib
import inspect
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest

import personal_link
from personal_link.aws.ledger_lookup import Found
from personal_link.bulk.output import Ending
from personal_link.bulk.sheet import Row
from personal_link.customergauge.access_token import AccessToken
from personal_link.customergauge.credentials import ClientCredentials
from personal_link.customergauge.transport import Response
from personal_link.domain.errors import Code, RequestError
from personal_link.domain.outcome import Outcome, PersonalLink
from personal_link.domain.request import Delivery, IdempotencyKey, LinkRequest, Source, check
from sandbox import REPOSITORY
from tests.leaks.canaries import (
    ALL_OF_THEM,
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    LINK,
    RECORD,
    REFERENCE,
    SHORT_LINK,
    TOKEN,
    canaries_in,
)


def classes() -> Iterator[type]:
    """Yield every class that a module of the package defines."""
    for module in pkgutil.walk_packages(personal_link.__path__, "personal_link."):
        for _name, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if found.__module__ == module.name:
                yield found


def has_a_generated_repr(cls: type) -> bool:
    return is_dataclass(cls) and hasattr(vars(cls).get("__repr__"), "__wrapped__")


def objects_with_a_repr_of_their_own() -> list[object]:
    """Return an object of each class with a repr of its own, with a canary wherever it keeps what somebody sent."""
    source = Source("sqs", "059f36b4-87a3-44ab-83d2-661975830a7d")
    content = {"configuration": "contact", "record": RECORD, "reference": REFERENCE.value, "idempotency_key": KEY.value}
    link = PersonalLink(1, LINK.value, SHORT_LINK.value)
    error = {"code": "validation_failed", "message": ALL_OF_THEM, "errors": {"Email": [ALL_OF_THEM]}}
    return [
        AccessToken(TOKEN.value, 3600.0, 0.0, 0.0),
        ClientCredentials(CLIENT_ID.value, CLIENT_SECRET.value),
        Response(200, {"Location": ALL_OF_THEM}, ALL_OF_THEM.encode(), complete=True),
        check(Delivery(source, content, IdempotencyKey("caller", KEY.value), received_at=0.0)),
        link,
        Outcome("1", "created", source, "", "", 1, "contact", link, error, REFERENCE.value, RECORD),
        Ending("created", "", ALL_OF_THEM, 1, LINK.value, SHORT_LINK.value, ALL_OF_THEM),
        Row(2, tuple(RECORD), tuple(map(str, RECORD.values()))),
        Found("1", 1, "", Outcome("1", "created", source, "", "", 1, "contact", link)),
    ]


def test_a_generated_repr_shows_only_the_listed_text_fields() -> None:
    shown = {
        f"{cls.__name__}.{field.name}"
        for cls in classes()
        if has_a_generated_repr(cls) and cls.__module__ != "personal_link.settings"
        for field in fields(cls)
        if field.repr
        and re.search(r"\b(str|bytes|object|Any)\b", str(field.type))
        and "Callable" not in str(field.type)
    }

    assert shown == {
        *("Attempt.key", "Attempt.owner", "Attempt.outcome_id", "Attempt.requested_at", "Call.key", "Source.id"),
        *("RequestsQueue.url", "RequestsQueue.parked_url", "ResultsQueue.url"),
        *("StoredToken.origin", "StoredToken.credentials"),  # the latter is a hash
        *("LinkIssuer.default_configuration", "LinkIssuer.known_headings"),
        *("EventMappings.entries", "_Entry.name", "_Entry.detail_type", "_Entry.expressions", "_Entry.optional"),
        *("Job.name", "Job.configuration", "Job.detail_type", "Job.known_headings", "BulkRequest.digest"),
        *("Layout.columns", "Layout.delimiter", "LedgerLookup.table"),  # columns: headings of a file
        *("Delivery.problems", "Mapped.problems"),  # names of headings and expressions of a mapping
    }


def test_every_handwritten_repr_is_tested_in_this_file() -> None:
    written = {
        cls
        for cls in classes()
        if {"__repr__", "__str__"} & vars(cls).keys() and not has_a_generated_repr(cls) and not issubclass(cls, Enum)
    }

    assert written == {type(one) for one in objects_with_a_repr_of_their_own()}


@pytest.mark.parametrize("one", objects_with_a_repr_of_their_own(), ids=lambda one: type(one).__qualname__)
def test_no_object_with_a_handwritten_repr_shows_private_data(one: object) -> None:
    assert canaries_in(f"{one!r} {one} {one!a} {[one]}") == []


def test_the_repr_of_a_request_shows_its_source_id() -> None:
    [request] = [one for one in objects_with_a_repr_of_their_own() if isinstance(one, LinkRequest)]

    assert "059f36b4-87a3-44ab-83d2-661975830a7d" in repr(request)


@pytest.mark.parametrize(
    "cls", [cls for cls in classes() if issubclass(cls, RequestError)], ids=lambda cls: cls.__name__
)
def test_no_request_error_shows_the_message_of_customergauge(cls: type[RequestError]) -> None:
    said: dict[str, Any] = {"vendor_message": ALL_OF_THEM, "errors": {ALL_OF_THEM: [ALL_OF_THEM]}}
    error = cls(Code.VALIDATION_FAILED, "our own words", **said)

    assert canaries_in(f"{error} {error!r} {error.args}") == []


# Lambda's own runtime client. The handler of direct_invocation raises as this one does. What is printed is the log, and
# what Lambda is told.

PYTHON: Final[Path] = REPOSITORY / ".bench" / "bin" / "python"
PROGRAM: Final = """
from awslambdaric.bootstrap import StandardLogSink, handle_event_request

class Marshaller:
    def unmarshal_request(self, body, content_type):
        return body

class Client:
    marshaller = Marshaller()
    def post_invocation_error(self, *told):
        print(told)

def fails():
    planted = "a secret of urllib3's"
    raise ValueError(planted)

def handler(event, context):
    try:
        fails()
    except ValueError as error:
        raise RuntimeError("our own text") from None

handle_event_request(
    Client(), handler, "id", "{}", "application/json", None, None, "arn", "1000", None, StandardLogSink()
)
"""


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="`make test-all` makes .bench from its lock")
def test_an_exception_raised_from_none_shows_neither_text_nor_traceback_of_its_context() -> None:
    told = subprocess.run([PYTHON, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout

    assert told.count("our own text") >= 2  # in the log and in the answer
    assert "in handler" in told  # its own traceback
    assert [one for one in ("a secret of urllib3's", "ValueError", "in fails") if one in told] == []
