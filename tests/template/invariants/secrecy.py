"""No secret is written down anywhere, and no token goes where others can read it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.functions import functions
from tests.template.invariants.invariant import Wrongs, change, without

VARIABLES = "Globals Function Environment Variables"
RESOLVED = "{{resolve:secretsmanager:customergauge:SecretString:client_secret}}"
SECRET_NAME = re.compile(r"secret|password|passphrase|token|credential|api_?key|private_?key", re.IGNORECASE)


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


@CONNECTOR.invariant(
    change("Resources CredentialsSecret Properties SecretString", '{"client_id": "", "client_secret": "Zm9vYmFy"}'),
    change("Resources CredentialsSecret Properties SecretString", '{"client_id": "3vnu", "client_secret": ""}'),
    change(f"{VARIABLES} CLIENT_SECRET", "Zm9vYmFy"),
    change(f"{VARIABLES} CLIENT_SECRET", RESOLVED),
    change(f"{VARIABLES} CUSTOMERGAUGE", RESOLVED),
    change("Resources HttpApiKey Properties Value", "the-key-of-all-callers-00000000"),
    change("Outputs Credentials", {"Value": RESOLVED}),
)
def no_secret_is_written_down(built: Built) -> Wrongs:
    for resource, item in {**built.resources, **built.outputs}.items():
        for name, text in texts(resource, item):
            given = built.parameters["CredentialsSecretArn"]
            is_none = text in {"", "true", "false", given} or text.startswith(("arn:", "${"))
            is_secret = (SECRET_NAME.search(name) or name == "client_id") and not is_none
            if is_secret or "{{resolve:" in text:
                yield f"{resource}: {name}"
    for name, key in built.of_type("AWS::ApiGateway::ApiKey").items():
        if "Value" in key:
            yield f"{name}: Value"


@CONNECTOR.invariant(
    change("Parameters ClientSecret", {"Type": "String", "Default": "", "NoEcho": True}),
    change("Parameters ApiToken", {"Type": "String", "Default": ""}),
    without("Parameters CredentialsSecretArn AllowedPattern"),
    change("Parameters CredentialsSecretArn AllowedPattern", ".*"),
)
def no_parameter_takes_a_secret(built: Built) -> Wrongs:
    for name, parameter in built.template["Parameters"].items():
        takes_text = parameter["Type"] == "String" and "AllowedValues" not in parameter
        takes_an_arn = name == "CredentialsSecretArn" and parameter.get("AllowedPattern") not in {None, ".*"}
        if parameter.get("NoEcho") or (takes_text and SECRET_NAME.search(name) and not takes_an_arn):
            yield f"{name}: a secret would be typed into it"


@CONNECTOR.invariant(
    change("Outputs ApiKey", {"Value": {"Fn::GetAtt": ["HttpApiKey", "Value"]}}),
    change("Outputs Credentials", {"Value": {"Fn::GetAtt": ["CredentialsSecret", "SecretString"]}}),
    change("Outputs Credentials", {"Value": {"Fn::Sub": "${CredentialsSecret.SecretString}"}}),
    change("Outputs Credentials", {"Value": RESOLVED}),
)
def outputs_are_names_and_addresses(built: Built) -> Wrongs:
    for name, output in built.outputs.items():
        attributes = re.findall(r"\$\{[\w:]+\.(\w+)\}", output["Value"])
        if set(attributes) - {"Arn", "Id"} or "{{" in output["Value"]:
            yield f"{name}: {output['Value']}"


@CONNECTOR.invariant(
    change(
        f"{VARIABLES} CREDENTIALS_SECRET_ARN",
        {"Fn::If": ["StackCreatesSecret", {"Ref": "CredentialsSecretArn"}, {"Ref": "CredentialsSecret"}]},
    ),
    change(f"{VARIABLES} CREDENTIALS_SECRET_ARN", {"Fn::GetAtt": ["CredentialsSecret", "Id"]}),
    change(f"{VARIABLES} CREDENTIALS_SECRET_ARN", {"Ref": "CredentialsSecretArn"}),
    without("Resources CredentialsSecret Condition"),
    without("Resources CredentialsSecret"),
    without("Resources AccessTokenSecret Condition"),
    change(f"{VARIABLES} ACCESS_TOKEN_SECRET_ARN", {"Fn::GetAtt": ["AccessTokenSecret", "Id"]}),
    change(f"{VARIABLES} ACCESS_TOKEN_SECRET_ARN", {"Fn::GetAtt": ["CredentialsSecret", "Id"]}),
)
def functions_read_the_given_secret_or_else_the_one_of_the_stack(built: Built) -> Wrongs:
    given = built.parameters["CredentialsSecretArn"]
    shared = built.parameters["ShareAccessToken"] == "true"
    expected = [*([] if given else ["CredentialsSecret"]), *(["AccessTokenSecret"] if shared else [])]
    if list(built.of_type("AWS::SecretsManager::Secret")) != expected:
        yield f"not the secrets that are needed: {expected}"
    for name, function in functions(built).items():
        read = function["Environment"]["Variables"]["CREDENTIALS_SECRET_ARN"]
        if read != (given or "${CredentialsSecret.Id}"):
            yield f"{name}: {read}"
        token = function["Environment"]["Variables"]["ACCESS_TOKEN_SECRET_ARN"]
        if token != ("${AccessTokenSecret.Id}" if shared else ""):
            yield f"{name}: {token}"
