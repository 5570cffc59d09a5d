"""The error tree: complete, as drawn, and without text from callers or CustomerGauge."""

import inspect
import re
from collections.abc import Iterator

from personal_link.domain import errors
from personal_link.domain.errors import CODES, Code, PersonalLinkError


def subclasses(parent: type[PersonalLinkError]) -> Iterator[type[PersonalLinkError]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


def drawn_tree() -> dict[str, str]:
    """Return child → parent as the module's docstring draws them."""
    parents: dict[str, str] = {}
    path = ["PersonalLinkError"]
    for line in (inspect.getdoc(errors) or "").splitlines():
        branch = re.match(r"([ │]*)[├└]── (\w+)", line)
        if branch:
            depth = (len(branch[1]) - 4) // 4 + 1
            path[depth:] = [branch[2]]
            parents[branch[2]] = path[depth - 1]
    return parents


def test_the_class_tree_in_the_docstring_matches_the_error_classes() -> None:
    ours = [error for error in subclasses(PersonalLinkError) if error.__module__ == PersonalLinkError.__module__]
    tree = {error.__name__: error.__bases__[0].__name__ for error in ours}

    assert drawn_tree() == tree


def test_the_codes_are_those_of_the_contract_and_each_has_a_meaning() -> None:
    assert set(CODES) == set(Code)
    assert {str(code) for code in Code} == {
        "invalid_request",
        "too_large",
        "unsupported_media_type",
        "idempotency_key_reused",
        "no_matching_campaign",
        "duplicate_record",
        "mapping_not_found",
        "validation_failed",
        "bad_request",
        "outcome_unknown",
        "bad_response",
        "in_progress",
        "rate_limited",
        "unavailable",
        "no_answer",
        "credentials_missing",
        "credentials_refused",
        "forbidden",
        "internal_error",
    }
