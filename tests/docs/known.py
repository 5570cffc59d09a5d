"""What there is: the names that a document may use, by kind."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.session import Session
from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY, source_template

PACKAGE = REPOSITORY / "layers" / "personal_link" / "personal_link"
CODE = [
    *PACKAGE.rglob("*.py"),
    *REPOSITORY.glob("functions/*/*.py"),
    *REPOSITORY.glob("operate/*.py"),
    *REPOSITORY.glob("bulk/functions/*.py"),
    REPOSITORY / "docs" / "generate.py",
]

# Names of AWS, of libraries and of the shell that documents use, and that nothing here defines.
OF_OTHERS = frozenset(
    {
        "AWS_LAMBDA_LOG_LEVEL",
        "CouldNotDetermineMessageSource",  # an error of SQS's
        "InputType",  # of Step Functions, as the next three
        "ItemBatcher",
        "ItemReader",
        "ResultWriter",
        "DEPLOYMENT_ROLE_ARN",  # a variable of the pipeline's environments
        "ERROR_CODE",  # an attribute of what EventBridge parks
        "KMS_KEY_ARN",  # a place to fill in
        "OPERATOR_ROLE_ARN",  # as DEPLOYMENT_ROLE_ARN
        "customer.email",  # a heading of the reader's
        "http.client",
        "invalid_client",  # OAuth's own code
        "order.updated",  # a topic of WooCommerce
        "visit.json",  # the reader's
    }
)


@cache
def parameters() -> dict[str, Any]:
    """Return the template's parameters."""
    found: dict[str, Any] = source_template()["Parameters"]
    return found


@cache
def resources(kind: str) -> dict[str, Any]:
    """Return the properties of the template's resources of a type."""
    found = source_template()["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == kind}


def alarms() -> dict[str, Any]:
    """Return the properties of the template's alarms."""
    return resources("AWS::CloudWatch::Alarm")


@cache
def files() -> frozenset[str]:
    """Return the repository's files, by their paths."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607  # git is where PATH says
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(listed.stdout.splitlines())


@cache
def calls_of_aws() -> frozenset[str]:
    """Return the names of all that the services which the stack is made of can be asked for."""
    services = (
        "apigateway",
        "cloudformation",
        "cloudwatch",
        "dynamodb",
        "events",
        "kms",
        "lambda",
        "logs",
        "sns",
        "sqs",
    )
    models = Session()
    return frozenset(name for service in services for name in models.get_service_model(service).operation_names)


@cache
def names_in_code() -> frozenset[str]:
    """Return every name in the code that is shipped or operated, and every word that is a text of its own."""
    in_code = frozenset(name for path in CODE for name in _names(ast.parse(path.read_text())))
    return in_code | {name.removeprefix("_func_") for name in in_code}  # as a mapping calls them


@cache
def names_in_template() -> frozenset[str]:
    """Return every key of the template, of bulk's and of those in docs, and every word that is a value of its own."""
    paths = (REPOSITORY / "bulk" / "template.yaml", *REPOSITORY.glob("docs/**/*.yaml"))
    others = (yaml_parse(path.read_text()) for path in paths)
    return frozenset(word for template in (source_template(), *others) for word in _words(template))


def defined_as(dotted: str) -> bool:
    """Tell whether a module or class of the package defines a name: `module.name`, `Class.method`."""
    owner, _, name = dotted.partition(".")
    for module in PACKAGE.rglob(f"{owner}.py"):
        return name in {getattr(node, "name", None) for node in ast.parse(module.read_text()).body}
    return any(
        isinstance(node, ast.ClassDef) and node.name == owner and name in set(_names(node))
        for path in CODE
        for node in ast.parse(path.read_text()).body
    )


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                yield name
            case ast.Constant(value=str(text)):
                yield from re.findall(r"\w+", text) if "\n" not in text else ()


def _words(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                yield str(key)
                yield from _words(value)
        case list():
            for value in node:
                yield from _words(value)
        case str() if re.fullmatch(r"\w+", node):
            yield node
