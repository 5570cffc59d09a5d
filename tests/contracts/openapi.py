"""The OpenAPI document, taken apart."""

import json
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from samcli.yamlhelper import yaml_parse

from sandbox.contracts import CONTRACTS, schema

OPENAPI: Final = CONTRACTS / "openapi.yaml"
DOCUMENT: Final[Mapping[str, Any]] = yaml_parse(OPENAPI.read_text())
METHODS: Final = ("put", "post")

_FILES: Final = {
    "openapi.yaml": DOCUMENT,
    "request.schema.json": schema("request"),
    "result.schema.json": schema("result"),
}
_REGISTRY: Final[Registry[Any]] = Registry().with_resources(
    [(name, DRAFT202012.create_resource(content)) for name, content in _FILES.items()]
)


def operation(method: str) -> Mapping[str, Any]:
    """Return what the document says of a method on the one path."""
    found: Mapping[str, Any] = DOCUMENT["paths"]["/personal-link"][method]
    return found


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a node stands for, if it is a reference within the document."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(found)


def responses(method: str) -> dict[int, Mapping[str, Any]]:
    """Return the answers of a method, by their statuses."""
    return {int(status): resolved(response) for status, response in operation(method)["responses"].items()}


def codes(response: Mapping[str, Any]) -> set[str]:
    """Return the codes that an answer may have."""
    body = response["content"]["application/json"]["schema"]
    return set(body.get("properties", {}).get("code", {}).get("enum", ()))


def breaks(body: Mapping[str, Any], value: object) -> list[str]:
    """Return what is wrong with a value by a schema of the document."""
    schema_there = json.loads(json.dumps(body).replace('"#/', '"openapi.yaml#/'))
    validator = Draft202012Validator(schema_there, registry=_REGISTRY)
    return [error.message for error in validator.iter_errors(value)]
