"""The list of error texts is exactly the texts that the code raises; no other text is known."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from urllib3.exceptions import HTTPError

import personal_link
from personal_link.domain import error_texts, errors
from sandbox import REPOSITORY

FILES: Final = (*Path(personal_link.__file__).parent.rglob("*.py"), *REPOSITORY.glob("functions/*/*.py"))
OURS: Final = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
MISSING: Final = "The credentials secret {}."  # what `missing` of credentials.py makes of its text


def texts_of_errors(module: ast.Module) -> Iterator[str]:
    """Yield what the code gives to our errors as their text, each hole as {}; what it only hands on is left out."""
    for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
        nodes, known = list(ast.walk(function)), dict[str, str]()
        for node in (*module.body, *nodes):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                known[node.targets[0].id] = text_of(node.value, known)
        for node in nodes:
            match node:
                case ast.Call(func=ast.Name(id=name), args=[*_, text]) if name in OURS:
                    yield text_of(text, known)
                case ast.Call(func=ast.Name(id="missing"), args=[text, *_]):
                    yield MISSING.format(text_of(text, known))


def text_of(node: ast.AST, known: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part, known) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name):
            return known.get(name, "{}")
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return text_of(left, known) + text_of(right, known)
        case _:
            return "{}"


def all_of(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Yield a kind of exception and all below it, as far as they come with Python and urllib3."""
    if kind.__module__.partition(".")[0] in {"builtins", "socket", "ssl", "urllib3"}:
        yield kind
        for below in kind.__subclasses__():
            yield from all_of(below)


def texts_of_the_code() -> set[str]:
    found = {text for file in FILES for text in texts_of_errors(ast.parse(file.read_text()))}
    return found - {"{}", MISSING}


def test_the_list_of_error_texts_is_exactly_the_texts_that_the_code_raises() -> None:
    listed = {re.sub("<[a-z ]+>", "{}", text) for text in error_texts.DETAILS}

    assert texts_of_the_code() == listed
    assert len(set(error_texts.DETAILS)) == len(error_texts.DETAILS)


@pytest.mark.parametrize(
    "text",
    [
        "CustomerGauge answered HTTP 200 without a usable link; a survey record probably exists. Its number is 12345.",
        "no access token: no TLS connection (SSLCertVerificationError)",
        "the ledger failed (ProvisionedThroughputExceededException)",
        'The credentials secret is not a JSON object {"client_id": …, "client_secret": …}.',
        "The request is not valid: see configuration, record.",
        "The body is not valid JSON: malformed at line 1, column 17.",
        "The environment is not complete: LEDGER_TABLE is missing; ECHO_RECORD must be one of true, false",
        'event_mappings.toml: "Order Paid" record.Email: there is no function title(): title(id)',
        "unexpected KeyError",
    ],
)
def test_an_error_text_with_allowed_values_in_its_placeholders_is_known(text: str) -> None:
    assert error_texts.is_known(text)


def test_an_error_text_with_any_connection_exception_is_known() -> None:
    kinds = {kind.__name__ for kind in (*all_of(HTTPError), *all_of(OSError))}

    assert {kind for kind in kinds if not error_texts.is_known(f"sent, no answer ({kind})")} == set()


@pytest.mark.parametrize(
    "text",
    [
        *("", "joe@example.com", "Too little time was left to start", "too little time was left to start\n"),
        *("too little time was left to start: joe@example.com", "CustomerGauge answered HTTP 4f1c"),
        *("no connection (joe@example.com)", "no connection (b6c4a1d2f9e07d35)", "no access token: joe@example.com"),
        *("the ledger failed (b6c4a1d2f9e07d35)", "The request is not valid: see joe."),
        *("The body is not valid JSON: joe.", "The credentials secret has no joe: fill it in."),
        *("The environment is not complete: LEDGER_TABLE is joe", "unexpected Joe"),
    ],
)
def test_an_error_text_that_is_not_on_the_list_is_unknown(text: str) -> None:
    assert not error_texts.is_known(text)
