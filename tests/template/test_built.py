"""Conditions are decided and values filled in as CloudFormation does it."""

from typing import Any

import pytest

from tests.template.invariants.built import Built

TEMPLATE = {
    "Parameters": {
        "Mode": {"Type": "String", "Default": "quiet"},
        "Days": {"Type": "Number", "Default": 2, "AllowedValues": [1, 2]},
        "Ranges": {"Type": "String", "Default": "a,b"},
        "Size": {"Type": "Number", "Default": 5, "MinValue": 1, "MaxValue": 9},
    },
    "Conditions": {
        "Loud": {"Fn::Equals": [{"Ref": "Mode"}, "loud"]},
        "Quiet": {"Fn::Not": [{"Condition": "Loud"}]},
        "LoudAndLong": {"Fn::And": [{"Condition": "Loud"}, {"Fn::Equals": [{"Ref": "Days"}, 2]}]},
        "LoudOrLong": {"Fn::Or": [{"Condition": "Loud"}, {"Fn::Equals": [{"Ref": "Days"}, "2"]}]},
    },
    "Mappings": {"Seconds": {"1": {"Long": 86_400}, "2": {"Long": 172_800}}},
}


def filled_in(value: Any, **chosen: str) -> Any:
    template = {**TEMPLATE, "Resources": {"It": {"Type": "A", "Properties": {"Value": value}}}}
    return Built(template, chosen, template).of_type("A")["It"].get("Value")


@pytest.mark.parametrize(
    ("value", "quiet", "loud"),
    [
        ({"Ref": "Mode"}, "quiet", "loud"),
        ({"Fn::If": ["Loud", "yes", "no"]}, "no", "yes"),
        ({"Fn::If": ["Quiet", "yes", "no"]}, "yes", "no"),
        ({"Fn::If": ["LoudAndLong", "yes", "no"]}, "no", "yes"),
        ({"Fn::If": ["LoudOrLong", "yes", "no"]}, "yes", "yes"),
        ({"Fn::If": ["Loud", {"Ref": "AWS::NoValue"}, "here"]}, "here", None),
        ([1, {"Fn::If": ["Loud", {"Ref": "AWS::NoValue"}, 2]}], [1, 2], [1]),
        ({"Fn::If": ["Loud", {"Fn::If": ["Quiet", 1, 2]}, 3]}, 3, 2),
        ({"Fn::Sub": "${Mode}!"}, "quiet!", "loud!"),
    ],
)
def test_a_condition_decides(value: Any, quiet: Any, loud: Any) -> None:
    assert filled_in(value) == quiet
    assert filled_in(value, Mode="loud") == loud


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Table"}, "${Table}"),
        ({"Ref": "AWS::AccountId"}, "${AWS::AccountId}"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "${Table.Arn}"),
        ({"Fn::Sub": "arn:${AWS::Partition}:${Table.Arn}:${Days}"}, "arn:${AWS::Partition}:${Table.Arn}:2"),
        ({"Fn::Sub": ["${it}/${Days}", {"it": {"Ref": "Table"}}]}, "${Table}/2"),
        ("arn:${AWS::Partition}", "arn:${!AWS::Partition}"),  # no Fn::Sub: CloudFormation leaves it as it is
        ({"Fn::FindInMap": ["Seconds", {"Ref": "Days"}, "Long"]}, 172_800),
        ({"Fn::Split": [",", {"Ref": "Ranges"}]}, ["a", "b"]),
        (True, True),
    ],
)
def test_what_only_aws_knows_stays_a_reference(value: Any, expected: Any) -> None:
    assert filled_in(value) == expected


@pytest.mark.parametrize(
    ("condition", "names"),
    [(None, {"It"}), ("Quiet", {"It"}), ("Loud", set())],
)
def test_what_has_a_condition_is_made_if_it_holds(condition: str | None, names: set[str]) -> None:
    item = {"Type": "A", **({"Condition": condition} if condition else {})}
    built = Built({**TEMPLATE, "Resources": {"It": item}, "Outputs": {"It": {"Value": "", **item}}}, {}, {})

    assert built.resources.keys() == names
    assert built.outputs.keys() == names


@pytest.mark.parametrize(
    "value", [{"Fn::Base64": "a"}, {"Fn::If": [{"Fn::Contains": [["a"], "a"]}, 1, 2]}, [{"Fn::ImportValue": "a"}]]
)
def test_an_intrinsic_that_is_new_here_is_not_passed_over(value: Any) -> None:
    with pytest.raises(NotImplementedError, match="new here"):
        filled_in(value)


def test_a_number_may_have_the_values_of_its_list_or_those_between_its_ends() -> None:
    built = Built(TEMPLATE, {}, {})

    assert (built.allowed("Days"), built.allowed("Size")) == ([1, 2], [1, 9])
