"""What CloudFormation builds of a template, and the modes in which the connector's template is tested."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from sandbox.template import source_template, translated_template

NOTHING = "${AWS::NoValue}"


@dataclass(frozen=True, eq=False)
class Built:
    """The resources and outputs of a plain CloudFormation template, with these values of its parameters.

    What only AWS knows stays a reference, written as in an `Fn::Sub` wherever it stands: `!Ref LedgerTable` is
    "${LedgerTable}", `!GetAtt LedgerTable.Arn` "${LedgerTable.Arn}"; a `${` that is no reference is "${!".
    """

    template: Mapping[str, Any]
    chosen: Mapping[str, str] = field(default_factory=dict)

    def with_parameters(self, **chosen: str | int) -> "Built":
        """Return the same template with some parameters changed: SAM does not see the change, CloudFormation does."""
        return Built(self.template, {**self.chosen, **{name: str(value) for name, value in chosen.items()}})

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The value of every parameter."""
        declared = self.template.get("Parameters", {})
        assert self.chosen.keys() <= declared.keys()
        return {name: str(self.chosen.get(name, one.get("Default"))) for name, one in declared.items()}

    def allowed(self, parameter: str) -> list[int]:
        """Return the values that a number may have: all of a list, or the least and the most."""
        declared = self.template["Parameters"][parameter]
        values: list[int] = declared.get("AllowedValues") or [declared["MinValue"], declared["MaxValue"]]
        return values

    @cached_property
    def resources(self) -> dict[str, Any]:
        """The resources that are made at all, by logical id."""
        return self._made("Resources")

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs that there are, by name."""
        return self._made("Outputs")

    def of_type(self, kind: str) -> dict[str, Any]:
        """Return the properties of every resource of a type, by logical id."""
        return {name: item.get("Properties", {}) for name, item in self.resources.items() if item["Type"] == kind}

    def _made(self, section: str) -> dict[str, Any]:
        return {
            name: self._filled_in({key: value for key, value in item.items() if key != "Condition"})
            for name, item in self.template.get(section, {}).items()
            if "Condition" not in item or self._holds(item["Condition"])
        }

    def _holds(self, condition: Any) -> bool:
        match condition:
            case str(name) | {"Condition": str(name)}:
                return self._holds(self.template["Conditions"][name])
            case {"Fn::Equals": [one, other]}:
                return str(self._filled_in(one)) == str(self._filled_in(other))
            case {"Fn::Not": [negated]}:
                return not self._holds(negated)
            case {"Fn::Or": list(conditions)}:
                return any(map(self._holds, conditions))
        raise NotImplementedError(f"a condition of a kind that is new here: {condition}")

    def _value_of(self, name: str) -> str | list[str]:
        """Return what a `!Ref` gives; a layer's version is the last part of its ARN, and SAM makes an id of each."""
        if name in self.parameters:
            value = self.parameters[name]
            is_list = self.template["Parameters"][name]["Type"] == "CommaDelimitedList"
            return value.split(",") if is_list else value
        is_layer = self.template["Resources"].get(name, {}).get("Type") == "AWS::Lambda::LayerVersion"
        return f"arn:aws:lambda:region:account:layer:name:${{{name}}}" if is_layer else f"${{{name}}}"

    def _filled_in(self, node: Any) -> Any:  # noqa: C901, PLR0911, PLR0912  # a case for each intrinsic
        match node:
            case {"Ref": name}:
                return self._value_of(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"${{{name}.{attribute}}}"
            case {"Fn::If": [condition, then, otherwise]}:
                return self._filled_in(then if self._holds(condition) else otherwise)
            case {"Fn::Split": [separator, text]}:
                return self._filled_in(text).split(separator)
            case {"Fn::Select": [index, texts]}:
                return dict(enumerate(self._filled_in(texts))).get(index, NOTHING)  # CloudFormation would refuse it
            case {"Fn::Join": [separator, texts]}:
                return separator.join(self._filled_in(texts))
            case {"Fn::FindInMap": [mapping, first, second]}:
                return self.template["Mappings"][mapping][self._filled_in(first)][second]
            case {"Fn::Sub": [text, variables]}:
                return _substituted(text, self.parameters | self._filled_in(variables))
            case {"Fn::Sub": text}:
                return _substituted(text, self.parameters)
            case dict() if any(key.startswith("Fn::") for key in node):
                raise NotImplementedError(f"an intrinsic that is new here: {node}")
            case dict():
                filled = {key: self._filled_in(value) for key, value in node.items()}
                return {key: value for key, value in filled.items() if value != NOTHING}
            case list():
                return [value for value in map(self._filled_in, node) if value != NOTHING]
            case str():
                return node.replace("${", "${!")
        return node


def _substituted(text: str, values: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(values.get(found[1], found[0])), text)


def built_with(**parameters: str) -> Built:
    """Return what SAM and CloudFormation make of the connector's template with these parameters."""
    return Built(translated_template(**parameters), parameters)


# Modes of the connector's template

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:customergauge-AbCdEf"
SECRET_NAME = "prod/customergauge"
BOUNDARY = "arn:aws:iam::123456789012:policy/developers"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/crm/order-paid"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:tickets"
GUARDED = {
    "AllowedIpRanges": "192.0.2.0/24,2001:db8::/32",
    "WebAclArn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/front/11111111-2222-3333-4444-555555555555",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "AlarmEmail": "operators@example.com",
    "PermissionsBoundaryArn": BOUNDARY,
    "SenderArns": f"{RULE},{TOPIC}",
}
MODES = {
    "signatures": {},
    "keys, guarded, logged": {"HttpAuth": "API_KEY", "HttpAccessLogs": "true", **GUARDED},
    "signatures, guarded, a given secret": {"CredentialsSecretArn": SECRET, **GUARDED},
    "keys, snapshots, a token each, other figures": {
        "HttpAuth": "API_KEY",
        "SnapStart": "On",
        "ShareAccessToken": "false",
        "DirectConcurrency": "7",
        "HttpRateLimit": "1",
        "HttpBurstLimit": "2",
        "ApiKeyDailyQuota": "3",
        "MaximumConcurrency": "7",
        "EventBusName": "crm",
        "EventDetailType": "Visit Ended,Order Paid",
        "EventSources": "shop,crm",
        "MappingsLayerArn": "arn:aws:lambda:eu-west-1:123456789012:layer:mappings:7",
        "LogRetentionDays": "7",
    },
    "signatures, a secret by name, traced": {"CredentialsSecretArn": SECRET_NAME, "Tracing": "Active"},
}


@cache
def built_in(mode: str) -> Built:
    """Return the connector's template in a mode."""
    return built_with(**MODES[mode])


@cache
def source() -> Mapping[str, Any]:
    """Return the template as it is written."""
    return source_template()
