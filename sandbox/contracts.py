"""Validate requests and results against `docs/contracts`."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from sandbox import REPOSITORY

CONTRACTS = REPOSITORY / "docs" / "contracts"


@cache
def schema(name: str) -> Mapping[str, Any]:
    """Return the schema of a `request` or a `result`."""
    read: dict[str, Any] = json.loads((CONTRACTS / f"{name}.schema.json").read_text())
    return read


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of a `request` or a `result`, which checks formats such as `uri` too."""
    return Draft202012Validator(schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER)


def violations(name: str, content: object) -> list[str]:
    """Return the place and the rule of each violation, without quoting the content."""
    errors = validator(name).iter_errors(content)
    return sorted({f"{'.'.join(map(str, error.absolute_path)) or name}: {error.validator}" for error in errors})
