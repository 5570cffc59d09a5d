"""The schema of a result accepts the examples and nothing that the connector would not write."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from docs.generate import MEANINGS
from personal_link.domain.errors import CODES, Code, Refused
from personal_link.domain.outcome import Outcome, PersonalLink, describe
from personal_link.domain.request import Source, SourceType
from sandbox.contracts import schema, validator, violations

CREATED, REJECTED, REFUSED, UNKNOWN = schema("result")["examples"]


def edited(result: dict[str, Any], edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    copy = deepcopy(result)
    edit(copy)
    return copy


def codes_on_the_queue(becomes: str) -> set[str]:
    """The codes that docs/codes.md calls rejected, or unknown."""
    return {str(code) for code, (on_the_queue, _meaning) in MEANINGS.items() if on_the_queue.startswith(becomes)}


@pytest.mark.parametrize("name", ["request", "result"])
def test_a_schema_is_a_valid_schema_and_its_examples_are_valid_by_it(name: str) -> None:
    validator(name).check_schema(schema(name))
    examples = schema(name)["examples"]

    assert [violations(name, example) for example in examples] == [[]] * len(examples)


@pytest.mark.parametrize(("name", "becomes"), [("rejections", "rejected"), ("uncertainties", "unknown")])
def test_the_result_schema_lists_the_codes_with_which_a_queued_request_can_end(name: str, becomes: str) -> None:
    told = set(schema("result")["$defs"][name]["enum"])

    assert told == codes_on_the_queue(becomes)
    assert told < {str(code) for code in CODES}


@pytest.mark.parametrize(
    ("result", "edit"),
    [
        (CREATED, lambda result: result.update(more=1)),
        (CREATED, lambda result: result.pop("id")),
        (CREATED, lambda result: result.pop("personal_link")),
        (CREATED, lambda result: result.update(error=REJECTED["error"])),
        (CREATED, lambda result: result.update(schema="personal-link-result/2")),
        (CREATED, lambda result: result.update(attempts=0)),
        (CREATED, lambda result: result.update(requested_at="2026-11-24T10:00:00Z")),
        (CREATED, lambda result: result.update(id="1")),
        (CREATED, lambda result: result["source"].update(type="sns")),
        (CREATED, lambda result: result["record"].update(Address={"City": "Utrecht"})),
        (CREATED, lambda result: result["personal_link"].update(survey_link=None)),
        (REJECTED, lambda result: result.pop("error")),
        (REJECTED, lambda result: result.update(personal_link=CREATED["personal_link"])),
        (REJECTED, lambda result: result["error"].update(code="rate_limited")),
        (REJECTED, lambda result: result["error"].update(errors={"Email": "is required"})),
        (REFUSED, lambda result: result.update(status="unknown")),
        (UNKNOWN, lambda result: result["error"].update(code="duplicate_record")),
        (UNKNOWN, lambda result: result.update(status="rejected")),
    ],
)
def test_a_result_that_breaks_the_contract_is_invalid_by_the_schema(
    result: dict[str, Any], edit: Callable[[dict[str, Any]], object]
) -> None:
    assert violations("result", result) == []
    assert violations("result", edited(result, edit)) != []


@pytest.mark.parametrize("source", ["http", "eventbridge", "sqs", "direct"])
def test_a_result_without_its_optional_fields_is_valid_by_the_schema(source: SourceType) -> None:
    outcome = Outcome(
        id="5a0d2f63-2c1e-5c5b-9d0c-7d3c1f1d9a10",
        status="created",
        source=Source(source, "059f36b4-87a3-44ab-83d2-661975830a7d"),
        requested_at="2026-11-24T10:00:00.000Z",
        completed_at="2026-11-24T10:00:00.412Z",
        attempts=1,
        configuration="contact",
        personal_link=PersonalLink(None, "https://survey.eu.customergauge.com/r/1", None),
    )

    assert violations("result", json.loads(outcome.message(echo_record=False))) == []


@pytest.mark.parametrize("code", sorted(schema("result")["$defs"]["rejections"]["enum"]))
def test_the_result_of_every_rejection_code_is_valid_by_the_schema(code: str) -> None:
    refusal = Refused(Code(code), "No.", errors={"Email": ["is not valid"]})
    result = edited(REJECTED, lambda one: one.update(error=describe(refusal)))

    assert violations("result", result) == []
