"""Secrets are written down nowhere, and no parameter takes one; names and values that a template may have."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.invariants.built import RULE, SECRET, TOPIC, Built, source
from tests.template.invariants.test_functions import functions

NAMES_A_SECRET = re.compile(r"secret|password|passphrase|token|credential|api_?key|private_?key", re.IGNORECASE)


def texts(name: str, node: Any) -> Iterator[tuple[str, str]]:
    """Every text under a name, with the name nearest to it; JSON in a text is opened."""
    match node:
        case dict():
            for key, value in node.items():
                yield from texts(key, value)
        case list():
            for value in node:
                yield from texts(name, value)
        case str() if name == "SecretString":
            yield from texts(name, json.loads(node))
        case str():
            yield name, node


def test_no_secret_is_in_the_template(built: Built) -> None:
    given = built.parameters["CredentialsSecretArn"]
    for resource, item in {**built.resources, **built.outputs}.items():
        for name, text in texts(resource, item):
            is_none = text in {"", "true", "false", given} or text.startswith(("arn:", "${"))
            assert is_none or not (NAMES_A_SECRET.search(name) or name == "client_id"), f"{resource}: {name}"
            assert "{{resolve:" not in text


def test_no_parameter_takes_a_secret() -> None:
    for name, parameter in source()["Parameters"].items():
        takes_text = parameter["Type"] == "String" and "AllowedValues" not in parameter
        assert not parameter.get("NoEcho")
        assert not (takes_text and NAMES_A_SECRET.search(name)) or name == "CredentialsSecretArn"


def test_outputs_hold_only_names_arns_and_urls(built: Built) -> None:
    for output in built.outputs.values():
        assert set(re.findall(r"\$\{[\w:]+\.(\w+)\}", output["Value"])) <= {"Arn", "Id"}
        assert "{{" not in output["Value"]


def test_functions_read_the_given_secret_or_else_that_of_the_stack(built: Built) -> None:
    given = built.parameters["CredentialsSecretArn"]
    shared = "${AccessTokenSecret.Id}" if built.parameters["ShareAccessToken"] == "true" else ""
    for function in functions(built).values():
        variables = function["Environment"]["Variables"]
        assert variables["CREDENTIALS_SECRET_ARN"] == (given or "${CredentialsSecret.Id}")
        assert variables["ACCESS_TOKEN_SECRET_ARN"] == shared


HOSTS = ["", "https://proxy.example.com", "https://proxy.example.com:8443/", "http://127.0.0.1:8099", "http://[::1]"]
NO_HOSTS = [
    *("http://proxy.example.com", "http://127.0.0.1.example.com", "http://localhost.example.com:80"),
    *("https://user@example.com", "https://proxy.example.com/path?", "ftp://example.com", "//example.com"),
]
TAKES_AND_REFUSES = {
    "AuthBaseUrl": (HOSTS, NO_HOSTS),
    "ImportsBaseUrl": (HOSTS, NO_HOSTS),
    "CredentialsSecretArn": (
        ["", "customergauge", "prod/customergauge", "prod/a-b_c+d=e.f@g", SECRET],
        [SECRET.removesuffix("-AbCdEf"), "two words", '{"client_id": "a"}', "arn:aws:kms:eu-west-1:1:key/a", "*"],
    ),
    "SenderArns": (
        ["", RULE, TOPIC, f"{TOPIC}.fifo"],
        ["*", f"{RULE}*", f"{TOPIC}*", "arn:aws:s3:::bucket", "arn:aws:sns:eu-west-1:*:tickets"],
    ),
}


@pytest.mark.parametrize("name", TAKES_AND_REFUSES)
def test_each_listed_parameter_accepts_and_refuses_its_sample_values_and_is_empty_by_default(name: str) -> None:
    taken, refused = TAKES_AND_REFUSES[name]
    parameter = source()["Parameters"][name]

    assert parameter["Default"] == ""
    assert [one for one in [*taken, *refused] if re.fullmatch(parameter["AllowedPattern"], one)] == taken


def test_every_named_resource_has_the_name_of_the_stack_in_its_name() -> None:
    kinds = {"AlarmName", "DashboardName", "FunctionName", "Name", "QueueName", "RoleName", "TableName", "TopicName"}
    names = [
        one["Properties"][kind] for one in source()["Resources"].values() for kind in kinds & one["Properties"].keys()
    ]

    assert [name for name in names if "${AWS::StackName}" not in str(name)] == []
