"""What may be typed into a parameter: whole names of what it is about, and nothing that opens a door."""

import re

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR, RULE, SECRET, TOPIC
from tests.template.invariants.invariant import Wrongs, change, without

HOSTS = ["", "https://proxy.example.com", "https://proxy.example.com:8443/", "http://127.0.0.1:8099", "http://[::1]"]
NO_HOSTS = [
    "http://proxy.example.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com:80",
    "https://user@example.com",
    "https://proxy.example.com/path?",
    "ftp://example.com",
    "//example.com",
]
TAKES_AND_REFUSES = {
    "AuthBaseUrl": (HOSTS, NO_HOSTS),
    "ImportsBaseUrl": (HOSTS, NO_HOSTS),
    "CredentialsSecretArn": (
        ["", "customergauge", "prod/customergauge", "prod/a-b_c+d=e.f@g", SECRET],
        [SECRET.removesuffix("-AbCdEf"), "two words", '{"client_id": "a"}', "arn:aws:kms:eu-west-1:1:key/a", "*"],
    ),
    "SenderArns": (
        ["", RULE, TOPIC],
        ["*", f"{RULE}*", f"{TOPIC}*", "arn:aws:s3:::bucket", "arn:aws:sns:eu-west-1:*:tickets"],
    ),
}


@CONNECTOR.invariant(
    *(without(f"Parameters {name} AllowedPattern") for name in TAKES_AND_REFUSES),
    change("Parameters AuthBaseUrl AllowedPattern", "^(|https?://.*)$"),
    change("Parameters AuthBaseUrl AllowedPattern", "^(|https://[\\w.:-]+/?)$"),
    change("Parameters ImportsBaseUrl AllowedPattern", "^(|https://.*|http://localhost.*)$"),
    change("Parameters CredentialsSecretArn AllowedPattern", "^(|arn:aws[a-z-]*:secretsmanager:.+)$"),
    change("Parameters SenderArns AllowedPattern", "^(|arn:aws[a-z-]*:(events|sns):.+)$"),
    change("Parameters SenderArns Default", TOPIC),
)
def a_parameter_takes_these_values_and_refuses_those_and_is_empty_by_default(built: Built) -> Wrongs:
    for name, (taken, refused) in TAKES_AND_REFUSES.items():
        parameter = built.template["Parameters"][name]
        pattern = parameter.get("AllowedPattern", ".*")
        yield from (f"{name}: refuses {one}" for one in taken if not re.fullmatch(pattern, one))
        yield from (f"{name}: takes {one}" for one in refused if re.fullmatch(pattern, one))
        if parameter["Default"]:
            yield f"{name}: {parameter['Default']}"
