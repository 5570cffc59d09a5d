"""Secrets are written down nowhere, and no parameter takes one; names and values that a template may have."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.template.invariants.functions import functions
from tests.template.invariants.invariant import CONNECTOR, RULE, SECRET, TOPIC, Built, Wrongs, change, without

VARIABLES = "Globals Function Environment Variables"
RESOLVED = "{{resolve:secretsmanager:customergauge:SecretString:client_secret}}"
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


@CONNECTOR.invariant(
    change("Resources CredentialsSecret Properties SecretString", '{"client_id": "", "client_secret": "Zm9vYmFy"}'),
    change(f"{VARIABLES} CLIENT_SECRET", "Zm9vYmFy"),
    change(f"{VARIABLES} CLIENT_SECRET", RESOLVED),
)
def no_secret_is_in_the_template(built: Built) -> Wrongs:
    for resource, item in {**built.resources, **built.outputs}.items():
        for name, text in texts(resource, item):
            given = built.parameters["CredentialsSecretArn"]
            is_none = text in {"", "true", "false", given} or text.startswith(("arn:", "${"))
            is_secret = (NAMES_A_SECRET.search(name) or name == "client_id") and not is_none
            if is_secret or "{{resolve:" in text:
                yield f"{resource}: {name}"


@CONNECTOR.invariant(
    change("Parameters ClientSecret", {"Type": "String", "Default": "", "NoEcho": True}),
    change("Parameters CredentialsSecretArn AllowedPattern", ".*"),
)
def no_parameter_takes_a_secret(built: Built) -> Wrongs:
    for name, parameter in built.template["Parameters"].items():
        takes_text = parameter["Type"] == "String" and "AllowedValues" not in parameter
        takes_an_arn = name == "CredentialsSecretArn" and parameter.get("AllowedPattern") not in {None, ".*"}
        if parameter.get("NoEcho") or (takes_text and NAMES_A_SECRET.search(name) and not takes_an_arn):
            yield f"{name}: a secret would be typed into it"


@CONNECTOR.invariant(
    change("Outputs ApiKey", {"Value": {"Fn::GetAtt": ["HttpApiKey", "Value"]}}),
    change("Outputs Credentials", {"Value": {"Fn::GetAtt": ["CredentialsSecret", "SecretString"]}}),
)
def outputs_hold_only_names_arns_and_urls(built: Built) -> Wrongs:
    for name, output in built.outputs.items():
        attributes = re.findall(r"\$\{[\w:]+\.(\w+)\}", output["Value"])
        if set(attributes) - {"Arn", "Id"} or "{{" in output["Value"]:
            yield f"{name}: {output['Value']}"


@CONNECTOR.invariant(
    change(
        f"{VARIABLES} CREDENTIALS_SECRET_ARN",
        {"Fn::If": ["UseOwnSecret", {"Ref": "CredentialsSecretArn"}, {"Ref": "CredentialsSecret"}]},
    ),
    change(f"{VARIABLES} ACCESS_TOKEN_SECRET_ARN", {"Fn::GetAtt": ["CredentialsSecret", "Id"]}),
)
def functions_read_the_given_secret_or_else_that_of_the_stack(built: Built) -> Wrongs:
    given = built.parameters["CredentialsSecretArn"]
    shared = "${AccessTokenSecret.Id}" if built.parameters["ShareAccessToken"] == "true" else ""
    for name, function in functions(built).items():
        variables = function["Environment"]["Variables"]
        found = variables["CREDENTIALS_SECRET_ARN"], variables["ACCESS_TOKEN_SECRET_ARN"]
        if found != (given or "${CredentialsSecret.Id}", shared):
            yield f"{name}: {found}"


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


@CONNECTOR.invariant(
    *(without(f"Parameters {name} AllowedPattern") for name in TAKES_AND_REFUSES),
    change("Parameters AuthBaseUrl AllowedPattern", "^(|https://[\\w.:-]+/?)$"),
    change("Parameters ImportsBaseUrl AllowedPattern", "^(|https://.*|http://localhost.*)$"),
    change("Parameters SenderArns Default", TOPIC),
)
def each_listed_parameter_accepts_and_refuses_its_sample_values_and_is_empty_by_default(built: Built) -> Wrongs:
    for name, (taken, refused) in TAKES_AND_REFUSES.items():
        parameter = built.template["Parameters"][name]
        pattern = parameter.get("AllowedPattern", ".*")
        yield from (f"{name}: refuses {one}" for one in taken if not re.fullmatch(pattern, one))
        yield from (f"{name}: takes {one}" for one in refused if re.fullmatch(pattern, one))
        if parameter["Default"]:
            yield f"{name}: {parameter['Default']}"


OWN_NAMES = {"AlarmName", "DashboardName", "FunctionName", "Name", "QueueName", "RoleName", "TableName", "TopicName"}


@CONNECTOR.invariant(
    change("Resources QueueWorkerFunction Properties FunctionName", "queue-worker"),
    change("Resources CredentialsSecret Properties Name", "customergauge"),
)
def every_named_resource_has_the_name_of_the_stack_in_its_name(built: Built) -> Wrongs:
    for name, resource in built.source["Resources"].items():
        for own in OWN_NAMES & resource.get("Properties", {}).keys():
            if "${AWS::StackName}" not in str(resource["Properties"][own]):
                yield f"{name}: {resource['Properties'][own]}"
