"""What an invariant is, what CloudFormation would build of a template, and the modes of the connector's template."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from sandbox.template import source_template, translated_template

NOTHING = "${AWS::NoValue}"


class Built:
    """The resources and outputs of a plain CloudFormation template, with these values of its parameters.

    What only AWS knows stays a reference, written as in an `Fn::Sub` wherever it stands: `!Ref LedgerTable` is
    "${LedgerTable}", `!GetAtt LedgerTable.Arn` "${LedgerTable.Arn}"; a `${` that is no reference is "${!".
    """

    def __init__(self, template: Mapping[str, Any], chosen: Mapping[str, str], source: Mapping[str, Any]) -> None:
        self.template = template
        self.source = source  # as it was before the SAM transform
        self._chosen = chosen

    def with_parameters(self, **chosen: str | int) -> "Built":
        """Return the same template with some parameters changed."""
        return Built(
            self.template, {**self._chosen, **{name: str(value) for name, value in chosen.items()}}, self.source
        )

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The value of every parameter."""
        declared = self.template.get("Parameters", {})
        assert self._chosen.keys() <= declared.keys(), "a mode names a parameter that there is not"
        return {
            name: str(self._chosen[name] if name in self._chosen else parameter["Default"])
            for name, parameter in declared.items()
        }

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
            case {"Fn::And": list(conditions)}:
                return all(map(self._holds, conditions))
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


# Invariants

Template = Mapping[str, Any]
Wrongs = Iterator[str]  # what is wrong, each naming its resource
Check = Callable[[Built], Wrongs]

GONE = object()


@dataclass(frozen=True)
class Mutant:
    """One careless edit of a template: what stands at a place becomes something else, or goes.

    The place is written in words, "Resources LedgerTable DeletionPolicy"; a number is an item of a list, "+" a new one.
    """

    place: str
    value: object

    def __str__(self) -> str:
        return f"without {self.place}" if self.value is GONE else f"{self.place}: {self.value!r:.60}"

    def of(self, template: Template) -> Template:
        """Return the edited template; the given one stays as it is."""
        edited: Template = _edited(template, self.place.split(), self.value)
        return edited


def _edited(node: Any, place: list[str], value: object) -> Any:
    here, *further = place
    if here == "+":
        return [*node, value]
    key = int(here) if isinstance(node, list) else here
    copy = node.copy()
    if further:
        copy[key] = _edited(node[key], further, value)
    elif value is GONE:
        del copy[key]
    else:
        copy[key] = value
    return copy


def change(place: str, value: object) -> Mutant:
    """Set what stands at a place of the template, be it there or not."""
    return Mutant(place, value)


def without(place: str) -> Mutant:
    """Leave out what stands at a place of the template."""
    return Mutant(place, GONE)


@dataclass(frozen=True, eq=False)
class Subject:
    """A template that has invariants, and the parameters that it is built with to see whether they hold."""

    source: Callable[[], Template]
    translate: Callable[..., Template]
    modes: Mapping[str, Mapping[str, str]]
    name: str = ""  # of one of many templates with the same invariants

    def built(self, mode: str, source: Template | None = None) -> Built:
        """Return what CloudFormation makes of a source (this template's own, if none is given) in a mode."""
        source, parameters = source or self.source(), self.modes[mode]
        return Built(self.translate(source, **parameters), parameters, source)

    def invariant(self, *mutants: Mutant) -> "Callable[[Check], Invariant]":
        """Make an invariant of a check of this template and of the edits that it has to catch."""
        return lambda check: Invariant(self, check, mutants)


@dataclass(frozen=True)
class Invariant:
    """A check that finds nothing wrong with the template, in any mode, and something with each mutant, in some mode."""

    subject: Subject
    check: Check
    mutants: tuple[Mutant, ...]

    def __str__(self) -> str:
        return f"{self.check.__name__} {self.subject.name}".replace("_", " ").strip()


# The connector

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:customergauge-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/front/11111111-2222-3333-4444-555555555555"
EMAIL = "operators@example.com"
SECRET_NAME = "prod/customergauge"
BOUNDARY = "arn:aws:iam::123456789012:policy/developers"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/crm/order-paid"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:tickets"
GUARDED = {
    "AllowedIpRanges": "192.0.2.0/24,2001:db8::/32",
    "WebAclArn": WEB_ACL,
    "KmsKeyArn": KEY,
    "AlarmEmail": EMAIL,
    "PermissionsBoundaryArn": BOUNDARY,
    "SenderArns": f"{RULE},{TOPIC}",
}

CONNECTOR = Subject(
    source=cache(source_template),
    translate=translated_template,
    modes={
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
    },
)
